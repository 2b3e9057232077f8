"""What `srlm-eval annotate` does: write a page for people, or import what they said."""

from collections.abc import Sequence
from pathlib import Path

from srlm.errors import SettingsError, StoreError
from srlm.printable import one_line
from srlm.records import Response
from srlm.store import files
from srlm.terminal import say, show
from srlm.text.counts import counted

from ...records import MetricValue
from ..base import OpenEngine
from ..finished import measured
from ..measuring import evaluation_answers
from ..run_data import RunData
from .ballots import Taken
from .benchmark import Human
from .draw import Drawn, Pair, draw_page
from .key import KEY, PageKey, keep
from .labels import labels_path, rankings_path
from .page import render
from .text import result


def pairs_of(models: Sequence[str], names: Sequence[str]) -> list[Pair]:
    """The pairs that `--models A,B` names; the later checkpoint is the model, as in the head to head.

    `names`: the run's measured checkpoints in their order. Raises SettingsError.
    """
    found: dict[Pair, None] = {}
    for given in models:
        both = [name.strip() for name in given.split(",")]
        if len(both) != 2:
            raise SettingsError(f"--models {given}: must be two models, as SFT,M3; repeat the option for more pairs")
        for name in both:
            if name not in names:
                raise SettingsError(
                    f"--models {given}: {name or 'an empty name'} is no checkpoint that can be compared; this run has "
                    f"{', '.join(names)}"
                )
        if both[0] == both[1]:
            raise SettingsError(f"--models {given}: names one model twice")
        baseline, model = sorted(both, key=names.index)
        if Pair(model, baseline) in found:
            raise SettingsError(f"--models {given}: this pair is named twice")
        found[Pair(model, baseline)] = None
    return list(found)


def write_page(
    run: RunData, open_engine: OpenEngine, models: Sequence[str], prompts: int, seed: int, out: Path, of_run: str
) -> None:
    """Write a page to `out` and its key into the run's folder. Models answer what is not on disk yet.

    `of_run`: the options that name the run, for the command that comes next.
    """
    pairs = pairs_of(models, run.names)
    wanted = [one for one in measured(run.folder) if any(one.name in pair for pair in pairs)]
    answers: dict[str, dict[str, Response]] = {}
    for checkpoint in wanted:
        said = evaluation_answers(run.settings, run.folder, checkpoint, run.prompts, open_engine)
        answers[checkpoint.name] = {one.prompt_id: one for one in said}
    drawn = draw_page(run.prompts, answers, pairs, prompts, seed)
    if not drawn.shown:
        raise StoreError(
            f"nothing to ask people: of {counted(len(drawn.alike), 'pairs of answers')} that were drawn, both answers "
            "are the same words; draw more prompts (--prompts), or other models"
            if drawn.alike
            else f"{run.folder.path} has no evaluation prompts"
        )
    key = PageKey.of(seed, drawn.key, drawn.alike)
    place = keep(run.folder, key)
    files.write_text(out, render(key.page, drawn.shown))
    say(*_written(key, drawn, pairs, prompts, out, place, of_run))


def _written(
    key: PageKey, drawn: Drawn, pairs: Sequence[Pair], wanted: int, out: Path, place: Path, of_run: str
) -> list[str]:
    count = len({one.prompt_id for one in key.contests})
    fewer = f" (the run has no more; {wanted} were asked for)" if count < wanted else ""
    named = ", ".join(f"{pair.model} against {pair.baseline}" for pair in pairs)
    alike = counted(len(drawn.alike), "pairs of answers")
    return [
        f"{out}: page {key.page}, {counted(len(drawn.shown), 'comparisons')} of {named}",
        f"{counted(count, 'prompts')}{fewer}",
        *([f"{alike} are the same words: ties, and not shown"] if drawn.alike else []),
        f"which side was which model: {place / KEY}; keep it from the annotators",
        f"then: srlm-eval annotate {of_run} --import votes-*.json",
    ]


def told(taken: Sequence[Taken]) -> list[str]:
    """What became of each imported file, a line each."""
    return [
        f"{one.path}: {one_line(one.votes.annotator)}, {counted(len(one.votes.votes), 'votes')} on "
        f"{counted(one.votes.items, 'comparisons')} of page {one.votes.page}"
        + (f"; {one.known} of them known already" if one.known else "")
        for one in taken
    ]


def show_result(run: RunData, metrics: Sequence[MetricValue], of_run: str) -> None:
    """The figures, and what else the votes are good for; `of_run`: the options that name the run."""
    own = Human()
    show(result([metric for metric in metrics if metric.benchmark == own.name], own.words))
    say(
        "",
        "the same votes correct a judge (docs/labels.md), and test any other:",
        f"  srlm-eval h2h {of_run} --labels {labels_path(run.folder)}",
        f"  srlm-eval agreement --rankings {rankings_path(run.folder)} --judge JUDGE --ask pairs --out agreement.json",
    )
