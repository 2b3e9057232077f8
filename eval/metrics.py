"""metrics.json and metrics.csv: figures read, written and brought up to date, here only.

Beside a run's metrics.json, metrics.json.from.json says what the figures of each benchmark were computed from: the
checkpoints by the digest of their weights, every file of the run that was read, by SHA-256, and the settings of the
evaluation, by digest. `srlm verify` compares the first two, a study of methods the first and the last.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from srlm.errors import RecordError
from srlm.records import digest
from srlm.settings import Settings, shaping
from srlm.store import files, seals
from srlm.store.folder import RunFolder
from srlm.text.spreadsheet import csv_text

from .records import MetricValue

COLUMNS = tuple(MetricValue.model_fields)
SHAPES_NO_FIGURE = ("price", "also", "bootstrap", "confidence")
"""Settings of `evaluation` that change no figure of a run (addresses and the like are left out as everywhere)."""


def path_of(folder: RunFolder) -> Path:
    """Where the figures of a run stand."""
    return folder.step("evaluation") / "metrics.json"


def read(path: Path) -> list[MetricValue]:
    """The figures on disk; none where nothing was measured yet. Raises RecordError where the file holds others."""
    if not path.exists():
        return []
    try:
        found = [MetricValue.model_validate(row) for row in files.read_json(path)]
        if not seals.expected(path):
            for number, one in enumerate(found, 1):
                files.refuse_fault(one, f"{path}, figure {number}")
        return found
    except (ValidationError, TypeError) as error:
        said = error.errors()[0]["msg"] if isinstance(error, ValidationError) else "it is not a list"
        raise RecordError(f"{path}: not a list of metric values: {said}; run the evaluation again") from None


def write(path: Path, metrics: Sequence[MetricValue]) -> None:
    """Write every figure, unrounded."""
    files.write_json(path, [metric.model_dump(mode="json") for metric in metrics])


Used = Mapping[Path, str]
"""Files that were read, with the SHA-256 of each (`srlm.store.seals.using`)."""


def merge(
    folder: RunFolder,
    fresh: Sequence[MetricValue],
    replaced: Collection[str],
    used: Mapping[str, Used] = {},
) -> list[MetricValue]:
    """Replace the figures of these benchmarks in a run's metrics.json; returns all that it then holds.

    `used`: what those of each benchmark were computed from.
    """
    path = path_of(folder)
    metrics = [metric for metric in read(path) if metric.benchmark not in replaced] + list(fresh)
    write(path, metrics)
    note = path.with_name(path.name + seals.NOTE)
    before = files.read_json(note) if note.exists() else {}
    kept = {name: one for name, one in before.items() if name not in replaced} if isinstance(before, dict) else {}
    weights = {checkpoint.name: checkpoint.digest for checkpoint in folder.all_checkpoints()}
    for name in replaced:
        if name in used:
            kept[name] = {
                "checkpoints": weights,
                "evaluation": evaluation_digest(folder.given),
                "files": within(folder, used[name]),
            }
    if kept != before or not note.exists():
        files.write_json(note, kept)
    return metrics


def evaluation_digest(settings: Settings) -> str:
    """Of the settings that shape what is measured of given models."""
    given = settings.evaluation.model_dump(mode="json", exclude=set(SHAPES_NO_FIGURE))
    return digest(*shaping(given, "evaluation."))


def is_measured(folder: RunFolder, benchmarks: Collection[str]) -> bool:
    """Whether the figures of these benchmarks are of the run's models as they are, and measured with its settings."""
    note = path_of(folder).with_name(path_of(folder).name + seals.NOTE)
    found = files.read_object(note) if note.exists() else {}
    weights = {checkpoint.name: checkpoint.digest for checkpoint in folder.all_checkpoints()}
    now = {"checkpoints": weights, "evaluation": evaluation_digest(folder.given)}
    noted = [found.get(name) for name in benchmarks]
    return all(isinstance(one, dict) and now.items() <= one.items() for one in noted)


def computed_from(folder: RunFolder) -> set[str]:
    """Names within the run of all files that the figures of a run were computed from."""
    note = path_of(folder).with_name(path_of(folder).name + seals.NOTE)
    found = files.read_object(note) if note.exists() else {}
    return {name for one in found.values() if isinstance(one, dict) for name in one.get("files") or {}}


def within(folder: RunFolder, used: Used) -> dict[str, str]:
    """Those of the files that are records of the run, by name within it."""
    place = folder.path.absolute()
    return {
        path.relative_to(place).as_posix(): sha256
        for path, sha256 in sorted(used.items())
        if path.is_relative_to(place) and path.suffix == ".jsonl"
    }


def as_json(metrics: Sequence[MetricValue]) -> str:
    """Every figure as text, in the order of the fields: what a report that is kept elsewhere holds."""
    return json.dumps([metric.model_dump(mode="json") for metric in metrics], indent=1, ensure_ascii=False) + "\n"


def as_csv(metrics: Sequence[MetricValue]) -> str:
    """Every figure, a line each, unrounded; an empty cell is None. Nothing in it is a formula to a spreadsheet."""
    return csv_text(COLUMNS, (tuple(metric.model_dump().values()) for metric in metrics))
