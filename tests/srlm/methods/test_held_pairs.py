"""How good a judge of pairs a model is, and how much of a gap a student has closed: sums written out."""

import pytest

from srlm.data.human_ranking import HumanRanking
from srlm.methods.held_pairs import better_first, of_run, ordered_pairs, pair_figures
from srlm.methods.performance_gap import NO_GAP, UNCLEAR, credits_of, performance_gap
from srlm.records import PairJudgement, Prompt, RankedSet, Response


def ranked(text: str, answers: list[str], ranks: list[int]) -> RankedSet:
    prompt = Prompt.of(text, "test")
    responses = tuple(Response.of(prompt.id, answer, "human", n) for n, answer in enumerate(answers))
    return RankedSet.of(prompt, responses, tuple(ranks))


def said(*preferences: float | None) -> list[PairJudgement]:
    """Judgements by twos: of a pair with the better answer first, and turned."""
    return [PairJudgement.of("p", "a", "b", "M1", n, str(n), one) for n, one in enumerate(preferences)]


def test_the_better_answer_stands_first_and_one_pair_is_drawn_of_a_group() -> None:
    one = ranked("Name a fruit.", ["Stone.", "Apple.", "Pear.", "Apple. "], [2, 0, 1, 3])
    texts = [(pair.first.text, pair.second.text) for pair in ordered_pairs(one)]
    assert texts == [
        ("Apple.", "Stone."), ("Pear.", "Stone."), ("Stone.", "Apple. "), ("Apple.", "Pear."), ("Pear.", "Apple. ")
    ]  # fmt: skip
    other = ranked("Say hello.", ["Hello.", "No."], [0, 1])
    tied = ranked("Say bye.", ["Bye.", "No."], [0, 0])
    grouped = [HumanRanking(ranked=one, group="talk"), HumanRanking(ranked=other, group="talk"), *of_run([tied])]
    assert len(better_first(grouped, 1, 9)) == 1
    assert {pair.prompt.text for seed in range(20) for pair in better_first(grouped, seed, 9)} == {
        "Name a fruit.", "Say hello."
    }  # fmt: skip
    many = of_run([ranked(f"Question {n}?", ["Good.", "Bad."], [0, 1]) for n in range(30)])
    assert len(better_first(many, 1, 7)) == 7
    assert better_first(many, 1, 7) == better_first(many, 1, 7)


def test_a_pair_is_right_where_both_orders_say_so() -> None:
    """Right, right, orders disagree, wrong, one order unread: 2 of 4; by half (2 + .5) / 4. Wilson's interval of 2 of 4
    at z = 1.95996: centre (2 + z^2 / 2) / (4 + z^2) = .5, half width z sqrt(.25 x 4 + z^2 / 4) / (4 + z^2) = .34998."""
    figures = pair_figures(said(1, 0, 1, 0, 1, 1, 0, 1, 1, None))
    assert figures == {
        "n": 4,
        "right": 2,
        "accuracy": 0.5,
        "low": pytest.approx(0.15004, abs=1e-5),
        "high": pytest.approx(0.84996, abs=1e-5),
        "accuracy by half": 0.625,
        "orders disagree": 1,
        "unscored": 1,
    }
    nothing = pair_figures(said(None, None))
    assert (nothing["n"], nothing["accuracy"], nothing["low"], nothing["unscored"]) == (0, None, None, 1)


def test_a_pair_s_credit_is_the_share_of_both_orders_that_are_right() -> None:
    assert credits_of(said(1, 0, 1, 1, 0, 1, 0.5, 0.5, None, 0)) == [1.0, 0.5, 0.0, 0.5, None]


def test_the_performance_gap_recovered() -> None:
    """Of 100 pairs the weak model has 60 right, the student 75, the ceiling 80: (.75 - .6) / (.8 - .6) = .75. A pair
    that one of them could not judge counts for none."""

    def credit(right: int) -> list[float | None]:
        return [1.0] * right + [0.0] * (100 - right) + [None]

    found = performance_gap([*credit(60)[:-1], 1.0], credit(75), credit(80), 1)
    assert (found["n"], found["unscored"]) == (100, 1)
    assert (found["weak"], found["student"], found["ceiling"]) == (0.6, 0.75, 0.8)
    assert found["PGR"] == pytest.approx(0.75)
    assert isinstance(found["low"], float) and isinstance(found["high"], float)
    assert 0.5 < found["low"] < 0.75 < found["high"] < 1.0
    assert found["why"] is None


@pytest.mark.parametrize(
    ("weak", "ceiling", "ratio", "why"),
    [
        pytest.param([1.0, 0.0], [1.0, 0.0], None, NO_GAP, id="no-gap"),
        pytest.param([1.0, 1.0], [1.0, 0.0], None, NO_GAP, id="the-ceiling-is-below"),
        pytest.param([0.0, 0.0, 1.0], [1.0, 1.0, 0.0], 0.0, UNCLEAR, id="a-gap-that-may-be-chance"),
        pytest.param([None, None], [1.0, 0.0], None, "no pair was judged", id="nothing-judged"),
    ],
)
def test_where_there_is_no_clear_gap_there_is_no_ratio_or_no_interval_and_the_reason(
    weak: list[float | None], ceiling: list[float | None], ratio: float | None, why: str
) -> None:
    found = performance_gap(weak, weak, ceiling, 1)
    assert (found["PGR"], found["low"], found["high"], found["why"]) == (ratio, None, None, why)
