"""`python -m eval alpaca`: whose outputs, which judge, what is said before a call is sent, and what is left behind."""

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from srlm.errors import SettingsError
from srlm.records import Prompt, Record, digest, seed_for
from srlm.settings import Settings
from srlm.store.folder import RunFolder
from srlm.store.progress import Reporter

from ..benchmarks.alpaca_eval import ANNOTATOR, AlpacaEval
from ..benchmarks.alpaca_files import Outputs
from ..judging.annotating import Judge, Question, open_judge
from ..judging.annotator import Annotator
from ..judging.asking import Asker, Endpoint
from ..judging.calls import CallStore
from ..judging.cost import Price, price_list
from ..records import MetricValue
from ..stats.intervals import Resampling
from .alpaca_judging import (
    Asking,
    Judged,
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
from .measuring import OpenEngine, answers, measured

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
    how: Resampling = Resampling(resamples=1000, confidence=0.95, seed=1)

    @property
    def file(self) -> Path | None:
        """The recorded annotations that are the judge; None: somebody is asked."""
        kind, _, name = self.judge.partition(":")
        return Path(name) if kind == "file" and name else None

    def store(self, out: Path) -> CallStore:
        """The calls: OUT's own, or the file to record to or to replay."""
        if self.record and self.replay:
            raise SettingsError("--record writes calls and --replay reads them: give one of the two")
        return CallStore(self.replay or self.record or out / "calls.sqlite", replay=self.replay is not None)

    def open(self, store: CallStore) -> Judge:
        """The judge, asking through `store`."""
        annotator = Annotator(self.annotator)
        return open_judge(self.judge, annotator, self.endpoint, store, self.price, self.max_cost)


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
        path = wanted.replay or wanted.record or out / "calls.sqlite"
        with TemporaryDirectory() as nowhere:
            store = CallStore(path, replay=True) if path.exists() else CallStore(Path(nowhere) / "calls.sqlite")
            with store:
                judge = wanted.open(store)
                questions = asked(judge.annotator, outputs, data.baseline, prompts, wanted.asking)
                found = estimate(judge, questions, store)
        cost = (
            f"about ${found.dollars:.2f}, at most ${found.most:.2f}" if found.dollars is not None else _unpriced(judge)
        )
        say(f"{outputs.model}: {found.calls} calls to {judge.id}, {found.known} of them answered already; {cost}")
    say(f"prices of {price_list().date} ({price_list().source}); nothing was sent")


def run(wanted: Judging, models: Sequence[Model], data: AlpacaEval, say: Say, log: Say) -> list[MetricValue]:
    """Judge every model, write its files, and give all figures."""
    prompts = chosen(data.prompts, wanted.asking.limit, wanted.asking.seed)
    metrics: list[MetricValue] = []
    if wanted.file:
        for outputs, out in models:
            found = recorded(wanted.file, outputs, prompts)
            metrics += _finished(
                wanted, found.annotations[0].judge, Judged(found, []), outputs, prompts, data, out, say
            )
        return metrics
    with wanted.store(models[0].out) as store:
        judge = wanted.open(store)
        try:
            if wanted.canaries:
                with Reporter(f"{judge.id}: canaries", log, "calls") as report:
                    metric, kinds = fooled(judge, wanted.how, report)
                metrics.append(metric)
                if kinds:
                    say(f"WARNING: canaries win with {judge.id}: {', '.join(kinds)}; its win rates can be bought")
            for outputs, out in models:
                questions = asked(judge.annotator, outputs, data.baseline, prompts, wanted.asking)
                if judge.price is None and not wanted.replay:
                    say(_unpriced(judge))
                with Reporter(f"{outputs.model}: {judge.id}", log, "calls") as report:
                    one = judged(judge, outputs, data.baseline, questions, wanted.asking, report)
                metrics += _finished(wanted, judge.id, one, outputs, prompts, data, out, say)
                _told(one, questions, say)
            _account(judge, say)
        finally:
            judge.close()
    return metrics


def _finished(
    wanted: Judging,
    judge: str,
    found: Judged,
    outputs: Outputs,
    prompts: Sequence[Prompt],
    data: AlpacaEval,
    out: Path,
    say: Say,
) -> list[MetricValue]:
    metrics = figures(judge, found, prompts, data if wanted.length_control else None, wanted.how)
    say(f"{outputs.model}: files in {write(out, judge, found, outputs, prompts, metrics)}")
    return metrics


def _told(found: Judged, questions: Sequence[Question], say: Say) -> None:
    """What is missing, and what a later run would do."""
    model = found.annotated.model
    if why := missing(found.single):
        say(f"{model}: {why} missing; the same command asks only these again")
    if held := len(questions) - len(found.single):
        say(f"{model}: stopped at --max-cost with {held} calls not made; the same command goes on where it was")


def _account(judge: Judge, say: Say) -> None:
    if isinstance(judge.ask, Asker):
        counts = ", ".join(f"{number} {what}" for what, number in judge.ask.tally.items() if number) or "none"
        spent = f"; ${judge.ask.budget.spent:.4f} spent now" if judge.price else ""
        say(f"calls: {counts}{spent}")


def _unpriced(judge: Judge) -> str:
    return f"the price of {judge.model} is not in the list of {price_list().date}, so the cost is not known (--price)"
