"""`python -m eval alpaca`: whose outputs, which judge, what is said before a call is sent, and what is left behind."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from srlm.engines.openai.calls import CallStore
from srlm.engines.openai.client import Client
from srlm.engines.openai.cost import price_list, price_of
from srlm.engines.openai.endpoint import Endpoint
from srlm.errors import SettingsError
from srlm.records import Prompt, Record, digest, seed_for
from srlm.settings import Price, Settings
from srlm.store.folder import RunFolder
from srlm.store.progress import Reporter

from ...data import labels
from ...data.alpaca_eval import ANNOTATOR, AlpacaEval
from ...data.alpaca_files import Outputs
from ...judging.annotating import AnnotatingJudge, Question, open_judge
from ...judging.annotator import Annotator
from ...records import MetricValue
from ...stats.intervals import Resampling
from ..base import OpenEngine
from ..finished import measured
from ..measuring import answers
from .judging import (
    Asking,
    JudgedOutputs,
    asked,
    chosen,
    estimate,
    figures,
    fooled,
    judged,
    missing,
    recorded,
    write,
)
from .people import corrected

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
    canaries: bool = False
    length_control: bool = True
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
            judge = open_judge(self.judge, annotator, self.endpoint, store, self.price, self.max_cost)
            held.callback(judge.close)
            yield judge, store


class Model(NamedTuple):
    """A model's outputs, and where its files go."""

    outputs: Outputs
    out: Path


def of_run(
    settings: Settings, folder: RunFolder, data: AlpacaEval, how: Asking, open_engine: OpenEngine
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
        made.append(Model(outputs, folder.step("evaluation") / "alpaca_eval"))
    return made


def dry(wanted: Judging, models: Sequence[Model], data: AlpacaEval, say: Say) -> None:
    """Say how many calls would be made, and at what price. Sends and writes nothing."""
    if wanted.file:
        say(f"{wanted.file}: recorded annotations; nothing would be sent")
        return
    prompts = chosen(data.prompts, wanted.asking.limit, wanted.asking.seed)
    for outputs, out in models:
        with wanted.opened(out, dry_run=True) as (judge, store):
            questions = asked(judge.annotator, outputs, data.baseline, prompts, wanted.asking)
            say(costs(outputs.model, judge, questions, store))
    say("nothing was sent")


def costs(of: str, judge: AnnotatingJudge, questions: Sequence[Question], store: CallStore) -> str:
    """How many calls it takes, how many of them are known, and what the others cost."""
    found = estimate(judge, questions, store)
    text = f"{of}: {found.calls} calls to {judge.id}, {found.known} of them already answered"
    if found.dollars is None:
        return f"{text}; {_unpriced(judge)}"
    return f"{text}; about ${found.dollars:.2f}, at most ${found.most:.2f}, by {_prices(judge)}"


def run(wanted: Judging, models: Sequence[Model], data: AlpacaEval, say: Say, log: Say) -> list[MetricValue]:
    """Judge every model, write its files, and give all figures."""
    prompts = chosen(data.prompts, wanted.asking.limit, wanted.asking.seed)
    metrics: list[MetricValue] = []
    if wanted.file:
        for outputs, out in models:
            found = recorded(wanted.file, outputs, prompts)
            metrics += _finished(
                wanted, found.annotations[0].judge, JudgedOutputs(found, []), outputs, prompts, data, out, say
            )
        return metrics
    with wanted.opened(models[0].out) as (judge, store):
        if wanted.canaries:
            with Reporter(f"{judge.id}: canaries", log, "calls") as report:
                metric, kinds = fooled(judge, wanted.how, report)
            metrics.append(metric)
            if kinds:
                say(f"WARNING: canaries win with {judge.id}: {', '.join(kinds)}; its win rates can be gamed")
        for outputs, out in models:
            questions = asked(judge.annotator, outputs, data.baseline, prompts, wanted.asking)
            say(costs(outputs.model, judge, questions, store))
            with Reporter(f"{outputs.model}: {judge.id}", log, "calls") as report:
                one = judged(judge, outputs, data.baseline, questions, wanted.asking, report)
            metrics += _finished(wanted, judge.id, one, outputs, prompts, data, out, say)
            _told(one, questions, say)
        account(judge, say)
    return metrics


def _finished(
    wanted: Judging,
    judge: str,
    found: JudgedOutputs,
    outputs: Outputs,
    prompts: Sequence[Prompt],
    data: AlpacaEval,
    out: Path,
    say: Say,
) -> list[MetricValue]:
    metrics = figures(judge, found, prompts, data if wanted.length_control else None, wanted.how)
    if wanted.labels is not None:
        # Read when the command began: a label that is none costs no call.
        metrics += corrected(found.annotated, prompts, labels.read(wanted.labels), wanted.how)
    say(f"{outputs.model}: files in {write(out, judge, found, outputs, prompts, metrics)}")
    return metrics


def _told(found: JudgedOutputs, questions: Sequence[Question], say: Say) -> None:
    """What is missing, and what a later run would do."""
    model = found.annotated.model
    if why := missing(found.single):
        say(f"{model}: {why} missing; run the same command again to ask only these")
    if held := len(questions) - len(found.single):
        say(f"{model}: stopped at --max-cost with {held} calls not made; run the same command again to resume")


def account(judge: AnnotatingJudge, say: Say) -> None:
    """Say what came of the calls, and what was spent."""
    if isinstance(judge.ask, Client):
        counts = ", ".join(f"{number} {what}" for what, number in judge.ask.tally.items() if number) or "none"
        spent = f"; ${judge.ask.budget.spent:.4f} spent now" if judge.price else ""
        say(f"calls: {counts}{spent}")


def _unpriced(judge: AnnotatingJudge) -> str:
    return f"cost unknown: the price of {judge.model} is not in the list of {price_list().date}; give --price"


def _prices(judge: AnnotatingJudge) -> str:
    listed = price_list()
    known = judge.price == price_of(judge.service, judge.model)
    return f"prices of {listed.date} ({listed.source})" if known else "the price given"
