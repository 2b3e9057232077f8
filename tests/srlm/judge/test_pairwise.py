"""Pairwise judges: which words and which log-probabilities mean what."""

import math
from collections.abc import Sequence

import pytest

from eval.records import Verdict, verdict_id
from srlm.engines.base import Completion, Request
from srlm.engines.scripted import ScriptedEngine
from srlm.errors import CapabilityError
from srlm.judge.pairwise import ModelPairJudge, Opinion, Outcome, PairItem, opinion_of, outcome_of, parse
from srlm.judge.plain import PlainJudge

ITEM = PairItem(prompt="Say hello.", first="Hello!", second="No.")


class Wordless(ScriptedEngine):
    """An engine without log-probabilities."""

    def loglikelihood(self, requests: Sequence[Request], continuations: Sequence[Sequence[str]]) -> list[list[float]]:
        raise CapabilityError("no log-probabilities here")


@pytest.mark.parametrize(
    ("ab", "ba", "outcome"),
    [
        pytest.param(1.0, 1.0, "win", id="both-orders-say-A"),
        pytest.param(0.0, 0.0, "lose", id="both-orders-say-B"),
        pytest.param(1.0, 0.0, "tie", id="the-first-shown-wins-twice"),
        pytest.param(0.0, 1.0, "tie", id="the-second-shown-wins-twice"),
        pytest.param(1.0, 0.5, "tie", id="one-order-says-equal"),
        pytest.param(0.5, 0.5, "tie", id="equal"),
        pytest.param(None, 1.0, None, id="one-order-unreadable"),
        pytest.param(0.0, None, None, id="the-other-order-unreadable"),
    ],
)
def test_a_win_needs_both_orders(ab: float | None, ba: float | None, outcome: Outcome | None) -> None:
    assert outcome_of(ab, ba) == outcome


def test_a_verdict_refuses_an_outcome_that_does_not_follow() -> None:
    with pytest.raises(ValueError, match="does not follow from"):
        Verdict(
            id=verdict_id("a", "b", "j"), prompt_id="p", model_a="M2", model_b="M1", response_a_id="a",
            response_b_id="b", judge="j", preference_ab=1.0, preference_ba=0.0, outcome="win", raw_ab="", raw_ba="",
        )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "preference"),
    [
        pytest.param("A", 1.0, id="letter"),
        pytest.param(" B.\n", 0.0, id="letter-with-stop"),
        pytest.param("**B**", 0.0, id="bold"),
        pytest.param("A is short, so B", 0.0, id="the-last-one-decides"),
        pytest.param("It is a tie", 0.5, id="tie"),
        pytest.param("Neither.", None, id="no-letter"),
        pytest.param("BA", None, id="not-standalone"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_written_verdicts(text: str, preference: float | None) -> None:
    assert parse(Completion(text=text, finish="stop")).preference == preference


def test_a_verdict_cut_at_the_token_limit_cannot_be_read() -> None:
    assert parse(Completion(text="A is better in that", finish="length")).preference is None


def test_log_probabilities_become_the_probability_of_the_first() -> None:
    found = opinion_of(math.log(0.6), math.log(0.2))
    assert found.probability == pytest.approx(0.6 / (0.6 + 0.2))
    assert found.preference == 1.0
    assert opinion_of(-1.0, -1.0).preference == 0.5
    assert opinion_of(-math.inf, -1.0).preference == 0.0


def test_two_impossible_letters_are_no_verdict() -> None:
    assert opinion_of(-math.inf, -math.inf).preference is None


def test_a_model_judge_reads_log_probabilities_where_there_are_some() -> None:
    said = ModelPairJudge(ScriptedEngine(lambda request, seed: "B", "judge")).compare([ITEM], 1)
    assert said[0].preference == 0.0
    # "A" and " A" have log-probability -100 each; "B" and " B" have 0 each.
    assert said[0].probability == pytest.approx(math.exp(-100))


def test_a_model_judge_falls_back_to_written_letters() -> None:
    judge = ModelPairJudge(Wordless(lambda request, seed: "A", "judge"))
    assert judge.compare([ITEM, ITEM], 1) == [Opinion(preference=1.0, raw="A")] * 2
    assert judge.compare([], 1) == []


def test_text_in_an_answer_fills_no_slot_of_the_judges_prompt() -> None:
    seen: list[str] = []

    def write(request: Request, seed: int) -> str:
        seen.append(request.messages[0].content)
        return "A"

    ModelPairJudge(Wordless(write)).compare([PairItem(prompt="{second}", first="{prompt}", second="secret")], 1)
    assert seen[0].count("secret") == 1
    assert "{second}" in seen[0] and "{prompt}" in seen[0]


def test_an_oracle_prefers_the_higher_score_and_ties_on_equal_ones() -> None:
    judge = PlainJudge("oracle", lambda prompt, response: float(len(response)))
    items = [ITEM, PairItem(prompt="", first="a", second="bb"), PairItem(prompt="", first="a", second="b")]
    assert [opinion.preference for opinion in judge.compare(items, 0)] == [1.0, 0.0, 0.5]
