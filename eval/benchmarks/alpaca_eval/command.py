"""What `python -m eval alpaca` and `judge-card` do with a judge that is named on the command line."""

from collections.abc import Callable, Sequence
from pathlib import Path

from srlm.engines.openai.endpoint import Endpoint
from srlm.errors import SettingsError
from srlm.settings import Settings
from srlm.store.file_names import file_name
from srlm.store.folder import RunFolder
from srlm.store.progress import Reporter
from srlm.terminal import say, show
from srlm.text.counts import counted

from ...data import labels
from ...data.alpaca_eval import AlpacaEval
from ...data.alpaca_files import read_outputs
from ...data.instructions import account_lines
from ...figures import text
from ...metrics import Used, merge
from ...metrics import path_of as metrics_path
from ...metrics import read as read_metrics
from ...metrics import write as write_metrics
from ...records import MetricValue
from .. import labelled
from ..base import OpenEngine
from ..measuring import resampling
from . import judge_card
from . import measure as alpaca_run
from .judging import BENCHMARKS, Asking
from .measure import Figures, Judging, Model, results_of
from .places import card_place
from .scores import BENCHMARK
from .text import leaderboard
from .voting import settled

__all__ = ["Asking", "Judging", "card", "endpoint", "measured_by", "merged", "of_outputs", "of_run", "results_of"]


def of_outputs(wanted: Judging, path: Path, name: str | None, out: Path, data: AlpacaEval, dry_run: bool) -> None:
    """Anybody's outputs judged; the files go to `out`."""
    outputs = read_outputs(path, data.prompts, name, "keep" if wanted.file else wanted.thoughts)
    _run(wanted, [Model(outputs, out)], data, dry_run, lambda line: None)


def of_run(
    wanted: Judging, settings: Settings, folder: RunFolder, data: AlpacaEval, open_engine: OpenEngine, dry_run: bool
) -> Figures | None:
    """Every measured checkpoint of a run answers and is judged; figures for the run's metrics.json. None: a dry run."""
    models = alpaca_run.of_run(settings, folder, data, wanted.asking, open_engine, wanted.thoughts)
    return _run(wanted, models, data, dry_run, folder.log)


def measured_by(settings: Settings, folder: RunFolder, judge: str, open_engine: OpenEngine) -> list[MetricValue]:
    """Figures of AlpacaEval by this judge, asked as AlpacaEval asks; all else as the run's settings say."""
    how = settings.evaluation
    place = None if how.alpaca_dir is None else Path(how.alpaca_dir)
    wanted = Judging(
        judge=judge,
        endpoint=Endpoint.at(how.base_url, settings.seed),
        price=how.price,
        max_cost=how.max_cost,
        asking=Asking(seed=settings.seed),
        how=resampling(settings),
    )
    found = of_run(wanted, settings, folder, AlpacaEval.open(place), open_engine, dry_run=False)
    assert found is not None  # no dry run
    fresh = [metric for metric in found.metrics if metric.model not in found.apart and metric.benchmark == BENCHMARK]
    return [*fresh, *_kept(folder, found)]


def _kept(folder: RunFolder, found: Figures) -> list[MetricValue]:
    """Figures on more prompts, which stay."""
    return [m for m in read_metrics(metrics_path(folder)) if m.benchmark == BENCHMARK and m.model in found.apart]


def card(wanted: Judging, results: Path, out: Path, data: AlpacaEval, dry_run: bool) -> bool:
    """A candidate judge beside GPT-4 Turbo; the calls and the figures go to `out`. False: a model was left out."""
    if wanted.file:
        raise SettingsError("judge-card needs a judge to ask; for recorded annotations use `leaderboard --judge`")
    known, broken = judge_card.official(results, data.prompts)
    for folder, why in broken.items():
        say(f"left out, {folder}: {why}")
    for folder, annotated in known.items():
        for line in account_lines(annotated.account, annotated.unmatched):
            say(f"{folder}: {line}")
    with wanted.opened(out, dry_run) as (opened, store):
        questions = [question for _, question in judge_card.asked(opened, known, data.prompts, wanted.asking)]
        if dry_run:
            say(*alpaca_run.foreseen_costs(counted(len(known), "models"), opened, questions, wanted.asking, store))
            alpaca_run.warn_of_end(wanted, opened, say)
            return not broken
        judge, how = settled(opened, questions, wanted.asking, say)
        questions = [question for _, question in judge_card.asked(judge, known, data.prompts, how)]
        say(alpaca_run.costs(counted(len(known), "models"), judge, questions, store))
        with Reporter(f"judge card of {judge.id}", lambda line: None, "calls") as report:
            metrics = judge_card.run(judge, known, data.prompts, how, wanted.how, report)
        alpaca_run.account(opened, say)
        (pairs,) = [metric.n for metric in metrics if metric.metric == "preference_difference"]
        path = card_place(out, file_name(judge.id), pairs)
    write_metrics(path, metrics)
    rows = [[m.model, m.metric, text.value(m, ".4g"), str(m.n), str(m.unscored), m.note] for m in metrics]
    say(str(path), "")
    show(text.aligned(["of", "figure", "value", "n", "unscored", "note"], rows))
    return not broken


def _run(
    wanted: Judging, models: Sequence[Model], data: AlpacaEval, dry_run: bool, log: Callable[[str], None]
) -> Figures | None:
    if dry_run:
        alpaca_run.dry(wanted, models, data, say)
        return None
    if wanted.labels is not None:
        labels.read(wanted.labels)  # a label that is none costs no call
    found = alpaca_run.run(wanted, models, data, say, log)
    metrics = found.metrics
    show("\n" + leaderboard([metric for metric in metrics if metric.benchmark == BENCHMARK]))
    if wanted.labels is not None:
        show("\n" + labelled.text(metrics))
    return found


def merged(found: Figures, folder: RunFolder, used: Used) -> None:
    """Bring the run's metrics.json up to date; of models with figures on more prompts these stay.

    `used`: the files that they were computed from.
    """
    fresh = [metric for metric in found.metrics if metric.model not in found.apart]
    merge(folder, [*fresh, *_kept(folder, found)], BENCHMARKS, dict.fromkeys(BENCHMARKS, used))


def endpoint(
    base_url: str | None,
    azure: bool,
    api_version: str | None,
    api_key_env: str,
    concurrency: int,
    timeout: float | None,
    seed: int,
) -> Endpoint:
    """Where the judge is, as the options say."""
    return Endpoint(
        service="azure" if azure else "compatible" if base_url else "openai",
        base_url=base_url,
        api_version=api_version,
        api_key_env=api_key_env,
        concurrency=concurrency,
        timeout=timeout,
        seed=seed,
    )
