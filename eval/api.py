"""The harness as a library: what `import srlm_eval` offers to a program.

    import srlm_eval

    figures = srlm_eval.evaluate("runs/pocket", ["h2h"], judge="openai:gpt-4.1")
    figures.to_pandas()[["model", "baseline", "metric", "value", "low", "high", "p_adjusted"]]

Runs are named, and errors raised, as in `srlm.api`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from srlm.api import Records
from srlm.errors import SettingsError, StoreError
from srlm.methods.base import run_folder
from srlm.settings import Settings
from srlm.store.folder import RunFolder, settings_at

from . import metrics
from .benchmarks.base import OpenEngine
from .benchmarks.table import chosen, of_all
from .records import MetricValue

__all__ = ["MetricValue", "compare", "evaluate", "figures_of"]


def evaluate(
    run: str | Path, benchmarks: Sequence[str] | None = None, judge: str | None = None, *, set: Sequence[str] = ()
) -> Records[MetricValue]:
    """Measure every finished model of a run and return the figures of these benchmarks; what `srlm-eval run` does.

    `benchmarks`: names or words of the command line (`h2h`); None: those of `srlm-eval all`. `judge`: who compares the
    models' answers (`evaluation.judge`): `openai:MODEL`, `hf:DIR_OR_ID`, `checkpoint:M1`, `oracle`, ... None: the run
    file's. `set`: overrides of the run's settings, `"evaluation.base_url=http://127.0.0.1:8000/v1"`. What is on disk is
    not asked again; the figures of other benchmarks stay in the run's metrics.json. Raises SrlmError.
    """
    from .run import measure

    overrides = [*set, *([] if judge is None else [f"evaluation.judge={judge}"])]
    with _opened(Path(run), overrides) as (settings, folder, open_engine):
        wanted = of_all(settings.evaluation.also) if benchmarks is None else chosen(benchmarks)
        found = measure(settings, folder, wanted, open_engine)
    names = {one.name for one in wanted}
    return Records(MetricValue, [one for one in found if one.benchmark in names])


@contextmanager
def _opened(what: Path, overrides: Sequence[str]) -> Iterator[tuple[Settings, RunFolder, OpenEngine]]:
    """What is to be measured, opened: a run. All that `evaluate` knows of what it measures is known here."""
    from .run import opened_run

    with opened_run(settings_at(what, overrides), f"srlm.train({str(what)!r})") as found:
        yield found


def figures_of(run: str | Path, *, set: Sequence[str] = ()) -> Records[MetricValue]:
    """Every figure that was measured of a run; asks no model. None where nothing was measured yet."""
    folder = run_folder(settings_at(Path(run), set))
    return Records(MetricValue, metrics.read(metrics.path_of(folder)))


def compare(*runs: str | Path) -> Records[MetricValue]:
    """The last models of every two measured runs, on the prompts that both answered; asks no model.

    A figure is the later run's model minus the earlier one's, with its interval, p, and p after Holm's correction over
    all; what `srlm-eval report RUN RUN` shows. Raises SettingsError for fewer than two runs or two of one name,
    StoreError where a run is not there.
    """
    from .benchmarks.between_runs import series
    from .benchmarks.measuring import resampling
    from .report.compare import differences

    settings = [settings_at(Path(one), ()) for one in runs]
    folders = {one.name: run_folder(one) for one in settings}
    if len(runs) < 2 or len(folders) < len(runs):
        raise SettingsError(f"compare needs two runs of different names or more (found {', '.join(map(str, runs))})")
    for folder in folders.values():
        if not folder.path.is_dir():
            raise StoreError(f"{folder.path}: no such run; train and measure it first")
        folder.refuse_gone()
    by_prompt = {one.name: series(one, folders[one.name]) for one in settings}
    models = {name: [one.name for one in folder.measured()] for name, folder in folders.items()}
    return Records(MetricValue, differences(by_prompt, models, resampling(settings[0])))
