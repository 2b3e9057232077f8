"""An engine as lm-eval asks it: each request is asked once, whatever stops the run; the figures are lm-eval's own."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from srlm.engines.plain_text import Likelihood, PlainText, TextPair
from srlm.engines.scripted import ScriptedEngine
from srlm.engines.transformers import TransformersEngine
from srlm.errors import EngineError, StoreError
from srlm.records import user
from srlm.settings import Sampling
from srlm.text.chat import Chat
from tests.architectures import zoo

pytest.importorskip("lm_eval", reason="needs lm-eval (pip install 'srlm[nlp]')")

from eval.benchmarks.nlp.lm import BLOCKS, Blocks, EngineLM, generation_of, pairs_of_a_block
from eval.benchmarks.nlp.rendering import ChatRendering, ServerRendering

SHOWN = zoo.sentence(40, seed=7)
PAIRS = [(f"{SHOWN} {zoo.sentence(4, seed=number)}", f" w{letter}") for number in range(5) for letter in range(4)]
GREEDY = {"until": ["w7"], "max_gen_toks": 12}
DRAWN = {"until": [], "max_gen_toks": 6, "do_sample": True, "temperature": 1.0}


def asked(kind: str, arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
    from lm_eval.api.instance import Instance

    return [Instance(request_type=kind, doc={}, arguments=one, idx=number) for number, one in enumerate(arguments)]


def opened(batch: int = 4) -> TransformersEngine:
    torch.set_num_threads(1)
    return TransformersEngine(zoo.random_model("llama"), Chat(zoo.tokenizer()), "M1", batch_size=batch)


class Interrupted:
    """An engine that is killed at its `calls`-th call for plain text."""

    def __init__(self, calls: int) -> None:
        self._engine, self._left = opened(), calls
        self.id, self.concurrency = "M1", 1

    def plain_text(self) -> PlainText:
        self._left -= 1
        if self._left < 0:
            raise KeyboardInterrupt
        return self._engine.plain_text()

    def close(self) -> None: ...


FEW = Blocks(pairs=8, texts=2)
"""Several writes to disk in a test of 20 requests."""


def test_every_request_is_asked_once_and_a_killed_run_goes_on_to_the_same_file(tmp_path: Path) -> None:
    whole = EngineLM(opened, tmp_path / "whole.jsonl", {"weights": "1"}, blocks=FEW)
    expected = whole.loglikelihood(asked("loglikelihood", PAIRS))
    texts = [(context, GREEDY) for context, _ in PAIRS[::4]]
    written = whole.generate_until(asked("generate_until", texts))
    assert (whole.asked, whole.reused) == (25, 0)

    killed = tmp_path / "killed.jsonl"
    engine = Interrupted(calls=2)
    with pytest.raises(KeyboardInterrupt), EngineLM(lambda: engine, killed, {"weights": "1"}, blocks=FEW) as lm:  # type: ignore[arg-type,return-value]
        lm.loglikelihood(asked("loglikelihood", PAIRS))
    assert len(killed.read_text().splitlines()) == 16
    done: list[tuple[int, int]] = []

    def report(now: int, total: int) -> None:
        done.append((now, total))

    with EngineLM(opened, killed, {"weights": "1"}, report=report, blocks=FEW) as lm:
        assert lm.loglikelihood(asked("loglikelihood", PAIRS)) == expected
        assert (lm.asked, lm.reused) == (4, 16)
        assert done == [(16, 20), (20, 20)]
        assert lm.generate_until(asked("generate_until", texts)) == written
    assert killed.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_long_questions_are_written_to_disk_more_often_and_shared_beginnings_count_once() -> None:
    letters = " A", " B", " C", " D"

    def asked_of(shared: str, own: int, questions: int) -> list[TextPair]:
        return [TextPair(f"{shared}{n:05}" + "q" * (own - 5), letter) for n in range(questions) for letter in letters]

    assert pairs_of_a_block(asked_of("", 100, 500), BLOCKS) == 512  # 500 x (102 + 3 x 1) = 52,500: 2,496 pairs at most
    # 128 questions of one subject: 2,500 + 128 x about 300.
    assert pairs_of_a_block(asked_of("e" * 2500, 300, 128), BLOCKS) == 512
    # A subject each: (2,800 + 2 + 3) / 4 = 701 a pair; 65,536 / 701 = 93.
    subjects = [pair for n in range(40) for pair in asked_of(f"{n:02}" + "e" * 2498, 300, 1)]
    assert pairs_of_a_block(subjects, BLOCKS) == 64
    assert pairs_of_a_block(asked_of("", 50_000, 3), BLOCKS) == 32
    assert pairs_of_a_block([], BLOCKS) == 512


def never() -> Any:
    raise AssertionError("the model was opened")


def test_what_is_kept_is_answered_without_a_model_in_any_order_and_in_other_company(tmp_path: Path) -> None:
    path = tmp_path / "nlp.jsonl"
    first = EngineLM(opened, path, {"weights": "1"}, blocks=FEW).loglikelihood(asked("loglikelihood", PAIRS))
    kept = EngineLM(never, path, {"weights": "1"})
    assert kept.loglikelihood(asked("loglikelihood", PAIRS[::-1])) == first[::-1]
    with pytest.raises(AssertionError, match="the model was opened"):
        EngineLM(never, path, {"weights": "2"}).loglikelihood(asked("loglikelihood", PAIRS))
    with pytest.raises(AssertionError, match="the model was opened"):  # as a chat the same text is another question
        chat = EngineLM(never, path, {"weights": "1"}, rendering=ChatRendering(Chat(zoo.tokenizer())))
        chat.loglikelihood(asked("loglikelihood", PAIRS))


def test_answers_that_were_cut_or_changed_on_disk_are_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "nlp.jsonl"
    expected = EngineLM(opened, path, {}, blocks=FEW).loglikelihood(asked("loglikelihood", PAIRS))
    before = path.read_bytes()
    path.write_bytes(before[:-20])
    cut = EngineLM(opened, path, {}, blocks=FEW)
    assert cut.loglikelihood(asked("loglikelihood", PAIRS)) == expected
    assert (cut.asked, path.read_bytes()) == (4, before)
    at = before.index(b'"total":-') + len(b'"total":-')
    path.write_bytes(before[:at] + (b"1" if before[at : at + 1] != b"1" else b"2") + before[at + 1 :])
    changed = EngineLM(opened, path, {}, blocks=FEW)
    assert changed.loglikelihood(asked("loglikelihood", PAIRS)) == expected
    assert (changed.asked, path.read_bytes()) == (20, before)
    path.with_name("nlp.jsonl.blocks").unlink()
    with pytest.raises(StoreError, match=r"nlp.jsonl exists without nlp.jsonl.blocks"):
        EngineLM(opened, path, {}, blocks=FEW)


def test_the_same_request_is_drawn_as_often_as_it_is_asked(tmp_path: Path) -> None:
    requests = asked("generate_until", [(SHOWN, DRAWN)] * 4 + [(SHOWN, GREEDY)] * 2)
    lm = EngineLM(opened, tmp_path / "nlp.jsonl", {}, seed=1, blocks=FEW)
    drawn = lm.generate_until(requests)
    assert len(set(drawn[:4])) == 4
    assert drawn[4] == drawn[5]
    assert lm.asked == 5
    assert EngineLM(never, tmp_path / "nlp.jsonl", {}, seed=1, blocks=FEW).generate_until(requests) == drawn
    assert EngineLM(opened, tmp_path / "nlp.jsonl", {}, seed=2, blocks=FEW).generate_until(requests)[:4] != drawn[:4]


def test_conversations_are_rendered_by_the_runs_own_template_and_end_with_their_turn(tmp_path: Path) -> None:
    chat = Chat(zoo.tokenizer())
    turns = [
        {"role": "user", "content": "w1"},
        {"role": "assistant", "content": "w2"},
        {"role": "user", "content": "w3"},
    ]
    with EngineLM(opened, tmp_path / "nlp.jsonl", {}, rendering=ChatRendering(chat)) as lm:
        assert lm.renders
        context = lm.apply_chat_template(turns)
        assert context == "<bos> <user> w1 <asst> w2 <eos> <user> w3 <asst> "
        assert lm.chat_template(True) == zoo.CHAT
        begun = lm.apply_chat_template([*turns, {"role": "assistant", "content": "w4 w5"}], add_generation_prompt=False)
        assert begun == "<bos> <user> w1 <asst> w2 <eos> <user> w3 <asst> w4 w5"
        (text,) = lm.generate_until(asked("generate_until", [(lm.apply_chat_template(turns[2:]), GREEDY)]))
    from srlm.engines.base import Request

    ((whole,),) = opened().generate([Request(messages=user("w3"))], Sampling(temperature=0, max_new_tokens=12), 0)
    assert text == whole.text.split("w7")[0]
    plain = EngineLM(opened, tmp_path / "plain.jsonl", {})
    assert not plain.renders
    with pytest.raises(EngineError, match="this model is asked without one"):
        plain.apply_chat_template(turns)


def test_a_template_that_refuses_a_system_message_gets_its_words_as_the_users(tmp_path: Path) -> None:
    words = zoo.tokenizer()
    words.chat_template = (
        "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}" + zoo.CHAT
    )
    lm = EngineLM(never, tmp_path / "nlp.jsonl", {}, rendering=ChatRendering(Chat(words)))
    turns = [{"role": "system", "content": "w8"}, {"role": "user", "content": "w9"}]
    assert lm.apply_chat_template(turns) == "<bos> <user> w8\n\nw9 <asst> "


def test_a_server_gets_the_conversation_itself(tmp_path: Path) -> None:
    lm = EngineLM(never, tmp_path / "nlp.jsonl", {}, rendering=ServerRendering())
    turns = [{"role": "user", "content": "wörds"}]
    assert json.loads(lm.apply_chat_template(turns)) == {"messages": turns, "begun": False}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"num_beams": 4}, "num_beams: 4"),
        ({"do_sample": True}, "do_sample: true with temperature 0"),
        ({"repetition_penalty": 1.2, "top_k": 5}, "repetition_penalty: 1.2, top_k: 5"),
    ],
)
def test_arguments_of_generation_that_engines_have_not_are_refused_by_name(
    arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(EngineError, match=said):
        generation_of("w1", arguments)
    assert generation_of("w1", {"num_beams": 1, "until": "w2"}).stops == ("w2",)
    assert generation_of("w1", {}).max_new_tokens == 256


def test_an_engine_without_plain_text_is_named(tmp_path: Path) -> None:
    lm = EngineLM(lambda: ScriptedEngine(lambda request, seed: "", "scripted judge"), tmp_path / "nlp.jsonl", {})
    with pytest.raises(EngineError, match="scripted judge: this engine does not continue plain text"):
        lm.loglikelihood(asked("loglikelihood", PAIRS))


class Impossible:
    """A model of which one text is impossible, and another one NaN."""

    id, concurrency = "M1", 1

    def __init__(self, total: float) -> None:
        self._total = total

    def plain_text(self) -> "Impossible":
        return self

    def likelihoods(self, pairs: Sequence[TextPair], rendered: bool = False) -> list[Likelihood]:
        return [Likelihood(self._total, False) for _ in pairs]

    def close(self) -> None: ...


def test_what_a_model_can_never_write_is_the_least_likely_of_all(tmp_path: Path) -> None:
    open_: Callable[[], Any] = lambda: Impossible(float("-inf"))  # noqa: E731
    (found,) = EngineLM(open_, tmp_path / "nlp.jsonl", {}).loglikelihood(asked("loglikelihood", PAIRS[:1]))
    assert found[0] < -1e300
    with pytest.raises(EngineError, match="log-probabilities are NaN"):
        EngineLM(lambda: Impossible(float("nan")), tmp_path / "other.jsonl", {}).loglikelihood(  # type: ignore[arg-type,return-value]
            asked("loglikelihood", PAIRS[:1])
        )


TASK = """\
task: shades
dataset_path: json
dataset_kwargs: {{data_files: {{test: {file}}}}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{question}}}}"
doc_to_choice: "{{{{choices}}}}"
doc_to_target: "{{{{answer}}}}"
metric_list: [{{metric: acc}}, {{metric: acc_norm}}]
"""


def test_lm_evals_own_figures_are_equal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole task of multiple choice by lm-eval: each document's log-likelihoods, and the accuracies."""
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    rows = [
        {
            "question": f"{SHOWN} {zoo.sentence(5, seed=number)}",
            "choices": [zoo.sentence(1 + (number + letter) % 3, seed=10 * number + letter) for letter in range(4)],
            "answer": number % 4,
        }
        for number in range(24)
    ]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    (tasks / "shades.yaml").write_text(TASK.format(file=file))
    manager = TaskManager(include_path=str(tasks), include_defaults=False)
    engine = opened()
    hf = HFLM(pretrained=engine.model, tokenizer=zoo.tokenizer(), batch_size=1)
    both = [
        simple_evaluate(
            model=lm, tasks=["shades"], task_manager=manager, bootstrap_iters=0, log_samples=True, verbosity="CRITICAL"
        )
        for lm in (EngineLM(lambda: engine, tmp_path / "nlp.jsonl", {}, blocks=FEW), hf)
    ]
    ours, theirs = ([[r[0][0] for r in s["resps"]] for s in one["samples"]["shades"]] for one in both)
    assert [x for own in ours for x in own] == pytest.approx([float(x) for own in theirs for x in own], abs=1e-3)
    for metric in ("acc,none", "acc_norm,none"):
        assert both[0]["results"]["shades"][metric] == both[1]["results"]["shades"][metric]
