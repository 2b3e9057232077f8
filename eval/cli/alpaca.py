"""AlpacaEval 2.0 with any judge, and the card of a candidate judge."""

import os
from pathlib import Path
from typing import Annotated

import typer

from srlm.errors import SettingsError

from ..data.alpaca_eval import ANNOTATOR, VARIABLE, AlpacaEval
from .holding import hold
from .options import (
    AlpacaDir,
    AnnotatorDraws,
    AnnotatorName,
    ApiVersion,
    Azure,
    BaseUrl,
    BothOrders,
    Concurrency,
    Confidence,
    DryRun,
    Effort,
    JudgeSpec,
    KeyEnv,
    Labels,
    LengthControl,
    Limit,
    MaxCost,
    Overrides,
    Prices,
    ReasoningRoom,
    RecordTo,
    ReplayFrom,
    Resamples,
    Seed,
    ThoughtsOf,
    Timeout,
    price_of,
    reasoning_of,
)


def alpaca(
    context: typer.Context,
    run: Annotated[Path | None, typer.Option("--run", help="A run's YAML file: judge every M_i.")] = None,
    outputs: Annotated[Path | None, typer.Option(help="Or any model_outputs.json.")] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the model behind --outputs. Default: from the file.")
    ] = None,
    judge: JudgeSpec = "openai",
    annotator: AnnotatorName = ANNOTATOR,
    base_url: BaseUrl = None,
    azure: Azure = False,
    api_version: ApiVersion = None,
    api_key_env: KeyEnv = "OPENAI_API_KEY",
    concurrency: Concurrency = 64,
    timeout: Timeout = None,
    limit: Limit = None,
    both_orders: BothOrders = False,
    draws: AnnotatorDraws = None,
    thought_tokens: ReasoningRoom = None,
    reasoning_effort: Effort = None,
    thoughts: ThoughtsOf = "cut",
    price: Prices = None,
    max_cost: MaxCost = None,
    dry_run: DryRun = False,
    record: RecordTo = None,
    replay: ReplayFrom = None,
    canaries: Annotated[
        bool, typer.Option("--canaries", help="Also test the judge with answers that must not win.")
    ] = False,
    alpaca_dir: AlpacaDir = None,
    folder: Annotated[Path, typer.Option("--out", help="Folder for the results of --outputs.")] = Path(
        "runs/alpaca_eval"
    ),
    labels: Labels = None,
    length_control: LengthControl = True,
    resamples: Resamples = 1000,
    confidence: Confidence = 0.95,
    seed: Seed = 1,
    overrides: Overrides = None,
) -> None:
    """AlpacaEval 2.0: judge the outputs of a run, or any outputs, against GPT-4 Turbo's.

    A model of the run that cannot be judged is named and left out; the exit status is then 1.
    """
    if (run is None) == (outputs is None):
        raise SettingsError("alpaca needs either --run FILE or --outputs FILE")
    from srlm.store import seals

    from ..benchmarks.alpaca_eval import command
    from ..benchmarks.finished import measured
    from ..run import opened
    from ..stats.intervals import Resampling

    wanted = command.Judging(
        judge=judge,
        annotator=annotator,
        endpoint=command.endpoint(base_url, azure, api_version, api_key_env, concurrency, timeout, seed),
        price=price_of(price),
        max_cost=max_cost,
        asking=command.Asking(both_orders=both_orders, draws=draws, limit=limit, seed=seed),
        record=record,
        replay=replay,
        reasoning=reasoning_of(thought_tokens, reasoning_effort),
        canaries=canaries,
        labels=labels,
        length_control=length_control,
        thoughts=thoughts,
        how=Resampling(resamples=resamples, confidence=confidence, seed=seed),
    )
    data = AlpacaEval.open(alpaca_dir)
    if outputs is not None:
        if not dry_run:
            hold(context, folder=folder)
        command.of_outputs(wanted, outputs, name, folder, data, dry_run)
        return
    assert run is not None
    with opened(run, overrides) as (settings, place, open_engine):
        if not dry_run:  # whoever gave it as --out does not hold the run
            hold(context, folder=command.results_of(place))
        with seals.using() as used:
            figures = command.of_run(wanted, settings, place, data, open_engine, dry_run)
        if figures is None:
            return
        command.merged(figures, place, used)
        judged = {metric.model for metric in figures.metrics}
        if any(checkpoint.name not in judged for checkpoint in measured(place)):
            raise typer.Exit(1)


def judge_card(
    context: typer.Context,
    results: Annotated[Path, typer.Option(help="alpaca_eval's results/, with GPT-4 Turbo's annotations.")],
    judge: JudgeSpec,
    annotator: AnnotatorName = ANNOTATOR,
    base_url: BaseUrl = None,
    azure: Azure = False,
    api_version: ApiVersion = None,
    api_key_env: KeyEnv = "OPENAI_API_KEY",
    concurrency: Concurrency = 64,
    timeout: Timeout = None,
    limit: Limit = None,
    both_orders: BothOrders = False,
    draws: AnnotatorDraws = None,
    thought_tokens: ReasoningRoom = None,
    reasoning_effort: Effort = None,
    price: Prices = None,
    max_cost: MaxCost = None,
    dry_run: DryRun = False,
    record: RecordTo = None,
    replay: ReplayFrom = None,
    alpaca_dir: AlpacaDir = None,
    folder: Annotated[Path, typer.Option("--out", help="Folder for calls and figures.")] = Path("runs/judge_cards"),
    resamples: Resamples = 1000,
    confidence: Confidence = 0.95,
    seed: Seed = 1,
) -> None:
    """AlpacaEval 2.0: compare a candidate judge with GPT-4 Turbo on pairs annotated for the leaderboard.

    A model folder that cannot be used is named and left out; the exit status is then 1.
    """
    from ..benchmarks.alpaca_eval import command
    from ..stats.intervals import Resampling

    wanted = command.Judging(
        judge=judge,
        annotator=annotator,
        endpoint=command.endpoint(base_url, azure, api_version, api_key_env, concurrency, timeout, seed),
        price=price_of(price),
        max_cost=max_cost,
        asking=command.Asking(both_orders=both_orders, draws=draws, limit=limit, seed=seed),
        record=record,
        replay=replay,
        reasoning=reasoning_of(thought_tokens, reasoning_effort),
        how=Resampling(resamples=resamples, confidence=confidence, seed=seed),
    )
    data = AlpacaEval.open(alpaca_dir or (None if os.environ.get(VARIABLE) else results.parent))
    if not dry_run:
        hold(context, folder=folder)
    if not command.card(wanted, results, folder, data, dry_run):
        raise typer.Exit(1)
