"""The data map."""

from typing import Annotated

import typer

from srlm.terminal import show

from .options import Overrides, Run, settings_given


def data_map(
    run: Run,
    overrides: Overrides = None,
    model: Annotated[
        str | None, typer.Option(help="Embedding model: `minilm` (from its package), a folder or a Hub id.")
    ] = None,
    eft: Annotated[
        str | None, typer.Option(help="What is embedded of an EFT example: the judge's `prompt`, or the `instruction`.")
    ] = None,
    most: Annotated[int | None, typer.Option(min=10, help="Maximum number of texts of each set.")] = None,
) -> None:
    """Embed IFT, EFT, new and evaluation prompts, draw them in two dimensions, and measure how far the sets overlap."""
    from ..benchmarks.data_map.text import overlap_table
    from ..benchmarks.table import chosen
    from ..run import of_run

    given = settings_given("evaluation.data_map", model=model, eft=eft, most=most)
    show(overlap_table(of_run(run, [*(overrides or ()), *given], chosen(["data-map"]))))
