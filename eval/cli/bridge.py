"""A model's AlpacaEval figures on GPT-4 Turbo's scale, from a judge that still answers."""

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
    Effort,
    KeyEnv,
    LengthControl,
    Limit,
    MaxCost,
    Out,
    Overrides,
    Prices,
    ReasoningRoom,
    RecordTo,
    ReplayFrom,
    Resamples,
    RunOrNot,
    Seed,
    ThoughtsOf,
    Timeout,
    price_of,
    reasoning_of,
)

PROMPTS = ("prompts.jsonl.gz", "prompts.jsonl")
"""A file of verdicts may lie beside AlpacaEval's data; these tell."""


def bridge(
    context: typer.Context,
    verdicts: Annotated[
        Path | None,
        typer.Option(help="A CSV file (.gz) of the candidate judge's verdicts (docs/alpaca_eval_today.md)."),
    ] = None,
    annotations: Annotated[
        list[Path] | None, typer.Option(help="Or its annotations.json, or a folder of models' folders; repeatable.")
    ] = None,
    judge: Annotated[str | None, typer.Option(help="Or ask it: openai, openai:MODEL, hf:DIR.")] = None,
    model: Annotated[
        str | None, typer.Option(help="Model to bridge. Default: every one without an official figure.")
    ] = None,
    leave_one_out: Annotated[
        bool, typer.Option("--leave-one-out", help="Bridge every model from all others and report the errors.")
    ] = False,
    leaderboard: Annotated[
        Path | None, typer.Option(help="CSV file of official figures. Default: that of the installed alpaca_eval.")
    ] = None,
    annotated_by: Annotated[str | None, typer.Option(help="The candidate's name in --annotations.")] = None,
    outputs: Annotated[Path | None, typer.Option(help="Your model's model_outputs.json, for --judge.")] = None,
    name: Annotated[str | None, typer.Option(help="Its name. Default: from the file.")] = None,
    anchors: Annotated[
        Path | None, typer.Option(help="Folder with published outputs, one folder per model, for --judge.")
    ] = None,
    anchor: Annotated[
        list[str] | None, typer.Option(help="An anchor; repeatable. Default: chosen for --max-cost.")
    ] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Choose anchors and prompts for --max-cost; send no request.")
    ] = False,
    guess: Annotated[
        float | None, typer.Option(min=0.1, max=99.9, help="Your model's likely win rate in percent, for a plan.")
    ] = None,
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
    record: RecordTo = None,
    replay: ReplayFrom = None,
    folder: Annotated[Path, typer.Option(help="Folder for calls and annotations of --judge.")] = Path("runs/bridge"),
    picture: Annotated[
        Path | None, typer.Option(help="Draw the figures as SVG: FILE.svg, and FILE-lc.svg for the LC win rate.")
    ] = None,
    run: RunOrNot = None,
    overrides: Overrides = None,
    out: Out = None,
    alpaca_dir: AlpacaDir = None,
    length_control: LengthControl = True,
    resamples: Resamples = 1000,
    confidence: Confidence = 0.95,
    seed: Seed = 1,
) -> None:
    """AlpacaEval 2.0: your model's win rates on GPT-4 Turbo's scale, from another judge and published anchors.

    A file of --annotations that cannot be used is named and left out; the exit status is then 1.
    """
    if sum(source is not None for source in (verdicts, annotations, judge)) != 1:
        raise SettingsError("bridge needs one of --verdicts FILE, --annotations FOLDER and --judge JUDGE")
    if plan and judge is None:
        raise SettingsError("--plan needs --judge, the judge that would be asked")
    from .. import metrics
    from ..benchmarks.alpaca_eval import bridge_command as command
    from ..benchmarks.alpaca_eval.command import Asking, Judging, endpoint
    from ..run import opened
    from ..stats.intervals import Resampling

    measured = None
    if not plan:
        beside_picture = None if picture is None else command.length_controlled(picture)
        hold(context, out, picture, beside_picture, folder=folder if judge is not None else None, option="--folder")
        measured = None if run is None else context.with_resource(opened(run, overrides))[1]
    how = Resampling(resamples=resamples, confidence=confidence, seed=seed)
    beside = None if verdicts is None else verdicts.parent
    if os.environ.get(VARIABLE) or not (beside and any((beside / name).is_file() for name in PROMPTS)):
        beside = None
    scale = command.opened_scale(AlpacaEval.open(alpaca_dir or beside), leaderboard, length_control)
    broken = 0
    if judge is not None:
        wanted = Judging(
            judge=judge,
            annotator=annotator,
            endpoint=endpoint(base_url, azure, api_version, api_key_env, concurrency, timeout, seed),
            price=price_of(price),
            max_cost=max_cost,
            asking=Asking(both_orders=both_orders, draws=draws, limit=limit, seed=seed),
            record=record,
            replay=replay,
            reasoning=reasoning_of(thought_tokens, reasoning_effort),
            thoughts=thoughts,
            how=how,
        )
        if wanted.file is not None:
            raise SettingsError("bridge asks its --judge; give recorded annotations with --annotations")
        share = None if guess is None else guess / 100
        of = command.Asked(outputs, name, anchors, tuple(anchor or ()), share)
        if plan:
            command.plan(wanted, of, scale, folder)
            return
        models = command.live(wanted, of, scale, folder)
    elif verdicts is not None:
        models = command.from_table(verdicts, scale, verdicts.name)
    else:
        models, broken = command.from_annotations(annotations or (), scale, annotated_by)
    found = command.report(models, scale, model, leave_one_out, how)
    if out is not None:
        metrics.write(out, found)
    if picture is not None:
        command.draw(found, picture)
    if measured is not None:
        metrics.merge(measured, found, [command.BENCHMARK])
    if broken:
        raise typer.Exit(1)
