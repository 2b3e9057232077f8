"""`python -m eval alpaca`: whose outputs, which judge, what is said before a call is sent, and what is left behind."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from srlm.engines.openai.calls import CallStore
from srlm.engines.openai.client import Client
from srlm.engines.openai.cost import price_list, price_of
from srlm.engines.openai.endpoint import Endpoint
from srlm.engines.openai.retired import notice
from srlm.errors import DataError, SettingsError
from srlm.records import Prompt, Record, digest, seed_for
from srlm.settings import PairSettings, Price, Settings
from srlm.store.folder import RunFolder
from srlm.store.progress import Reporter
from srlm.text.counts import counted

from ...data import labels
from ...data.alpaca_eval import ANNOTATOR, AlpacaEval
from ...data.alpaca_files import Outputs, Thoughts, as_judged, without_thoughts
from ...data.cited import Setup
from ...data.instructions import account_lines
from ...figures.text import short_name
from ...judging.annotating import AnnotatingJudge, Question, asked_by_prompt, by_prompt, open_judge
from ...judging.annotating import questions as all_questions
from ...judging.annotator import Annotator
from ...records import MetricValue
from ...stats.intervals import Resampling
from ..base import OpenEngine
from ..finished import measured
from ..measuring import answers
from . import setups
from .judging import (
    Asking,
    JudgedOutputs,
    asked,
    baseline_of,
    chosen,
    estimate,
    figures,
    fooled,
    judged,
    missing,
    recorded,
    shuffled,
    write_annotated,
    write_figures,
)
from .people import corrected
from .scores import BENCHMARK
from .voting import foreseen, settled, voting

Say = Callable[[str], None]


class Judging(Record):
    """What the command was told about the judge."""

    judge: str = "openai"
    annotator: str = ANNOTATOR
    endpoint: Endpoint = Endpoint()
    price: Price | None = None
    """None: that of the price list."""
    max_cost: float | None = None
    asking: Asking = Asking()
    record: Path | None = None
    replay: Path | None = None
    reasoning: PairSettings | None = None
    """How a judge that reasons is asked; None: as the annotator says."""
    canaries: bool = False
    length_control: bool = True
    thoughts: Thoughts = "cut"
    labels: Path | None = None
    """Human labels of some of the prompts."""
    how: Resampling = Resampling(resamples=1000, confidence=0.95, seed=1)

    @property
    def file(self) -> Path | None:
        """The recorded annotations that are the judge; None: somebody is asked."""
        kind, _, name = self.judge.partition(":")
        return Path(name) if kind == "file" and name else None

    @contextmanager
    def opened(self, out: Path, dry_run: bool = False) -> Iterator[tuple[AnnotatingJudge, CallStore]]:
        """The judge, and its calls: OUT's own, or the file to record to or to replay. A dry run leaves no file."""
        if self.record and self.replay:
            raise SettingsError("--record and --replay cannot be used together")
        path = self.replay or self.record or out / "calls.sqlite"
        with TemporaryDirectory() as nowhere, ExitStack() as held:
            if dry_run and not path.exists():
                path = Path(nowhere) / "calls.sqlite"
                store = held.enter_context(CallStore(path))
            else:
                store = held.enter_context(CallStore(path, replay=dry_run or self.replay is not None))
            annotator = Annotator(self.annotator)
            judge = open_judge(self.judge, annotator, self.endpoint, store, self.price, self.max_cost, self.reasoning)
            held.callback(judge.close)
            yield judge._replace(manner=self.asking.manner), store


APART = "verdicts on more prompts are kept and stay"
"""Why a model's files are not in OUT/results."""


class Figures(NamedTuple):
    """What a judge's verdicts come to."""

    metrics: list[MetricValue]
    apart: tuple[str, ...]
    """Models of which more prompts are kept; the files of these figures lie beside theirs."""


class Model(NamedTuple):
    """A model's outputs, and where its files go."""

    outputs: Outputs
    out: Path


def of_run(
    settings: Settings,
    folder: RunFolder,
    data: AlpacaEval,
    how: Asking,
    open_engine: OpenEngine,
    thought: Thoughts = "cut",
) -> list[Model]:
    """Answers of every measured checkpoint of a run; written now where they are not on disk yet."""
    prompts = chosen(data.prompts, how.limit, how.seed)
    made = []
    for checkpoint in measured(folder):
        written = answers(
            folder,
            checkpoint,
            prompts,
            open_engine,
            name="alpaca_eval" if len(prompts) == len(data.prompts) else f"alpaca_eval-{len(prompts)}",
            label="AlpacaEval answers",
            sampling=settings.evaluation.sampling,
            draws=1,
            seed=seed_for(settings.seed, "AlpacaEval answers", checkpoint.name),
            source=digest("prompts", *(prompt.id for prompt in prompts)),
        )
        outputs = Outputs(checkpoint.name, {one.prompt_id: one for one in written}, {})
        if thought == "cut":
            outputs = without_thoughts(outputs)
        made.append(Model(outputs, results_of(folder)))
    if not made:
        raise DataError(f"{folder.path}: no finished checkpoint to evaluate; train one first (srlm train)")
    return made


def results_of(folder: RunFolder) -> Path:
    """Where the files of a run's models go."""
    return folder.step("evaluation") / "alpaca_eval"


def dry(wanted: Judging, models: Sequence[Model], data: AlpacaEval, say: Say) -> None:
    """Say how many calls would be made, and at what price. Sends and writes nothing."""
    if wanted.file:
        say(f"{wanted.file}: recorded annotations; nothing would be sent")
        return
    prompts = chosen(data.prompts, wanted.asking.limit, wanted.asking.seed)
    for outputs, out in models:
        for line in outputs_lines(outputs):
            say(line)
        with wanted.opened(out, dry_run=True) as (judge, store):
            questions = asked(judge.annotator, outputs, data.baseline, prompts, wanted.asking)
            for line in foreseen_costs(outputs.model, judge, questions, wanted.asking, store):
                say(line)
            warn_of_end(wanted, judge, say)
    say("nothing was sent")


def foreseen_costs(
    of: str, judge: AnnotatingJudge, questions: Sequence[Question], how: Asking, store: CallStore
) -> list[str]:
    """What judging costs; of a judge that was never asked also what it costs if it gives no log-probabilities."""
    known, votes = foreseen(judge, questions, how, store), voting(judge, how)
    if votes is None or known == how:
        return [costs(of, judge, questions, store)]
    pairs = list(dict.fromkeys(question.pair for question in questions))
    voted = judge._replace(manner=votes.manner)
    dear = costs(of, voted, all_questions(judge.annotator, pairs, votes.both_orders, votes.times), store)
    return [dear] if known else [costs(of, judge, questions, store), f"if it gives no log-probabilities: {dear}"]


def warn_of_end(wanted: Judging, judge: AnnotatingJudge, say: Say) -> None:
    """Say that the judge was shut down, or soon will be."""
    if judge.service != "engine" and (ending := notice(wanted.endpoint, judge.model)) is not None:
        say(f"WARNING: {ending.text}")


def costs(of: str, judge: AnnotatingJudge, questions: Sequence[Question], store: CallStore) -> str:
    """How many calls it takes, how many of them are known, and what the others cost."""
    found = estimate(judge, questions, store)
    calls = counted(found.calls, "calls")
    text = f"{short_name(of)}: {calls} to {short_name(judge.id)}, {found.known} of them already answered"
    if found.dollars is None:
        return f"{text}; {_unpriced(judge)}"
    return f"{text}; about ${found.dollars:.2f}, at most ${found.most:.2f}, by {_prices(judge)}"


def run(wanted: Judging, models: Sequence[Model], data: AlpacaEval, say: Say, log: Say) -> Figures:
    """Judge every model, write its files, and give all figures.

    A model that cannot be judged costs itself. Raises DataError where none could be, or where a file is missing that
    the figures need: before anything is sent.
    """
    prompts = chosen(data.prompts, wanted.asking.limit, wanted.asking.seed)
    if wanted.length_control:
        _ = data.glm
    for outputs in (*(one.outputs for one in models), *(() if wanted.file else (data.baseline,))):
        for line in outputs_lines(outputs):
            say(line)
    metrics: list[MetricValue] = []
    apart: list[str] = []
    failed: list[DataError] = []
    if wanted.file:
        for outputs, out in models:
            try:
                found = recorded(wanted.file, outputs, prompts)
            except DataError as error:
                failed.append(error)
                continue
            for line in account_lines(found.account, found.unmatched):
                say(f"{wanted.file}: {line}")
            outputs, one = as_judged(outputs, found), JudgedOutputs(found, [])
            setup = setups.of_annotations(found, data)
            done = _finished(wanted, found.annotations[0].judge, one, setup, outputs, prompts, data, out, say)
            metrics += done.metrics
            apart += done.apart
        return Figures(_without_failed(metrics, failed, say), tuple(apart))
    with wanted.opened(models[0].out) as (opened, store):
        judge, how = settled(opened, _first_questions(opened, models, data, prompts, wanted.asking), wanted.asking, say)
        wanted = wanted.model_copy(update={"asking": how})
        if wanted.canaries:
            with Reporter(f"{judge.id}: canaries", log, "calls") as report:
                metric, kinds = fooled(judge, how.times, wanted.how, report)
            metrics.append(metric)
            if kinds:
                say(
                    f"WARNING: canaries win with {short_name(judge.id)}: {', '.join(kinds)}; its win rates can be gamed"
                )
        said = judge if wanted.max_cost is None else _paid(wanted, judge, models, data, store, say, log)
        for outputs, out in models:
            questions = asked(judge.annotator, outputs, data.baseline, prompts, wanted.asking)
            if wanted.max_cost is None:
                say(costs(outputs.model, judge, questions, store))
            try:
                with Reporter(f"{short_name(outputs.model)}: {short_name(judge.id)}", log, "calls") as report:
                    one = judged(said, outputs, data.baseline, questions, wanted.asking, report)
            except DataError as error:
                failed.append(error)
                continue
            setup = setups.of_judge(judge, wanted.endpoint, data, one.annotated, one.single)
            done = _finished(wanted, judge.id, one, setup, outputs, prompts, data, out, say)
            metrics += done.metrics
            apart += done.apart
            tell_missing(one, questions, say)
        account(opened, say)
    return Figures(_without_failed(metrics, failed, say), tuple(apart))


def _first_questions(
    judge: AnnotatingJudge, models: Sequence[Model], data: AlpacaEval, prompts: Sequence[Prompt], how: Asking
) -> list[Question]:
    """The questions about all models that have outputs, prompt by prompt."""
    found = []
    for outputs, _ in models:
        with suppress(DataError):
            found.append(asked(judge.annotator, outputs, data.baseline, prompts, how))
    return by_prompt(found, [prompt.id for prompt in shuffled(prompts, how.seed)])


def _without_failed(metrics: list[MetricValue], failed: Sequence[DataError], say: Say) -> list[MetricValue]:
    """The figures of the models that could be judged; why the others could not is said. Raises where none could be."""
    if failed and not any(metric.benchmark == BENCHMARK for metric in metrics):
        raise failed[0]
    for error in failed:
        say(f"left out: {error}")
    return metrics


def outputs_lines(outputs: Outputs) -> list[str]:
    """What was left out of a model's outputs, and what of them is not judged."""
    lines = account_lines(outputs.account, outputs.unmatched)
    if outputs.thoughts:
        open_too = f", {outputs.open_thoughts} of them never closed (an empty answer is judged)"
        lines.append(
            f"a thought was cut from {counted(outputs.thoughts, 'outputs')}{open_too if outputs.open_thoughts else ''}"
        )
    return [f"{outputs.model}: {line}" for line in lines]


def _paid(
    wanted: Judging,
    judge: AnnotatingJudge,
    models: Sequence[Model],
    data: AlpacaEval,
    store: CallStore,
    say: Say,
    log: Say,
) -> AnnotatingJudge:
    """The judge with all models' questions asked as far as the budget reaches, on the same prompts for each."""
    prompts = chosen(data.prompts, wanted.asking.limit, wanted.asking.seed)
    questions = [asked(judge.annotator, one.outputs, data.baseline, prompts, wanted.asking) for one in models]
    for model, own in zip(models, questions, strict=True):
        say(costs(model.outputs.model, judge, own, store))
    order = [prompt.id for prompt in shuffled(prompts, wanted.asking.seed)]
    with Reporter(f"{counted(len(models), 'models')}: {judge.id}", log, "calls") as report:
        return asked_by_prompt(judge, questions, order, report)


def _finished(
    wanted: Judging,
    judge: str,
    found: JudgedOutputs,
    setup: Setup,
    outputs: Outputs,
    prompts: Sequence[Prompt],
    data: AlpacaEval,
    out: Path,
    say: Say,
) -> Figures:
    # What was paid for is on disk before anything is computed from it.
    written = write_annotated(out, judge, found, outputs, prompts, data.prompts, baseline_of(found.annotated, data))
    metrics = figures(judge, found, prompts, data, wanted.how, written.rows, wanted.length_control)
    if wanted.labels is not None:
        # Read when the command began: a label that is none costs no call.
        glm = data.glm if wanted.length_control else None
        metrics += corrected(found.annotated, prompts, labels.read(wanted.labels), wanted.how, glm)
    metrics = setups.with_account(metrics, outputs.account, outputs.thoughts, outputs.open_thoughts)
    metrics = setups.with_warning(metrics, setup)
    write_figures(written.folder, metrics)
    say(f"{short_name(outputs.model)}: {f'{APART}; ' if written.apart else ''}files in {written.folder}")
    return Figures(metrics, (outputs.model,) if written.apart else ())


def tell_missing(found: JudgedOutputs, questions: Sequence[Question], say: Say) -> None:
    """What is missing, and what a later run would do."""
    model = found.annotated.model
    if why := missing(found.single):
        say(f"{short_name(model)}: {why} missing; run the same command again to ask only these")
    if held := len(questions) - len(found.single):
        say(
            f"{short_name(model)}: stopped at --max-cost with {counted(held, 'calls')} not made; "
            "run the same command again to resume"
        )


def account(judge: AnnotatingJudge, say: Say) -> None:
    """Say what came of the calls, and what was spent."""
    if isinstance(judge.ask, Client):
        counts = ", ".join(f"{number} {what}" for what, number in judge.ask.tally.items() if number) or "none"
        spent = f"; ${judge.ask.budget.spent:.4f} spent now" if judge.price else ""
        say(f"calls: {counts}{spent}")


def _unpriced(judge: AnnotatingJudge) -> str:
    listed = price_list()
    if judge.model in listed.usd_per_million_tokens:
        return f"cost unknown: {judge.model} is asked at another server than the provider's own; give --price"
    why = f" ({listed.unknown[judge.model]})" if judge.model in listed.unknown else ""
    return f"cost unknown: the price of {judge.model} is not in the list of {listed.date}{why}; give --price"


def _prices(judge: AnnotatingJudge) -> str:
    listed = price_list()
    known = judge.price == price_of(judge.service, judge.model)
    return f"prices of {listed.date} ({listed.source})" if known else "the price given"
