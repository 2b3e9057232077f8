"""Every model asked every task; what it answered is kept by document, and asked once.

    settings -> tasks with their data (sources.py) -> what is asked of them (tasks.py)
        -> lm-eval with our engines (lm.py)
        -> PLACE/nlp/TASK.jsonl, a record a document, and beside it what was asked

PLACE is evaluation/CHECKPOINT of a run, or a model's own folder in --out (named.py). `EngineLM` keeps every answer of a
model in PLACE/nlp.jsonl as it comes: a task that was interrupted goes on where it was, and one that is asked with more
documents asks only for those. TASK.jsonl follows from it and is written anew when the question has changed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from srlm.errors import DataError, RoomError, SrlmError, first_line
from srlm.settings import Settings
from srlm.store import files
from srlm.store.folder import RunFolder
from srlm.store.progress import Reporter
from srlm.store.seals import NOTE
from srlm.terminal import note

from ..base import OpenEngine
from ..taken import take
from .known import title
from .library import FEWSHOT_SEED, lm_eval_at_work
from .record import Measured, NlpDocument
from .scores import documents, lower_is_better, means, metric_names, number
from .tasks import AskedTask, splits_sentences

if TYPE_CHECKING:
    from .lm import EngineLM

FOLDER = "nlp"


class Model(NamedTuple):
    """A model that is measured."""

    name: str
    place: Path
    """Folder of what it answers."""
    facts: Mapping[str, str]
    """What tells it from all others."""
    is_base: bool = False
    """Whether it knows of no conversations: it is asked for plain text alone."""


Report = Callable[[int, int], None]
OpenLM = Callable[[Model, bool, Report], "EngineLM"]
"""A model as lm-eval asks it: (model, whether with its chat template, what is told of requests done and in all)."""


class Kept(NamedTuple):
    """One model's answers to one task, on disk."""

    model: str
    asked: Measured
    documents: Sequence[NlpDocument]


class Failed(NamedTuple):
    """A task that could not be measured of a model."""

    model: str
    task: str
    main: str
    """The metric that it would have."""
    why: str


def models_of(folder: RunFolder) -> list[Model]:
    """The finished checkpoints of a run."""
    bases = folder.continues_text()
    return [
        Model(one.name, folder.step("evaluation") / one.name, folder.model_facts(one), one.name in bases)
        for one in folder.checkpoints()
    ]


def lms_of(settings: Settings, folder: RunFolder, open_engine: OpenEngine) -> OpenLM:
    """Opens the checkpoints of a run."""

    def open_lm(model: Model, chat: bool, report: Report) -> "EngineLM":
        from .lm import checkpoint_lm

        (checkpoint,) = (one for one in folder.checkpoints() if one.name == model.name)
        return checkpoint_lm(settings, folder, checkpoint, open_engine, chat=chat, report=report)

    return open_lm


def place_of(model: Model, task: str) -> Path:
    """Where a model's answers to a task are kept."""
    return model.place / FOLDER / f"{task}.jsonl"


def take_from_others(folder: RunFolder, models: Sequence[Model], tasks: Sequence[AskedTask]) -> None:
    """Take what another run that this one has steps of asked the same models; whether it covers the tasks is seen
    later."""
    for model in models:
        for task in tasks:
            take(folder, place_of(model, task.name), partial(_is_of, model))


def _is_of(model: Model, noted: Mapping[str, Any]) -> bool:
    return noted.get("model") == model.facts


def ask_all(
    models: Sequence[Model],
    tasks: Sequence[AskedTask],
    open_lm: OpenLM,
    log: Callable[[str], None] = lambda line: None,
) -> list[Failed]:
    """Ask every model what it was not asked yet. Returns the tasks that failed, with the reason; others go on."""
    failed: list[Failed] = []
    for model in models:
        for chat in (False, True):
            form = [task for task in tasks if (task.chat and not model.is_base) == chat]
            open_ones = [task for task in form if _on_disk(model, task, chat) is None]
            failed += _ask(model, open_ones, chat, open_lm, log) if open_ones else []
    for one in failed:
        said = f"{one.model}: {one.task} could not be measured: {one.why}"
        note(said)
        log(said)
    return failed


def _ask(
    model: Model, tasks: Sequence[AskedTask], chat: bool, open_lm: OpenLM, log: Callable[[str], None]
) -> Iterator[Failed]:
    shown: list[Reporter] = []

    def report(done: int, total: int) -> None:
        shown[-1](done, total)

    with (
        lm_eval_at_work(splits_sentences(task.name for task in tasks)),
        open_lm(model, chat, report) as lm,
    ):
        for task in tasks:
            with Reporter(f"{model.name}: {title(task.name)}", log, "requests") as reporter:
                shown.append(reporter)
                path = place_of(model, task.name)
                try:
                    _keep(path, model, task, chat, lm)
                    continue
                except (RoomError, DataError) as error:  # too long for this model, or nothing; those of others are not
                    said = first_line(error)
                except SrlmError:
                    raise  # the engine or the disk: no other task would fare better
                except Exception as error:  # of lm-eval, or of code that came with the task
                    said = f"{type(error).__name__}: {first_line(error)}"
                _forget(path)
                yield Failed(model.name, task.name, task.main, said)


def _forget(path: Path) -> None:
    """Delete what a model answered to a task as it was asked before: nothing of another question stands in its place.

    The model's answers stay in nlp.jsonl; the earlier question finds them there and asks nothing again.
    """
    files.delete(path.with_name(path.name + NOTE))
    files.delete(path)


def evaluated(task: AskedTask, chat: bool, lm: Any) -> Any:
    """What lm-eval finds of a model at a task."""
    from lm_eval.evaluator import evaluate

    for leaf in task.leaves.values():
        leaf.set_fewshot_seed(seed=FEWSHOT_SEED)
    asked = sum(task.documents.values())
    found = evaluate(
        lm,
        {"tasks": dict(task.leaves)},
        samples={name: list(range(task.documents[name])) for name in task.leaves} if asked < task.total else None,
        bootstrap_iters=0,
        log_samples=True,
        apply_chat_template=chat,
        fewshot_as_multiturn=chat,
    )
    assert found is not None  # None on other ranks than 0, and there is one
    return found


def _keep(path: Path, model: Model, task: AskedTask, chat: bool, lm: Any) -> None:
    """Ask a model a task, and write what it answered."""
    found = evaluated(task, chat, lm)
    records = [record for name, leaf in task.leaves.items() for record in documents(name, leaf, found["samples"][name])]
    files.write(path, records)
    first = next(iter(task.leaves.values()))
    beside = Measured(
        task=task.name,
        model=dict(model.facts),
        question=_question(task, chat),
        answers=files.fact(path).sha256,
        main=task.main,
        aggregates=_aggregates(task, found["results"]),
        means=tuple(means(first)),
        lower_is_better=tuple(lower_is_better(first)),
        balanced=task.balanced,
        notes=task.notes,
    )
    files.write_json(path.with_name(path.name + NOTE), beside.model_dump(mode="json"))


def _question(task: AskedTask, chat: bool) -> dict[str, Any]:
    return {**task.question, "chat": chat}


def _aggregates(task: AskedTask, results: Any) -> dict[str, float | None]:
    """By metric as lm-eval gives it; of a group only where it is a single task."""
    if len(task.leaves) > 1:
        return {}
    (name, leaf) = next(iter(task.leaves.items()))
    filters = [one.name for one in leaf._filters]
    keys = [(metric, one) for metric in leaf.aggregation() for one in filters]
    return dict(
        zip(metric_names(leaf), (number(results[name].get(f"{metric},{one}")) for metric, one in keys), strict=True)
    )


def _on_disk(model: Model, task: AskedTask, chat: bool) -> Measured | None:
    """What was asked, where it covers what would be asked now; one that was asked with more documents stays."""
    asked = _asked(place_of(model, task.name))
    if asked is None or asked.model != model.facts:
        return None
    return asked if _covers(asked.question, _question(task, chat)) else None


def _covers(kept: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether each document that is wanted was asked, in the same way."""
    return (kept["lm_eval"], kept["chat"]) == (wanted["lm_eval"], wanted["chat"]) and all(
        kept["tasks"].get(name) == shape and kept["documents"][name] >= wanted["documents"][name]
        for name, shape in wanted["tasks"].items()
    )


def _asked(path: Path) -> Measured | None:
    """The note beside a file of documents; None where there is none, or not one of these documents."""
    beside = path.with_name(path.name + NOTE)
    if not beside.exists() or not path.exists():
        return None
    try:
        found = Measured.model_validate(files.read_json(beside))
    except ValidationError:
        return None
    return found if found.answers == files.fact(path).sha256 else None


def kept(models: Sequence[Model], warn: Callable[[str], None] = lambda said: None) -> list[Kept]:
    """All that is on disk of the models as they are now, by model and task; no model is asked.

    What was measured of other weights under a model's name is left out, and `warn`ed of.
    """
    found = []
    for model in models:
        for path in sorted(place_of(model, "any").parent.glob("*.jsonl")):
            asked = _asked(path)
            if asked is None or asked.model != model.facts:
                warn(f"{path}: measured of other weights than {model.name} has now: left out; measure it again")
                continue
            found.append(Kept(model.name, asked, files.read(path, NlpDocument)))
    return found
