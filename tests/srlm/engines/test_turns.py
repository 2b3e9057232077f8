"""Turns of real models, trained in a moment: how they end, think and are scored by chat templates of many shapes."""

from pathlib import Path
from typing import Any

import pytest
import torch

from srlm.engines.base import Completion, Request
from srlm.engines.transformers import TransformersEngine
from srlm.engines.weights import load_chat, load_model, save
from srlm.records import Demonstration, PreferencePair, Prompt, Response, user
from srlm.settings import ModelSettings, Sampling, ScratchModel, Training
from srlm.text.chat import Chat
from srlm.training import dpo, scratch, sft
from tests import tiny_tokenizers
from tests.chat_templates import SHAPES

GREEDY = Sampling(temperature=0, max_new_tokens=48)
QUESTIONS = {"How are you?": "I am well.", "Which answer is better?": "B", "Name three colours": "red, green and blue"}
DEMONSTRATIONS = [Demonstration.of("ift", question, answer, "r") for question, answer in QUESTIONS.items()]


def words_of(name: str) -> Any:
    shape = SHAPES[name]
    make: Any = getattr(tiny_tokenizers, shape.kind)
    bos = "<s>" if "<s>" in shape.special else None
    return make(shape.special, shape.eos, added=shape.added, bos_token=bos, chat_template=shape.template)


def trained(
    folder: Path, chat: Chat, examples: list[sft.Example], steps: int, model: Any = None, rate: float = 1e-2
) -> Any:
    shape = ScratchModel(width=48, layers=2, heads=2, feed_forward=96, max_positions=256)
    settings = Training(
        max_steps=steps, batch_size=3, micro_batch_size=3, learning_rate=rate, save_steps=10_000, schedule="constant"
    )
    model = model or scratch.random_model(shape, chat.tokenizer, seed=1)
    work, target = folder / "work", folder / "model"
    sft.fine_tune(model, chat.tokenizer, examples, settings, seed=1, dtype="float32", work=work, target=target)
    return load_model(target, ModelSettings(base="unused")).eval()


def chance_of(model: Any, ids: list[int], token: int) -> float:
    with torch.inference_mode():
        return float(model(torch.tensor([ids])).logits[0, -1].float().softmax(-1)[token])


@pytest.mark.parametrize("name", ["gemma", "phi-3", "llama-2", "chatml-of-another-eos"])
def test_a_fine_tuned_model_still_ends_its_turns_as_its_template_does(tmp_path: Path, name: str) -> None:
    """A model that knows its template is fine-tuned for 12 steps, and its turns end as before."""
    shape, words = SHAPES[name], words_of(name)
    chat = Chat(words)
    knows = []
    for question, answer in QUESTIONS.items():
        # By hand: the template's own rendering, with loss on all up to the end of the turn.
        turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        text = words.apply_chat_template(turns, tokenize=False)
        text = text[: text.rindex(shape.end) + len(shape.end)] if shape.end in text else text + shape.end
        ids = words(text, add_special_tokens=False)["input_ids"]
        knows.append(sft.Example(ids, ids))
    model = trained(tmp_path / "knows", chat, knows, steps=60)
    end = words.convert_tokens_to_ids(shape.end.strip())
    ids = knows[0].input_ids
    before = chance_of(model, ids[: ids.index(end, len(ids) - 2)], end)
    examples, left_out = sft.examples(chat, DEMONSTRATIONS, 256)
    assert left_out == 0
    model = trained(tmp_path / "tuned", chat, examples, steps=12, model=model, rate=1e-3)
    after = chance_of(model, ids[: ids.index(end, len(ids) - 2)], end)
    assert before > 0.95
    assert after > 0.95
    engine = TransformersEngine(model, chat, "M1", 8)
    drawn = engine.generate([Request(messages=user(question)) for question in QUESTIONS], GREEDY, 0)
    assert [one.text for (one,) in drawn] == list(QUESTIONS.values())
    assert {one.finish for (one,) in drawn} == {"stop"}


@pytest.mark.parametrize("name", ["qwen-that-thinks", "r1-distill", "channels"])
def test_a_model_that_thinks_answers_with_what_it_says_behind_its_thought(tmp_path: Path, name: str) -> None:
    words = words_of(name)
    chat = Chat(words, thoughts="train")
    messages = user("How are you?")
    prompt, answer = chat.tokens(messages, "I am well.", thought="so, so")
    assert prompt == chat.prompt_ids(messages)
    example = sft.Example(prompt + answer, [-100] * len(prompt) + answer)
    engine = TransformersEngine(trained(tmp_path, chat, [example] * 3, steps=60), chat, "M1", 8)
    ((whole,),) = engine.generate([Request(messages=messages)], GREEDY, 0)
    assert whole == Completion(text="I am well.", finish="stop", tokens=len(answer) - 1, thought="so, so")
    few = GREEDY.model_copy(update={"max_new_tokens": 3})
    ((cut,),) = engine.generate([Request(messages=messages)], few, 0)
    assert (cut.text, cut.finish, cut.tokens) == ("", "length", 3)
    assert "so, so".startswith(cut.thought or "")


def test_a_pair_judges_letters_are_those_that_the_model_writes(tmp_path: Path) -> None:
    """Zephyr's template on Llama 2's words: the judge writes `B`, and not `▁B`."""
    chat = Chat(words_of("zephyr-on-llama-2"))
    examples, _ = sft.examples(chat, DEMONSTRATIONS, 256)
    engine = TransformersEngine(trained(tmp_path, chat, examples, steps=60), chat, "M1", 8)
    request = Request(messages=user("Which answer is better?"))
    ((a, b),) = engine.loglikelihood([request], [["A", "B"]])
    ids = chat.prompt_ids(request.messages)
    assert b == pytest.approx(torch.tensor(chance_of(engine.model, ids, words_id(chat, "B"))).log().item(), abs=1e-4)
    assert b > -0.1
    assert a < b - 2


def words_id(chat: Chat, token: str) -> int:
    number: int = chat.tokenizer.convert_tokens_to_ids(token)
    return number


def test_pairs_of_answers_with_thoughts_are_trained_on_without_them() -> None:
    prompt = Prompt.of("How are you?", "test")
    answers = [
        Response.of(prompt.id, "I am well.", "M1", 0, "stop", "so, so"),
        Response.of(prompt.id, "B", "M1", 1, "stop"),
        Response.of(prompt.id, "", "M1", 2, "length", "so it goes"),
    ]
    pairs = [
        PreferencePair.of(prompt, answers[0], answers[1], 5, 1),
        PreferencePair.of(prompt, answers[0], answers[2], 5, 0),
    ]
    said = {}
    for wish in ("cut", "train"):
        chat = Chat(words_of("qwen-that-thinks"), thoughts=wish)
        rows, left_out = dpo.examples(chat, pairs, 256)
        assert all(row.prompt_ids == chat.prompt_ids(prompt.messages) for row in rows)
        decoded = [[chat.tokenizer.decode(ids) for ids in (row.chosen_ids, row.rejected_ids)] for row in rows]
        said[wish] = decoded, left_out
    assert said["cut"] == (
        [["\n</think>\n\nI am well.<|im_end|>", "\n</think>\n\nB<|im_end|>"]],
        1,  # of a thought that never closed nothing is left to train on
    )
    assert said["train"] == (
        [
            ["so, so\n</think>\n\nI am well.<|im_end|>", "\n</think>\n\nB<|im_end|>"],
            ["so, so\n</think>\n\nI am well.<|im_end|>", "so it goes"],
        ],
        0,
    )


def test_a_template_with_a_clock_gives_the_same_tokens_on_every_day_of_a_run(tmp_path: Path) -> None:
    import datetime

    words = words_of("llama-3.2")
    chat = Chat(words)
    save(
        scratch.random_model(ScratchModel(width=8, layers=1, heads=1, feed_forward=8), words, 1), words, tmp_path / "m"
    )
    of = ModelSettings(base="unused", date=datetime.date(2024, 11, 5))
    once = load_chat(tmp_path / "m", of).prompt_ids(user("How are you?"))
    assert "05 Nov 2024" in words.decode(once)
    assert f"{datetime.date.today():%d %b %Y}" in words.decode(chat.prompt_ids(user("How are you?")))
