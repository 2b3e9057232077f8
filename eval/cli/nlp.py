"""NLP benchmarks of a run's checkpoints, by lm-eval."""

import json
from pathlib import Path
from typing import Annotated

import typer

from srlm.terminal import show

from .options import Overrides, Run


def nlp(
    run: Run,
    task: Annotated[
        list[str] | None,
        typer.Option(
            help="A task or group of lm-eval, or a YAML file of your own (code that it names with !function is run); "
            "repeatable. Default: the ten of evaluation.nlp.tasks."
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Ask the first N documents of each task. Default: all of them.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="A folder with the data of the tasks (docs/nlp_benchmarks.md). Default: from the Hub."),
    ] = None,
    chat: Annotated[
        bool | None,
        typer.Option(
            "--chat/--plain",
            help="Ask all tasks with the chat template, or none. Default: IFEval with it, the others as plain text.",
        ),
    ] = None,
    overrides: Overrides = None,
) -> None:
    """Measure every checkpoint on NLP benchmarks with lm-eval: ARC, HellaSwag, GSM8K, MMLU, IFEval and others.

    A task that fails while it is measured is named and left out; the exit status is then 1.
    """
    from ..benchmarks.nlp.text import failures, table
    from ..benchmarks.table import chosen
    from ..run import of_run

    given = {"tasks": task, "limit": limit, "data": None if data is None else str(data), "chat": chat}
    own = [f"evaluation.nlp.{name}={json.dumps(value)}" for name, value in given.items() if value is not None]
    figures = [one for one in of_run(run, [*(overrides or ()), *own], chosen(["nlp"])) if one.benchmark == "nlp"]
    show(table(figures))
    if failures(figures):
        raise typer.Exit(1)
