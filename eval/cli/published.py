"""Figures from published files: leaderboards, comparisons, Arena-Hard; and the power of N prompts."""

import os
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from srlm.errors import SettingsError
from srlm.store import files
from srlm.store.progress import Reporter
from srlm.terminal import say, show
from srlm.text.counts import counted

from .. import metrics
from ..data.alpaca_eval import ANNOTATOR, VARIABLE, AlpacaEval
from .holding import hold
from .options import AlpacaDir, Confidence, Labels, LengthControl, Out, Resamples, Seed


def leaderboard(
    context: typer.Context,
    results: Annotated[Path, typer.Option(help="Folder with one folder per model, such as alpaca_eval's results/.")],
    out: Out = None,
    csv: Annotated[Path | None, typer.Option(help="Write a CSV file with alpaca_eval's own columns.")] = None,
    judge: Annotated[str, typer.Option(help="Judge whose annotations are read: their folder's name.")] = ANNOTATOR,
    labels: Labels = None,
    alpaca_dir: AlpacaDir = None,
    length_control: LengthControl = True,
    resamples: Resamples = 1000,
    confidence: Confidence = 0.95,
    seed: Seed = 1,
) -> None:
    """AlpacaEval 2.0: recompute the leaderboard from a folder of results, with intervals.

    A model folder that cannot be used is named and left out; the exit status is then 1.
    """
    from ..benchmarks import labelled
    from ..benchmarks.alpaca_eval import leaderboard as board
    from ..benchmarks.alpaca_eval import people, text
    from ..data.labels import read as read_labels
    from ..figures.text import short_name
    from ..stats.intervals import Resampling

    hold(context, out, csv)
    data = AlpacaEval.open(alpaca_dir or (None if os.environ.get(VARIABLE) else results.parent))
    how = Resampling(resamples=resamples, confidence=confidence, seed=seed)
    told = None if labels is None else read_labels(labels)
    with Reporter("leaderboard", lambda line: None, "models") as progress:
        found = board.recomputed(results, data, how, length_control=length_control, judge=judge, report=progress)
    by_people = (
        []
        if told is None
        else people.of_board(found.samples, data.prompts, told, how, data.glm if length_control else None)
    )
    if out is not None:
        metrics.write(out, [*found.metrics, *by_people])
    if csv is not None:
        files.write_text(csv, board.official_csv(found.metrics))
    show(text.leaderboard(found.metrics))
    if told is not None:
        show("\n" + labelled.text(by_people))
        if gone := people.of_nobody(found.samples, told):
            say(gone)
    for model, lines in found.left_out.items():
        say("", *(f"{short_name(model)}: {line}" for line in lines))
    if found.without:
        say("", f"no annotations by {short_name(judge)}: {', '.join(map(short_name, found.without))}")
    if found.broken:
        say("", f"left out, for their annotations cannot be used: {counted(len(found.broken), 'folders')}")
        say(*(f"  {folder}: {why}" for folder, why in found.broken.items()))
        raise typer.Exit(1)


def compare(
    context: typer.Context,
    models: Annotated[list[str], typer.Argument(help="Two or more models of results/, or annotation files.")],
    out: Out = None,
    labels: Labels = None,
    alpaca_dir: AlpacaDir = None,
    length_control: LengthControl = True,
    resamples: Resamples = 1000,
    confidence: Confidence = 0.95,
    seed: Seed = 1,
) -> None:
    """AlpacaEval 2.0: paired tests of models on the same prompts, raw and length-controlled."""
    if len(models) < 2:
        raise SettingsError("compare needs at least two models")
    from ..benchmarks import labelled
    from ..benchmarks.alpaca_eval import leaderboard as board
    from ..benchmarks.alpaca_eval import people, text
    from ..data.labels import read as read_labels
    from ..stats.intervals import Resampling

    hold(context, out)
    data = AlpacaEval.open(alpaca_dir)
    how = Resampling(resamples=resamples, confidence=confidence, seed=seed)
    told = None if labels is None else read_labels(labels)
    samples = board.samples_of(models, data, say)
    figures = board.compared(samples, data.glm if length_control else None, how)
    by_people = [] if told is None else people.apart(samples, data.prompts, told, how)
    if out is not None:
        metrics.write(out, [*figures, *by_people])
    show(text.comparisons(figures))
    if told is not None:
        show("\n" + labelled.text(by_people))
        if gone := people.of_nobody(samples, told):
            say(gone)


def arena_hard(
    context: typer.Context,
    files_of: Annotated[list[Path], typer.Argument(metavar="FILE...", help="arena-hard's model_judgment/*/*.jsonl.")],
    answers: Annotated[
        Path | None, typer.Option(help="arena-hard's model_answer folder: also compute style-controlled scores.")
    ] = None,
    out: Out = None,
    resamples: Resamples = 1000,
    confidence: Confidence = 0.95,
    seed: Seed = 1,
) -> None:
    """Arena-Hard: win, tie and loss rates and the score from its judgments, with intervals over prompts."""
    from ..benchmarks.arena_hard import scored
    from ..data.arena_hard import read
    from ..figures import text
    from ..stats.intervals import Resampling

    hold(context, out)
    how = Resampling(resamples=resamples, confidence=confidence, seed=seed)
    judged = read(files_of)
    figures = scored(judged, how)
    if answers is not None:
        from ..benchmarks.arena_hard_style import controlled
        from ..data import arena_hard_answers

        figures += controlled(judged, arena_hard_answers.read(answers), how)
    if out is not None:
        metrics.write(out, figures)
    show(text.shares(figures))


def judgments(
    context: typer.Context,
    files_of: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="FastChat's, JudgeArena's or arena-hard's.")
    ],
    out: Out = None,
    resamples: Resamples = 1000,
    confidence: Confidence = 0.95,
    seed: Seed = 1,
) -> None:
    """MT-Bench, JudgeArena, Arena-Hard: figures from published judgments of models, with intervals over questions."""
    from ..benchmarks import arena_hard as hard
    from ..benchmarks import judgments as counted
    from ..data import arena_hard as hard_files
    from ..data import judgments as read
    from ..figures import text
    from ..stats.intervals import Resampling

    hold(context, out)
    how = Resampling(resamples=resamples, confidence=confidence, seed=seed)
    figures, told = [], []
    for path in files_of:
        form, account = read.form_of(path), Counter[str]()
        if form == "mt_bench_single":
            figures += counted.mt_bench(read.scores(path, account), how)
        elif form == "arena_hard":
            figures += hard.scored(hard_files.read([path]), how)
        else:
            figures += counted.pairs(read.games(path, form, account), how)
        left = "".join(f"; {name} {count:,}" for name, count in account.items() if count)
        told.append(f"{path}: {form}{left}")
    if out is not None:
        metrics.write(out, figures)
    say(*told, "")
    show(text.listed(figures, "model"))


def power(
    n: Annotated[int, typer.Option("--n", help="Number of prompts.")],
    rate: Annotated[float, typer.Option(help="The rate to compare with, 0 to 1.")],
    correlation: Annotated[float, typer.Option(help="Correlation of two models' outcomes on the same prompt.")] = 0.0,
    alpha: Annotated[float, typer.Option(help="Chance of detecting a difference where there is none.")] = 0.05,
    power: Annotated[float, typer.Option(help="Chance of detecting a real difference.")] = 0.8,
    labels: Annotated[
        str | None,
        typer.Option(
            help="Instead: the interval that human labels buy. Numbers of labels (20,50,100), or a file of labels with "
            "a `judge` column, whose correlation is measured."
        ),
    ] = None,
    judge_correlation: Annotated[
        float | None, typer.Option(min=-1, max=1, help="Of the judge and people, prompt by prompt, for --labels.")
    ] = None,
    confidence: Confidence = 0.95,
) -> None:
    """The smallest difference that N prompts can detect, or the interval that human labels of some of them buy."""
    from ..figures import text
    from ..stats.power import smallest

    if labels is not None:
        from ..benchmarks.labelled import labels_bought

        show(labels_bought(labels, n, rate, judge_correlation, confidence))
        return

    against_rate = smallest(n, rate, "a fixed rate", alpha=alpha, power=power)
    against_model = smallest(n, rate, "another model", correlation, alpha, power)
    show(text.power([against_rate, against_model]))
