"""The bridge to another judge's scale: worked by hand, against numerical integration, and on simulated judges."""

import numpy as np
import pytest
from scipy import optimize, special, stats

from eval.stats.bridge import (
    Anchor,
    Candidate,
    Judged,
    Priors,
    bridge,
    choose,
    doubts,
    expected_half_width,
    gain,
    logit_noise,
    order,
    relative_length,
)


def anchors(candidate: list[float], official: list[float], length: float = -0.3) -> list[Anchor]:
    return [Anchor(Judged(c, length, 0.0), o) for c, o in zip(candidate, official, strict=True)]


def test_relative_length_is_the_tanh_of_the_logarithm_and_wears_off() -> None:
    assert relative_length(2049, 2049) == 0
    assert relative_length(1000, 2000) == pytest.approx(-0.6)  # (1 - 4) / (1 + 4)
    assert relative_length(0, 2000) == pytest.approx(-1, abs=1e-6)


def test_the_noise_of_the_prompts_is_sampling_without_replacement_and_disagreement() -> None:
    """A rate of .2 over 100 of 805 prompts, standard error .04: variance a prompt .16, and (.2 * .8)^2 = .0256."""
    sampled = 0.16 * (1 / 100 - 1 / 805) + 0.5 * 0.16 / 805
    assert logit_noise(0.2, 0.04, 100, 805, 0.5, paired=False) == pytest.approx(sampled / 0.0256)
    assert logit_noise(0.2, 0.04, 100, 805, 0.5, paired=True) == pytest.approx(0.5 * 0.16 / 100 / 0.0256)
    assert logit_noise(0.2, 0.04, 805, 805, 0.5, paired=False) == pytest.approx(0.5 * 0.04**2 / 0.0256)


def test_fewer_than_three_anchors_carry_nothing() -> None:
    own = Judged(0.2, -0.3, 0.0)
    assert bridge(anchors([0.1, 0.3], [0.1, 0.3]), own, 0.95) is None
    assert bridge(anchors([0.1, 0.2, 0.3], [0.1, 0.2, 0.3]), own, 0.95) is not None


def test_the_interval_is_what_numerical_integration_over_offset_and_scatter_gives() -> None:
    """With slope and length fixed the posterior has two unknowns, which a fine grid sums without the algebra."""
    shift = np.array([0.1, 0.3, 0.25, 0.5])
    rates = np.array([0.1, 0.15, 0.2, 0.3])
    known = anchors(list(rates), list(special.expit(special.logit(rates) + shift)))
    found = bridge(known, Judged(0.18, -0.3, 0.0), 0.9, Priors(offset=1.0, slope=1e-6, length=1e-6, scatter=0.2))
    assert found is not None

    offset, scatter = np.meshgrid(np.linspace(-2.5, 2.5, 801), np.linspace(0.01, 1.5, 400))
    density = stats.norm.pdf(offset) * stats.t.pdf(scatter / 0.2, 3)
    density *= np.prod([stats.norm.pdf(one, offset, scatter) for one in shift], axis=0)
    density /= density.sum()

    def below(z: float) -> float:
        return float((density * stats.norm.cdf(z, offset, scatter)).sum())

    at = float(special.logit(0.18))
    ends = [optimize.brentq(lambda z, p=p: below(z) - p, -2, 2, xtol=1e-3) for p in (0.05, 0.95)]
    assert special.logit([found.low, found.high]) - at == pytest.approx(ends, abs=0.004)


def test_a_judge_that_is_milder_by_the_same_everywhere_is_corrected_by_that() -> None:
    """Official logits are the candidate's minus 1/2: .3 becomes expit(logit .3 - .5) = .206."""
    rates = [0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4]
    known = anchors(rates, [float(special.expit(special.logit(rate) - 0.5)) for rate in rates])
    found = bridge(known, Judged(0.3, -0.3, 0.0), 0.95)
    assert found is not None
    assert found.value == pytest.approx(0.2063, abs=0.002)
    assert found.low < found.value < found.high
    assert found.offset == pytest.approx(-0.5, abs=0.01)
    assert found.scatter < 0.03


def test_a_judge_that_likes_length_is_corrected_for_it() -> None:
    """Candidate logits rise by a relative length of .1 by .1 more than official ones: .2 at length .3 is too high."""
    lengths = [-0.8, -0.6, -0.5, -0.3, -0.2, 0.0, 0.1, 0.2]
    rates = [0.1, 0.3, 0.15, 0.25, 0.12, 0.28, 0.18, 0.22]
    known = [
        Anchor(Judged(rate, length, 0.0), float(special.expit(special.logit(rate) - length)))
        for rate, length in zip(rates, lengths, strict=True)
    ]
    found = bridge(known, Judged(0.2, 0.3, 0.0), 0.95)
    assert found is not None
    assert found.value == pytest.approx(float(special.expit(special.logit(0.2) - 0.3)), abs=0.01)  # .156


def test_the_interval_widens_outside_the_anchors_and_with_their_scatter() -> None:
    rates = [0.15, 0.18, 0.2, 0.22, 0.25]
    known = anchors(rates, [0.14, 0.19, 0.19, 0.23, 0.24])
    scattered = anchors(rates, [0.10, 0.24, 0.15, 0.29, 0.19])

    def width(of: list[Anchor], rate: float) -> float:
        found = bridge(of, Judged(rate, -0.3, 0.0), 0.95)
        assert found is not None
        return float(special.logit(found.high) - special.logit(found.low))

    assert width(known, 0.2) < 0.75 * width(known, 0.05)
    assert width(known, 0.2) < 0.5 * width(scattered, 0.2)


def test_order_is_spearmans_correlation_with_bonett_and_wrights_interval() -> None:
    """Ranks 1 2 3 4 5 against 1 2 3 5 4: rho = 1 - 6 * 2 / 120 = .9, z = 1.4722, error sqrt(1.405 / 2) = .8382."""
    found = order(anchors([0.1, 0.15, 0.2, 0.25, 0.3], [0.1, 0.15, 0.2, 0.3, 0.25]), 0.95)
    assert found == pytest.approx((0.9, -0.1689, 0.9962), abs=1e-3)
    same = order(anchors([0.1, 0.2, 0.3], [0.1, 0.2, 0.3]), 0.95)
    assert (same.value, same.low, same.high) == (1.0, None, None)
    assert order(anchors([0.2, 0.2, 0.2], [0.1, 0.2, 0.3]), 0.95).value is None


def test_doubts_tell_a_judge_that_knows_nothing_from_one_that_does() -> None:
    rates = [0.1, 0.15, 0.2, 0.25, 0.3, 0.35]
    good = doubts(anchors(rates, [0.11, 0.14, 0.21, 0.24, 0.31, 0.34]), Judged(0.45, -0.3, 0.0), 0.95)
    blind = anchors([0.21, 0.19, 0.2, 0.22, 0.18, 0.2], rates)
    assert good.gain is not None and good.gain < 0.3
    assert good.beyond == pytest.approx(special.logit(0.45) - special.logit(0.35))
    assert (lost := gain(blind)) is not None and lost > 0.9
    assert gain(blind[:3]) is None


def test_chosen_anchors_spread_around_the_target_in_rate_and_length() -> None:
    pool = [Candidate(f"{rate} {length}", rate, length) for rate in (0.1, 0.2, 0.4) for length in (-0.6, -0.3, 0.0)]
    first = choose(pool, 4, [(0.2, -0.3)])
    assert len({one.name for one in first}) == 4
    around = choose(pool, 9, [(0.1, -0.6), (0.4, 0.0)])[:3]
    assert {"0.1 -0.6", "0.4 0.0"} <= {one.name for one in around}


def test_more_anchors_and_more_prompts_are_expected_to_narrow_the_interval() -> None:
    pool = [Candidate(str(rate), rate, -0.3) for rate in np.linspace(0.08, 0.4, 12)]
    own = Candidate("own", 0.2, -0.3)

    def half(count: int, n: int) -> float:
        found = expected_half_width(pool[::2][:count] + pool[1::2][: max(0, count - 6)], own, n, 805, 0.95, 1)
        assert found is not None
        return found

    assert half(12, 805) < half(4, 805)
    assert half(6, 805) < 0.8 * half(6, 80)
    assert expected_half_width(pool[:2], own, 805, 805, 0.95, 1) is None


@pytest.mark.parametrize(("count", "scatter"), [(5, 0.15), (12, 0.2)])
def test_95_percent_intervals_cover_about_as_often_with_scatter_between_judges(count: int, scatter: float) -> None:
    """Of 400 judges; 365 is what chance leaves of 95% at worst (one in 1,000), 397 of 97.5%."""
    draw, hits = np.random.default_rng([count, round(100 * scatter)]), 0
    for _ in range(400):
        offset, slope, love = draw.normal(-0.2, 0.3), draw.normal(0, 0.12), draw.normal(0, 0.3)
        x, length = draw.normal(-1.5, 0.6, count + 1), draw.uniform(-0.8, 0.2, count + 1)
        rate = special.expit(x)
        noise = 0.8 / (805 * rate * (1 - rate))
        errors = draw.normal(0, np.sqrt(scatter**2 + noise))
        truth = special.expit(x + offset + slope * (x + 1.5) + love * length + errors)
        judged = [Judged(*one) for one in zip(rate.tolist(), length.tolist(), noise.tolist(), strict=True)]
        known = [Anchor(one, float(official)) for one, official in zip(judged[1:], truth[1:], strict=True)]
        found = bridge(known, judged[0], 0.95)
        assert found is not None
        hits += found.low <= truth[0] <= found.high
    assert 365 <= hits <= 397
