"""MT-Bench of a run's checkpoints: every one answers, the judge grades, and a budget reaches whole questions."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from srlm.engines.openai.retired import refuse_retired
from srlm.judge.open import Judge, asked_models, mt_bench_judge, mt_bench_spec
from srlm.settings import Settings
from srlm.store.folder import RunFolder
from srlm.store.progress import Reporter
from srlm.terminal import say
from srlm.text.counts import counted

from ...data import mt_bench as data
from ...data.mt_bench import MtBench
from ...records import MetricValue, Series
from ..base import OpenEngine, RunData
from ..finished import measured
from ..measuring import are_there, refuse_others, resampling
from ..within_budget import noted, reached, sample_of
from .answers import Conversation, conversations, some_of
from .figures import figures, series
from .grading import Grade, askings, facts_of_grades, graded, grades, grades_path, scores
from .names import OVERALL

Written = Mapping[str, Sequence[Conversation]]
"""By model."""


def opened(settings: Settings) -> MtBench:
    """The questions that are asked, with references and prompts. Raises DataError where the files are not there."""
    wanted = settings.evaluation.mt_bench
    bench = data.read(wanted.files, wanted.references)
    return bench._replace(questions=some_of(bench.questions, wanted.questions, settings.seed))


def check(settings: Settings, folder: RunFolder, kept: Sequence[Path]) -> None:
    """Raises where MT-Bench could not be measured, before any model is asked. `kept`: files of what the judge said."""
    opened(settings)
    mt_bench_judge(folder).close()
    if not all(path.exists() for path in kept):
        for one in asked_models(settings):
            if one.setting == mt_bench_spec(settings)[1]:
                refuse_retired(one.endpoint, one.model)


def all_conversations(
    settings: Settings, folder: RunFolder, bench: MtBench, open_engine: OpenEngine
) -> dict[str, list[Conversation]]:
    """Both turns of every measured checkpoint."""
    return {one.name: conversations(settings, folder, one, bench.questions, open_engine) for one in measured(folder)}


def measure(settings: Settings, folder: RunFolder, open_engine: OpenEngine) -> list[MetricValue]:
    """Every figure; models and the judge are asked what is not on disk."""
    bench = opened(settings)
    found = all_conversations(settings, folder, bench, open_engine)
    with closing(mt_bench_judge(folder, open_engine)) as judge:
        sample = affordable(settings, folder, bench, found, judge)
        by_model: dict[str, list[Grade]] = {}
        for model, own in found.items():
            if len(sample) == len(bench.questions):
                by_model[model] = grades(settings, folder, model, bench, own, judge)
            else:  # kept among the judge's calls alone: a file of grades is of all questions
                part = [one for one in own if one.question.id in sample]
                by_model[model] = graded(settings, judge, askings(bench, part), settings.seed)
    categories = {one.id: one.category for one in bench.questions}
    found_scores = {model: scores(model, own) for model, own in by_model.items()}
    values = figures(found_scores, categories, resampling(settings), settings.evaluation.reference)
    return noted_questions([_with_cut(one, found) for one in values], sample, bench)


def affordable(settings: Settings, folder: RunFolder, bench: MtBench, found: Written, judge: Judge) -> frozenset[str]:
    """Ids of the questions that the budget reaches, with both turns of every model graded."""

    def ask(some: Sequence[str]) -> None:
        for own in found.values():
            part = [one for one in own if one.question.id in some]
            graded(settings, judge, askings(bench, part), settings.seed)

    kept = {
        grades_path(folder, model): facts_of_grades(settings, model, bench, own, judge) for model, own in found.items()
    }
    return affordable_questions(settings, folder, bench, judge, ask, kept)


def affordable_questions(
    settings: Settings,
    folder: RunFolder,
    bench: MtBench,
    judge: Judge,
    ask: Callable[[Sequence[str]], None],
    kept: Mapping[Path, dict[str, Any]],
) -> frozenset[str]:
    """Ids of the questions that the budget reaches. `ask` asks all there is to ask about some of them; `kept` are the
    files of what is asked, with what they are made from: where all are whole, nothing is. Raises StoreError, before
    anything is asked, where one of them was made from something else."""
    ids = [one.id for one in bench.questions]
    wanted = settings.evaluation
    most = wanted.max_cost if wanted.mt_bench.max_cost is None else wanted.mt_bench.max_cost
    if most is None or judge.budget is None or are_there(folder, kept):
        return frozenset(ids)
    for path, facts in kept.items():
        refuse_others(path, facts)
    with Reporter("MT-Bench: within the budget", folder.log):
        done = reached(ids, ask, judge.budget(), settings.seed)
    sample = sample_of(ids, [done], most)
    if note := question_note(len(sample), len(ids)):
        folder.log(f"MT-Bench: stopped at its budget: figures {note}")
        say(f"stopped at max_cost: figures {note}; raise it and run the same command again to resume")
    return sample


def noted_questions(found: Sequence[MetricValue], sample: Collection[str], bench: MtBench) -> list[MetricValue]:
    """The figures with the part of the questions that they are of, where it is one."""
    return noted(found, question_note(len(sample), len(bench.questions)))


def question_note(reached: int, questions: int) -> str:
    """What stands beside a figure; empty where the budget reached all."""
    return f"on {reached} of {counted(questions, 'questions')}, drawn at random (budget)" if reached < questions else ""


def _with_cut(figure: MetricValue, found: Written) -> MetricValue:
    """The figure of all answers says how many of them were cut at the token limit, or empty."""
    if figure.metric != OVERALL or figure.baseline is not None:
        return figure
    said = [answer for one in found[figure.model] for answer in (one.first, one.second)]
    cut, empty = sum(one.finish == "length" for one in said), sum(not one.text.strip() for one in said)
    more = [
        f"{counted(number, 'answers')} {what}"
        for number, what in ((cut, "cut at their limit"), (empty, "empty"))
        if number
    ]
    return figure.model_copy(update={"note": "; ".join([figure.note, *more])})


def by_question(run: RunData) -> list[Series]:
    """Scores on disk, a value a question."""
    found = []
    for name in run.names:
        own = run.records(grades_path(run.folder, name), Grade)
        if own:
            found += series(name, scores(name, own))
    return found
