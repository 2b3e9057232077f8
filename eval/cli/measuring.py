"""Benchmarks of a run: all of them, those of one command, the head-to-head with its table."""

from collections.abc import Callable
from typing import Annotated

import typer

from srlm.terminal import show

from .options import Labels, Overrides, Run
from .reports import write


def everything(
    run: Run,
    overrides: Overrides = None,
    report: Annotated[bool, typer.Option(help="Also write the report.")] = True,
) -> None:
    """Run every benchmark, then write the report; the last line is its path."""
    from srlm.run_file import load

    from .. import metrics
    from ..benchmarks.table import of_all
    from ..benchmarks.without_training import measurable
    from ..run import measure, opened

    given = load(run, overrides or ())
    wanted = measurable(of_all(given.evaluation.also), given)
    with opened(run, overrides) as (settings, folder, open_engine):
        measure(settings, folder, wanted, open_engine)
        folder.forget_gone(metrics.computed_from(folder))
    if report:
        write(run, overrides)


def h2h(run: Run, overrides: Overrides = None, labels: Labels = None) -> None:
    """Compare every checkpoint with every other on the evaluation prompts."""
    from srlm.store import seals

    from .. import metrics
    from ..benchmarks import labelled
    from ..benchmarks.head_to_head import measure as contest
    from ..benchmarks.head_to_head import people
    from ..benchmarks.head_to_head.text import contests, others
    from ..benchmarks.table import chosen
    from ..data.labels import read
    from ..run import measure, opened

    known = read(labels) if labels is not None else []
    with opened(run, overrides) as (settings, folder, open_engine):
        found = measure(settings, folder, chosen(["h2h"]), open_engine)
        show(contests(found))
        if text := others(found):
            show("\n" + text)
        if labels is not None:
            with seals.using() as used:
                figures = people.corrected(settings, folder, known)
            kept = [metric for metric in found if metric.benchmark == contest.BENCHMARK]
            metrics.merge(folder, [*kept, *figures], [contest.BENCHMARK], {contest.BENCHMARK: used})
            show("\n" + labelled.text(figures))


def of_word(word: str) -> Callable[..., None]:
    """The command that runs the benchmarks of one word."""

    def command(run: Run, overrides: Overrides = None) -> None:
        from ..benchmarks.table import chosen
        from ..run import of_run

        of_run(run, overrides, chosen([word]))

    return command
