"""Sampled judgements of two answers: letters, words, what is read and what is asked for."""

import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from srlm.engines.base import Completion, Request
from srlm.engines.scripted import ScriptedEngine
from srlm.errors import CapabilityError
from srlm.judge.pair_sampling import PairSampler, ShownPair, drawn_letter, kept_opinions
from srlm.judge.pair_template import load
from srlm.judge.plain import PlainJudge
from srlm.records import PairJudgement, Prompt, Response
from srlm.settings import Sampling
from srlm.text.pair_prompt import PairTemplate

PROMPT = Prompt.of("Name a fruit.", "test")
PAIR = ShownPair(
    prompt=PROMPT, first=Response.of(PROMPT.id, "Apple.", "M1", 0), second=Response.of(PROMPT.id, "Stone!!", "M1", 0)
)
WARM = Sampling(temperature=1.0, top_p=1.0, max_new_tokens=16)


class Letters(ScriptedEngine):
    """An engine whose log-probabilities of A and B, bare and behind a space, are given."""

    def __init__(self, logs: Sequence[float], write: str = "Hm.") -> None:
        super().__init__(lambda request, seed: write)
        self._logs = list(logs)

    def loglikelihood(self, requests: Sequence[Request], continuations: Sequence[Sequence[str]]) -> list[list[float]]:
        return [self._logs[: len(own)] for own in continuations]


class Wordless(ScriptedEngine):
    """An engine without log-probabilities."""

    def loglikelihood(self, requests: Sequence[Request], continuations: Sequence[Sequence[str]]) -> list[list[float]]:
        raise CapabilityError("no log-probabilities here")


class Cut(ScriptedEngine):
    """All it writes is cut, and A is three times as likely as B."""

    def generate(self, requests: Sequence[Request], sampling: Sampling, seed: int) -> list[tuple[Completion, ...]]:
        return [(Completion(text="Both are", finish="length", tokens=2),) * one.draws for one in requests]

    def loglikelihood(self, requests: Sequence[Request], continuations: Sequence[Sequence[str]]) -> list[list[float]]:
        assert all(one.prefix == "Both are\n[[" for one in requests)
        return [[math.log(0.3), math.log(0.1)] for _ in requests]


def judged(
    engine: ScriptedEngine, template: PairTemplate, path: Path, draws: int = 1, complete: bool = False
) -> list[PairJudgement]:
    return list(PairSampler(engine, template, WARM, complete).judge([PAIR], draws, 7, path / "judgements.jsonl"))


def test_letters_are_drawn_by_the_model_s_own_probabilities(tmp_path: Path) -> None:
    """P(A) = (.5 + .1) / (.5 + .1 + .15 + .05) = .75, so 300 of 400 draws, give or take three deviations of 8.7."""
    engine = Letters([math.log(p) for p in (0.5, 0.1, 0.15, 0.05)])
    found = judged(engine, load("letter"), tmp_path, draws=400)
    assert all(one.probability == pytest.approx(0.75) for one in found)
    assert 300 - 26 < sum(one.preference == 1 for one in found) < 300 + 26
    assert {(one.raw, one.preference) for one in found} == {("A", 1.0), ("B", 0.0)}
    assert not any(one.completed for one in found)
    assert len({one.id for one in found}) == 400


def test_letters_that_are_as_good_as_impossible_are_drawn_only_where_the_judge_is_made_to(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    engine = Letters([math.log(1e-5)] * 4, write="A is better.")
    (said,) = judged(engine, load("letter"), tmp_path / "a")
    assert (said.raw, said.preference, said.probability) == ("A is better.", 1.0, None)
    (made,) = judged(engine, load("letter"), tmp_path / "b", complete=True)
    assert (made.raw in ("A", "B"), made.completed) == (True, True)
    assert made.probability == pytest.approx(0.5)


def test_temperature_raises_the_odds_and_at_zero_the_likelier_letter_is_taken() -> None:
    """Odds of 3 at temperature .5 are 9: .9 of 2,000 draws, give or take three deviations of 13.4."""
    logs = [math.log(0.75), -math.inf, math.log(0.25), -math.inf]
    first = [drawn_letter(logs, 0.5, seed)[0] for seed in range(2000)]
    assert 1800 - 41 < sum(map(bool, first)) < 1800 + 41
    for seed in range(9):
        taken, chance = drawn_letter(logs, 0.0, seed)
        assert taken is True
        assert chance == pytest.approx(0.75)
    assert drawn_letter([-math.inf] * 4, 1.0, 1) == (None, None)
    assert drawn_letter([0.0, -math.inf, -math.inf, -math.inf], 1.0, 1) == (True, 1.0)


@pytest.mark.parametrize(
    ("words", "preference", "unread"),
    [
        pytest.param("A names a fruit. [[A]]", 1.0, None, id="A"),
        pytest.param("B is longer. [[B]]", 0.0, None, id="B"),
        pytest.param("No difference. [[C]]", 0.5, None, id="a-tie"),
        pytest.param("[[A]] or rather [[B]]", None, "unclear verdict", id="both"),
        pytest.param("They are answers.", None, "no verdict", id="none"),
    ],
)
def test_a_verdict_is_read_from_words(words: str, preference: float | None, unread: str | None, tmp_path: Path) -> None:
    (found,) = judged(ScriptedEngine(lambda request, seed: words), load("brackets"), tmp_path)
    assert (found.raw, found.preference, found.unread, found.completed) == (words, preference, unread, False)


def test_a_judge_that_was_cut_is_asked_for_its_letter_where_it_is_to_complete(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    (cut,) = judged(Cut(lambda request, seed: ""), load("brackets"), tmp_path / "a")
    assert (cut.preference, cut.unread) == (None, "cut")
    found = judged(Cut(lambda request, seed: ""), load("brackets"), tmp_path / "b", draws=200, complete=True)
    assert {(one.raw, one.preference) for one in found} == {("Both are\n[[A]]", 1.0), ("Both are\n[[B]]", 0.0)}
    assert all(one.completed and one.probability == pytest.approx(0.75) for one in found)
    # .75 of 200, give or take three deviations of 6.1
    assert 150 - 19 < sum(one.preference == 1 for one in found) < 150 + 19


def test_where_there_are_no_log_probabilities_a_letter_is_written(tmp_path: Path) -> None:
    (found,) = judged(Wordless(lambda request, seed: "B"), load("letter"), tmp_path, complete=True)
    assert (found.raw, found.preference, found.probability) == ("B", 0.0, None)


def test_an_opinion_is_kept_as_a_judgement_of_its_pair_in_its_order(tmp_path: Path) -> None:
    judge = PlainJudge("length", lambda prompt, text: float(len(text)))
    found = kept_opinions(judge, [PAIR, PAIR.turned], 1, tmp_path / "opinions.jsonl")
    assert [(one.first_id, one.preference) for one in found] == [(PAIR.first.id, 0.0), (PAIR.second.id, 1.0)]
    assert all(one.fault() is None for one in found)


def test_a_judgement_that_contradicts_itself_is_refused() -> None:
    one = PairJudgement.of("p", "a", "b", "M1", 0, "[[A]]", 1.0)
    assert one.fault() is None
    assert one.model_copy(update={"raw": "[[B]]"}).fault() == "its id is not that of its content"
    assert one.model_copy(update={"unread": "cut"}).fault() == "it has a verdict and a reason why it has none (cut)"
    assert one.model_copy(update={"preference": 0.7}).fault() == "a preference of 0.7 is not 0, 0.5 or 1"
