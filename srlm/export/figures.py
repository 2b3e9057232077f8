"""What was measured of a run's models, as a model card shows it.

The harness measures and writes RUN/evaluation/metrics.json (eval/metrics.py), and nothing in srlm stands on it. The
file is the seam: a list of objects, of which this reader takes the fields below. metrics.json.from.json beside it says
of each benchmark which weights it measured; figures of other weights than the run has now are left out.
"""

from pathlib import Path

from pydantic import ConfigDict, ValidationError

from srlm.errors import RecordError
from srlm.records import Record
from srlm.store import files
from srlm.store.folder import RunFolder
from srlm.store.seals import EVALUATION, NOTE


class Figure(Record):
    """One figure; fields that a card does not show are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    model: str
    benchmark: str
    metric: str
    value: float | None
    """A share, unless `value_unit` or the name says otherwise."""
    low: float | None = None
    """Ends of the interval that `method` names."""
    high: float | None = None
    n: int
    """Units (`unit`) that entered the value."""
    unscored: int
    """Units that should have and could not."""
    unit: str = "prompts"
    value_unit: str = ""
    method: str = ""
    baseline: str | None = None
    """The other model of a comparison."""
    note: str = ""


class Measured(Record):
    """The figures of one model."""

    figures: tuple[Figure, ...]
    other: tuple[str, ...] = ()
    """Benchmarks whose figures are of other weights, or do not say of which: they are left out."""


def measured(folder: RunFolder, model: str) -> Measured:
    """What metrics.json holds of a model. Raises RecordError where the file is damaged."""
    path = folder.step(EVALUATION) / "metrics.json"
    if not path.is_file():
        return Measured(figures=())
    rows = files.read_json(path)
    try:
        found = [Figure.model_validate(row) for row in rows]
    except (ValidationError, TypeError):
        raise RecordError(f"{path}: not a list of metric values; run the evaluation again (srlm-eval all)") from None
    own = [figure for figure in found if figure.model == model]
    current = _current(path, {one.name: one.digest for one in folder.all_checkpoints()})
    return Measured(
        figures=tuple(one for one in own if one.benchmark in current),
        other=tuple(sorted({one.benchmark for one in own} - current)),
    )


def _current(path: Path, weights: dict[str, str]) -> set[str]:
    """The benchmarks that measured the models as they are now."""
    note = path.with_name(path.name + NOTE)
    noted = files.read_object(note) if note.is_file() else {}
    return {
        name
        for name, of in noted.items()
        if isinstance(of, dict)
        and isinstance(measured := of.get("checkpoints"), dict)
        and measured
        and all(weights.get(model) == digest for model, digest in measured.items())
    }
