"""What lm-eval says of each document, as records; which of its metrics are means."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from .record import NlpDocument, document_id

INVALID = "[invalid]"
"""What a filter of lm-eval gives where it finds no answer."""


def metric_names(leaf: Any) -> list[str]:
    """The metrics of a task: `acc`, and where several filters read what was written, `exact_match.FILTER`."""
    filters = [one.name for one in leaf._filters]
    return [name_of(metric, one, filters) for metric in leaf.aggregation() for one in filters]


def name_of(metric: str, filter_name: str, filters: Sequence[str]) -> str:
    """A metric's name; that of its filter stands behind it where there are several."""
    return f"{metric}.{filter_name}" if len(filters) > 1 else metric


def documents(name: str, leaf: Any, samples: Sequence[Mapping[str, Any]]) -> list[NlpDocument]:
    """A record a document of one task, from lm-eval's samples: one for each document and filter."""
    filters, wanted = [one.name for one in leaf._filters], list(leaf.aggregation())
    by_place: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for sample in samples:
        by_place[sample["doc_id"]].append(sample)
    found = []
    for place, of_filters in sorted(by_place.items()):
        values, invalid = {}, []
        for sample in of_filters:
            for metric in sample["metrics"]:
                key = name_of(metric, sample["filter"], filters)
                values[key] = _value(sample[metric])
                if INVALID in sample["filtered_resps"]:
                    invalid.append(key)
        first = of_filters[0]
        said = [one for responses in first["resps"] for one in responses]
        found.append(
            NlpDocument(
                id=document_id(name, place, first["doc"]),
                task=name,
                place=place,
                values={name_of(m, f, filters): None for m in wanted for f in filters} | values,
                log_likelihoods=tuple(float(one[0]) for one in said if isinstance(one, tuple | list)),
                written=tuple(one for one in said if isinstance(one, str)),
                invalid=tuple(invalid),
            )
        )
    return found


def means(leaf: Any) -> list[str]:
    """The metrics of a task that are means over documents, or over all instructions of all documents."""
    from lm_eval.api.metrics import mean

    filters = [one.name for one in leaf._filters]
    return [
        name_of(metric, one, filters)
        for metric, how in leaf.aggregation().items()
        if how is mean or getattr(how, "__name__", "") == "agg_inst_level_acc"
        for one in filters
    ]


def lower_is_better(leaf: Any) -> list[str]:
    """The metrics of a task whose lower values are better."""
    filters = [one.name for one in leaf._filters]
    turned = [metric for metric, higher in leaf.higher_is_better().items() if higher is False]
    return [name_of(metric, one, filters) for metric in turned for one in filters]


def number(value: object) -> float | None:
    """A score as a number; None where it is none, or not finite."""
    try:
        found = float(value)  # type: ignore[arg-type]  # numpy's numbers, booleans
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def _value(value: Any) -> float | tuple[float, ...] | None:
    """One number, or one for each instruction; None for anything else, such as (log-likelihood, words)."""
    if isinstance(value, list) and value and all(isinstance(one, bool) for one in value):
        return tuple(float(one) for one in value)
    return number(value)
