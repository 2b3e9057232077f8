"""NLP benchmarks of a run's checkpoints, or of any model that is named, by lm-eval."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from srlm.errors import SettingsError
from srlm.terminal import say, show

from ..records import MetricValue
from .holding import hold
from .options import (
    Concurrency,
    Confidence,
    KeyEnv,
    MaxCost,
    Overrides,
    Prices,
    Resamples,
    RunOrNot,
    Seed,
    Timeout,
    price_of,
    refuse_given,
)

OF_SERVERS = {
    "base_url": "--base-url",
    "api_key_env": "--api-key-env",
    "concurrency": "--concurrency",
    "timeout": "--timeout",
    "price": "--price",
    "max_cost": "--max-cost",
}
"""Options of a model on a server, by their parameters."""
OF_MODELS = {
    "folder": "--out",
    **OF_SERVERS,
    "dry_run": "--dry-run",
    "resamples": "--resamples",
    "confidence": "--confidence",
    "seed": "--seed",
}
"""Those of a model without a run."""


def nlp(
    context: typer.Context,
    run: RunOrNot = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Instead of --run: openai:MODEL, a model behind an OpenAI-compatible server, or hf:DIR_OR_ID."
        ),
    ] = None,
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
    base_url: Annotated[str | None, typer.Option(help="Server address of an openai: model, ending in /v1.")] = None,
    api_key_env: KeyEnv = "OPENAI_API_KEY",
    concurrency: Concurrency = 64,
    timeout: Timeout = None,
    price: Prices = None,
    max_cost: MaxCost = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the number of requests and their price; send none.")
    ] = False,
    folder: Annotated[Path | None, typer.Option("--out", help="Folder for the answers and figures of --model.")] = None,
    resamples: Resamples = 1000,
    confidence: Confidence = 0.95,
    seed: Seed = 1,
    overrides: Overrides = None,
) -> None:
    """Measure every checkpoint of a run, or any model, on NLP benchmarks with lm-eval: ARC, HellaSwag, GSM8K, MMLU,
    IFEval and others.

    A task that fails while it is measured is named and left out; the exit status is then 1.
    """
    if (run is None) == (model is None):
        raise SettingsError("nlp needs either --run FILE, or --model MODEL with --out FOLDER")
    from ..benchmarks.nlp.text import failures, table

    given = {"tasks": task, "limit": limit, "data": None if data is None else str(data), "chat": chat}
    given = {name: value for name, value in given.items() if value is not None}
    if run is not None:
        refuse_given(context, f"{', '.join(OF_MODELS.values())} need --model; a run has its own settings", *OF_MODELS)
        figures = of_run(run, overrides, given)
    else:
        assert model is not None
        if overrides:
            raise SettingsError("--set needs --run; a task with other settings is a YAML file (--task FILE)")
        if folder is None:
            raise SettingsError("--out FOLDER is missing: the answers and figures of --model go there")
        from srlm.engines.openai.endpoint import Endpoint
        from srlm.settings.nlp import NlpSettings

        from ..benchmarks.nlp import named
        from ..stats.intervals import Resampling

        wanted = named.Wanted(
            model=model,
            nlp=NlpSettings.model_validate(given),
            out=folder,
            endpoint=Endpoint(
                service="compatible" if base_url else "openai",
                base_url=base_url,
                api_key_env=api_key_env,
                concurrency=concurrency,
                timeout=timeout,
                seed=seed,
            ),
            price=price_of(price),
            max_cost=max_cost,
            how=Resampling(resamples=resamples, confidence=confidence, seed=seed),
        )
        if not wanted.is_served:
            refuse_given(context, f"{', '.join(OF_SERVERS.values())} need --model openai:MODEL", *OF_SERVERS)
        if dry_run:
            say(*named.foreseen(wanted))
            return
        hold(context, folder=folder)
        figures = named.measured(wanted)
    show(table(figures))
    if failures(figures):
        raise typer.Exit(1)


def of_run(run: Path, overrides: list[str] | None, given: dict[str, Any]) -> list[MetricValue]:
    """Every checkpoint of a run."""
    from ..benchmarks.table import chosen
    from ..run import of_run as measured

    own = [f"evaluation.nlp.{name}={json.dumps(value)}" for name, value in given.items()]
    return [one for one in measured(run, [*(overrides or ()), *own], chosen(["nlp"])) if one.benchmark == "nlp"]
