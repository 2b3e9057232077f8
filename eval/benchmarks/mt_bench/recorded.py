"""MT-Bench from judgments that exist: FastChat's files, each score read from the judge's words again."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from srlm.errors import DataError, SettingsError
from srlm.text.counts import counted

from ...data import mt_bench as data
from ...data.judgments import Judged, Score, form_of, judged
from ...data.mt_bench_prompts import SINGLE
from ...records import MetricValue
from ...stats.intervals import Resampling
from .figures import figures

TOLD = 5
"""Rows of a kind that are named one by one."""


class Recorded(NamedTuple):
    """Figures of files of judgments, and what was found in these."""

    metrics: list[MetricValue]
    account: list[str]


def recorded(paths: Sequence[Path], files: str | None, account: Counter[str], how: Resampling) -> Recorded:
    """A row a model; of several judges, a row a model and judge. `files`: the questions, for their categories.

    Raises DataError where a file holds anything but FastChat's grades of single answers.
    """
    if twice := [path for path, count in Counter(path.resolve() for path in paths).items() if count > 1]:
        raise SettingsError(f"--judgments {twice[0]}: given twice; its judgments would count twice")
    for path in paths:
        if (form := form_of(path)) != "mt_bench_single":
            raise DataError(f"{path}: {form}, not grades of single answers (mt_bench_single); use srlm-eval judgments")
    rows = judged(paths, account)
    categories = _categories(files)
    by_model = _by_model([one.score for one in rows])
    judges = sorted({one.score.judge for one in rows})
    metrics: list[MetricValue] = []
    for judge in judges:  # models graded by different judges are not compared
        own = {name: found for (name, by), found in by_model.items() if by == judge}
        used = {one.question for found in own.values() for one in found}
        metrics += figures(own, {id: categories[id] for id in categories if id in used}, how)
    return Recorded(metrics, [*_account(paths, rows, account), *_told(rows, categories), *_partial(by_model)])


def _categories(files: str | None) -> Mapping[str, str]:
    if files is None:
        return data.categories_by_number()
    return {one.id: one.category for one in data.read_questions(files)}


def _by_model(found: Sequence[Score]) -> dict[tuple[str, str], list[Score]]:
    """Scores by what a row is called and by judge, in the order of the files."""
    several = len({one.judge for one in found}) > 1
    by_model: dict[tuple[str, str], list[Score]] = defaultdict(list)
    for one in found:
        name = f"{one.model} (judge {one.judge})" if several else one.model
        by_model[name, one.judge].append(one)
    return by_model


def _account(paths: Sequence[Path], rows: Sequence[Judged], account: Counter[str]) -> list[str]:
    found = "".join(f"; {name} {count:,}" for name, count in account.items() if count)
    return [f"{', '.join(map(str, paths))}: {counted(len(rows), 'judgments')}{found}"]


def _told(rows: Sequence[Judged], categories: Mapping[str, str]) -> list[str]:
    """Rows that a reader has to know of: other words than scores, prompts that FastChat would not have used."""
    lines = []
    differing = [one for one in rows if one.has_words and one.differs]
    for one in differing[:TOLD]:
        lines.append(f"{one.place}: score {_shown(one.stored)}, but the judge's words say {_shown(one.score.score)}")
    if len(differing) > TOLD:
        lines.append(f"and {len(differing) - TOLD} more")
    alone = [
        one
        for one in rows
        if one.prompt in SINGLE
        and categories.get(one.score.question) in data.WITH_REFERENCE
        and "math" not in (one.prompt or "")
    ]
    if alone:
        wanted = ", ".join(data.WITH_REFERENCE)
        lines.append(
            f"{counted(len(alone), 'judgments')} of {wanted} without a reference answer (first: "
            f"{alone[0].place}); "
            "FastChat looks references up under the judge's name, and other judges' scores do not compare with these"
        )
    unknown = {one.score.question for one in rows} - set(categories)
    if unknown:
        lines.append(f"questions without a category: {len(unknown)} (--files names the questions)")
    return lines


def _shown(score: float | None) -> str:
    return "none" if score is None else f"{score:g}"


def _partial(by_model: Mapping[tuple[str, str], Sequence[Score]]) -> list[str]:
    """Models whose answers are judged at one turn only, or more than once."""
    lines = []
    for (name, _), found in by_model.items():
        often = sum(count > 1 for count in Counter((one.question, one.turn) for one in found).values())
        if often:
            lines.append(
                f"{name}: {counted(often, 'answers are')} judged more than once; every judgment counts, as in FastChat"
            )
        turns: dict[str, set[int]] = defaultdict(set)
        for one in found:
            turns[one.question].add(one.turn)
        half = sum(len(there) == 1 for there in turns.values())
        if half:
            lines.append(f"{name}: {half} of {counted(len(turns), 'questions are')} judged at one turn only")
    return lines
