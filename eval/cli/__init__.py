"""`python -m eval`: evaluate every finished checkpoint of a run and write a report.

Each command imports the libraries it needs when it is called: the report needs few of them.
"""

import os
import signal
from collections.abc import Sequence
from functools import partial
from typing import Annotated

import typer

from srlm.cli.main import PAGES, end_orderly, enter, print_version

from ..benchmarks.table import BENCHMARKS
from . import (
    ablations,
    alpaca,
    annotate,
    breakdown,
    bridge,
    data_map,
    given,
    judges,
    measuring,
    methods,
    mt_bench,
    nlp,
    paper,
    published,
    regression,
    reports,
)

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Evaluate every finished checkpoint of a run and write a report.",
)


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=print_version("srlm-eval"), is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """What stands before a command's name."""


app.command("all")(measuring.everything)
app.command("h2h")(measuring.h2h)
app.command("agreement")(judges.agreement)
app.command("audit")(judges.audited)
app.command("canaries")(judges.canaries)
for _benchmark in BENCHMARKS:
    if _benchmark.help:
        app.command(_benchmark.command, help=_benchmark.help)(measuring.of_word(_benchmark.command))
app.command("breakdown")(breakdown.breakdown)
app.command("data-map")(data_map.data_map)
app.command("annotate")(annotate.annotate)
app.command("run")(given.run)
app.command("report")(reports.report)
app.command("index")(reports.index)
app.command("paper")(paper.paper)
app.command("ablations")(ablations.ablations)
app.command("methods")(methods.methods)
app.command("alpaca")(alpaca.alpaca)
app.command("nlp")(nlp.nlp)
app.command("judge-card")(alpaca.judge_card)
app.command("bridge")(bridge.bridge)
app.command("leaderboard")(published.leaderboard)
app.command("compare")(published.compare)
app.command("arena-hard")(published.arena_hard)
app.command("judgments")(published.judgments)
app.command("mt-bench")(mt_bench.mt_bench)
app.command("power")(published.power)
app.command("regress")(regression.regress)
for _one in app.registered_commands:
    _one.epilog = PAGES


def main(words: Sequence[str] | None = None) -> None:
    """Run a command line. An SrlmError prints as its message; any other error keeps its traceback."""
    if words is None:  # the process is ours
        signal.signal(signal.SIGTERM, partial(end_orderly, os.getpid()))
    enter(app, words)
