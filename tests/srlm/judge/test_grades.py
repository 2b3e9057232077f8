"""Propositions graded by probabilities: what is summed, what is read behind reasons, and what cannot be read."""

import math
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from srlm.engines.base import Completion, Request
from srlm.engines.scripted import ScriptedEngine
from srlm.engines.transformers import TransformersEngine
from srlm.errors import CapabilityError, RoomError
from srlm.judge.chances import meant
from srlm.judge.grades import Grader, grade, grade_counts, grade_types, load, spellings
from srlm.judge.pointwise import Answered
from srlm.records import Prompt, Response, user
from srlm.settings import ModelSettings, Sampling
from srlm.text.propositions import read_propositions

PROMPT = Prompt.of("a gold b black c brown mate", "beads")
TWO = read_propositions(
    """
question: "{prompt} | {response} | {question}"
propositions: [{name: short, question: "Is it short?"}, {name: rude, question: "Is it rude?"}]
type_question: "{prompt} | {question}"
types: [{name: ask, question: "Does it ask?"}, {name: tell, question: "Does it tell?"}]
""",
    "two",
)


def answered(*texts: str) -> list[Answered]:
    return [
        Answered(prompt=PROMPT, response=Response.of(PROMPT.id, text, "M1", draw)) for draw, text in enumerate(texts)
    ]


class Sure(ScriptedEngine):
    """Gives each spelling of an answer the probability that `chances(question)` says for it."""

    def __init__(self, chances: dict[str, dict[str, float]], words: str = "") -> None:
        super().__init__(lambda request, seed: words, "M1")
        self._chances = chances
        self.behind: list[str] = []

    def loglikelihood(self, requests: Sequence[Request], continuations: Sequence[Sequence[str]]) -> list[list[float]]:
        self.behind += [request.prefix for request in requests]
        found = []
        for request, texts in zip(requests, continuations, strict=True):
            shown = f"{request.messages[-1].content} {request.prefix}"
            own = next(said for end, said in self._chances.items() if shown.endswith(end))
            found.append([math.log(own.get(text, 1e-9)) for text in texts])
        return found


def test_a_grade_is_the_probability_of_yes_against_no_in_every_spelling(tmp_path: Path) -> None:
    """(.3 + .1) / (.3 + .1 + .1) = .8 and .06 / (.06 + .24) = .2; the rest goes to other words."""
    engine = Sure(
        {
            "Is it short? ": {"yes": 0.3, " Yes": 0.1, "No": 0.1, "maybe": 0.5},
            "Is it rude? ": {" yes": 0.06, " no": 0.24},
        }
    )
    shown = answered("one", "two")
    found = grade(engine, shown, TWO, seed=1, path=tmp_path / "grades.jsonl", block=1)
    assert [(one.of, one.about) for one in found] == [
        (shown[0].response.id, "short"), (shown[0].response.id, "rude"),
        (shown[1].response.id, "short"), (shown[1].response.id, "rude"),
    ]  # fmt: skip
    assert [one.yes for one in found] == pytest.approx([0.8, 0.2] * 2, abs=1e-6)
    assert spellings("yes") == ["yes", "Yes", " yes", " Yes"]
    assert found[0].fault() is None
    assert found[0].model_copy(update={"about": "rude"}).fault() == "its id is not that of its content"


def test_a_grade_is_what_the_model_s_own_logits_say(bead_model: Path) -> None:
    """By hand: softmax at the last token of the prompt, `yes` against `no` (each a token in every spelling it has)."""
    words = AutoTokenizer.from_pretrained(bead_model)
    model = AutoModelForCausalLM.from_pretrained(bead_model, dtype=torch.float32).eval()
    question = "review : a gold b black c brown mate response : 1 gray ."
    turns = [{"role": "user", "content": question}]
    ids = words(
        words.apply_chat_template(turns, tokenize=False, add_generation_prompt=True),
        add_special_tokens=False, return_tensors="pt",
    )  # fmt: skip
    with torch.no_grad():
        chances = model(**ids).logits[0, -1].softmax(-1)
    yes, no = (float(chances[words.convert_tokens_to_ids(word)]) for word in ("yes", "no"))
    engine = TransformersEngine.load(str(bead_model), "M1", ModelSettings(base=str(bead_model)), 4)
    (said,) = Grader(engine).ask([Request(messages=user(question))], ("yes", "no"), 1)
    engine.close()
    # `Yes` and `No` are no words of this world: both are <unk>, and count on either side.
    unknown = float(chances[words.unk_token_id])
    assert said.yes == pytest.approx((yes + unknown) / (yes + no + 2 * unknown), abs=1e-5)


def test_all_propositions_are_read_behind_the_reasons_that_are_written_once(tmp_path: Path) -> None:
    beads = load("beads", "method.propositions")
    review = "1 gray a gray yes asked three given one relevant yes correct yes count no clean yes \n score : 4"
    engine = Sure(
        {
            " relevant": {" yes": 0.9, " no": 0.1}, " correct": {" yes": 0.6, " no": 0.4},
            " count": {" yes": 0.2, " no": 0.6}, " clean": {" yes": 0.5, " no": 0.5}, "": {"yes": 1.0},
        },
        review,
    )  # fmt: skip
    found = grade(engine, answered("1 gray ."), beads, seed=1, path=tmp_path / "grades.jsonl", block=4)
    assert [one.about for one in found] == ["relevant", "correct", "count", "clean"]
    assert [one.yes for one in found] == pytest.approx([0.9, 0.6, 0.25, 0.5], abs=1e-6)
    assert engine.behind[1:] == [review.split(f" {name} ")[0] + f" {name}" for name in beads.names]


class Wordless(ScriptedEngine):
    """An engine without log-probabilities."""

    def loglikelihood(self, requests: Sequence[Request], continuations: Sequence[Sequence[str]]) -> list[list[float]]:
        raise CapabilityError("no log-probabilities here")


@pytest.mark.parametrize(
    ("words", "yes"),
    [
        pytest.param("Yes.", 1.0, id="yes"),
        pytest.param(" **no**, it is not", 0.0, id="no"),
        pytest.param("Nobody knows", None, id="no-word-that-begins-so"),
        pytest.param("I would say yes", None, id="not-the-first-word"),
        pytest.param("Yes, yes.", 1.0, id="said-twice"),
        pytest.param("No. It says no and nothing else.", 0.0, id="with-a-reason"),
    ],
)
def test_without_log_probabilities_the_first_word_decides(words: str, yes: float | None, tmp_path: Path) -> None:
    engine = Wordless(lambda request, seed: words, "M1")
    found = grade(engine, answered("one"), TWO, seed=1, path=tmp_path / "grades.jsonl", block=4)
    assert [one.yes for one in found] == [yes, yes]
    assert grade_counts(found) == {
        "grades": 2, "grades unread": 2 * (yes is None), **({"grades unread: no verdict": 2} if yes is None else {})
    }  # fmt: skip


class Cut(Wordless):
    """Everything that it writes is cut at the token limit."""

    def generate(self, requests: Sequence[Request], sampling: Sampling, seed: int) -> list[tuple[Completion, ...]]:
        written = super().generate(requests, sampling, seed)
        return [tuple(one.model_copy(update={"finish": "length"}) for one in own) for own in written]


@pytest.mark.parametrize(
    "words", ["Yes and no.", "yes/no", "**Yes** or **no**?", "No. Yes.", "Yes, but no", "No, wait: yes."]
)
def test_a_word_that_is_no_clear_yes_or_no_is_not_read_as_one(words: str, tmp_path: Path) -> None:
    engine = Wordless(lambda request, seed: words, "M1")
    found = grade(engine, answered("one"), TWO, seed=1, path=tmp_path / "grades.jsonl", block=4)
    assert [(one.yes, one.unread) for one in found] == [(None, "unclear verdict")] * 2


def test_a_word_at_which_the_grader_was_cut_may_go_on_and_is_not_read(tmp_path: Path) -> None:
    """`not sure` begins as `no` does."""
    cut = Cut(lambda request, seed: "No", "M1")
    found = grade(cut, answered("one"), TWO, seed=1, path=tmp_path / "grades.jsonl", block=4)
    assert [(one.yes, one.unread) for one in found] == [(None, "cut")] * 2
    longer = Cut(lambda request, seed: "No, because it", "M1")
    found = grade(longer, answered("one"), TWO, seed=1, path=tmp_path / "longer.jsonl", block=4)
    assert [one.yes for one in found] == [0.0, 0.0]


def test_without_log_probabilities_reasons_are_read_behind_each_lead(tmp_path: Path) -> None:
    words = "1 gray a gray yes asked three given one relevant yes correct no count"
    engine = Wordless(lambda request, seed: words, "M1")
    beads = load("beads", "method.propositions")
    found = grade(engine, answered("1 gray ."), beads, seed=1, path=tmp_path / "grades.jsonl", block=4)
    assert [one.yes for one in found] == [1.0, 0.0, None, None]


def test_a_question_without_room_and_one_that_is_not_answered_have_no_grade(tmp_path: Path) -> None:
    class Small(Sure):
        def loglikelihood(
            self, requests: Sequence[Request], continuations: Sequence[Sequence[str]]
        ) -> list[list[float]]:
            if any("long" in request.messages[0].content for request in requests):
                raise RoomError("no room")
            return super().loglikelihood(requests, continuations)

    engine = Small({"Is it short? ": {"yes": 0.3, "no": 0.1}, "Is it rude? ": {"yes": 1e-4, "no": 1e-4}})
    found = grade(engine, answered("long", "two"), TWO, seed=1, path=tmp_path / "grades.jsonl", block=4)
    assert [(one.yes, one.unread) for one in found] == [
        (None, "no room"), (None, "no room"), (pytest.approx(0.75, abs=1e-6), None), (None, "no verdict")
    ]  # fmt: skip


@pytest.mark.parametrize("logs", [(math.inf, -1.0), (1e308, -0.1), (math.nan, -1.0), (2.0, -1.0)])
def test_numbers_that_are_no_log_probabilities_are_no_grade(logs: tuple[float, float]) -> None:
    assert not meant(logs)
    assert meant((-0.1, 1e-7))  # a sum of float32 may end a little above 0


def test_a_prompt_s_types_are_asked_about_the_prompt_alone(tmp_path: Path) -> None:
    engine = Sure({"mate | Does it ask? ": {"yes": 0.2, "no": 0.6}, "mate | Does it tell? ": {"yes": 0.9, "no": 0.1}})
    found = grade_types(engine, [PROMPT], TWO, seed=1, path=tmp_path / "types.jsonl", block=4)
    assert [(one.of, one.about) for one in found] == [(PROMPT.id, "ask"), (PROMPT.id, "tell")]
    assert [one.yes for one in found] == pytest.approx([0.25, 0.9], abs=1e-6)


def test_a_probability_outside_its_range_is_refused(tmp_path: Path) -> None:
    (made, _) = grade(Sure({"": {"yes": 0.5, "no": 0.5}}), answered("a"), TWO, seed=1, path=tmp_path / "g", block=4)
    assert made.model_copy(update={"yes": 1.5}).fault() == "a probability of 1.5 is not within 0 to 1"
