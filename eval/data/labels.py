"""Human labels of what a judge judged: a few rows that say who was better, to correct the judge by.

    {"id": "...", "label": "win"}                       win, tie or lose, for the model; or 0..1, how far it is better
    {"instruction": "...", "better": "gpt-4"}           the name of the better answer's model, `tie`
    {"set": 12, "pair": "0-1", "better": "first"}       of two answers of a set: first, second, tie; A, B; 1, 2

JSON lines, one JSON list or CSV, plain or gz. A unit is named by `id`, `prompt_id`, `instruction`, `prompt` or `set`.
`model` and `baseline` say whose answers were compared where a command knows several. Labels of one unit by several
people count as their mean. What cannot be read is refused with its place; what matches nothing is counted, with a
reason.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from srlm.data.lines import Row, is_csv, objects, table
from srlm.errors import DataError

NAMES = ("id", "prompt_id", "instruction", "prompt", "set")
"""Columns that name a unit, the first one present counts."""
WORDS = {"win": 1.0, "tie": 0.5, "draw": 0.5, "lose": 0.0, "loss": 0.0}
SEVERAL = -1
"""In place of a unit: several have the name."""
PLACES = {"first": 1.0, "a": 1.0, "1": 1.0, "second": 0.0, "b": 0.0, "2": 0.0, "tie": 0.5, "draw": 0.5}


class HumanLabel(NamedTuple):
    """One row."""

    place: str
    """`path:line`, for messages."""
    unit: str
    value: float | None
    """0..1, how far the model's answer (the first one) is better. None: `better` says it."""
    better: str
    turned: bool
    """Whether `better` is of a pair in the other order, 1-0."""
    model: str | None
    baseline: str | None
    judge: float | None
    """What the judge says of it, 0..1, where the file has it."""


class Matched(NamedTuple):
    """Labels by place of their unit."""

    values: dict[int, float]
    unmatched: Mapping[str, int]
    """Labels that were not used, by reason."""

    @property
    def said(self) -> str:
        """The labels that were not used, in words."""
        return ", ".join(f"{count} not used ({reason})" for reason, count in sorted(self.unmatched.items()))


def read(path: Path) -> list[HumanLabel]:
    """Every label of a file. Raises DataError, with the row, where a label is none."""
    rows = table(path, ()) if is_csv(path) else objects(path)
    if not rows:
        raise DataError(f"{path}: holds no labels; expected rows with `id` and `label`")
    return [_label(row) for row in rows]


def _label(row: Row) -> HumanLabel:
    place, value = row
    name = next((column for column in NAMES if value.get(column) not in (None, "")), None)
    if name is None:
        raise DataError(f"{place}: no unit is named; a label needs one of {', '.join(NAMES)}")
    named = value[name]
    if isinstance(named, bool) or not isinstance(named, str | int):
        raise DataError(f"{place}: `{name}` must be text or a whole number, found {named!r:.40}")
    pair = str(value.get("pair") or "")
    places = pair.split("-")
    if pair and not (len(places) == 2 and all(one.isdecimal() for one in places) and places[0] != places[1]):
        raise DataError(f"{place}: `pair` must be two answers' places, as 0-1, found {pair!r:.40}")
    turned = bool(pair) and int(places[0]) > int(places[1])
    unit = unit_name(str(named), *((int(places[turned]), int(places[not turned])) if pair else ()))
    label, better = value.get("label"), value.get("better")
    if (label in (None, "")) == (better in (None, "")):
        raise DataError(f"{place}: a label needs either `label` (win, tie, lose, or 0..1) or `better`")
    said = None if label in (None, "") else _number(place, "label", label)
    return HumanLabel(
        place=place,
        unit=unit,
        value=said if said is None or not turned else 1 - said,
        better=_better(place, better),
        turned=turned,
        model=_named(place, value, "model"),
        baseline=_named(place, value, "baseline"),
        judge=_number(place, "judge", value["judge"]) if value.get("judge") not in (None, "") else None,
    )


def _better(place: str, said: Any) -> str:
    """As `better` says it; empty: it says nothing."""
    if isinstance(said, bool) or not isinstance(said, str | int | None):
        raise DataError(f"{place}: `better` must be a name, first, second or tie, found {said!r:.40}")
    return "" if said is None else str(said).strip()


def _named(place: str, value: Mapping[str, Any], column: str) -> str | None:
    found = value.get(column)
    if not isinstance(found, str | None):
        raise DataError(f"{place}: `{column}` must be text, found {found!r:.40}")
    return found or None


def _number(place: str, column: str, said: Any) -> float:
    known = WORDS.get(said.strip().lower()) if isinstance(said, str) else None
    if known is not None:
        return known
    try:
        number = math.nan if isinstance(said, bool) else float(said)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not 0 <= number <= 1:
        raise DataError(f"{place}: `{column}` must be win, tie, lose or a number in 0..1, found {said!r:.40}")
    return number


def unit_name(text: str, first: int = 0, second: int = 1) -> str:
    """The name of a unit, or of two answers of it: white space at the ends and line ends of Windows do not count."""
    whole = text.replace("\r\n", "\n").strip()
    return whole if (first, second) == (0, 1) else f"{whole}\0{first}-{second}"


def places(named: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Each `unit_name` and the place of its unit, from pairs of both; SEVERAL where units share a name."""
    found: dict[str, int] = {}
    for name, place in named:
        found[name] = place if found.setdefault(name, place) == place else SEVERAL
    return found


def match(
    labels: Sequence[HumanLabel],
    units: Mapping[str, int],
    judged: Collection[int],
    *,
    model: str | None = None,
    baseline: str | None = None,
    several: bool = False,
) -> Matched:
    """The labels of the units that the judge gave a value, `judged`.

    `units`: as `places` gives them. `model`, `baseline`: whose answers these are. `several`: there are other
    comparisons, so that a label must say which it is of. Raises DataError where `better` names no answer.
    """
    values: dict[int, list[float]] = defaultdict(list)
    unmatched = Counter[str]()
    for one in labels:
        reason = _other(one, model, baseline, several)
        unit = units.get(one.unit)
        if reason is None and unit is None:
            reason = "no unit of this name"
        if reason is None and unit == SEVERAL:
            reason = "several units have this name; name them by `id` or `set`"
        if reason is None and unit not in judged:
            reason = "the judge gave no value"
        if reason is not None or unit is None:
            unmatched[reason or ""] += 1
            continue
        values[unit].append(_of_better(one, model, baseline) if one.value is None else one.value)
    return Matched({unit: sum(own) / len(own) for unit, own in values.items()}, unmatched)


def _other(one: HumanLabel, model: str | None, baseline: str | None, several: bool) -> str | None:
    """Why a label is not of this comparison."""
    for said, is_of in ((one.model, model), (one.baseline, baseline)):
        if said is not None and is_of is not None and said != is_of:
            return "of another comparison"
    if several and one.model is None:
        return "several models were compared and the label names no `model`"
    return None


def _of_better(one: HumanLabel, model: str | None, baseline: str | None) -> float:
    if one.better in (model, baseline) and model != baseline:
        return float(one.better == model)
    value = PLACES.get(one.better.lower())
    if value is None:
        names = [name for name in (model, baseline) if name is not None]
        raise DataError(
            f"{one.place}: `better` must be {', '.join([*names, 'first, second (A, B; 1, 2) or tie'])}, "
            f"found {one.better!r:.40}"
        )
    return 1 - value if one.turned else value
