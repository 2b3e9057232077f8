"""Ids are part of the file format: a change here makes every run's files strangers to each other."""

import pytest
from pydantic import ValidationError

from srlm.records import Demonstration, Judgement, PreferencePair, Prompt, RankedSet, Response, digest, seed_for


def test_ids_are_stable() -> None:
    prompt = Prompt.of("Why is the sky blue?", "test")
    answers = (Response.of(prompt.id, "Scattering.", "M1", 0, "stop"), Response.of(prompt.id, "Dr\u00f6p", "M1", 1))
    judgement = Judgement.of(answers[0].id, "M1", 2, "Fine.\nScore: 4", 4.0)
    pair = PreferencePair.of(prompt, answers[0], answers[1], 4.0, 1.5)
    assert prompt.id == "0bfc6cbebfd35bea"
    assert [answer.id for answer in answers] == ["2f2a433b3d55ce79", "b8c3470562885cfe"]
    assert judgement.id == "b3ef7a2a091214f9"
    assert pair.id == "1c96d94fdec613e7"
    assert pair.margin == 2.5
    assert RankedSet.of(prompt, answers, (0, 1)).id == "c8b843a634588e88"
    assert Demonstration.of("ift", "p", "r", "x").id == "9e7c0dd5fbbf37fc"


def test_digests_and_seeds_are_stable() -> None:
    assert digest("a", 1, None, [1.5], {"b": 1, "a": "\u00e9"}) == "81e408d2dafc6a45"
    assert seed_for(1, "judge", "x") == 814219817
    assert seed_for(2, "judge", "x") == 598589878
    assert len({seed_for(1, "judge", n) for n in range(1000)}) == 1000


def test_where_a_prompt_comes_from_is_no_part_of_its_id() -> None:
    assert Prompt.of("a", "oasst").id == Prompt.of("a", "M1", "writing").id


def test_parts_of_a_digest_do_not_run_into_each_other() -> None:
    assert digest("ab", "c") != digest("a", "bc")
    assert digest(1) != digest("1")


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_no_record_holds_nan_or_infinity(score: float) -> None:
    with pytest.raises(ValidationError, match="finite number"):
        Judgement.of("r", "M1", 0, "", score)


@pytest.mark.parametrize("ranks", [(0,), (0, 1, 2)])
def test_a_ranked_set_has_a_rank_for_each_of_its_answers(ranks: tuple[int, ...]) -> None:
    prompt = Prompt.of("p", "test")
    with pytest.raises(ValidationError, match="at least two responses, each with a rank"):
        RankedSet.of(prompt, (Response.of(prompt.id, "a", "human", 0), Response.of(prompt.id, "b", "human", 1)), ranks)
