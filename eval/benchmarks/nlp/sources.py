"""From a name in the settings to lm-eval's tasks with their data: from the Hub, from a folder, from a file."""

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from srlm.data.lines import locate
from srlm.errors import DataError, SettingsError, SrlmError, first_line
from srlm.settings.nlp import NlpSettings
from srlm.terminal import note
from srlm.text.counts import counted

from . import local
from .known import KNOWN
from .library import EXTRA, lm_eval_version

NOT_COMPARABLE = "not comparable with published scores"


class Found(NamedTuple):
    """What a name stands for, before it is counted out."""

    name: str
    leaves: Mapping[str, Any]
    balanced: bool = False
    notes: tuple[str, ...] = ()


def found_tasks(name: str, data: Path | None, shots: Mapping[str, int]) -> list[Found]:
    """What the settings call by this name: of a group without an aggregate, each of its tasks. `shots`: by name.

    Raises SettingsError for a name that lm-eval does not have or a file that is no task, DataError for data that are
    missing or broken.
    """
    if name.endswith((".yaml", ".yml")):
        return _of_file(name, shots)
    if data is not None and (name in KNOWN or name in local.PROMPTED):
        return [_of_folder(name, data, _shots(name, shots.get(name)))]
    if name in KNOWN:
        return [Found(name, {leaf.config.task: leaf for leaf in _stock(name, _shots(name, shots.get(name)))})]
    if data is not None:
        raise SettingsError(
            f"{name}: has no place in {data}; give a YAML file that names its data, or leave evaluation.nlp.data out"
        )
    return _of_index(name, shots)


def _shots(name: str, wanted: int | None) -> int:
    """Worked examples of a known task: as the settings say, else the paper's where they are known, else the task's."""
    return (KNOWN[name].shots if name in KNOWN else 0) if wanted is None else wanted


# The known tasks ------------------------------------------------------------------------------------------------------


def _configs(name: str) -> list[dict[str, Any]]:
    """lm-eval's configurations of a known task: one, or one for each subject."""
    return deepcopy(_read(name))  # lm-eval changes what it is given


@cache
def _read(name: str) -> list[dict[str, Any]]:
    import lm_eval
    from lm_eval.tasks._yaml_loader import load_yaml

    place = Path(lm_eval.__file__).parent / "tasks"
    paths = sorted(place.glob(KNOWN[name].files))
    if not paths:
        raise SettingsError(f"lm-eval {lm_eval_version()} has no {KNOWN[name].files}; {EXTRA} installs one that has")
    try:
        return [_cleared(load_yaml(path)) for path in paths]
    except ImportError as error:
        raise SettingsError(f"{name} needs a package that is not installed: {first_line(error)}; {EXTRA}") from None


def _cleared(config: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key not in ("tag", "group")}


def _stock(name: str, shots: int) -> Iterator[Any]:
    """lm-eval's tasks with the Hub's data."""
    for config in _configs(name):
        yield _task(_with_shots(config, shots), f"{name}: its data ({config.get('dataset_path')}) could not be loaded")


def _of_folder(name: str, data: Path, shots: int) -> Found:
    """A task with data from a folder."""
    if name not in KNOWN or _hub_files(name, data, shots) is None:
        return _prompted(name, data, shots)
    files = _hub_files(name, data, shots)
    assert files is not None
    rows = {split: local.hub_rows(path, name) for split, path in files.items()}
    where = next(iter(files.values()))
    leaves = {}
    for config in _configs(name):
        subject = config.get("dataset_name") if name == "mmlu" else None
        own = {
            split: [row for row in found if subject is None or row["subject"] == subject]
            for split, found in rows.items()
        }
        if not own[_evaluated(config)]:
            continue
        splits = {key: value for key, value in config.items() if key.endswith("_split") and value not in rows}
        changed = {
            **config,
            **dict.fromkeys(splits),
            "dataset_path": "local",
            "dataset_name": None,
            "custom_dataset": local.loader(own, where),
        }
        leaf = _task(_with_shots(changed, shots), f"{where}: not usable as data of {name}")
        leaves[leaf.config.task] = leaf
    if not leaves:
        raise DataError(f"{where}: none of its subjects is one of {name}'s")
    strange = (
        {row["subject"] for row in rows[_evaluated(config)]} - {config["dataset_name"] for config in _configs(name)}
        if name == "mmlu"
        else set()
    )
    if strange:
        raise DataError(f"{where}: subjects that MMLU does not have: {', '.join(sorted(strange)[:5])}")
    return Found(name, leaves)


def _prompted(name: str, data: Path, shots: int) -> Found:
    path = local.prompted_file(data, name)
    assert path is not None  # refuse_missing looked for it
    if shots:
        raise SettingsError(
            f"evaluation.nlp.shots: {name} from {path} has no training examples; 0 is all that it can be asked with"
        )
    rows, original = local.prompted_rows(path), local.PROMPTED[name].choices
    config = {**local.prompted_config(name), "custom_dataset": local.loader({"test": rows}, path)}
    notes = ["questions as llm-foundry writes them"]
    if local.most_choices(rows) != original:
        notes.append(f"{counted(local.most_choices(rows), 'choices')}, not the original's {original}: {NOT_COMPARABLE}")
    return Found(name, {name: _task(config, f"{path}: not usable as data of {name}")}, notes=tuple(notes))


def _hub_files(name: str, data: Path, shots: int) -> dict[str, Path] | None:
    """By split; None where a split that is needed is missing."""
    files = {}
    for split, needed in _splits(name, shots).items():
        path = local.split_file(data, name, split)
        if path is not None:
            files[split] = path
        elif needed:
            return None
    return files


def _splits(name: str, shots: int) -> dict[str, bool]:
    """The splits of a known task, and whether it can be asked without."""
    config = _configs(name)[0]
    examples = config.get("fewshot_split") or config.get("training_split") if shots else None
    return {_evaluated(config): True} | ({examples: True} if examples else {})


def _evaluated(config: Mapping[str, Any]) -> str:
    return str(config.get("test_split") or config.get("validation_split"))


def refuse_missing(data: Path, wanted: NlpSettings) -> None:
    """Raises DataError that names every file that the folder should have and has not."""
    if not data.is_dir():
        raise DataError(f"{data}: no such folder; evaluation.nlp.data must be one with the data of the tasks")
    gone = []
    for name in dict.fromkeys(wanted.tasks):
        shots = _shots(name, wanted.shots.get(name))
        if name in KNOWN and _hub_files(name, data, shots) is None and local.prompted_file(data, name) is None:
            absent = [split for split in _splits(name, shots) if local.split_file(data, name, split) is None]
            gone += [local.missing(name, split) for split in absent]
        elif name not in KNOWN and name in local.PROMPTED and local.prompted_file(data, name) is None:
            gone.append(local.Missing(name, (f"llm_foundry/{local.PROMPTED[name].file}.jsonl",)))
    local.refuse(data, gone)


# Other tasks ----------------------------------------------------------------------------------------------------------


def _of_index(name: str, shots: Mapping[str, int]) -> list[Found]:
    """A task or group of lm-eval that is not among the known ones."""
    import lm_eval
    from lm_eval.tasks import TaskManager

    own = Path(lm_eval.__file__).parent / "tasks" / name.split("_")[0]
    manager = TaskManager(include_path=str(own), include_defaults=False) if own.is_dir() else None
    if manager is None or name not in manager.all_tasks:
        note(f"{name}: looking through all tasks of lm-eval, about 20 seconds")
        manager = TaskManager()
    if name not in manager.all_tasks:
        import difflib

        near = difflib.get_close_matches(name, [*KNOWN, *manager.all_tasks], 3)
        raise SettingsError(
            f"{name}: lm-eval {lm_eval_version()} has no such task or group"
            + (f"; did you mean {' or '.join(near)}?" if near else "; `lm-eval ls tasks` lists them")
        )
    return _loaded(manager, name, name, shots)


def _of_file(file: str, shots: Mapping[str, int]) -> list[Found]:
    """A task or group in a YAML file of the user's; its examples are told by the file's name or by its own."""
    from lm_eval.tasks import TaskManager
    from lm_eval.tasks._index import TaskIndex
    from lm_eval.tasks._yaml_loader import load_yaml

    path = locate(file)
    if not path.is_file():
        raise SettingsError(f"{path}: no such file; a task is lm-eval's name or a YAML file")
    try:
        entry = TaskIndex.entry_from_path(path)
        config = load_yaml(path, resolve_func=False)
    except Exception as error:
        raise SettingsError(f"{path}: not a task of lm-eval: {first_line(error)}") from None
    name = config.get("group") or config.get("task")
    if entry is None or not isinstance(name, str):
        raise SettingsError(f"{path}: not a task of lm-eval: it names no `task` or `group`")
    manager = TaskManager(include_path=str(path.resolve().parent), include_defaults=False)
    if code := sorted({function for file in _files(path, config, manager.task_index) for function in _code(file)}):
        note(f"{path}: runs code that stands beside it: {', '.join(code)}")
    if any(member not in manager.task_index for member in _members(config)):
        note(f"{path}: looking through all tasks of lm-eval, about 20 seconds")
        manager = TaskManager(include_path=str(path.resolve().parent))
    manager.task_index[name] = replace(entry, name=name)  # by its path lm-eval would call a group by its members
    return _loaded(manager, str(path), name, {**shots, name: shots[file]} if file in shots else shots)


def _members(config: Mapping[str, Any]) -> list[str]:
    """The names in a group's list of tasks; of a task, none."""
    members = config.get("task")
    named = (
        [one.get("task") if isinstance(one, Mapping) else one for one in members] if isinstance(members, list) else []
    )
    return [one for one in named if isinstance(one, str)]


def _files(path: Path, config: Mapping[str, Any], index: Mapping[str, Any]) -> list[Path]:
    """The YAML file of a task, or those of a group and of all in it that the index has."""
    found, waiting = [path], _members(config)
    while waiting:
        entry = index.get(waiting.pop())
        if entry is not None and entry.yaml_path is not None and entry.yaml_path not in found:
            found.append(entry.yaml_path)
            waiting += _members(entry.cfg or {})
    return found


def _code(path: Path) -> set[str]:
    """The functions that a YAML file and those that it includes name, as they write them; lm-eval's own aside."""
    import lm_eval
    from lm_eval.tasks._yaml_loader import load_yaml

    if path.resolve().is_relative_to(Path(lm_eval.__file__).resolve().parent):
        return set()
    found = set(re.findall(r"!function\s+([^\s#]+)", path.read_text(encoding="utf-8", errors="replace")))
    included = load_yaml(path, resolve_func=False, recursive=False).get("include", [])
    for one in included if isinstance(included, list) else [included]:
        found |= _code(path.parent / one)
    return found


def _loaded(manager: Any, spec: str, name: str, shots: Mapping[str, int]) -> list[Found]:
    """What lm-eval has under a name; `spec` is what the settings call it."""
    try:
        found = manager.load([name])
    except Exception as error:
        raise _unusable(f"{spec}: lm-eval could not load it", error) from None
    if not found["tasks"]:
        raise SettingsError(f"{spec}: a group without tasks; list them under `task`")
    for each, leaf in found["tasks"].items():
        if (wanted := shots.get(name, shots.get(each))) is not None:
            leaf.set_config(key="num_fewshot", value=wanted)
    group = found.get("groups", {}).get(name)
    if group is not None and group.has_aggregation:
        sizes = {one.weight_by_size for one in group.aggregate_metric_list}
        return [Found(name, dict(found["tasks"]), balanced=sizes == {False})]
    return [Found(leaf, {leaf: task}) for leaf, task in found["tasks"].items()]


# What all share -------------------------------------------------------------------------------------------------------


def _task(config: dict[str, Any], trouble: str) -> Any:
    from lm_eval.api.task import ConfigurableTask

    try:
        return ConfigurableTask(config=config)
    except Exception as error:
        raise _unusable(trouble, error) from None


def _unusable(trouble: str, error: Exception) -> SrlmError:
    """Whatever lm-eval, a data set or a user's own code has raised, as one line."""
    if isinstance(error, SrlmError):
        return error
    return DataError(
        f"{trouble}: {type(error).__name__}: {first_line(error)}; without a network give a folder (--data DIR, "
        "docs/nlp_benchmarks.md)"
    )


def _with_shots(config: dict[str, Any], shots: int) -> dict[str, Any]:
    return {**config, "num_fewshot": shots}
