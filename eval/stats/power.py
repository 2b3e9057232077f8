"""How small a difference can n prompts show? Two-sided tests at 5%, seen with 80% power unless said otherwise.

Normal approximation (Fleiss, Levin and Paik 2003, ch. 4), each variance at its own rate. A win rate from a judge that
gives probabilities varies less than one of yes or no, so these are the cautious figures; a comparison that has been
made has its own standard error, and `visible` uses that.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
from scipy import optimize, stats

from srlm.errors import SettingsError
from srlm.records import Record

POWER = 0.8
ALPHA = 0.05


Against = Literal["a fixed rate", "another model"]


class Smallest(Record):
    """The smallest differences from a rate that n prompts show."""

    n: int
    rate: float
    """0..1."""
    against: Against
    correlation: float
    """Of two models' outcomes on the same prompt; 0 also where they answered different prompts."""
    alpha: float
    power: float
    up: float | None
    """Smallest increase, 0..1. None: even the rate 1 would not be seen."""
    down: float | None
    """Smallest decrease. None: even the rate 0 would not be seen."""


def visible(error: float, alpha: float = ALPHA, power: float = POWER) -> float:
    """The smallest difference seen with this power, given the standard error of the difference."""
    return float((stats.norm.isf(alpha / 2) + stats.norm.ppf(power)) * error)


def standard_error_of(low: float, high: float, confidence: float) -> float:
    """The standard error behind an interval, as if it were normal."""
    return float((high - low) / (2 * stats.norm.isf((1 - confidence) / 2)))


def smallest(
    n: int,
    rate: float,
    against: Against = "another model",
    correlation: float = 0.0,
    alpha: float = ALPHA,
    power: float = POWER,
) -> Smallest:
    """The smallest increase and decrease from `rate` that a test over `n` prompts (of each model) shows.

    Raises SettingsError where a number lies outside its range.
    """
    for name, value, low, high in (("rate", rate, 0, 1), ("alpha", alpha, 0, 1), ("power", power, alpha, 1)):
        if not low < value < high:
            raise SettingsError(f"--{name} {value:g}: must be between {low:g} and {high:g}, exclusive")
    if n < 2:
        raise SettingsError(f"--n {n}: must be at least 2")
    if not 0 <= correlation < 1:
        raise SettingsError(f"--correlation {correlation:g}: must be at least 0 and below 1")

    def shortfall(other: float) -> float:
        """How much farther than |other - rate| a difference has to be, to be seen."""
        own, its = rate * (1 - rate), other * (1 - other)
        middle = (rate + other) / 2
        if against == "a fixed rate":
            chance, truth = own, its
        else:
            chance = 2 * middle * (1 - middle) * (1 - correlation)
            truth = own + its - 2 * correlation * np.sqrt(own * its)
        needed = stats.norm.isf(alpha / 2) * np.sqrt(chance / n) + stats.norm.ppf(power) * np.sqrt(truth / n)
        return float(needed - abs(other - rate))

    return Smallest(
        n=n,
        rate=rate,
        against=against,
        correlation=correlation,
        alpha=alpha,
        power=power,
        up=_crossing(shortfall, rate, 1.0),
        down=_crossing(shortfall, rate, 0.0),
    )


def _crossing(shortfall: Callable[[float], float], rate: float, end: float) -> float | None:
    if shortfall(end) > 0:
        return None
    return float(abs(optimize.brentq(shortfall, rate, end) - rate))
