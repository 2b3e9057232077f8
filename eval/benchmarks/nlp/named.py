"""A model that is named on the command line, measured without a run: behind a server, or in a folder.

OUT/metrics.json          the figures of every model that was measured into OUT
OUT/MODEL/nlp.jsonl       each answer of the model, asked once; OUT/MODEL/nlp/TASK.jsonl, by document
OUT/calls.sqlite          what servers wrote, as it came
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from srlm.cli.main import quiet
from srlm.engines.base import Engine
from srlm.engines.openai.calls import Call, CallStore
from srlm.engines.openai.cost import BYTES_A_TOKEN_AT_LEAST, Budget, estimated, price_list, price_of
from srlm.engines.openai.endpoint import Endpoint
from srlm.engines.openai.origin import Origin
from srlm.engines.plain_text import Likelihood, TextPair
from srlm.engines.scripted import ScriptedEngine
from srlm.errors import SettingsError
from srlm.judge.open import CALLS, local_model
from srlm.records import Record, seed_for
from srlm.settings import Price, Sampling
from srlm.settings.nlp import NlpSettings
from srlm.store.file_names import file_name
from srlm.terminal import note, say
from srlm.text.counts import counted

from ... import metrics
from ...records import MetricValue
from ...stats.intervals import Resampling
from .figures import figures
from .kept import KEPT
from .library import lm_eval_at_work
from .measure import Model, OpenLM, Report, ask_all, evaluated, kept
from .ready import prepared
from .tasks import splits_sentences

if TYPE_CHECKING:
    from .lm import EngineLM
    from .rendering import Rendering

SPECS = "openai:MODEL or hf:DIR_OR_ID"
BATCH = 32
"""Texts that a model on this machine reads side by side."""


class Wanted(Record):
    """The options of the command."""

    model: str
    """Its specification."""
    nlp: NlpSettings
    out: Path
    endpoint: Endpoint = Endpoint()
    price: Price | None = None
    """None: the price list's."""
    max_cost: float | None = None
    how: Resampling

    @property
    def name(self) -> str:
        """What figures call the model."""
        kind, _, name = self.model.partition(":")
        if not name or kind not in ("openai", "hf"):
            raise SettingsError(f"--model {self.model}: not {SPECS}")
        if kind == "openai":
            return name
        from srlm.engines.weights import called

        return called(name.partition("@")[0])

    @property
    def is_served(self) -> bool:
        """Whether a server is asked."""
        return self.model.startswith("openai:")

    @property
    def place(self) -> Path:
        """Folder of what the model answers; its name is for people and is never parsed."""
        return self.out / file_name(self.name)

    def budget(self) -> Budget:
        """What its answers may cost. Raises EngineError for a limit without a price."""
        return Budget(self.price or price_of(self.endpoint.provider, self.name), self.max_cost)


def measured(wanted: Wanted) -> list[MetricValue]:
    """Ask the model what it was not asked yet; its figures, which are then in OUT/metrics.json, too.

    Raises SettingsError for no such model or task, DataError for data that are missing: before the model is asked.
    """
    path, name = wanted.out / "metrics.json", wanted.name
    others = [one for one in metrics.read(path) if one.model != name]
    if wanted.is_served:
        wanted.budget()  # a limit without a price is refused before the data are loaded
    quiet(threads=0)
    tasks = prepared(wanted.nlp)
    with _server(wanted) if wanted.is_served else _folder(wanted) as (model, open_lm):
        failed = ask_all([model], tasks, open_lm)
    found = figures(wanted.how, kept([model], note), failed)
    metrics.write(path, [*others, *found])
    return found


class Opened(NamedTuple):
    """A model to measure."""

    model: Model
    open_lm: OpenLM


def _lm(
    wanted: Wanted, model: Model, engine: Callable[[], Engine], report: Report, rendering: "Rendering | None"
) -> "EngineLM":
    from .lm import BLOCKS, SERVED_BLOCKS, EngineLM

    return EngineLM(
        engine,
        model.place / KEPT,
        model.facts,
        rendering=rendering,
        seed=seed_for(wanted.how.seed, "nlp", model.name),
        report=report,
        blocks=SERVED_BLOCKS if wanted.is_served else BLOCKS,
    )


@contextmanager
def _server(wanted: Wanted) -> Iterator[Opened]:
    """A model behind a server; what it writes is kept in OUT, too, as it comes."""
    from srlm.engines.openai.client import Client
    from srlm.engines.openai.engine import OpenAIEngine, unread

    from .rendering import ServerRendering

    with CallStore(wanted.out / CALLS) as store:
        client = Client(wanted.endpoint, store, wanted.budget(), unread)
        try:
            client.connect()
            model = _served(wanted, client.whose(wanted.name))
            yield Opened(
                model,
                lambda _, chat, report: _lm(
                    wanted,
                    model,
                    lambda: OpenAIEngine(client, wanted.name),
                    report,
                    ServerRendering() if chat else None,
                ),
            )
        finally:
            client.close()
    counts = ", ".join(f"{number} {what}" for what, number in client.tally.items() if number) or "none"
    spent = "" if client.budget.price is None else f"; ${client.budget.spent:.4f} spent now"
    say(f"calls: {counts}{spent}", "")


def _served(wanted: Wanted, origin: Origin) -> Model:
    """Another server, or other weights under the same name, is another model."""
    facts = {"model": wanted.model, "server": origin.address, "weights": origin.weights or "the server tells nothing"}
    return Model(wanted.name, wanted.place, facts)


@contextmanager
def _folder(wanted: Wanted) -> Iterator[Opened]:
    """A model in a folder, or of the hub at a commit, on this machine."""
    from srlm.engines.transformers import TransformersEngine
    from srlm.engines.weights import load_chat

    from .rendering import ChatRendering

    local = local_model(wanted.model.partition(":")[2], "--model")
    model = Model(wanted.name, wanted.place, {"model": f"hf:{local.place}", **local.facts})

    def open_lm(_: Model, chat: bool, report: Report) -> "EngineLM":
        rendering = ChatRendering(load_chat(local.place, local.settings)) if chat else None
        load = partial(TransformersEngine.load, local.place, wanted.name, local.settings, BATCH)
        return _lm(wanted, model, load, report, rendering)

    yield Opened(model, open_lm)


# What it would cost ---------------------------------------------------------------------------------------------------


def foreseen(wanted: Wanted) -> list[str]:
    """How many requests it takes, how many of them are known, and what the others cost. Sends and writes nothing."""
    from .rendering import ServerRendering

    if not wanted.is_served:
        raise SettingsError(f"--dry-run needs --model openai:MODEL; {wanted.name} runs on this machine, at no price")
    quiet(threads=0)
    tasks = prepared(wanted.nlp)
    price = wanted.budget().price
    told = Origin(address=wanted.endpoint.address)
    if (wanted.out / CALLS).is_file():
        with CallStore(wanted.out / CALLS, replay=True) as store:
            told = store.last_origin(wanted.endpoint.address, wanted.name)
    model, tally = _served(wanted, told), _Tally(wanted)
    asked = known = 0
    with TemporaryDirectory() as nowhere:
        for file in wanted.place.glob(f"{KEPT}*"):
            shutil.copy(file, nowhere)
        elsewhere = model._replace(place=Path(nowhere))
        for chat in (False, True):
            form = [task for task in tasks if task.chat == chat]
            rendering = ServerRendering() if chat else None
            with (
                lm_eval_at_work(splits_sentences(task.name for task in form)),
                _lm(wanted, elsewhere, lambda: tally, lambda done, total: None, rendering) as lm,
            ):
                for task in form:
                    with suppress(*SCORING):
                        evaluated(task, chat, lm)
                asked, known = asked + lm.asked + lm.reused, known + lm.reused
    text = f"{wanted.name}: {counted(asked, 'requests')}, {known} of them already answered"
    if price is None:
        return [f"{text}; cost unknown: its price is not in the list of {price_list().date}; give --price", SENT]
    about = sum(estimated(call, price) for call in tally.calls)
    most = sum(estimated(call, price, BYTES_A_TOKEN_AT_LEAST) for call in tally.calls)
    return [f"{text}; about ${about:.2f}, at most ${most:.2f}", SENT]


SENT = "nothing was sent"
SCORING = (ArithmeticError, LookupError, TypeError, ValueError)
"""What a task's own code may raise where an answer is empty."""


class _Tally(ScriptedEngine):
    """An engine that notes what it is asked, and answers nothing."""

    def __init__(self, wanted: Wanted) -> None:
        super().__init__(lambda request, seed: "", wanted.name)
        self.calls: list[Call] = []

    def plain_text(self) -> "_Tally":
        return self

    def likelihoods(self, pairs: Sequence[TextPair], rendered: bool = False) -> list[Likelihood]:
        """See PlainText."""
        for pair in pairs:
            self._note(pair.context + pair.continuation, 1)
        return [Likelihood(-1.0, False)] * len(pairs)

    def rolling(self, texts: Sequence[str]) -> list[float]:
        """See PlainText."""
        for text in texts:
            self._note(text, 1)
        return [-1.0] * len(texts)

    def write(
        self, prompts: Sequence[str], stops: Sequence[str], sampling: Sampling, seed: int, rendered: bool = False
    ) -> list[str]:
        """See PlainText."""
        for prompt in prompts:
            self._note(prompt, sampling.max_new_tokens)
        return [""] * len(prompts)

    def _note(self, text: str, most: int) -> None:
        settings = {"max_tokens": most}
        self.calls.append(
            Call(service="compatible", model=self.id, messages=(), settings=settings, template="", prompt=text)
        )
