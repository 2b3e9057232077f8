"""What the records of a run say of one of its models: lineage, counts, settings, inputs. Nothing is made up."""

import datetime
import json
import re
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from srlm.bounded import yaml_text
from srlm.bounded.files import read_text
from srlm.engines.weights import WHEEL
from srlm.errors import SettingsError
from srlm.export.clean import bare, shown_name
from srlm.export.figures import Measured, measured
from srlm.export.place import Origin
from srlm.export.sources import Source
from srlm.methods.base import method_of
from srlm.records import Count, RunInputs
from srlm.settings import Settings
from srlm.settings.data import files_of
from srlm.settings.shaping import shaping
from srlm.store import used
from srlm.worlds.table import WorldData

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(?:/[A-Za-z0-9][\w.-]{0,95})?", re.ASCII)
LICENSE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,60}")
HUB = "hub:"
SHOWN = (
    *("seed", "method", "model.base", "model.dtype", "model.thoughts"),
    *("candidates.count", "judge.template", "judge.draws", "reward.kind", "selection.kind", "prompts.writer"),
    *("sft.learning_rate", "sft.epochs", "sft.batch_size", "dpo.learning_rate", "dpo.beta", "dpo.epochs"),
    "dpo.batch_size",
)
"""Settings that a card shows also where they have their default."""


class Base(NamedTuple):
    """The model from which a run starts."""

    name: str
    """As people know it."""
    hub_id: str | None
    """None: it is not known to be on the Hub."""
    commit: str | None
    license: str | None
    license_from: str
    """Who says so; empty where nobody does."""


class Made(NamedTuple):
    """One model on the way to the exported one."""

    name: str
    parent: str | None
    weights: str
    """Digest."""
    examples: Mapping[str, int]
    """Examples that each training of it was given, by stage; empty: not recorded."""
    counts: Mapping[str, Count]
    warnings: tuple[str, ...]


class Facts(NamedTuple):
    """All that a model card says."""

    origin: Origin
    method: str
    method_summary: str
    method_paper: str
    base: Base
    lineage: tuple[Made, ...]
    """Oldest first; the last one is exported."""
    data: str
    """What the run was given, in words."""
    data_ids: tuple[str, ...]
    """On the Hub."""
    data_counts: Mapping[str, Count]
    world: bool
    """Whether the run's data is a world made up by a program."""
    scratch: bool
    """Whether M0 was trained from random weights on that world's text."""
    judged_by: str | None
    """Who judged the answers of the last step: `itself`, a server's model; None: no judge."""
    settings: tuple[tuple[str, str], ...]
    """Those that shape the model and are not srlm's defaults, and SHOWN."""
    versions: Mapping[str, str]
    date: datetime.date | None
    """The day the run began."""
    measured: Measured
    served: str
    """Number format in which the run's models generate."""
    template_arguments: Mapping[str, bool | int | float | str]
    sampling: Mapping[str, float | int]
    """How the run's evaluation samples answers."""
    own_code: bool
    """Whether the model comes with Python code of its own."""


def facts_of(source: Source, origin: Origin, base_id: str | None = None, license: str | None = None) -> Facts:
    """What is known of a model. `base_id`, `license`: what the user says of M0. Raises SettingsError for neither."""
    folder, settings = source.folder, source.folder.settings
    lineage = tuple(_lineage(source))
    data = folder.manifest("data")
    method = method_of(settings)
    inputs = folder.inputs()
    datasets = [path.removeprefix(HUB) for path in files_of(settings.data).values() if path.startswith(HUB)]
    counts = lineage[-1].counts
    return Facts(
        origin=origin,
        method=settings.method.name,
        method_summary=method.summary,
        method_paper=method.paper,
        base=_base(settings, inputs, base_id, license),
        lineage=lineage,
        data=_data(settings, inputs),
        data_ids=tuple(dict.fromkeys(found for one in datasets if (found := _hub_id(one)) is not None)),
        data_counts={} if data is None else data.counts,
        world=isinstance(settings.data, WorldData),
        scratch=settings.model.base == "scratch",
        judged_by=_judge(settings) if counts.get("judgements") else None,
        settings=tuple(_settings(settings)),
        versions=source.manifest.versions,
        date=None if inputs is None else inputs.date,
        measured=measured(folder, source.step.name),
        served=_served(source.path, settings),
        template_arguments=settings.model.template_arguments,
        sampling=settings.evaluation.sampling.model_dump(mode="json"),
        own_code=any(source.path.glob("*.py")),
    )


def origin_of(source: Source, kind: Any) -> Origin:
    """What an export of this model is of."""
    manifest = source.manifest
    return Origin(
        kind=kind,
        run=source.folder.given.name,
        model=source.step.name,
        weights=source.checkpoint.digest,
        settings=manifest.settings_digest,
        srlm=manifest.versions.get("srlm"),
        commit=manifest.commit,
    )


def _lineage(source: Source) -> Iterator[Made]:
    folder, names = source.folder, [source.step.name]
    while (found := folder.checkpoint(names[0])) is not None and found.parent is not None:
        names.insert(0, found.parent)
    for name in names:
        manifest = folder.manifest(name)
        if manifest is None or manifest.checkpoint is None:
            continue
        stages = used.read(folder.step(name)) or {}
        yield Made(
            name,
            manifest.checkpoint.parent,
            manifest.checkpoint.digest,
            {stage: one.examples for stage, one in stages.items() if one.examples is not None},
            manifest.counts,
            tuple(manifest.warnings.values()),
        )


def _base(settings: Settings, inputs: RunInputs | None, base_id: str | None, license: str | None) -> Base:
    if base_id is not None and HUB_ID.fullmatch(base_id) is None:
        raise SettingsError(f"--base {base_id}: not a name of the Hub; write OWNER/NAME")
    if license is not None and LICENSE.fullmatch(license) is None:
        raise SettingsError(f"--license {license}: not an identifier of the Hub, such as apache-2.0, mit or other")
    name = settings.model.base
    if name == "scratch":
        return Base(
            "random weights, trained on the world's own text", base_id, None, license, "" if license is None else USER
        )
    local = Path(name).is_dir()
    hub_id = base_id or (None if local or name.startswith(WHEEL) else _hub_id(name))
    commit = None if inputs is None or base_id is not None else inputs.commit("model.base", name)
    found, by = (license, USER) if license is not None else _license(name, commit)
    return Base(shown_name(name) if local else name, hub_id, commit, found, by if found is not None else "")


USER = "whoever exported it"


def _hub_id(name: str) -> str | None:
    return name if HUB_ID.fullmatch(name) else None


def _license(name: str, commit: str | None) -> tuple[str | None, str]:
    """What the base model's own card, or its package, says; (None, "") where nothing does."""
    if name.startswith(WHEEL):
        try:
            about = metadata.metadata(name.removeprefix(WHEEL)).json
        except (metadata.PackageNotFoundError, ValueError):
            return None, ""
        return _license_id(about.get("license_expression") or about.get("license")), "the base model's package"
    card = Path(name) / "README.md"
    if not Path(name).is_dir():
        from huggingface_hub import try_to_load_from_cache
        from huggingface_hub.errors import HFValidationError

        try:
            kept = try_to_load_from_cache(name, "README.md", revision=commit)
        except HFValidationError:
            return None, ""
        if not isinstance(kept, str):
            return None, ""
        card = Path(kept)
    try:
        head = re.match(r"---\n(.*?)\n---\n", read_text(card), re.DOTALL)
        found = yaml_text.decode(head[1]) if head else None
    except (OSError, UnicodeDecodeError, yaml_text.NotYaml):
        return None, ""
    return _license_id(found.get("license") if isinstance(found, dict) else None), "the base model's card"


def _license_id(said: object) -> str | None:
    return said.lower() if isinstance(said, str) and LICENSE.fullmatch(said.lower()) else None


def _data(settings: Settings, inputs: RunInputs | None) -> str:
    data = settings.data
    if isinstance(data, WorldData):
        return f"the {data.kind} world, which a program makes from the seed"
    named = files_of(data)
    return "; ".join(dict.fromkeys(_file(setting, path, inputs) for setting, path in named.items())) or "none"


def _file(setting: str, path: str, inputs: RunInputs | None) -> str:
    if path.startswith(HUB):
        commit = None if inputs is None else inputs.commit(setting, path)
        return f"{path.removeprefix(HUB)} of the Hub" + (f", commit {commit}" if commit else "")
    return f"a file of whoever trained it: {shown_name(path)}"


def _judge(settings: Settings) -> str:
    kind, server = settings.reward.kind, settings.judge.engine
    if kind != "judge":
        return f"a reward of kind {kind}"
    return "itself" if server is None else f"the model {bare(shown_name(server.model or 'unknown'))} behind a server"


def _settings(settings: Settings) -> Iterator[tuple[str, str]]:
    """Names and values that shape the models, without addresses and paths."""
    given = settings.model_dump(mode="json")
    plain = Settings.model_validate({"name": "plain", "model": {"base": "plain"}, "data": given["data"]})
    default = dict(shaping(plain.model_dump(mode="json")))
    for name, value in shaping(given):
        if value is None or value == [] or name == "model.date":
            continue
        if name in SHOWN or name.startswith("data.") or value != default.get(name, ...):
            yield name, _shown(value)


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return bare(shown_name(value))
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(map(_shown, value))
    return bare(json.dumps(value, ensure_ascii=False))


def _served(model: Path, settings: Settings) -> str:
    from srlm.engines.weights import serving_format

    return serving_format(model, settings.model)
