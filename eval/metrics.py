"""metrics.json and metrics.csv: figures read, written and brought up to date, here only."""

import json
from collections.abc import Collection, Sequence
from pathlib import Path

from pydantic import ValidationError

from srlm.errors import RecordError
from srlm.store import files
from srlm.store.folder import RunFolder
from srlm.text.spreadsheet import csv_text

from .records import MetricValue

COLUMNS = tuple(MetricValue.model_fields)


def path_of(folder: RunFolder) -> Path:
    """Where the figures of a run stand."""
    return folder.step("evaluation") / "metrics.json"


def read(path: Path) -> list[MetricValue]:
    """The figures on disk; none where nothing was measured yet. Raises RecordError where the file holds others."""
    if not path.exists():
        return []
    try:
        return [MetricValue.model_validate(row) for row in files.read_json(path)]
    except (ValidationError, TypeError) as error:
        said = error.errors()[0]["msg"] if isinstance(error, ValidationError) else "it is not a list"
        raise RecordError(f"{path}: not a list of metric values: {said}; run the evaluation again") from None


def write(path: Path, metrics: Sequence[MetricValue]) -> None:
    """Write every figure, unrounded."""
    files.write_json(path, [metric.model_dump(mode="json") for metric in metrics])


def merge(folder: RunFolder, fresh: Sequence[MetricValue], replaced: Collection[str]) -> list[MetricValue]:
    """Replace the figures of these benchmarks in a run's metrics.json; returns all that it then holds."""
    path = path_of(folder)
    metrics = [metric for metric in read(path) if metric.benchmark not in replaced] + list(fresh)
    write(path, metrics)
    return metrics


def as_json(metrics: Sequence[MetricValue]) -> str:
    """Every figure as text, in the order of the fields: what a report that is kept elsewhere holds."""
    return json.dumps([metric.model_dump(mode="json") for metric in metrics], indent=1, ensure_ascii=False) + "\n"


def as_csv(metrics: Sequence[MetricValue]) -> str:
    """Every figure, a line each, unrounded; an empty cell is None. Nothing in it is a formula to a spreadsheet."""
    return csv_text(COLUMNS, (tuple(metric.model_dump().values()) for metric in metrics))
