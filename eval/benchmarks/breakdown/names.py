"""How the figures of a breakdown are called: a prefix of ours, then the way of sorting and the kind."""

from collections.abc import Mapping

from ...figures.specs import MetricSpec

BREAKDOWN = "breakdown"
"""The benchmark."""
WINS, LOSSES = "wins", "losses"
ALPACA, GAIN = "AlpacaEval win rate", "AlpacaEval gain"
PROMPTS, ALPACA_PROMPTS = "prompts", "AlpacaEval's prompts"
SORTS = {"category": "category", "complexity": "complexity", "length": "expected length"}
"""A label of a prompt -> what sorting by it is called."""


def kind_of(sort: str, kind: str) -> str:
    """Wins minus losses on a kind of prompt are called just that."""
    return f"{sort}: {kind}"


def figure_of(what: str, sort: str, kind: str) -> str:
    """Any other figure on a kind of prompt."""
    return f"{what}, {kind_of(sort, kind)}"


def differs(what: str, sort: str) -> str:
    """How much of the variance between prompts the kinds explain."""
    return f"{what} by {sort}"


MARGIN = "wins minus losses"
SPECS: Mapping[str, MetricSpec] = {
    WINS: MetricSpec(label="wins", unit="share", better="higher"),
    LOSSES: MetricSpec(label="losses", unit="share", better="lower"),
    ALPACA: MetricSpec(label="AlpacaEval win rate", unit="share", better="higher"),
    GAIN: MetricSpec(label="gain of the AlpacaEval win rate", unit="share", better="higher", signed=True),
    PROMPTS: MetricSpec(label="share of the prompts", unit="share"),
    ALPACA_PROMPTS: MetricSpec(label="share of AlpacaEval's prompts", unit="share"),
}


def spec(metric: str) -> MetricSpec:
    """How a figure of this name reads."""
    if is_test(metric):
        return MetricSpec(label=f"{metric}: variance explained", unit="share")
    for what, one in SPECS.items():
        if metric.startswith(f"{what}, "):
            return one.model_copy(update={"label": metric})
    return MetricSpec(label=metric, unit="share", better="higher", signed=True)


def is_test(metric: str) -> bool:
    """Whether it says that kinds differ, and is of no kind itself."""
    return any(metric == differs(what, sort) for what in (MARGIN, GAIN) for sort in SORTS.values())


def is_composition(metric: str) -> bool:
    """Whether it says how many prompts are of a kind."""
    return metric.startswith((f"{PROMPTS}, ", f"{ALPACA_PROMPTS}, "))


def is_detail(metric: str) -> bool:
    """Whether tables leave it to metrics.csv: wins and losses by themselves."""
    return metric.startswith((f"{WINS}, ", f"{LOSSES}, "))
