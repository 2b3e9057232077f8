"""Overlap in numbers, on sets whose answer is known."""

import numpy as np
import numpy.typing as npt
import pytest

from eval.stats.intervals import Resampling
from eval.stats.two_sets import near_duplicates, nearest, told_apart

HOW = Resampling(resamples=200, confidence=0.95, seed=1)
Vectors = npt.NDArray[np.float32]


def unit(vectors: npt.NDArray[np.float64]) -> Vectors:
    """Each of length 1."""
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def drawn(n: int, seed: int, shift: float = 0.0, dimensions: int = 24) -> Vectors:
    at = np.random.default_rng(seed).normal(size=(n, dimensions))
    at[:, 0] += shift
    return unit(at)


def test_sets_on_two_sides_never_cross_and_are_told_apart() -> None:
    found = nearest(drawn(60, 1, 20.0), drawn(40, 2, -20.0), HOW)
    assert found is not None
    assert found.share.value == 0.0
    assert found.by_chance == 40 / 99
    assert found.beyond_chance.value == -40 / 99
    assert found.p == 2 / 10_000  # of 9,999 random namings and this one, none crosses as seldom
    apart = told_apart(drawn(60, 1, 20.0), drawn(40, 2, -20.0), HOW)
    assert (apart.value, apart.n) == (1.0, 100)
    assert apart.low is not None
    assert apart.low > 0.9


def test_each_texts_twin_in_the_other_set_is_its_neighbour() -> None:
    one = drawn(30, 3)
    found = nearest(one, one, HOW)
    assert found is not None
    assert found.share.value == 1.0
    assert found.by_chance == 30 / 59
    assert found.p == 2 / 10_000  # more often than chance shows, too


def test_one_set_dealt_out_at_random_crosses_by_chance() -> None:
    whole = drawn(300, 4)
    found = nearest(whole[:200], whole[200:], HOW)
    assert found is not None
    assert found.share.low is not None
    assert found.share.high is not None
    assert found.share.low < found.by_chance < found.share.high
    assert found.p > 0.05
    apart = told_apart(whole[:200], whole[200:], HOW)
    assert apart.low is not None
    assert apart.high is not None
    assert apart.low < 0.5 < apart.high


def test_the_share_counts_neighbours_by_hand() -> None:
    """On a circle, in degrees: 0, 10 and 100 against 1, 12 and 200. 0 -> 1, 10 -> 12, 100 -> 12: all cross."""
    degrees = np.radians([[0.0, 10.0, 100.0], [1.0, 12.0, 200.0]])
    a, b = (unit(np.stack([np.cos(one), np.sin(one)], axis=1)) for one in degrees)
    found = nearest(a, b, HOW)
    assert found is not None
    assert (found.share.value, found.share.n, found.by_chance) == (1.0, 3, 3 / 5)
    back = nearest(b, a, HOW)
    assert back is not None
    assert back.share.value == 1.0  # 1 -> 0, 12 -> 10, 200 -> 100


def test_texts_that_share_a_neighbour_widen_the_interval() -> None:
    """Forty texts around one hub of the other set say less than forty with a neighbour each."""
    rng = np.random.default_rng(5)
    hub = unit(np.eye(24)[:1])
    away = unit(hub + 0.5 * unit(rng.normal(size=(40, 24))))
    far = unit(-np.eye(24)[:1] + 0.1 * rng.normal(size=(40, 24)))
    around = nearest(away, np.concatenate([hub, far]), HOW)
    twins = unit(away + 0.01 * rng.normal(size=away.shape))
    apart = nearest(away, twins, HOW)
    assert around is not None
    assert apart is not None
    assert (around.share.low, apart.share.low) != (None, None)
    assert around.share.low is None or (apart.share.low or 0) > around.share.low


def test_near_duplicates_are_counted_from_the_threshold_on() -> None:
    one = drawn(20, 6)
    other = np.concatenate([one[:5], drawn(20, 7)])
    found = near_duplicates(one, other, 1.0, HOW)
    assert (found.share.value, found.share.n) == (0.25, 20)
    assert [pair[:2] for pair in found.pairs] == [(row, row) for row in range(5)]
    assert near_duplicates(one, drawn(20, 7), 0.99, HOW).share.value == 0.0


@pytest.mark.parametrize(("n", "m"), [(1, 1), (0, 5), (5, 0)])
def test_too_few_texts_have_no_share(n: int, m: int) -> None:
    assert nearest(drawn(n, 8), drawn(m, 9), HOW) is None


def test_a_classifier_needs_ten_texts_of_each_set() -> None:
    found = told_apart(drawn(9, 8), drawn(50, 9), HOW)
    assert found.value is None
    assert "fewer than 10 texts" in found.method


def test_the_same_seed_gives_the_same_p() -> None:
    a, b = drawn(50, 10), drawn(50, 11, 0.5)
    first, again = nearest(a, b, HOW), nearest(a, b, HOW)
    assert first == again
