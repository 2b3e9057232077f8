"""Numbers as words and marks: rounding in one place."""

from collections.abc import Iterable

from markupsafe import Markup

from ..records import MetricValue
from .specs import Group, MetricSpec, Named, spaced

MINUS = "\N{MINUS SIGN}"
"""As wide as a plus, and what charts have, too."""
CONTROLS = {code: "\ufffd" for code in (*range(32), *range(127, 160), 0xFFFE, 0xFFFF) if chr(code) not in "\n\t"}
"""What XML cannot hold, among them: vl_convert takes the whole process down over one."""


class MetricWords:
    """How figures read, as what they belong to says."""

    def __init__(self, known: Iterable[Named]) -> None:
        self._known = {one.name: one for one in known}

    def of(self, benchmark: str) -> Named:
        """The owner of figures of this name; figures that nobody knows are called as they are."""
        return self._known.get(benchmark) or Group(benchmark, spaced(benchmark), {})

    def title(self, benchmark: str) -> str:
        """A benchmark's name in words."""
        return self.of(benchmark).label

    def spec(self, metric: MetricValue) -> MetricSpec:
        """What its benchmark says of a figure."""
        return self.of(metric.benchmark).spec(metric.metric)

    def label(self, metric: MetricValue) -> str:
        """A metric's name in words."""
        return self.spec(metric).label

    def is_share(self, metric: MetricValue) -> bool:
        """Whether its values lie in 0..1 and read as per cent."""
        return self.spec(metric).unit == "share"

    def is_difference(self, metric: MetricValue) -> bool:
        """Whether it is a model's figure minus its baseline's."""
        return metric.baseline is not None and not self.of(metric.benchmark).pairs

    def text_of(self, metric: MetricValue, value: float) -> str:
        """A value of this metric, rounded, with its unit: `55.5%`. Differences carry their sign, and those of shares
        are percentage points: `+1.5 points`."""
        return f"{self._number(metric, value)}{self._unit(metric)}"

    def ends_of(self, metric: MetricValue) -> str:
        """Both ends of the interval, the unit once: `51.2 to 58.0%`; empty where there is none."""
        if metric.low is None or metric.high is None:
            return ""
        low, high = self._number(metric, metric.low), self._number(metric, metric.high)
        return f"{low} to {high}{self._unit(metric)}"

    def change_of(self, metric: MetricValue, value: float) -> str:
        """A difference between two values of this metric, rounded, with its sign."""
        return f"{self._number(metric, value, signed=True)}{self._unit(metric, signed=True)}"

    def change_ends_of(self, metric: MetricValue, low: float, high: float) -> str:
        """Both ends of the interval of such a difference."""
        ends = (self._number(metric, end, signed=True) for end in (low, high))
        return f"{' to '.join(ends)}{self._unit(metric, signed=True)}"

    def _signed(self, metric: MetricValue) -> bool:
        return self.spec(metric).signed or self.is_difference(metric)

    def _number(self, metric: MetricValue, value: float, signed: bool = False) -> str:
        spec, signed = self.spec(metric), signed or self._signed(metric)
        if metric.value_unit == "percent":
            return number(value, 1, signed)
        return number(100 * value, 1, signed) if spec.unit == "share" else number(value, spec.digits, signed)

    def _unit(self, metric: MetricValue, signed: bool = False) -> str:
        if metric.value_unit != "percent" and not self.is_share(metric):
            return ""
        return POINTS if signed or self._signed(metric) else "%"

    def figure(self, metric: MetricValue) -> Markup:
        """The value, its unrounded number beside it; a missing value says why."""
        if metric.value is None:
            return Markup('<span class="missing">missing: {}</span>').format(metric.note or metric.method)
        return _data(metric.value, self.text_of(metric, metric.value))

    def interval(self, metric: MetricValue) -> Markup:
        """The interval, or a dash."""
        if metric.low is None or metric.high is None:
            why = no_interval(metric) or "-"
            return Markup('<span class="missing">{}</span>').format(why)
        low, high = (_data(end, self._number(metric, end)) for end in (metric.low, metric.high))
        return Markup('<span class="interval">{} to {}{}</span>').format(low, high, self._unit(metric))

    def sentence(self, metric: MetricValue) -> str:
        """A figure and all that has to stand beside it, in one line."""
        if metric.value is None:
            return f"{metric.model}: missing: {metric.note or metric.method}"
        against = f" against {metric.baseline}" if metric.baseline else ""
        ends = f" ({said})" if (said := self.ends_of(metric)) else ""
        unscored = f", {metric.unscored:,} unscored" if metric.unscored else ""
        return (
            f"{metric.model}{against}: {self.text_of(metric, metric.value)}{ends}, n {metric.n:,} {metric.unit}"
            f"{unscored}; {metric.method}"
        )


def no_interval(metric: MetricValue) -> str:
    """Why a figure that is there has no interval, as its method says: `no interval: fewer than 15 prompts`."""
    place = metric.method.find("no interval")
    return "" if metric.value is None or place < 0 else metric.method[place:].partition("; p: ")[0]


def better_side(spec: MetricSpec) -> str:
    """On which side of 0 a difference, first minus second, is good for the first."""
    if spec.better is None:
        return "right of 0 the first has more"
    return f"{'right' if spec.better == 'higher' else 'left'} of 0 the first is better"


POINTS = " points"
"""Of percent: what differences of shares are in."""


def number(value: float, digits: int, signed: bool = False) -> str:
    """A number so rounded. `signed`: a plus where it is above 0; what is rounded to 0 has no sign."""
    shown = f"{abs(value):.{digits}f}"
    if not float(shown):
        return shown
    return f"{MINUS if value < 0 else '+' if signed else ''}{shown}"


def percent(share: float) -> str:
    """0.555 -> 55.5%"""
    return f"{number(100 * share, 1)}%"


def points(share: float, unit: bool = True) -> str:
    """A difference of shares: 0.015 -> +1.5 points"""
    return f"{number(100 * share, 1, signed=True)}{POINTS if unit else ''}"


def _data(value: float, shown: str) -> Markup:
    return Markup('<data value="{}">{}</data>').format(repr(value), shown)


def p_value(p: float | None) -> Markup:
    """`p < .001`, `p = .012`."""
    if p is None:
        return Markup("-")
    return Markup('<data value="{}">{}</data>').format(repr(p), p_text(p))


def p_text(p: float) -> str:
    """The same as plain words."""
    return "p < .001" if p < 0.001 else f"p = {p:.3f}".replace("0.", ".", 1)


def count(value: int | float | str | None) -> str:
    """A count of a manifest; None is a count that could not be told."""
    if value is None:
        return "not known"
    return (
        f"{value:.3f}"
        if isinstance(value, float) and not value.is_integer()
        else f"{value:,}"
        if isinstance(value, int)
        else f"{value}"
    )


def plain(text: str) -> str:
    """A model's words without control characters; what they could do to a page is the template's to prevent."""
    return text.translate(CONTROLS)
