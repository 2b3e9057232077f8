"""alpaca_eval's own files, whoever wrote them: `model_outputs.json` and `annotations.json`, plain or gz.

Rows are joined by the id of their prompt, never by their place. What is left out is counted in an `account`.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from srlm.data.lines import Row, listed
from srlm.engines.openai.calls import Missing
from srlm.errors import DataError
from srlm.records import Prompt, Response
from srlm.store import files

from ..records import Annotation, annotation_id

DRAWS = (0.0, 1.5)
"""Preferences that say draw: 1.5, and 0 in older files."""


class Outputs(NamedTuple):
    """One model's answers."""

    model: str
    responses: dict[str, Response]
    """By prompt id; at most one a prompt."""
    account: dict[str, int]
    """What was left out, counted: rows of other instructions, repeated rows, rows or prompts without an output."""


class Annotated(NamedTuple):
    """One judge's annotations of one model against one baseline."""

    annotations: tuple[Annotation, ...]
    """In the file's order; several of one prompt are draws."""
    outputs: dict[str, str]
    """The model's, by prompt id."""
    baseline_outputs: dict[str, str]
    account: dict[str, int]
    not_asked: frozenset[str] = frozenset()
    """Ids of prompts that the budget left unasked: a random part of all, and no fault of the judge's."""

    @property
    def model(self) -> str:
        return self.annotations[0].model


def prompts_of(rows: Iterable[Row]) -> tuple[Prompt, ...]:
    """The prompts of rows with `instruction` and `dataset`, in their order."""
    prompts = [Prompt.of(_text(row, "instruction"), "alpaca_eval", row.value.get("dataset")) for row in rows]
    return tuple({prompt.id: prompt for prompt in prompts}.values())


def read_outputs(path: Path, prompts: Sequence[Prompt], name: str | None = None) -> Outputs:
    """The outputs of a `model_outputs.json`, a list of {instruction, output, generator}, as those of model `name`.

    `name` None: the file's own `generator`. Raises DataError where it does not decode, names several models, holds two
    outputs of one prompt, or none of these prompts.
    """
    ids = {prompt.text: prompt.id for prompt in prompts}
    rows, account = listed(path), Counter[str]()
    model = name or _only(path, rows, "generator")
    responses: dict[str, Response] = {}
    for row in rows:
        id = ids.get(_text(row, "instruction"))
        if id is None:
            account["rows of other instructions"] += 1
        elif row.value.get("output") is None:
            account["rows without output"] += 1
        else:
            _once(responses, id, Response.of(id, _text(row, "output"), model, 0), row, account)
    if not responses:
        raise DataError(f"{path}: {len(rows)} rows, but no output for any of the {len(prompts)} prompts")
    account["prompts without row"] = len(prompts) - len(responses) - account["rows without output"]
    return Outputs(model, responses, _told(account))


def write_outputs(path: Path, prompts: Sequence[Prompt], responses: Mapping[str, Response], name: str) -> None:
    """Write a `model_outputs.json` as alpaca_eval reads it, in the order of `prompts`."""
    rows = [
        {"dataset": p.category, "instruction": p.text, "output": responses[p.id].text, "generator": name}
        for p in prompts
        if p.id in responses
    ]
    _write(path, rows)


def read_annotations(path: Path, prompts: Sequence[Prompt]) -> Annotated:
    """The annotations of an `annotations.json`, of one model against one baseline by one judge.

    Raises DataError where it does not decode, mixes models, baselines or judges, holds two different outputs of one
    prompt, a preference that is none, or none of these prompts.
    """
    ids = {prompt.text: prompt.id for prompt in prompts}
    rows, account = listed(path), Counter[str]()
    model, baseline, judge = (_only(path, rows, key) for key in ("generator_2", "generator_1", "annotator"))
    outputs: dict[str, str] = {}
    baseline_outputs: dict[str, str] = {}
    seen: set[tuple[object, ...]] = set()
    draws = Counter[str]()
    annotations = []
    for row in rows:
        id = ids.get(_text(row, "instruction"))
        if id is None:
            account["rows of other instructions"] += 1
            continue
        output, other = _text(row, "output_2"), _text(row, "output_1")
        for known, text in ((outputs, output), (baseline_outputs, other)):
            if known.setdefault(id, text) != text:
                raise DataError(
                    f"{row.place}: a different output than an earlier row's to {_shown(row)}; keep one of them"
                )
        preference, raw = _preference(row), row.value.get("raw_completion")
        if raw is not None and not isinstance(raw, str):
            raw = json.dumps(raw)
        price, seconds = _amount(row, "price_per_example"), _amount(row, "time_per_example")
        # A row that is there twice took the same time to the last digit. Without times it could be another draw of
        # the judge that said the same, and dropping it would move the prompt's mean.
        if (said := (id, preference, raw, price, seconds)) in seen and seconds is not None:
            account["repeated rows"] += 1
            continue
        seen.add(said)
        missing: Missing | None = None if preference is not None else "api" if raw is None else "parse"
        annotations.append(
            Annotation(
                id=annotation_id(id, output, other, judge, None, draws[id]),
                prompt_id=id,
                model=model,
                baseline=baseline,
                judge=judge,
                draw=draws[id],
                preference=preference,
                missing=missing,
                raw=raw,
                price=price,
                seconds=seconds,
            )
        )
        draws[id] += 1
    if not annotations:
        raise DataError(f"{path}: {len(rows)} rows, but no annotation for any of the {len(prompts)} prompts")
    account["prompts without row"] = len(prompts) - len(outputs)
    return Annotated(tuple(annotations), outputs, baseline_outputs, _told(account))


def write_annotations(path: Path, prompts: Sequence[Prompt], annotated: Annotated) -> None:
    """Write an `annotations.json` as alpaca_eval reads it: 1 = the baseline's output is preferred, 2 = the model's."""
    known = {prompt.id: prompt for prompt in prompts}
    rows = [
        {
            "dataset": known[a.prompt_id].category,
            "instruction": known[a.prompt_id].text,
            "output_1": annotated.baseline_outputs[a.prompt_id],
            "generator_1": a.baseline,
            "output_2": annotated.outputs[a.prompt_id],
            "generator_2": a.model,
            "annotator": a.judge,
            "preference": None if a.preference is None else 1 + a.preference,
            "raw_completion": a.raw,
            "price_per_example": a.price,
            "time_per_example": a.seconds,
        }
        for a in annotated.annotations
    ]
    _write(path, rows)


def _write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    files.write_text(path, json.dumps(rows, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _preference(row: Row) -> float | None:
    """alpaca_eval's preference of [1, 2] on 0..1; None where there is none."""
    value = row.value.get("preference")
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not (1 <= value <= 2 or value in DRAWS):
        raise DataError(
            f"{row.place}: invalid preference {str(value)[:40]}; use 1 = the baseline, 2 = the model, 1.5 = draw"
        )
    return 0.5 if value in DRAWS else value - 1


def _amount(row: Row, key: str) -> float | None:
    value = row.value.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
        return None
    return float(value)


def _only(path: Path, rows: Sequence[Row], key: str) -> str:
    """The one value that all rows have."""
    found = {_text(row, key) for row in rows}
    if len(found) != 1:
        named = ", ".join(sorted(found)[:5]) or "no rows"
        raise DataError(f"{path}: every row needs the same `{key}`; found {len(found)}: {named}")
    return found.pop()


def _text(row: Row, key: str) -> str:
    value = row.value.get(key)
    if not isinstance(value, str):
        here = ", ".join(f"`{name}`" for name in row.value) or "no fields"
        raise DataError(f"{row.place}: `{key}` must be text; the row has {here}")
    return value


def _once(responses: dict[str, Response], id: str, response: Response, row: Row, account: Counter[str]) -> None:
    earlier = responses.setdefault(id, response)
    if earlier.text != response.text:
        raise DataError(f"{row.place}: a second, different output to {_shown(row)}; keep one of them")
    account["repeated rows"] += earlier is not response


def _shown(row: Row) -> str:
    return json.dumps(row.value["instruction"][:60])


def _told(account: Counter[str]) -> dict[str, int]:
    return {name: count for name, count in account.items() if count}
