"""From a run's settings to what is asked of each task: everything that can be refused before a model is asked."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from srlm.data.lines import locate
from srlm.errors import EngineError, SettingsError
from srlm.records import digest
from srlm.settings.nlp import NlpSettings
from srlm.text.counts import counted

from .known import KNOWN, KnownTask
from .library import FEWSHOT_SEED, lm_eval_at_work, lm_eval_version, score_alike
from .sources import NOT_COMPARABLE, Found, found_tasks, refuse_missing

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,99}")
"""What a task may be called: its name is a file's, and a part of a figure's."""
_ELSEWHERE = ("metadata", "task_alias", "tag", "dataset_path", "dataset_name", "dataset_kwargs", "custom_dataset")
"""Of a task's configuration: what does not shape its questions, or is told by the documents themselves."""


class AskedTask(NamedTuple):
    """A task or a group, with its data."""

    name: str
    leaves: Mapping[str, Any]
    """lm-eval's tasks by name: one, or those of a group."""
    documents: Mapping[str, int]
    """How many of each are asked: the first ones."""
    total: int
    """Documents of the whole set."""
    chat: bool
    """Whether models that were trained with a chat template are asked with it."""
    shots: int | None
    """Worked examples; None: they differ within the group."""
    main: str
    """The metric that stands for the task."""
    balanced: bool
    """Whether a group is the mean of its tasks' means."""
    question: Mapping[str, Any]
    """What shapes its questions, but for the form (chat or plain)."""
    notes: tuple[str, ...]
    """What a reader of its figures has to know."""


def prepare(wanted: NlpSettings) -> list[AskedTask]:
    """Every task that the settings name, in their order, with its data loaded.

    Raises SettingsError for a name that lm-eval does not have, or a file that is no task; DataError for data that are
    missing or broken: no model has been asked by then.
    """
    if not wanted.tasks:
        raise SettingsError("evaluation.nlp.tasks names no task")
    with lm_eval_at_work(splits_sentences(wanted.tasks)):
        data = locate(wanted.data) if wanted.data is not None else None
        if data is not None:
            refuse_missing(data, wanted)
        found = [one for name in dict.fromkeys(wanted.tasks) for one in found_tasks(name, data, wanted.shots)]
        asked = [_counted(one, wanted) for one in found]
    if strange := sorted(set(wanted.shots) - {*wanted.tasks, *(one.name for one in asked)}):
        raise SettingsError(f"evaluation.nlp.shots: {', '.join(strange)}: not among the tasks")
    if twice := sorted({one.name for one in asked if sum(one.name == other.name for other in asked) > 1}):
        raise SettingsError(f"evaluation.nlp.tasks: {', '.join(twice)} is named twice")
    return asked


def splits_sentences(names: Iterable[str]) -> bool:
    """Whether one of these tasks may split sentences: IFEval does, and of others we do not know."""
    return any(name == "ifeval" or name not in KNOWN for name in names)


def documents_of(leaf: Any) -> list[Any]:
    """The documents of one of lm-eval's tasks, as it would ask them."""
    found = getattr(leaf, "task_docs", None)
    if found is None:
        found = leaf.eval_docs
    rows: list[Any] = found.to_list() if hasattr(found, "to_list") else list(found)
    return rows


def _counted(found: Found, wanted: NlpSettings) -> AskedTask:
    name, leaves = found.name, found.leaves
    for each in (name, *leaves):
        if not _NAME.fullmatch(each):
            raise SettingsError(f"{each}: not usable as a task's name: letters, digits, `_`, `-`, `.` and `+` only")
    for leaf in leaves.values():
        if getattr(leaf, "UNSAFE_CODE", False) or leaf.get_config("unsafe_code"):
            raise SettingsError(f"{name}: it executes code that models write, which is not done here; leave it out")
        if getattr(leaf, "MULTIMODAL", False):
            raise SettingsError(f"{name}: its questions hold more than text; leave it out")
        if leaf.get_config("output_type") == "generate_until":
            _refuse_generation(name, leaf)
        if leaf.get_config("num_fewshot") is None:
            leaf.set_config(key="num_fewshot", value=0)
        score_alike(leaf)
    sizes = {each: len(documents_of(leaf)) for each, leaf in leaves.items()}
    counts = _spread(sizes, wanted.limit)
    shots = {leaf.get_config("num_fewshot") for leaf in leaves.values()}
    known = KNOWN.get(name)
    notes = [*found.notes]
    asked, total = sum(counts.values()), sum(sizes.values())
    if asked < total:
        notes.append(f"the first {asked:,} of {counted(total, 'documents')}")
    if known is not None and total != known.documents:
        notes.append(f"a set of {counted(total, 'documents')}, not {known.documents:,}: {NOT_COMPARABLE}")
    return AskedTask(
        name=name,
        leaves={each: leaf for each, leaf in leaves.items() if counts[each]},
        documents=counts,
        total=total,
        chat=(known is not None and known.chat) if wanted.chat is None else wanted.chat,
        shots=shots.pop() if len(shots) == 1 else None,
        main=_main(known, next(iter(leaves.values()))),
        balanced=found.balanced,
        question={
            "lm_eval": lm_eval_version(),
            "tasks": {each: _shape(leaf) for each, leaf in leaves.items() if counts[each]},
            "documents": {each: count for each, count in counts.items() if count},
        },
        notes=tuple(notes),
    )


def _refuse_generation(name: str, leaf: Any) -> None:
    """Raises SettingsError where a task wants its answers written in a way that the engines do not have."""
    from .lm import generation_of

    try:
        generation_of("", leaf.get_config("generation_kwargs") or {})
    except EngineError as error:
        raise SettingsError(f"{name}: {error}") from None


def _spread(sizes: Mapping[str, int], limit: int | None) -> dict[str, int]:
    """How many documents of each task are asked: `limit` in all, as evenly as the sizes allow."""
    if limit is None:
        return dict(sizes)
    counts = dict.fromkeys(sizes, 0)
    left = min(limit, sum(sizes.values()))
    while left:
        open_ones = [name for name in sizes if counts[name] < sizes[name]]
        share = max(1, left // len(open_ones))
        for name in open_ones:
            more = min(share, sizes[name] - counts[name], left)
            counts[name] += more
            left -= more
    return counts


def _main(known: KnownTask | None, leaf: Any) -> str:
    """The metric that stands for the task: accuracy by length where it has one, else the first that it names."""
    from .scores import metric_names

    names = metric_names(leaf)
    if known is not None and known.main in names:
        return known.main
    return next((one for one in ("acc_norm", "acc") if one in names), names[0])


def _shape(leaf: Any) -> dict[str, Any]:
    """What shapes a task's questions: its configuration, its documents and its worked examples, by digest."""
    config = {key: value for key, value in leaf.dump_config().items() if key not in _ELSEWHERE}
    shots = leaf.get_config("num_fewshot") or 0
    return {
        "version": str(leaf.VERSION),
        "shots": shots,
        "configuration": digest(_plain(config)),
        "documents": digest(*map(_plain, documents_of(leaf))),
        "examples": digest(FEWSHOT_SEED, *map(_plain, leaf.fewshot_docs() or ())) if shots else "",
    }


def _plain(value: Any) -> Any:
    """A value of a configuration or a document as JSON has it; code as its text, without an address in memory."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, str | int | bool):
        return value
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))
