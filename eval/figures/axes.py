"""Axes of quantities: round ticks, as many as have room for their words."""

import math
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from .widths import width

Unit = Literal["share", "number"]
APART = 10
"""Pixels between the words of two ticks."""
FARTHEST = 1e300
"""No axis ends beyond it: sums and steps stay finite."""
LEAST = 1e-4
"""Of smaller steps the digits are counted, not written out."""
BEYOND = 0.03
"""Share of its length by which an axis goes on behind the last number."""
LOG_TICKS = 9
"""Ticks of an upright logarithmic axis; of more, powers of ten alone."""
MOST = 6
"""Intervals between ticks."""
LETTERS = ((1e9, 1e12, 1e9, "B"), (1e6, 1e9, 1e6, "M"), (1e4, 1e6, 1e3, "k"))
"""From, up to, what one of its units is, and its letter."""


def _short(value: float) -> str:
    """A large round number with its letter: `20k`, `1.5M`; empty where none fits."""
    for low, high, one, letter in LETTERS:
        if low <= abs(value) < high:
            return f"{value / one:,.10g}{letter}"
    return ""


class Axis(NamedTuple):
    """An axis and its ticks, which lie on round numbers."""

    low: float
    high: float
    first: float
    """Where its first tick is."""
    step: float
    unit: Unit = "number"
    signed: bool = False

    @property
    def values(self) -> list[float]:
        """Its ticks."""
        count = math.floor((self.high - self.first) / self.step + 1e-9)
        return [round(self.first + place * self.step, 12) for place in range(count + 1)]

    @property
    def words(self) -> list[str]:
        """What its ticks are called, as the picture has it."""
        return [self._word(value) for value in self.values]

    @property
    def _digits(self) -> int:
        step = self.step * (100 if self.unit == "share" else 1)
        return max(0, -math.floor(math.log10(step) + 1e-9))

    @property
    def _significant(self) -> int:
        """Digits that tell one tick from the next."""
        most = max(abs(self.low), abs(self.high), self.step)
        return max(1, min(15, math.floor(math.log10(most)) - math.floor(math.log10(self.step) + 1e-9) + 1))

    def _word(self, value: float) -> str:
        if self.unit == "number" and (abs(value) >= 10_000 or self.step < LEAST):
            short = _short(value) or f"{value:.{self._significant}g}"
            return short.replace("-", "\u2212")
        sign = "+" if self.signed and value > 0 else ""
        if self.unit == "share":  # a difference of shares is in points, as the axis's own words say (`called`)
            shown = f"{100 * value:.{self._digits}f}{'' if self.signed else '%'}"
        else:
            shown = f"{value:,.{self._digits}f}"
        return (sign + shown).replace("-", "\u2212")

    def called(self, words: str) -> str:
        """What the axis is called, with the unit that its ticks leave out."""
        return ", ".join(part for part in (words, "points" if self.unit == "share" and self.signed else "") if part)

    def vega(self) -> dict[str, Any]:
        """As Vega-Lite has it: scale and axis."""
        words = f"{self.words}[round((datum.value - {self.first!r}) / {self.step!r})]"
        return {
            "scale": {"domain": [self.low, self.high], "nice": False, "zero": False},
            "axis": {
                "values": self.values, "labelExpr": words, "labelOverlap": False, "labelFlush": False,
                "labelBound": False, "title": None,
            },
        }  # fmt: skip


def axis(
    ends: Sequence[float], room: float, unit: Unit = "number", signed: bool = False, upright: bool = False,
    exact: tuple[float, float] | None = None,
) -> Axis:  # fmt: skip
    """An axis over these numbers, its ticks' words no wider than `room` pixels. `exact`: what it holds at least.

    `upright`: its ticks stand above each other, and it ends at ticks; else it ends a little beyond the numbers.
    """
    low, high = max(-FARTHEST, min([*ends, *(exact or ())])), min(FARTHEST, max([*ends, *(exact or ())]))
    if not high - low > abs(high) * 1e-9:
        low, high = (low - 1, high + 1) if not low else (low - abs(low) / 2, high + abs(high) / 2)
    if not upright:
        beyond = (high - low) * BEYOND
        low, high = (end if exact and end in exact else end + way * beyond for end, way in ((low, -1), (high, 1)))
    found = _rounded(low, high, 1, unit, signed, upright)
    for parts in range(MOST, 1, -1):
        found = _rounded(low, high, parts, unit, signed, upright)
        taken = 16.0 if upright else max(map(width, found.words), default=0) + APART
        if taken * (found.high - found.low) / found.step <= room and len(found.values) > 1:
            return found
    return found


def _rounded(low: float, high: float, parts: int, unit: Unit, signed: bool, at_ticks: bool) -> Axis:
    """A step of 1, 2 or 5 times a power of ten, the least that gives no more parts."""
    raw = (high - low) / parts
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= raw * (1 - 1e-9))
    if at_ticks:
        begin, end = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
        return Axis(round(begin, 12), round(end, 12), round(begin, 12), step, unit, signed)
    return Axis(low, high, round(math.ceil(low / step - 1e-9) * step, 12), step, unit, signed)


class LogAxis(NamedTuple):
    """A logarithmic axis between two of 1, 2 and 5 times powers of ten."""

    low: float
    high: float
    values: list[float]
    """Its ticks."""

    @property
    def words(self) -> list[str]:
        """What its ticks are called."""
        return [f"{value:,.10g}" for value in self.values]

    def vega(self) -> dict[str, Any]:
        """As Vega-Lite has it: scale and axis."""
        words = f"{self.words}[indexof({self.values}, datum.value)]"
        return {
            "scale": {"type": "log", "domain": [self.low, self.high], "nice": False},
            "axis": {"values": self.values, "labelExpr": words, "labelOverlap": False, "title": None},
        }


LOG_FROM, LOG_TO = 10.0, 1e6
"""How many times its least value the largest one is, where a logarithmic axis shows more than a linear one."""


def logarithmic(numbers: Sequence[float]) -> LogAxis | None:
    """An upright logarithmic axis over these numbers; None: they are too near or too far apart, or not all positive."""
    least, most = min(numbers), max(numbers)
    if not (least > 0 and LOG_FROM <= most / least <= LOG_TO):
        return None
    powers = range(math.floor(math.log10(least)) - 1, math.ceil(math.log10(most)) + 2)
    round_ones = [round(times * 10.0**power, 12) for power in powers for times in (1, 2, 5)]
    low = max(one for one in round_ones if one <= least)
    high = min(one for one in round_ones if one >= most)
    ticks = [one for one in round_ones if low <= one <= high]
    if len(ticks) > LOG_TICKS:
        ticks = [one for one in ticks if math.log10(one).is_integer()]
    return LogAxis(low, high, ticks)
