"""One turn by many chat templates: those of published models' shapes, and every one that TRL ships."""

import datetime
from importlib.resources import files
from typing import Any

import pytest

from srlm.errors import ModelError
from srlm.records import Demonstration, Message, user
from srlm.text.chat import Chat
from srlm.training import sft
from srlm.training.batches import IGNORED
from tests import tiny_tokenizers
from tests.chat_templates import SHAPES, Shape

ASKED = user("How are you?")
TALK = (Message(role="user", content="Hello"), Message(role="assistant", content="Hello there."), *ASKED)
ANSWERS = ("I am well.", "B", " I am", "two\n\nlines", "\n\nA", "`<b>`\n", "score: 5 \n", "für 3 €", "")


def chat(shape: Shape, **settings: Any) -> Chat:
    make: Any = getattr(tiny_tokenizers, shape.kind)
    bos = "<s>" if "<s>" in shape.special else None
    words = make(shape.special, shape.eos, added=shape.added, bos_token=bos, chat_template=shape.template)
    return Chat(words, date=datetime.date(2024, 11, 5), **settings)


@pytest.fixture(scope="module", params=SHAPES)
def case(request: pytest.FixtureRequest) -> tuple[Shape, Chat]:
    return SHAPES[request.param], chat(SHAPES[request.param])


def said(one: Chat, ids: list[int]) -> str:
    text: str = one.tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
    return text


def test_an_example_is_the_finished_turn_up_to_its_end(case: tuple[Shape, Chat]) -> None:
    shape, one = case
    prompt, answer = one.tokens(ASKED, "I am well.")
    whole = one.tokenizer(shape.finished, add_special_tokens=False)["input_ids"]
    assert said(one, prompt + answer) == said(one, whole)
    assert one.tokenizer.convert_ids_to_tokens(answer[-1]) == shape.end.strip()
    assert answer[-1] in one.ends
    assert one.tokenizer.eos_token_id in one.ends


def test_training_goes_on_where_generation_begins(case: tuple[Shape, Chat]) -> None:
    shape, one = case
    for messages in (ASKED, TALK):
        for answer in ANSWERS:
            prompt, _ = one.tokens(messages, answer)
            begun = one.prompt_ids(messages)
            # A generation prompt that opens a thought which no finished turn shows is no beginning of one.
            assert prompt == (begun[: len(prompt)] if shape.trained else begun)


def test_what_was_written_is_trained_as_it_was_written(case: tuple[Shape, Chat]) -> None:
    """The tokens of a template's own rendering, read as an answer, give the answer's text back."""
    shape, one = case
    for answer in ANSWERS:
        prompt, ids = one.tokens(ASKED, answer)
        # Llama 2, Llama 3 and Gemma trim what they are given; white space behind a thought is none of the answer.
        trims = "strip" in shape.template or "trim" in shape.template or "<think>" in shape.template
        wanted = answer.strip() if trims and not shape.trained else answer
        read = one.read(prompt, ids[:-1])
        assert (read.answer.rstrip() if trims else read.answer) == (wanted.rstrip() if trims else wanted)
        assert (read.thought, read.closed) == (None, True)


def test_a_cut_answer_has_no_end(case: tuple[Shape, Chat]) -> None:
    _, one = case
    prompt, answer = one.tokens(ASKED, "I am", ended=False)
    assert not set(answer) & set(one.ends)
    assert said(one, prompt + answer).endswith("I am")
    assert one.tokens(ASKED, "", ended=False).answer == []


def test_a_letter_is_scored_as_the_model_writes_it(case: tuple[Shape, Chat]) -> None:
    _, one = case
    prompt, (letter, other) = one.scored(ASKED, "", ["A", "B"])
    trained = one.tokens(ASKED, "B")
    assert (trained.prompt + trained.answer)[len(prompt) :][: len(other)] == other
    assert letter != other


def test_a_score_is_asked_for_behind_the_judges_own_words(case: tuple[Shape, Chat]) -> None:
    _, one = case
    prompt, scores = one.scored(ASKED, "Fine.\nScore:", [f" {points}" for points in range(6)])
    assert prompt == one.prompt_ids(ASKED, "Fine.\nScore:")
    assert said(one, prompt).endswith("Fine.\nScore:")
    for points, ids in enumerate(scores):
        assert said(one, prompt + ids) == said(one, prompt) + f" {points}"


def test_nothing_in_a_message_or_an_answer_speaks_as_somebody_else(case: tuple[Shape, Chat]) -> None:
    shape, one = case
    marks = [*shape.special, *shape.added, shape.eos, "[INST]", "[/INST]", "### Instruction:", "<|user|>", "<<SYS>>"]
    plain, counted = said(one, one.prompt_ids(user("x y"))), said(one, one.prompt_ids(user(f"x {' '.join(marks)} y")))
    for mark in marks:
        used = mark in shape.template or mark in (shape.eos, *shape.special)
        if used and mark not in ("<think>", "</think>"):  # which end no turn
            assert counted.count(mark) == plain.count(mark), mark
    answer = one.answer_ids(ASKED, f"x {' '.join(marks)}")
    assert [token for token in answer if token in one.ends] == answer[-1:]


def test_two_spaces_before_an_answer_stay_two() -> None:
    one = chat(SHAPES["zephyr-on-llama-2"])
    answer = one.answer_ids(ASKED, "  B")
    assert one.tokenizer.convert_ids_to_tokens(answer) == ["▁", "▁B", "</s>"]


def test_zephyr_on_llama_2s_words_trains_no_space_that_nobody_wrote() -> None:
    """Tokenised alone, `Hello` would be `▁Hello`, which the template's rendering does not have."""
    one = chat(SHAPES["zephyr-on-llama-2"])
    alone = one.tokenizer.convert_ids_to_tokens(one.tokenizer("B", add_special_tokens=False)["input_ids"])
    assert alone == ["▁B"]
    assert one.tokenizer.convert_ids_to_tokens(one.tokens(ASKED, "B").answer) == ["B", "</s>"]
    assert [one.tokenizer.convert_ids_to_tokens(ids) for ids in one.scored(ASKED, "", ["A", "B"])[1]] == [["A"], ["B"]]


def test_a_token_that_would_reach_over_the_prompts_end_leaves_the_prompt_alone() -> None:
    """`\\n\\n` is one token; behind a prompt that ends with `\\n` an answer's own `\\n` is another."""
    one = chat(SHAPES["qwen-2"])
    assert one.tokenizer.convert_ids_to_tokens(one.tokenizer("\n\n", add_special_tokens=False)["input_ids"]) == ["ĊĊ"]
    prompt, answer = one.tokens(ASKED, "\n\n")
    assert prompt == one.prompt_ids(ASKED)
    assert said(one, prompt + answer).endswith("assistant\n\n\n<|im_end|>")


THOUGHT = "<|channel|>analysis<|message|>"
FINAL = "<|end|><|start|>assistant<|channel|>final<|message|>"


# Thoughts -------------------------------------------------------------------------------------------------------------


def written(one: Chat, text: str, prefix: str = "") -> tuple[str | None, str, bool]:
    """What is read of a text that the model writes behind the prompt."""
    ids = one.tokenizer(text, add_special_tokens=False)["input_ids"]
    read = one.read(one.prompt_ids(ASKED, prefix), ids)
    return read.thought, read.answer, read.closed


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("r1-distill", "so\nso\n</think>\n\nI am well."),
        ("qwen-that-thinks", "so\nso\n</think>\n\nI am well."),
        ("qwen-2", "<think>\nso\nso\n</think>\n\nI am well."),
        ("channels", THOUGHT + "so\nso" + FINAL + "I am well."),
        ("zephyr-on-llama-2", "<think>so\nso</think>I am well."),
        ("llama-2", " <think>so\nso</think> I am well. "),
    ],
)  # fmt: skip
def test_a_thought_is_kept_apart_from_the_answer(name: str, text: str) -> None:
    assert written(chat(SHAPES[name]), text) == ("so\nso", "I am well.", True)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("r1-distill", "so it goes"),
        ("qwen-that-thinks", "so it goes"),
        ("qwen-2", "<think>\nso it goes"),
        ("channels", "<|channel|>analysis<|message|>so it goes"),
        ("channels", "<|channel|>analysis<|message|>so it goes<|end|>"),
    ],
)
def test_a_thought_that_never_closed_leaves_no_answer(name: str, text: str) -> None:
    assert written(chat(SHAPES[name]), text) == ("so it goes", "", False)


def test_a_channel_without_a_thought_is_no_part_of_the_answer() -> None:
    one = chat(SHAPES["channels"])
    assert written(one, "<|channel|>final<|message|>I am well.") == (None, "I am well.", True)
    assert written(one, "I am well.") == (None, "I am well.", True)


def test_an_answer_about_thoughts_is_an_answer() -> None:
    one = chat(SHAPES["qwen-2"])
    answer = "Write <think> and </think> around it."
    assert written(one, answer) == (None, answer, True)


def test_no_thought_is_open_behind_the_first_words_of_an_answer() -> None:
    one = chat(SHAPES["qwen-that-thinks"])
    assert said(one, one.prompt_ids(ASKED, "Score:")).endswith("<think>\n\n</think>\n\nScore:")
    assert written(one, " 4", prefix="Score:") == (None, " 4", True)


def test_a_template_argument_closes_the_thought() -> None:
    one = chat(SHAPES["qwen-that-thinks"], arguments={"enable_thinking": False})
    assert said(one, one.prompt_ids(ASKED)).endswith("assistant\n<think>\n\n</think>\n\n")
    assert not one.opens_thought
    assert written(one, "I am well.") == (None, "I am well.", True)


def test_a_thought_is_trained_on_only_where_that_is_wanted() -> None:
    cut, train = (chat(SHAPES["qwen-that-thinks"], thoughts=wish) for wish in ("cut", "train"))
    for one, wanted in ((cut, ""), (train, "so < |im_end|>")):
        prompt, answer = one.tokens(ASKED, "I am well.", thought="so <|im_end|>")
        assert prompt == one.prompt_ids(ASKED)
        assert said(one, answer) == f"{wanted}\n</think>\n\nI am well.<|im_end|>"
    assert said(train, train.tokens(ASKED, "", ended=False, thought="so").answer) == "so"


def test_a_thought_is_trained_on_where_the_template_shows_none() -> None:
    one = chat(SHAPES["r1-distill"], thoughts="train")
    prompt, answer = one.tokens(ASKED, "I am well.", thought="so")
    assert prompt == one.prompt_ids(ASKED)
    assert said(one, answer) == "so\n</think>\n\nI am well.<eos>"
    assert one.read(prompt, answer[:-1]) == ("so", "I am well.", True)


def test_an_earlier_turns_thought_is_cut_by_the_template() -> None:
    one = chat(SHAPES["r1-distill"])
    before = (Message(role="user", content="Hi"), Message(role="assistant", content="hm</think>Yes."))
    assert said(one, one.prompt_ids((*before, *ASKED))).startswith("<s><User>Hi<Assistant>Yes.<eos><User>")


def test_models_that_think_are_known_by_their_templates() -> None:
    thinking = {name for name, shape in SHAPES.items() if chat(shape).thinks}
    assert thinking == {"r1-distill", "qwen-that-thinks", "channels"}
    assert not chat(SHAPES["qwen-that-thinks"], arguments={"enable_thinking": False}).thinks


# Clocks ---------------------------------------------------------------------------------------------------------------


def test_a_template_with_a_clock_is_told_the_runs_day() -> None:
    one = chat(SHAPES["llama-3.2"])
    assert one.has_clock
    assert "Today Date: 05 Nov 2024" in said(one, one.prompt_ids(ASKED))
    told = chat(SHAPES["llama-3.2"], arguments={"date_string": "26 Jul 2024"})
    assert "Today Date: 26 Jul 2024" in said(told, told.prompt_ids(ASKED))
    assert not told.has_clock
    assert not chat(SHAPES["llama-3"]).has_clock


# What a template cannot do --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        pytest.param("{% for m in messages %}{{ m.role }}{% endfor %}", "drops the user's message", id="drops"),
        pytest.param("{{ messages[0].nobody.content }}", "cannot render a conversation of user: ", id="fails"),
        pytest.param("{% if messages[0].role != 'system' %}{{ raise_exception('I want a system turn') }}{% endif %}",
                     "cannot render a conversation of user: I want a system turn", id="wants-a-system-turn"),
        pytest.param("{% for m in messages %}", "cannot render a conversation of user: ", id="no-jinja"),
    ],
)  # fmt: skip
def test_a_template_that_cannot_be_used_is_refused_in_one_line(template: str, fault: str) -> None:
    with pytest.raises(ModelError, match=fault) as error:
        Chat(tiny_tokenizers.byte_level((), "</s>", chat_template=template))
    assert "\n" not in str(error.value)


def test_a_conversation_that_the_template_refuses_is_told_with_its_own_words() -> None:
    with pytest.raises(ModelError, match=r"^the chat template cannot render a conversation of system, user: no system"):
        chat(SHAPES["gemma"]).prompt_ids((Message(role="system", content="Be brief."), *ASKED))


# Every template that TRL ships ----------------------------------------------------------------------------------------

ENDS = {
    "cohere": "<|END_OF_TURN_TOKEN|>",
    "deepseek": "<\uff5cend\u2581of\u2581sentence\uff5c>",
    "diffusion_gemma": "<turn|>",
    "gemma4": "<turn|>",
    "gemma": "<end_of_turn>",
    "glm4moe_training": "<|user|>",
    "glm4moe": "</s>",
    "gptoss": "<|return|>",
    "idefics": "<end_of_utterance>",
    "smolvlm": "<end_of_utterance>",
    "lfm": "<|im_end|>",
    "llama3": "<|eot_id|>",
    "llava": "</s>",
    "muse": "<|eot|>",
    "nemotron": "<|im_end|>",
    "phi3": "<|end|>",
    "qwen": "<|im_end|>",
}  # fmt: skip
"""What ends a turn, by the beginning of a template's name; eos is `</s>`."""
SHIPPED = sorted(path.name for path in (files("trl") / "chat_templates").iterdir() if path.name.endswith(".jinja"))


def test_trl_ships_templates() -> None:
    assert len(SHIPPED) > 50


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("make", [tiny_tokenizers.byte_level, tiny_tokenizers.metaspace])
def test_a_turn_by_a_template_that_trl_ships(name: str, make: Any) -> None:
    template = (files("trl") / "chat_templates" / name).read_text(encoding="utf-8")
    tokens = [token for token in tiny_tokenizers.tokens_of(template) if token != "</s>"]
    tags = [token for token in tokens if "think>" in token]
    words = make([*tokens, "<s>"], "</s>", added=tags, bos_token="<s>", chat_template=template)
    one = Chat(words, date=datetime.date(2024, 11, 5))
    end = next(end for start, end in ENDS.items() if name.startswith(start))
    for messages in (ASKED, TALK):
        for answer in ANSWERS:
            if name.startswith("glm") and not answer:  # it leaves out a newline before an empty answer
                continue
            prompt, ids = one.tokens(messages, answer)
            begun = one.prompt_ids(messages)
            assert one.tokenizer.convert_ids_to_tokens(ids[-1]) == end
            assert ids[-1] in one.ends
            whole = said(one, prompt + ids)
            assert answer.strip() in whole[len(said(one, prompt)) :]
            # What the template itself makes of it, up to the end of the turn.
            parts = "message['content'][0]" in template or "line in message" in template
            turns: list[dict[str, Any]] = [
                {"role": m.role, "content": [{"type": "text", "text": m.content}] if parts else m.content}
                for m in (*messages, Message(role="assistant", content=answer))
            ]
            rendered = words.apply_chat_template(turns, tokenize=False)
            rendered = rendered[: rendered.rindex(end) + len(end)] if one.renders_end else rendered + end
            if "strftime_now" not in template:
                assert whole == said(one, words(rendered, add_special_tokens=False)["input_ids"])
            if whole.startswith(said(one, begun)):
                assert prompt == begun
            read = one.read(prompt, ids[:-1])
            assert read.answer.strip() == answer.strip()
    assert "2024" in said(one, one.prompt_ids(ASKED)) or "strftime_now" not in template


def test_a_supervised_example_holds_its_thought_only_where_thoughts_are_trained_on() -> None:
    """A judgement that the model thought about, as EFT trains on it."""
    shown = Demonstration.of("eft", "How are you?", "I am well.", "a judgement", thought="so")
    assert shown.id != Demonstration.of("eft", "How are you?", "I am well.", "a judgement").id
    for thoughts, held in (("cut", False), ("train", True)):
        one = chat(SHAPES["r1-distill"], thoughts=thoughts)
        (example,), too_long = sft.examples(one, [shown], 500)
        assert too_long == 0
        learnt = said(one, [token for token in example.labels if token != IGNORED])
        assert ("so" in learnt) is held
        assert "I am well." in learnt
