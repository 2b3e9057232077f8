"""The rows of our own annotations.json.

alpaca_eval joins the difficulty of an instruction to the annotation in the same place of the file. So the file has the
official order and one row a prompt, with a null preference where there is none.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from srlm.records import Prompt, digest

from ..records import Annotation
from .alpaca_files import NO_OUTPUT, NOT_ASKED, Annotated, FileRow, Outputs, write_rows


def one_a_prompt(annotations: Sequence[Annotation]) -> dict[str, Annotation]:
    """By prompt id, one annotation for all draws: their mean preference, and what all of them cost.

    Draws without a preference say nothing; where no draw has one, the first reason is why.
    """
    groups: dict[str, list[Annotation]] = {}
    for one in annotations:
        groups.setdefault(one.prompt_id, []).append(one)
    return {id: group[0] if len(group) == 1 else _mean_of(group) for id, group in groups.items()}


def _mean_of(draws: Sequence[Annotation]) -> Annotation:
    known = [one.preference for one in draws if one.preference is not None]
    prices = [one.price for one in draws if one.price is not None]
    seconds = [one.seconds for one in draws if one.seconds is not None]
    mean = draws[0].model_dump() | {
        "id": digest("annotation of several draws", *(one.id for one in draws)),
        "preference": sum(known) / len(known) if known else None,
        "missing": None if known else draws[0].missing,
        "switched": draws[0].switched if len({one.switched for one in draws}) == 1 else None,
        "raw": json.dumps([one.raw for one in draws]),
        "price": sum(prices) if len(prices) == len(draws) else None,
        "seconds": sum(seconds) if len(seconds) == len(draws) else None,
    }
    return Annotation.model_validate(mean)


def completed(annotated: Annotated, outputs: Outputs, baseline: Outputs | None, prompts: Sequence[Prompt]) -> Annotated:
    """The same with an output of both sides for every prompt, whether or not it was annotated: a whole file's content.

    Where the baseline is not known, is another than was annotated, or lacks an output, an empty one holds the place.
    """
    theirs = baseline.texts if baseline and baseline.model == annotated.annotations[0].baseline else {}
    both = {prompt.id: annotated.baseline_outputs.get(prompt.id, theirs.get(prompt.id, "")) for prompt in prompts}
    return annotated._replace(outputs=outputs.texts | annotated.outputs, baseline_outputs=both)


def annotation_rows(prompts: Sequence[Prompt], annotated: Annotated) -> list[dict[str, Any]]:
    """The rows of an `annotations.json` as alpaca_eval reads it, one for each prompt with a baseline output.

    1 = the baseline's output is preferred, 2 = the model's, null = there is no preference. Then `missing`, a column of
    our own, says why: alpaca_eval ignores it. `prompts`: all of AlpacaEval's, in its order. An output that is not there
    is empty text, for alpaca_eval cannot count the characters of null.
    """
    found, first = one_a_prompt(annotated.annotations), annotated.annotations[0]
    rows = []
    for prompt in prompts:
        if prompt.id not in annotated.baseline_outputs:
            continue
        one, output = found.get(prompt.id), annotated.outputs.get(prompt.id)
        row = {
            "dataset": prompt.category,
            "instruction": prompt.text,
            "output_1": annotated.baseline_outputs[prompt.id],
            "generator_1": first.baseline,
            "output_2": output or "",
            "generator_2": first.model,
            "annotator": first.judge,
            "preference": None if one is None or one.preference is None else 1 + one.preference,
            "raw_completion": one and one.raw,
            "price_per_example": one and one.price,
            "time_per_example": one and one.seconds,
        }
        if row["preference"] is None:
            row["missing"] = NO_OUTPUT if output is None else NOT_ASKED if one is None else one.missing
        rows.append(row)
    return rows


def file_rows(rows: Sequence[Mapping[str, Any]]) -> list[FileRow]:
    """What alpaca_eval's regression sees of the rows of an annotations.json."""
    preferences = [row["preference"] for row in rows]
    deltas = [len(row["output_1"]) - len(row["output_2"]) for row in rows]
    return [FileRow(None if p is None else p - 1, d) for p, d in zip(preferences, deltas, strict=True)]


def write_annotations(path: Path, prompts: Sequence[Prompt], annotated: Annotated) -> None:
    """Write an `annotations.json`; see annotation_rows."""
    write_rows(path, annotation_rows(prompts, annotated))
