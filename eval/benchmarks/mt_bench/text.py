"""MT-Bench's figures for a terminal: a row a model, then what each model changed."""

from collections.abc import Sequence

from ...figures.text import aligned, listed, value, without_interval
from ...records import MetricValue
from .names import HARD, OTHERS, OVERALL, TURNS

SHOWN = {OVERALL: "both turns", TURNS[0]: "turn 1", TURNS[1]: "turn 2", HARD: "math+code+reasoning", OTHERS: "rest"}
"""Columns, and how they are called."""
BY_TURN = tuple(f", {name}" for name in TURNS)


def scores(metrics: Sequence[MetricValue]) -> str:
    """Means with intervals by model, categories, differences between successive models."""
    means = {(one.model, one.metric): one for one in metrics if one.baseline is None}
    models = list(dict.fromkeys(model for model, _ in means))
    there = [name for name in SHOWN if any((model, name) in means for model in models)]
    rows = []
    for model in models:
        whole = means[model, OVERALL]
        figures = [value(means.get((model, name)), unknown="-") for name in there]
        rows.append([model, *figures, str(whole.n), str(whole.unscored), whole.note])
    table = aligned(["model", *(SHOWN[name] for name in there), "n", "unscored", "note"], rows)
    categories = [name for _, name in means if name.startswith("category: ") and not name.endswith(BY_TURN)]
    parts = [table]
    if categories:
        named = list(dict.fromkeys(categories))
        by_category = [
            [model, *(value(means.get((model, name)), unknown="-") for name in named), ""] for model in models
        ]
        parts.append(aligned(["model", *(name.removeprefix("category: ") for name in named), ""], by_category))
    changed = [one for one in metrics if one.baseline is not None and one.metric in SHOWN]
    if changed:
        parts.append(listed(changed, "model"))
    return "\n\n".join([*parts, *without_interval([one for one in metrics if one.metric in SHOWN])])
