"""Choices by a principle: who is shown first, which probability follows, and what the soft label is."""

import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from srlm.engines.base import Request
from srlm.engines.scripted import ScriptedEngine
from srlm.errors import CapabilityError
from srlm.judge.choices import AnswerPair, Choice, choice_counts, choose, drawn_for, label
from srlm.judge.constitution import load
from srlm.judge.pairwise import ModelPairJudge, Opinion, PairItem
from srlm.records import Prompt, Response

PROMPT = Prompt.of("Name a fruit.", "test")


def pair(first: str, second: str) -> AnswerPair:
    texts = (first, second)
    one, other = (Response.of(PROMPT.id, text, "M1", draw) for draw, text in enumerate(texts))
    return AnswerPair(prompt=PROMPT, first=one, second=other)


def choice(shown: float | None, turned: float | None) -> Choice:
    """Both probabilities are of the answer listed first."""
    said = [
        Opinion(preference=None if p is None else float(p > 0.5), probability=p, raw="", unread=None)
        for p in (shown, turned)
    ]
    return Choice.of(pair("Pear.", "Plum."), "helpful", "judge", *said)


@pytest.mark.parametrize(
    ("shown", "turned", "most", "expected"),
    [
        pytest.param(0.9, 0.7, 1.0, (0.9 + 0.7) / 2, id="the-mean-of-both-orders"),
        pytest.param(0.9, 0.2, 1.0, (0.9 + 0.2) / 2, id="a-liking-for-the-first-place-cancels-out"),
        pytest.param(0.99, 0.97, 0.6, (0.6 + 0.6) / 2, id="both-clamped"),
        pytest.param(0.99, 0.03, 0.6, (0.6 + 0.4) / 2, id="each-order-is-clamped-by-itself"),
        pytest.param(0.99, 0.45, 0.6, (0.6 + 0.45) / 2, id="within-40-to-60-it-stays"),
        pytest.param(0.01, 0.02, 0.6, (0.4 + 0.4) / 2, id="clamped-from-below"),
        pytest.param(None, 0.9, 1.0, None, id="one-order-unread"),
    ],
)
def test_a_soft_label_is_the_mean_of_clamped_probabilities(
    shown: float | None, turned: float | None, most: float, expected: float | None
) -> None:
    found = label(choice(shown, turned), most)
    assert found == (None if expected is None else pytest.approx(expected))


def test_a_judge_that_tells_no_probability_is_taken_by_its_word() -> None:
    said = Opinion(preference=1.0, raw="A")
    assert label(Choice.of(pair("a", "b"), "x", "j", said, said)) == 1.0
    assert label(Choice.of(pair("a", "b"), "x", "j", said, said), 0.6) == 0.6


class ByLetters(ScriptedEngine):
    """Gives A the probability 0.8 times 0.9 and B 0.2 times 0.9 where the first answer is longer, else the reverse."""

    def loglikelihood(self, requests: Sequence[Request], continuations: Sequence[Sequence[str]]) -> list[list[float]]:
        found = []
        for request, texts in zip(requests, continuations, strict=True):
            first, second = shown(request.messages[0].content)
            a = 0.8 if len(first) > len(second) else 0.2
            half = {"A": 0.9 * a / 2, "B": 0.9 * (1 - a) / 2}  # as a word with a space before it, and without
            found.append([math.log(half[text.strip()]) for text in texts])
        return found


def shown(question: str) -> tuple[str, str]:
    lines = question.splitlines()
    return lines[lines.index("[Answer A]") + 1], lines[lines.index("[Answer B]") + 1]


def test_each_pair_is_judged_in_both_orders_by_the_principle_that_was_drawn_for_it(tmp_path: Path) -> None:
    seen: list[str] = []

    class Listening(ByLetters):
        def loglikelihood(
            self, requests: Sequence[Request], continuations: Sequence[Sequence[str]]
        ) -> list[list[float]]:
            seen.extend(request.messages[0].content for request in requests)
            return super().loglikelihood(requests, continuations)

    principles = load("general", "method.principles")
    judge = ModelPairJudge(Listening(lambda request, seed: "?", "M1"), template=principles.pair_template(None))
    pairs = [pair(f"A fruit that I like, number {number}.", "Pear.") for number in range(12)]
    found = choose(judge, pairs, principles.choosing, seed=1, path=tmp_path / "choices.jsonl", block=5)
    assert [one.shown.probability for one in found] == pytest.approx([0.8] * 12)
    # Shown second, the longer answer is B, which has 0.8 again.
    assert [one.turned.probability for one in found] == pytest.approx([0.8] * 12)
    assert [label(one) for one in found] == pytest.approx([0.8] * 12)
    drawn = [drawn_for(principles.choosing, one, 1) for one in pairs]
    assert [one.principle for one in found] == [one.name for one in drawn]
    assert len({one.name for one in drawn}) > 3
    questions = [question for question in seen if drawn[0].choice and drawn[0].choice in question]
    assert {shown(question)[0] for question in questions} >= {pairs[0].first.text, "Pear."}
    counts = choice_counts(found)
    assert (counts["choices"], counts["choices unread"], counts["choices alike in both orders"]) == (12, 0, 12)
    assert counts["chance of the place shown first"] == pytest.approx(0.5)
    assert found[0].fault() is None
    assert found[0].model_copy(update={"principle": "another"}).fault() == "its id is not that of its content"


def test_a_choice_that_cannot_be_read_is_counted_with_the_reason() -> None:
    silent = Opinion(preference=None, raw="", unread="no room")
    counts = choice_counts([choice(0.9, 0.9), Choice.of(pair("a", "b"), "helpful", "j", silent, silent)])
    assert (counts["choices"], counts["choices unread"], counts["unread: no room"]) == (2, 1, 2)


def test_reasons_come_before_the_letter_and_the_letter_s_probability_is_read_behind_them() -> None:
    """P(A) is e^-1 / (e^-1 + e^-2) = 0.7311 wherever the judge's own words end."""
    prefixes: list[str] = []

    class Behind(ScriptedEngine):
        def loglikelihood(
            self, requests: Sequence[Request], continuations: Sequence[Sequence[str]]
        ) -> list[list[float]]:
            prefixes.extend(request.prefix for request in requests if request.prefix)
            return [[-1.0 if text.strip() == "A" else -2.0 for text in texts] for texts in continuations]

    said = iter(["Pear is short. [[B]]", "The one names a fruit", "[[A]] or [[B]]? [[A]]"])
    judge = ModelPairJudge(
        Behind(lambda request, seed: next(said), "M1"), template=load("general", "x").pair_template(256)
    )
    items = [pair("Pear.", f"Plum {number}.") for number in range(3)]
    found = judge.compare(
        [PairItem(prompt="p", first=one.first.text, second=one.second.text, principle="Why?") for one in items], 1
    )
    assert prefixes == ["Pear is short. [[", "The one names a fruit\n[[", "[[A]] or [[B]]? [["]
    assert [one.probability for one in found] == pytest.approx([1 / (1 + math.exp(-1))] * 3)
    assert found[0].raw.startswith("Pear is short. [[\nlog-probability of A ")


def test_without_log_probabilities_the_written_verdict_decides() -> None:
    class Wordy(ScriptedEngine):
        def loglikelihood(
            self, requests: Sequence[Request], continuations: Sequence[Sequence[str]]
        ) -> list[list[float]]:
            raise CapabilityError("no log-probabilities here")

    judge = ModelPairJudge(
        Wordy(lambda request, seed: "Both are fine. [[B]]", "M1"), template=load("general", "x").pair_template(256)
    )
    (found,) = judge.compare([PairItem(prompt="p", first="a", second="b", principle="Why?")], 1)
    assert (found.preference, found.probability) == (0.0, None)
