"""Win rates by kind of prompt."""

from pathlib import Path
from typing import Annotated

import typer

from srlm.errors import SettingsError
from srlm.terminal import show

from .options import Effort, JudgeServer, MaxCost, Overrides, Prices, Run, settings_given


def breakdown(
    run: Run,
    overrides: Overrides = None,
    judge: Annotated[
        str | None,
        typer.Option(help="Who labels the prompts: openai:MODEL, hf:DIR_OR_ID or checkpoint:NAME."),
    ] = None,
    categories: Annotated[
        str | None,
        typer.Option(help="`paper`: the judge first finds 20. `own`: the prompts' own. Or a file, one a line."),
    ] = None,
    kinds: Annotated[
        Path | None,
        typer.Option(help="A labelled file instead of a judge: instruction, category, complexity, length."),
    ] = None,
    base_url: JudgeServer = None,
    price: Prices = None,
    max_cost: MaxCost = None,
    reasoning_effort: Effort = None,
) -> None:
    """Split every comparison by category, complexity and expected length of the answer, labelled by a judge."""
    if judge is not None and kinds is not None:
        raise SettingsError("--judge and --kinds cannot be used together: either somebody labels, or a file has labels")
    from ..benchmarks.breakdown.text import breakdown_table
    from ..benchmarks.table import chosen
    from ..run import of_run

    given = settings_given(
        "evaluation.breakdown",
        judge=judge,
        categories=categories,
        labels=kinds,
        base_url=base_url,
        price=None if price is None else {"input": price[0], "output": price[1]},
        max_cost=max_cost,
        reasoning_effort=reasoning_effort,
    )
    if judge is not None:
        given.append("evaluation.breakdown.labels=null")  # a file that the run names would take the judge's place
    show(breakdown_table(of_run(run, [*(overrides or ()), *given], chosen(["breakdown"]))))
