"""Evaluation fine-tuning data: whose judgements are kept, and an account that adds up."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from srlm.judge import eft
from srlm.judge.rubric import Rubric
from srlm.records import Judgement, Prompt, RankedSet, Response
from srlm.settings import EftSettings

RUBRIC = Rubric(name="test", text="Question: {prompt}\nAnswer: {response}")


@pytest.mark.parametrize(
    ("ranks", "scores", "lenient", "strict"),
    [
        # rank 0 is best
        pytest.param([0, 1, 2], [5, 3, 1], "kept", "kept", id="same-order"),
        pytest.param([2, 0, 1], [0.5, 4, 3], "kept", "kept", id="same-order-in-any-place"),
        pytest.param([0, 1, 2], [1, 3, 5], "rejected: reversed", "rejected: reversed", id="opposite-order"),
        pytest.param([0, 1, 2], [5, 1, 3], "rejected: reversed", "rejected: reversed", id="one-pair-reversed"),
        pytest.param([0, 1, 2], [5, 3, 3], "kept", "rejected: a tie", id="the-judge-ties-two"),
        pytest.param([0, 1, 2], [4, 4, 4], "rejected: all scores equal", "rejected: all scores equal", id="one-score"),
        pytest.param([0, 0, 1], [5, 2, 1], "kept", "kept", id="a-human-tie-may-be-split"),
        pytest.param([0, 0, 1], [2, 5, 1], "kept", "kept", id="a-human-tie-may-be-split-either-way"),
        pytest.param([0, 0, 1], [5, 2, 2], "kept", "rejected: a tie", id="a-tie-across-human-ranks"),
        pytest.param([0, 0, 1], [5, 2, 3], "rejected: reversed", "rejected: reversed", id="the-third-beats-a-first"),
        pytest.param([0, 1, 1], [3, 3, 3], "rejected: all scores equal", "rejected: all scores equal", id="flat"),
        pytest.param([1, 1], [5, 2], "rejected: all scores equal", "rejected: all scores equal", id="nothing-ordered"),
        pytest.param([0], [5], "rejected: no two scores", "rejected: no two scores", id="one-score-only"),
        pytest.param([], [], "rejected: no two scores", "rejected: no two scores", id="no-score"),
        pytest.param([0, 5], [4, 3.5], "kept", "kept", id="gaps-in-ranks-do-not-matter"),
    ],
)
def test_rank_agreement(ranks: list[int], scores: list[float], lenient: str, strict: str) -> None:
    assert eft.agrees(ranks, scores, "lenient") == lenient
    assert eft.agrees(ranks, scores, "strict") == strict


def ranked(name: str, ranks: Sequence[int]) -> RankedSet:
    prompt = Prompt.of(f"Question {name}?", "test")
    answers = tuple(Response.of(prompt.id, f"{name}{rank}{i}", "human", i) for i, rank in enumerate(ranks))
    return RankedSet.of(prompt, answers, tuple(ranks))


def read(one: RankedSet, scores: Sequence[float | None], draw: int = 0) -> list[Judgement]:
    return [
        Judgement.of(response.id, "SFT", draw, f"words {draw}\nScore: {score}", score)
        for response, score in zip(one.responses, scores, strict=True)
    ]


def build(sets: Sequence[RankedSet], judgements: Sequence[Judgement], **changes: Any) -> eft.EftData:
    return eft.build(sets, judgements, RUBRIC, EftSettings.model_validate({"max_score_share": 1, **changes}), seed=1)


def test_kept_judgements_become_examples_of_the_judges_prompt_and_words() -> None:
    one = ranked("a", [0, 1])
    judgements = read(one, [4, 2])
    made = build([one], judgements)
    assert [example.prompt for example in made.examples] == [
        "Question: Question a?\nAnswer: a00",
        "Question: Question a?\nAnswer: a11",
    ]
    assert [example.response for example in made.examples] == ["words 0\nScore: 4", "words 0\nScore: 2"]
    assert [example.source_id for example in made.examples] == [judgement.id for judgement in judgements]
    assert {example.kind for example in made.examples} == {"eft"}


def test_the_account_of_kept_and_rejected_sets_adds_up() -> None:
    a, b, c, d, e = (ranked(name, [0, 1, 2]) for name in "abcde")
    judgements = [
        *read(a, [5, 4, 3]),
        *read(b, [1, 4, 3]),
        *read(c, [2, 2, 2]),
        *read(d, [None, 4, None]),
        *read(e, [5, None, 3]),
    ]
    made = build([a, b, c, d, e], judgements)
    assert made.counts == {
        "sets": 5,
        "judgements": 15,
        "judgements unscored": 3,
        "sets kept": 2,
        "sets rejected: all scores equal": 1,
        "sets rejected: no two scores": 1,
        "sets rejected: reversed": 1,
        "examples before thinning": 5,  # a gives three; e two, its unparsed answer left out
        "examples thinned": 0,
        "examples": 5,
    }


def test_strict_rejects_a_tie_that_lenient_keeps() -> None:
    one = ranked("a", [0, 1, 2])
    judgements = read(one, [5, 3, 3])
    assert len(build([one], judgements, ties="lenient").examples) == 3
    strict = build([one], judgements, ties="strict")
    assert (strict.examples, strict.counts["sets rejected: a tie"]) == ([], 1)


def test_of_several_draws_the_first_that_agrees_is_taken() -> None:
    one = ranked("a", [0, 1])
    judgements = [*read(one, [1, 5], 0), *read(one, [3, 2], 1), *read(one, [5, 0], 2)]
    for order in (judgements, judgements[::-1]):
        assert [e.response for e in build([one], order).examples] == ["words 1\nScore: 3", "words 1\nScore: 2"]


def test_draws_are_not_mixed() -> None:
    """The first answer was read in draw 0 only, the second in draw 1 only: no draw has two scores."""
    one = ranked("a", [0, 1])
    made = build([one], [*read(one, [5, None], 0), *read(one, [None, 1], 1)])
    assert (made.examples, made.counts["sets rejected: no two scores"]) == ([], 1)


def test_a_set_is_rejected_for_the_reason_of_its_first_draw() -> None:
    one = ranked("a", [0, 1])
    made = build([one], [*read(one, [1, 5], 0), *read(one, [2, 2], 1)])
    assert made.counts["sets rejected: reversed"] == 1
    assert "sets rejected: all scores equal" not in made.counts


def test_without_the_filter_every_set_with_two_scores_is_kept() -> None:
    a, b, c = (ranked(name, [0, 1]) for name in "abc")
    made = build([a, b, c], [*read(a, [1, 5]), *read(b, [3, 3]), *read(c, [3, None])], filter=False)
    assert made.counts["sets kept"] == 2
    assert made.counts["sets rejected: no two scores"] == 1
    assert len(made.examples) == 4


def test_a_set_nobody_read_is_rejected_and_counted() -> None:
    assert build([ranked("a", [0, 1])], []).counts["sets rejected: no two scores"] == 1


@pytest.mark.parametrize(
    ("number", "share", "left"),
    [
        # of 12 examples of score 4 beside 6 others: at most share / (1 - share) * 6 stay
        pytest.param(12, 0.4, 4, id="0.4-of-10"),
        pytest.param(12, 0.5, 6, id="0.5-of-12"),
        pytest.param(12, 0.7, 12, id="12-of-18-are-fewer-than-0.7"),
        pytest.param(12, 1.0, 12, id="no-thinning"),
        pytest.param(12, 0.0, 0, id="none-stay"),
        pytest.param(4, 0.4, 4, id="exactly-the-share"),
    ],
)
def test_the_most_common_score_is_thinned_to_its_share(number: int, share: float, left: int) -> None:
    """The others' scores are 0, 1 and 2, two of each; a set of two gives one 4 and one other, or two 4s unfiltered."""
    others, fours = [ranked(f"o{i}", [0, 1]) for i in range(3)], [ranked(f"f{i}", [0, 1]) for i in range(number // 2)]
    judgements = [
        *read(others[0], [1, 0]),
        *read(others[1], [2, 0]),
        *read(others[2], [2, 1]),
        *(judgement for one in fours for judgement in read(one, [4, 4])),
    ]
    made = build([*others, *fours], judgements, filter=False, max_score_share=share)
    kept = Counter(example.response[-1] for example in made.examples)
    assert kept == Counter({"0": 2, "1": 2, "2": 2, "4": left} if left else {"0": 2, "1": 2, "2": 2})
    assert made.counts["examples before thinning"] == number + 6
    assert made.counts["examples thinned"] == number - left
    assert made.counts["examples"] == left + 6


def test_a_judge_with_one_score_only_keeps_its_examples() -> None:
    sets = [ranked(str(i), [0, 1]) for i in range(5)]
    made = build(
        sets, [judgement for one in sets for judgement in read(one, [4, 4])], filter=False, max_score_share=0.4
    )
    assert (len(made.examples), made.counts["examples thinned"]) == (10, 0)


def test_thinning_draws_by_seed_and_keeps_the_order() -> None:
    sets = [ranked(str(i), [0, 1]) for i in range(20)]
    judgements = [judgement for i, one in enumerate(sets) for judgement in read(one, [4, i % 3])]
    settings = EftSettings(max_score_share=0.2)
    first, again, other = (eft.build(sets, judgements, RUBRIC, settings, seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    ids = [judgement.id for judgement in judgements]
    places = [ids.index(example.source_id) for example in first.examples]
    assert places == sorted(places)


def test_peoples_own_reviews_are_judgements() -> None:
    one = ranked("a", [0, 1])
    with_reviews = RankedSet.of(one.prompt, one.responses, one.ranks, ("good\nScore: 4", "no score at all"))
    first, second = eft.reviews([with_reviews, one])  # the second set has none
    assert (first.judge, first.draw, first.score, first.raw) == ("human", 0, 4.0, "good\nScore: 4")
    assert (second.response_id, second.score) == (one.responses[1].id, None)
