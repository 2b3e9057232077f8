"""MT-Bench: of a run's checkpoints, or of judgments that exist."""

import json
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from srlm.errors import SettingsError
from srlm.terminal import say, show

from .. import metrics
from .holding import hold
from .options import Confidence, Out, Overrides, RunOrNot, Seed, refuse_given

NONE = 100
"""Resamples: no figure of these needs any."""


def mt_bench(
    context: typer.Context,
    run: RunOrNot = None,
    overrides: Overrides = None,
    judgments: Annotated[
        list[Path] | None,
        typer.Option(help="Instead of --run: judgments in FastChat's form (JUDGE_single.jsonl); repeatable."),
    ] = None,
    files: Annotated[
        Path | None, typer.Option(help="Folder with FastChat's questions, references and judge prompts.")
    ] = None,
    pairs: Annotated[bool, typer.Option(help="Also compare each model with the one before it.")] = False,
    out: Out = None,
    confidence: Confidence = 0.95,
    seed: Seed = 1,
) -> None:
    """MT-Bench: scores by turn and category, of every checkpoint of a run or from judgments that exist."""
    if (run is None) == (not judgments):
        raise SettingsError("give either --run FILE or --judgments FILE")
    if run is not None:
        said = "--confidence and --seed need --judgments; a run has evaluation.confidence and seed"
        refuse_given(context, said, "confidence", "seed")
    hold(context, out)
    if run is not None:
        of_run(run, overrides, files, pairs, out)
        return
    if pairs or overrides:
        raise SettingsError("--pairs and --set need --run; comparisons that exist are read by `srlm-eval judgments`")
    from ..benchmarks.mt_bench.recorded import recorded
    from ..benchmarks.mt_bench.text import scores
    from ..stats.intervals import Resampling

    account: Counter[str] = Counter()
    how = Resampling(resamples=NONE, confidence=confidence, seed=seed)
    found = recorded(judgments or [], None if files is None else str(files), account, how)
    if out is not None:
        metrics.write(out, found.metrics)
    say(*found.account, "")
    show(scores(found.metrics))


def of_run(run: Path, overrides: list[str] | None, files: Path | None, pairs: bool, out: Path | None) -> None:
    """Every checkpoint answers, a judge grades."""
    from ..benchmarks.mt_bench.text import scores
    from ..benchmarks.table import chosen
    from ..figures.text import listed
    from ..run import of_run as measured

    wanted = ["mt_bench", *(["mt_bench_pairs"] if pairs else [])]
    given = [
        *(overrides or ()),
        *([] if files is None else [f"evaluation.mt_bench.files={json.dumps(str(files), ensure_ascii=False)}"]),
    ]
    found = [one for one in measured(run, given, chosen(wanted)) if one.benchmark in wanted]
    if out is not None:
        metrics.write(out, found)
    show(scores([one for one in found if one.benchmark == "mt_bench"]))
    if pairs:
        show("\n" + listed([one for one in found if one.benchmark == "mt_bench_pairs"], "model"))
