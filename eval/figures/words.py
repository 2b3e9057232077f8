"""Numbers as words and marks: rounding in one place."""

from markupsafe import Markup

from ..records import MetricValue

SHARES = frozenset({
    "win", "tie", "lose", "win_minus_lose", "order_decided", "preference", "correct", "relevant", "count", "clean",
    "cut", "pairwise_accuracy", "pairwise_accuracy_half", "own_pairwise_accuracy", "five_best", "exact_match",
    "unparsed",
})  # fmt: skip
SHARE_BENCHMARKS = frozenset({"bead_skills", "bead_judge", "slices", "worse_judges"})
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
    "alpaca_eval": "AlpacaEval 2.0",
    "win_rate": "win rate",
    "lc_win_rate": "length-controlled win rate",
    "slices": "kinds of prompts",
    "worse_judges": "what worse judges cost",
    "answers": "answers",
    "judge_agreement": "as a judge",
}
CONTROLS = {code: "\ufffd" for code in (*range(32), *range(127, 160), 0xFFFE, 0xFFFF) if chr(code) not in "\n\t"}
"""What XML cannot hold, among them: vl_convert takes the whole process down over one."""


def label(name: str) -> str:
    """A metric's or a benchmark's name in words."""
    return LABELS.get(name, name.replace("_", " "))


def percent(share: float) -> str:
    """0.555 -> 55.5%"""
    return f"{100 * share:.1f}%"


def is_share(metric: MetricValue) -> bool:
    """Whether its values lie in 0..1 and read as per cent."""
    return metric.metric.rpartition("/")[2] in SHARES or metric.benchmark in SHARE_BENCHMARKS


def text_of(metric: MetricValue, value: float) -> str:
    """A value of this metric, rounded; differences carry their sign, those of shares are percentage points."""
    signed = metric.metric == "win_minus_lose" or (metric.baseline is not None and metric.benchmark != "head_to_head")
    sign = "+" if signed and value > 0 else ""
    if metric.value_unit == "percent":
        return f"{sign}{value:.1f} pp" if signed else f"{value:.1f}%"
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
    return Markup('<data value="{}">{}</data>').format(repr(p), p_text(p))


def p_text(p: float) -> str:
    """The same as plain words."""
    return "p < .001" if p < 0.001 else f"p = {p:.3f}".replace("0.", ".", 1)


def sentence(metric: MetricValue) -> str:
    """A figure and all that has to stand beside it, in one line."""
    if metric.value is None:
        return f"{metric.model}: missing: {metric.note or metric.method}"
    against = f" against {metric.baseline}" if metric.baseline else ""
    low, high = metric.low, metric.high
    ends = "" if low is None or high is None else f" ({text_of(metric, low)} to {text_of(metric, high)})"
    unscored = f", {metric.unscored:,} unscored" if metric.unscored else ""
    return (
        f"{metric.model}{against}: {text_of(metric, metric.value)}{ends}, n {metric.n:,} {metric.unit}{unscored}; "
        f"{metric.method}"
    )


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
