"""MT-Bench of a run's checkpoints, beside the paper's."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from srlm.judge.open import WRITERS, mt_bench_spec
from srlm.settings import Settings

from ...data import cited, published
from ...data.mt_bench import CATEGORIES
from ...figures import charts
from ...figures.captions import caption
from ...records import MetricValue, Series
from ..base import Answers, Asked, Benchmark, Lead, MetricSpec, OpenEngine, PageSection, RunData
from ..english import reads_no_english
from ..head_to_head.benchmark import METRICS as CONTESTS
from ..paper_table import PaperPart, model_and_data
from .names import HARD, OTHERS, OVERALL, TURNS

POINTS = {"unit": "points", "better": "higher", "digits": 2, "scale": (1.0, 10.0)}
METRICS = {
    OVERALL: MetricSpec(label="mean score of both turns", headline=True, margin=0.5, **POINTS),
    "turn_1": MetricSpec(label="mean score, turn 1", margin=0.5, **POINTS),
    "turn_2": MetricSpec(label="mean score, turn 2", margin=0.5, **POINTS),
    HARD: MetricSpec(label="math, coding and reasoning", **POINTS),
    OTHERS: MetricSpec(label="the other categories", **POINTS),
    **{f"category: {name}": MetricSpec(label=name, **POINTS) for name in CATEGORIES},
    **{
        f"category: {name}, {turn}": MetricSpec(label=f"{name}, {turn.replace('_', ' ')}", **POINTS)
        for name in CATEGORIES
        for turn in TURNS
    },
}
PAIR_METRICS = {name: CONTESTS[name] for name in ("win", "tie", "lose", "win_minus_lose", "order_decided")}
COLUMNS = (OVERALL, HARD, OTHERS, *TURNS, *(f"category: {name}" for name in CATEGORIES))
"""Of the table by model: the paper's columns, and the turns, which it does not give."""
QUESTIONS = 80
ASKED_TOKENS, GRADED_TOKENS, COMPARED_TOKENS = (90, 600), (700, 1300), (1000, 1900)
"""Tokens of a request, on average, at turn 1 and turn 2: of a model, of a judge that grades, of one that compares. Of
the real questions and references, with answers of 350 tokens."""


class MtBenchScores(Benchmark):
    """Scores of 1 to 10 that a judge gives each answer."""

    name = "mt_bench"
    label = "MT-Bench"
    command = "mt-bench"
    of_models = ("judge",)
    by_default = False
    in_paper = True
    metrics = METRICS
    leads = (Lead(OVERALL, "quality", "MT-Bench, mean of both turns"),)
    unit = "points"
    own_table = True

    def inapplicable(self, settings: Settings) -> str:
        return reads_no_english(settings)

    def check(self, run: RunData) -> None:
        from .grading import grades_path
        from .measure import check

        check(run.settings, run.folder, [grades_path(run.folder, name) for name in run.names])

    def asked(self, settings: Settings, models: Sequence[str]) -> Iterable[Asked]:
        number, tokens = _questions(settings), settings.evaluation.mt_bench.answer_tokens
        grades = list(_judged(settings, "grades of turn {}", number * len(models), GRADED_TOKENS))
        if grades:
            for model in models:
                for turn, reads in enumerate(ASKED_TOKENS, 1):
                    yield Asked(f"MT-Bench: answers to turn {turn}", model, number, reads, tokens)
        yield from grades

    def measure(self, run: RunData, answers: Answers, open_engine: OpenEngine) -> list[MetricValue]:
        from .measure import measure

        return measure(run.settings, run.folder, open_engine)

    def per_prompt(self, run: RunData) -> list[Series]:
        from .measure import by_question

        return by_question(run)

    def sections(self, run: RunData) -> list[PageSection]:
        figures, pairs = run.of(self.name), run.of(MtBenchPairs.name)
        if not figures and not pairs:
            return []
        drawn = self._chart(run, figures)
        content = page(run, figures, pairs)
        return [PageSection("own", "mt_bench/section.html", content, charts=drawn, id="mt-bench", link="MT-Bench")]

    def paper_tables(self, run: RunData) -> Iterable[PaperPart]:
        from .paper import tables

        figures = run.of(self.name)
        return tables(self.name, page(run, figures, [])["unlike"], self._chart(run, figures))

    def _chart(self, run: RunData, figures: Sequence[MetricValue]) -> list[charts.Chart]:
        """The mean of both turns, model by model, beside the paper's models of the same names."""
        own = [one for one in figures if one.metric == OVERALL and one.baseline is None and one.value is not None]
        if not own:
            return []
        rows = [charts.dot(one, self.words, "this run") for one in own]
        names = {one.model for one in own}
        for row in published.mt_bench().rows:
            if row.model in names:
                value = row.values[OVERALL]
                said = f"{row.model}, published: {value:.2f}"
                rows.append(
                    {"model": row.model, "kind": "published", "value": value, "low": None, "high": None, "said": said}
                )
        title = "MT-Bench: mean score of both turns"
        return [charts.series(title, rows, share=False, looks=run.looks, note=caption(own, run.level))]


class MtBenchPairs(Benchmark):
    """Each model against the one before it, both answers before the judge in both orders."""

    name = "mt_bench_pairs"
    label = "MT-Bench, pairs"
    command = "mt-bench"
    of_models = ("judge",)
    by_default = False
    metrics = PAIR_METRICS
    pairs = True
    own_table = True

    def check(self, run: RunData) -> None:
        from .measure import check
        from .pairs import verdicts_path

        check(run.settings, run.folder, [verdicts_path(run.folder, *models) for models in run.steps_of])

    def asked(self, settings: Settings, models: Sequence[str]) -> Iterable[Asked]:
        requests = 2 * _questions(settings) * max(0, len(models) - 1)
        return _judged(settings, "comparisons of turn {}, both orders", requests, COMPARED_TOKENS)

    def measure(self, run: RunData, answers: Answers, open_engine: OpenEngine) -> list[MetricValue]:
        from .pairs import measure

        return measure(run.settings, run.folder, open_engine)


def page(run: RunData, figures: Sequence[MetricValue], pairs: Sequence[MetricValue]) -> dict[str, Any]:
    """What the section shows: a row a model with the paper's below it, differences, categories by turn."""
    paper = published.mt_bench()
    spec = mt_bench_spec(run.settings)[0]
    facts = [
        ("judge", spec.removeprefix("openai:"), paper.judge),
        *model_and_data(run.settings),
        (
            "questions",
            str(max((one.n + one.unscored for one in figures if one.metric == TURNS[0]), default=0)),
            str(paper.questions),
        ),
    ]
    return {
        "columns": COLUMNS,
        "models": list(dict.fromkeys(one.model for one in figures)),
        "means": {(one.model, one.metric): one for one in figures if one.baseline is None},
        "differences": [one for one in figures if one.baseline is not None],
        "by_turn": [one for one in figures if one.baseline is None and one.metric not in COLUMNS],
        "pairs": list(pairs),
        "paper": paper,
        "published": {(row.model, name): value for row in paper.rows for name, value in row.values.items()},
        "unlike": cited.unlike(facts),
    }


def _judged(settings: Settings, what: str, requests: int, tokens: Sequence[int]) -> Iterator[Asked]:
    """What the judge is asked of each turn; nothing where it writes no words, for then nobody is asked (`check`)."""
    wanted, (spec, _) = settings.evaluation, mt_bench_spec(settings)
    own = wanted.mt_bench
    if spec.partition(":")[0] in WRITERS:
        for turn, reads in enumerate(tokens, 1):
            price, base_url = own.price or wanted.price, own.base_url or wanted.base_url
            yield Asked(f"MT-Bench: {what.format(turn)}", spec, requests, reads, own.judge_tokens, price, base_url)


def _questions(settings: Settings) -> int:
    return min(QUESTIONS, settings.evaluation.mt_bench.questions or QUESTIONS)
