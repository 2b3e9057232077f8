"""What the suites share: engines opened when needed, notes of what files were made from, figures from estimates."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from srlm.errors import StoreError
from srlm.records import Checkpoint
from srlm.settings import Settings
from srlm.store import files
from srlm.store.folder import RunFolder, differences

from ..records import MetricValue
from ..stats.intervals import Estimate, Resampling
from ..stats.significance import holm


class Closes(Protocol):
    """Anything that gives back what it holds."""

    def close(self) -> None: ...


T = TypeVar("T", bound=Closes)


class Once(Generic[T]):
    """Opens something at the first call and closes it at the end of the `with`: what lies on disk loads no model."""

    def __init__(self, open: Callable[[], T]) -> None:
        self._open = open
        self._opened: T | None = None

    def __call__(self) -> T:
        if self._opened is None:
            self._opened = self._open()
        return self._opened

    def __enter__(self) -> "Once[T]":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self._opened is not None:
            self._opened.close()


def measured(folder: RunFolder) -> list[Checkpoint]:
    """The checkpoints that are measured: all finished ones but M0, which never saw an instruction."""
    return [checkpoint for checkpoint in folder.checkpoints() if checkpoint.name != "M0"]


def made_from(path: Path, facts: dict[str, Any]) -> None:
    """Note beside `path` what it is made from. Raises StoreError where it was made from something else.

    Results are reused for as long as they answer the same question, and never deleted: they may have cost money.
    """
    note = path.with_name(path.name + ".from.json")
    begun = path.exists() or path.with_name(path.name + ".part").exists()
    if begun and note.exists():
        changed = [f"{key}: {old!r} -> {new!r}" for key, old, new in differences(files.read_json(note), facts)]
        if changed:
            raise StoreError(
                f"{path} was made from something else ({'; '.join(changed)}); "
                "put the old value back, or move the file away to have it made again"
            )
    elif begun:
        raise StoreError(f"{path} lies there without {note.name}, which says what it was made from; move it away")
    else:
        files.write_json(note, facts)


def resampling(settings: Settings) -> Resampling:
    """How this run's intervals are made."""
    wanted = settings.evaluation
    return Resampling(resamples=wanted.bootstrap, confidence=wanted.confidence, seed=settings.seed)


def figure(
    model: str,
    benchmark: str,
    metric: str,
    estimate: Estimate,
    *,
    unscored: int = 0,
    n: int | None = None,
    unit: str = "prompts",
    baseline: str | None = None,
    p: float | None = None,
    note: str = "",
) -> MetricValue:
    """A metric value from an estimate; `n` where the unit is not the prompt."""
    return MetricValue(
        model=model,
        benchmark=benchmark,
        metric=metric,
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        n=estimate.n if n is None else n,
        unscored=unscored,
        unit=unit,
        method=estimate.method + ("" if p is None else "; p: exact sign test over prompts"),
        baseline=baseline,
        p=p,
        note=note,
    )


def with_holm(metrics: Sequence[MetricValue]) -> list[MetricValue]:
    """The same with Holm's correction over those that carry a p, one table's worth."""
    adjusted = iter(holm([m.p for m in metrics if m.p is not None]))
    return [m if m.p is None else m.model_copy(update={"p_adjusted": next(adjusted)}) for m in metrics]
