"""Numbers as words and marks: rounding in one place, and the geometry of the small charts."""

from collections.abc import Sequence

from markupsafe import Markup

from srlm.records import Record

from ..records import MetricValue

SHARES = frozenset({
    "win", "tie", "lose", "win_minus_lose", "order_decided", "preference", "correct", "relevant", "count", "clean",
    "cut", "pairwise_accuracy", "pairwise_accuracy_half", "own_pairwise_accuracy", "five_best", "exact_match",
    "unparsed",
})  # fmt: skip
SHARE_BENCHMARKS = frozenset({"bead_skills", "bead_judge"})
"""Benchmarks all of whose figures are shares."""
LABELS = {
    "win": "wins",
    "tie": "ties",
    "lose": "losses",
    "win_minus_lose": "wins minus losses",
    "order_decided": "verdict changed with the order shown",
    "preference": "judge's probability that it is better, mean of both orders",
    "correct": "correct answers",
    "relevant": "well-formed answers with an item right",
    "count": "answers with as many items as asked",
    "clean": "answers without filler",
    "oracle_score": "exact score (0 to 5)",
    "own_pairwise_accuracy": "own answers: pairs ordered as the program does (a tie is wrong)",
    "greedy_correct": "greedy answers correct",
    **{
        f"greedy_correct_{name}": f"greedy answers correct: {name}"
        for name in ("copy", "reverse", "skip", "turn", "mate")
    },
    **{
        f"{part}_{name}": f"{words}: verdicts on `{name}`, balanced accuracy"
        for part, words in (("own", "own answers"), ("heldout", "held-out answers"))
        for name in ("relevant", "correct", "count", "clean")
    },
    "characters": "length, characters",
    "cut": "cut at the token limit",
    "pairwise_accuracy": "pairs ordered as people did (a tie is wrong)",
    "pairwise_accuracy_half": "pairs ordered as people did (a tie is half)",
    "five_best": "scored 5 and ranked first",
    "exact_match": "whole order exact",
    "spearman": "Spearman's rho",
    "kendall": "Kendall's tau-b",
    "spearman_undefined_as_0": "Spearman's rho, undefined as 0",
    "kendall_undefined_as_0": "Kendall's tau-b, undefined as 0",
    "unparsed": "readings without a score",
    "head_to_head": "head to head",
    "beads": "bead world",
    "bead_skills": "bead world, skills",
    "bead_judge": "bead world, as a judge",
    "answers": "answers",
    "judge_agreement": "as a judge",
}
CONTROLS = {code: "\ufffd" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}


def label(name: str) -> str:
    """A metric's or a benchmark's name in words."""
    return LABELS.get(name, name.replace("_", " "))


def percent(share: float) -> str:
    """0.555 -> 55.5%"""
    return f"{100 * share:.1f}%"


def is_share(metric: MetricValue) -> bool:
    """Whether its values lie in 0..1 and read as per cent."""
    return metric.metric in SHARES or metric.benchmark in SHARE_BENCHMARKS


def text_of(metric: MetricValue, value: float) -> str:
    """A value of this metric, rounded; differences carry their sign, those of shares are percentage points."""
    signed = metric.metric == "win_minus_lose" or (metric.baseline is not None and metric.benchmark != "head_to_head")
    sign = "+" if signed and value > 0 else ""
    if is_share(metric):
        return f"{sign}{100 * value:.1f} pp" if signed else percent(value)
    return sign + (f"{value:.1f}" if metric.metric == "characters" else f"{value:.3f}")


def figure(metric: MetricValue) -> Markup:
    """The value, its unrounded number beside it; a missing value says why."""
    if metric.value is None:
        return Markup('<span class="missing">missing: {}</span>').format(metric.note or metric.method)
    return _data(metric, metric.value)


def interval(metric: MetricValue) -> Markup:
    """The interval, or a dash."""
    if metric.low is None or metric.high is None:
        return Markup("<span title='no interval'>-</span>")
    return Markup('<span class="interval">{} to {}</span>').format(
        _data(metric, metric.low), _data(metric, metric.high)
    )


def _data(metric: MetricValue, value: float) -> Markup:
    return Markup('<data value="{}">{}</data>').format(repr(value), text_of(metric, value))


def p_value(p: float | None) -> Markup:
    """`p < .001`, `p = .012`."""
    if p is None:
        return Markup("-")
    text = "p < .001" if p < 0.001 else f"p = {p:.3f}".replace("0.", ".", 1)
    return Markup('<data value="{}">{}</data>').format(repr(p), text)


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


class Dot(Record):
    """One value with its whisker, in the chart's own units."""

    x: float
    y: float
    low: float
    high: float
    name: str
    text: str


class Line(Record):
    """A line of the grid and its label."""

    y: float
    text: str


class Chart(Record):
    """A small chart: a dot a checkpoint, a whisker for its interval."""

    title: str
    description: str
    width: int
    height: int
    left: int
    right: int
    base: float
    dots: tuple[Dot, ...]
    grid: tuple[Line, ...]


WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 360, 200, 44, 350, 24, 172


def chart(title: str, metrics: Sequence[MetricValue], top: float | None) -> Chart:
    """A dot and whisker for each metric that has a value; the scale starts at 0, or below where a value does."""
    known = [(m, m.value, *_ends(m, m.value)) for m in metrics if m.value is not None]
    highest = top if top is not None else _round_up(max(high for *_, high in known))
    lowest = -highest if min(low for *_, low, _ in known) < 0 else 0.0

    def y(value: float) -> float:
        return round(BOTTOM - (value - lowest) / (highest - lowest) * (BOTTOM - TOP), 1)

    step = (RIGHT - LEFT) / len(known)
    dots = tuple(
        Dot(
            x=round(LEFT + (place + 0.5) * step, 1),
            y=y(value),
            low=y(low),
            high=y(high),
            name=m.model,
            text=text_of(m, value),
        )
        for place, (m, value, low, high) in enumerate(known)
    )
    share = is_share(metrics[0])
    marks = [lowest + (highest - lowest) * quarter / 4 for quarter in range(5)]
    grid = tuple(Line(y=y(mark), text=f"{100 * mark:.0f}%" if share else f"{mark:g}") for mark in marks)
    said = ", ".join(
        f"{m.model} {text_of(m, v)} ({text_of(m, low)} to {text_of(m, high)})" for m, v, low, high in known
    )
    return Chart(
        title=title,
        description=f"{title}: {said}",
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=RIGHT,
        base=y(0.0),
        dots=dots,
        grid=grid,
    )


def _ends(metric: MetricValue, value: float) -> tuple[float, float]:
    return (value if metric.low is None else metric.low), (value if metric.high is None else metric.high)


def _round_up(value: float) -> float:
    """The next of 1, 2, 4, 5, 8, 10 times a power of ten, so that quarters are round numbers too."""
    scale = 1.0
    while scale * 10 < value:
        scale *= 10
    return next(step * scale for step in (1, 2, 4, 6, 8, 10) if step * scale >= value)
