"""Which sampled judgements a judge learns from."""

from srlm.judge.balanced import BOTH, FIRST_ONLY, SECOND_ONLY, balanced, right_judgements
from srlm.records import PairJudgement

BETTER = {"p": "good p", "q": "good q", "r": "good r"}


def judged(prompt: str, first: str, preference: float | None, draw: int = 0) -> PairJudgement:
    good, bad = f"good {prompt}", f"bad {prompt}"
    shown = (good, bad) if first == "good" else (bad, good)
    return PairJudgement.of(prompt, *shown, "M1", draw, f"{first} {preference} {draw}", preference)


def test_right_is_the_better_answer_wherever_it_is_shown() -> None:
    every = [
        judged("p", "good", 1.0),
        judged("p", "good", 0.0, 1),
        judged("p", "good", 0.5, 2),
        judged("p", "good", None, 3),
        judged("p", "bad", 0.0),
        judged("p", "bad", 1.0, 1),
        judged("q", "bad", 1.0),
    ]
    assert right_judgements(every, BETTER) == {"p": [every[0], every[4]]}


def test_one_judgement_a_prompt_is_kept_and_places_are_preferred_equally_often() -> None:
    """Of p and q only judgements for the first place are right, of r both: r takes the second place, and one of p and
    q is dropped."""
    every = [
        *(judged("p", "good", 1.0, draw) for draw in range(3)),
        *(judged("p", "bad", 1.0, draw) for draw in range(3)),
        judged("q", "good", 1.0),
        judged("q", "bad", None),
        *(judged("r", "good", 1.0, draw) for draw in range(9)),
        judged("r", "bad", 0.0),
    ]
    for seed in range(20):
        found = balanced(every, BETTER, seed)
        assert len(found.judgements) == 2
        assert sorted(one.preference for one in found.judgements if one.preference is not None) == [0.0, 1.0]
        assert {one.prompt_id for one in found.judgements} in ({"p", "r"}, {"q", "r"})
        assert found.counts["judgements"] == 18
        assert found.counts["judgements right"] == 3 + 1 + 9 + 1
        assert found.counts["judgements unscored"] == 1
        assert found.counts["dropped for balance"] == 1
        assert found.counts["judgements kept"] == 2
        assert [found.counts[name] for name in (FIRST_ONLY, SECOND_ONLY, BOTH)] == [2, 0, 1]
    assert {tuple(one.prompt_id for one in balanced(every, BETTER, seed).judgements) for seed in range(20)} == {
        ("p", "r"), ("q", "r")
    }  # fmt: skip


def test_the_same_seed_draws_the_same_and_another_draws_others() -> None:
    every = [
        judged(prompt, first, float(first == "good"), draw)
        for prompt in BETTER
        for first in ("good", "bad")
        for draw in range(5)
    ]
    assert balanced(every, BETTER, 1) == balanced(every, BETTER, 1)
    assert len({tuple(one.id for one in balanced(every, BETTER, seed).judgements) for seed in range(9)}) > 1


def test_a_judge_that_likes_one_place_alone_teaches_nothing() -> None:
    """It is right whenever the better answer stands first, and those cannot be balanced."""
    every = [judged(prompt, first, 1.0) for prompt in BETTER for first in ("good", "bad")]
    found = balanced(every, BETTER, 1)
    assert found.judgements == []
    assert (found.counts["judgements right"], found.counts["dropped for balance"]) == (3, 3)
    assert [found.counts[name] for name in (FIRST_ONLY, SECOND_ONLY, BOTH)] == [3, 0, 0]


def test_nothing_judged_is_nothing_kept() -> None:
    assert balanced([], {}, 1).judgements == []
