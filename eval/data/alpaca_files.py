"""alpaca_eval's own files, whoever wrote them: `model_outputs.json` and `annotations.json`, plain or gz.

Rows are joined by the id of their prompt, never by their place. What is left out is counted in an `account`.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from srlm.data.lines import Row, listed
from srlm.engines.openai.calls import Missing
from srlm.errors import DataError
from srlm.records import Prompt, Response
from srlm.store import files
from srlm.text import thoughts
from srlm.text.counts import counted

from ..records import Annotation, annotation_id
from .instructions import Joining

WITH_THOUGHTS = "outputs judged with a thought before the answer"
OUT_OF_ORDER = "rows out of the official order (alpaca_eval gives them the difficulty of other prompts)"
SEVERAL = "prompts annotated several times, whose mean counts"
REASONS = get_args(Missing)
DRAWS = (0.0, 1.5)
"""Preferences that say draw: 1.5, and 0 in older files."""


NOT_ASKED, NO_OUTPUT = "not asked", "no output"
"""`missing` of a row that only holds a prompt's place in our own annotations.json: nobody was asked about the model's
output, or the model has none."""
Thoughts = Literal["cut", "keep"]
"""What becomes of a reasoning model's thoughts in its outputs, before they are judged and measured."""


class Outputs(NamedTuple):
    """One model's answers."""

    model: str
    responses: dict[str, Response]
    """By prompt id; at most one a prompt."""
    account: dict[str, int]
    """What was left out, counted: rows of other instructions, repeated rows, rows or prompts without an output."""
    unmatched: tuple[str, ...] = ()
    """The first rows that match no prompt: place, reason and the nearest prompt."""
    thoughts: int = 0
    """Outputs that a thought was cut from."""
    open_thoughts: int = 0
    """Of these, thoughts that never closed: the answer was cut off before it began, and an empty one is judged."""

    @property
    def texts(self) -> dict[str, str]:
        """What is judged, by prompt id."""
        return {id: response.text for id, response in self.responses.items()}


class FileRow(NamedTuple):
    """A row of an annotations.json as alpaca_eval's regression sees it: by its place."""

    preference: float | None
    delta: int
    """Characters of the baseline's output minus the model's."""


class Annotated(NamedTuple):
    """One judge's annotations of one model against one baseline."""

    annotations: tuple[Annotation, ...]
    """In the file's order; several of one prompt are draws."""
    outputs: dict[str, str]
    """The model's, by prompt id."""
    baseline_outputs: dict[str, str]
    account: dict[str, int]
    unmatched: tuple[str, ...] = ()
    """The first rows that match no prompt: place, reason and the nearest prompt."""
    rows: tuple[FileRow, ...] = ()
    """Every row by its place in the file, where some of them are no annotation of these prompts; else empty."""
    not_asked: frozenset[str] = frozenset()
    """Ids of prompts that the budget left unasked: a random part of all, and no fault of the judge's."""

    @property
    def model(self) -> str:
        return self.annotations[0].model

    @property
    def by_place(self) -> tuple[FileRow, ...]:
        """Every row of the file, in its order."""
        return self.rows or tuple(
            FileRow(a.preference, len(self.baseline_outputs[a.prompt_id]) - len(self.outputs[a.prompt_id]))
            for a in self.annotations
        )


def prompts_of(rows: Iterable[Row]) -> tuple[Prompt, ...]:
    """The prompts of rows with `instruction` and `dataset`, in their order."""
    prompts = [Prompt.of(_text(row, "instruction"), "alpaca_eval", row.value.get("dataset")) for row in rows]
    return tuple({prompt.id: prompt for prompt in prompts}.values())


def read_outputs(path: Path, prompts: Sequence[Prompt], name: str | None = None, thought: Thoughts = "cut") -> Outputs:
    """The outputs of a `model_outputs.json`, a list of {instruction, output, generator}, as those of model `name`.

    `name` None: the file's own `generator`. `thought`: whether a thought before an answer is cut off. Raises DataError
    where the file does not decode, names several models, holds two outputs of one prompt, or none of these prompts.
    """
    rows, joining = listed(path), Joining(prompts)
    account = joining.account
    model = name or _only(path, rows, "generator")
    responses: dict[str, Response] = {}
    for row in rows:
        id = joining.id_of(row)
        if id is None:
            continue
        if row.value.get("output") is None:
            account["rows without output"] += 1
        else:
            _once(responses, id, Response.of(id, _text(row, "output"), model, 0), row, account)
    if not responses:
        raise _none_of_them(path, len(rows), "output", prompts, joining)
    account["prompts without row"] = len(prompts) - len(responses) - account["rows without output"]
    found = Outputs(model, responses, _counted(account), tuple(joining.unmatched))
    return without_thoughts(found) if thought == "cut" else found


def as_judged(outputs: Outputs, annotated: Annotated) -> Outputs:
    """The outputs in the words that were annotated: recorded annotations may be of the answers behind thoughts."""
    judged = {
        id: Response.of(id, annotated.outputs[id], one.author, one.draw, one.finish) if id in annotated.outputs else one
        for id, one in outputs.responses.items()
    }
    return outputs._replace(responses=judged)


def without_thoughts(outputs: Outputs) -> Outputs:
    """The outputs without the thoughts of a reasoning model, which are no part of its answers, and how many there were.

    A thought that never closed leaves an empty answer, cut off at its limit.
    """
    kept: dict[str, Response] = {}
    cut = never_closed = 0
    for id, one in outputs.responses.items():
        found = thoughts.split(one.text)
        if found.answer == one.text:
            kept[id] = one
            continue
        cut += 1
        never_closed += not found.closed
        finish = one.finish if found.closed else "length"
        kept[id] = Response.of(id, found.answer, one.author, one.draw, finish, found.thought)
    return outputs._replace(responses=kept, thoughts=cut, open_thoughts=never_closed)


def write_outputs(path: Path, prompts: Sequence[Prompt], responses: Mapping[str, Response], name: str) -> None:
    """Write a `model_outputs.json` as alpaca_eval reads it, in the order of `prompts`."""
    rows = [
        {"dataset": p.category, "instruction": p.text, "output": responses[p.id].text, "generator": name}
        for p in prompts
        if p.id in responses
    ]
    write_rows(path, rows)


def read_annotations(path: Path, prompts: Sequence[Prompt]) -> Annotated:
    """The annotations of an `annotations.json`, of one model against one baseline by one judge.

    Raises DataError where it does not decode, mixes models, baselines or judges, holds two different outputs of one
    prompt, a preference that is none, or none of these prompts.
    """
    rows, joining = listed(path), Joining(prompts)
    account = joining.account
    model, baseline, judge = (_only(path, rows, key) for key in ("generator_2", "generator_1", "annotator"))
    outputs: dict[str, str] = {}
    baseline_outputs: dict[str, str] = {}
    seen: set[tuple[object, ...]] = set()
    draws = Counter[str]()
    annotations = []
    by_place = []
    for row in rows:
        output, other, preference = _text(row, "output_2"), _text(row, "output_1"), _preference(row)
        by_place.append(FileRow(preference, len(other) - len(output)))
        place = row.value.get("missing") if preference is None else None
        if place == NO_OUTPUT:
            continue
        id = joining.id_of(row)
        if id is None:
            continue
        for known, text in ((outputs, output), (baseline_outputs, other)):
            if known.setdefault(id, text) != text:
                raise DataError(
                    f"{row.place}: a different output than an earlier row's to {_shown(row)}; keep one of them"
                )
        if place == NOT_ASKED:
            account["rows nobody was asked about"] += 1
            continue
        raw = row.value.get("raw_completion")
        if raw is not None and not isinstance(raw, str):
            raw = json.dumps(raw)
        price, seconds = _amount(row, "price_per_example"), _amount(row, "time_per_example")
        # A row that is there twice took the same time to the last digit. Without times it could be another draw of
        # the judge that said the same, and dropping it would move the prompt's mean.
        if (said := (id, preference, raw, price, seconds)) in seen and seconds is not None:
            account["repeated rows"] += 1
            continue
        seen.add(said)
        missing: Missing | None = None
        if preference is None:
            missing = place if place in REASONS else "api" if raw is None else "parse"
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
        raise _none_of_them(path, len(rows), "annotation", prompts, joining)
    account["prompts without row"] = len(prompts) - len(outputs)
    account[SEVERAL] = sum(count > 1 for count in draws.values())
    account[WITH_THOUGHTS] = sum(thoughts.split(output).answer != output for output in outputs.values())
    order = {prompt.id: place for place, prompt in enumerate(prompts)}
    places = [order[one.prompt_id] for one in annotations]
    account[OUT_OF_ORDER] = sum(a > b for a, b in pairwise(places))
    return Annotated(
        tuple(annotations),
        outputs,
        baseline_outputs,
        _counted(account),
        unmatched=tuple(joining.unmatched),
        rows=tuple(by_place) if len(by_place) > len(annotations) else (),
    )


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as alpaca_eval writes them: one JSON list."""
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


def _none_of_them(path: Path, rows: int, what: str, prompts: Sequence[Prompt], joining: Joining) -> DataError:
    near = f"; {joining.unmatched[0]}" if joining.unmatched else ""
    return DataError(
        f"{path}: {counted(rows, 'rows')}, but no {what} for any of the {counted(len(prompts), 'prompts')}{near}"
    )


def _counted(account: Counter[str]) -> dict[str, int]:
    return {name: count for name, count in account.items() if count}
