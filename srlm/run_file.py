"""One YAML file is one run. It decodes to frozen records; an unknown key is an error that names its neighbours.

A file may begin with `extends: FILE`, another run file over whose settings its own are laid (`srlm/extends.py`).
`--set dpo.beta=0.2` overrides one setting.
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from srlm import extends
from srlm.bounded import yaml_text
from srlm.bounded.quote import cut, quoted
from srlm.bounded.yaml_text import NotYaml
from srlm.errors import SettingsError
from srlm.extends import Laid
from srlm.section import Section
from srlm.settings import FilesData, Settings, fields
from srlm.settings.engines import NO_SERVER
from srlm.settings.origin import Origin
from srlm.text.chat import RESERVED
from srlm.text.counts import counted
from srlm.worlds.table import FROM_SCRATCH, KINDS, WORLDS
from srlm.written_keys import written_keys

S = TypeVar("S", bound=Section)


ARMS: Mapping[str, Sequence[str]] = {
    "self_rewarding": (),
    "positive_only": ("method=positive_sft",),
    "ift_only": ("eft.writer=off",),
    "random_scores": ("reward.kind=random",),
    "flipped_pairs": ("selection.flip=true",),
    "oracle_scores": ("reward.kind=world",),
    "form_scores": ("reward.kind=world", "reward.scores=form"),
}
"""What the values of the former setting `arm` are called today, as overrides."""


FAULTS = 20
"""Faults of a run file that are shown."""
SHOWN = 200
"""Characters of a setting's name that are shown."""


def load(path: Path, overrides: Sequence[str] = ()) -> Settings:
    """The settings in a YAML file, with `section.key=value` overrides applied in order.

    Raises SettingsError for a missing file, broken YAML, an unknown key or a wrong value; each message names the place.
    """
    options = ["--run", str(path), *(word for override in overrides for word in ("--set", override))]
    return _settings(extends.read(path), overrides, options)


def overridden(settings: Settings, overrides: Sequence[str]) -> Settings:
    """The same settings with `section.key=value` overrides applied in order. Raises SettingsError as `load` does."""
    return _settings(Laid.of(settings.model_dump(mode="json"), settings.name), overrides)


def composed(data: Mapping[str, Any], overrides: Sequence[str] = ()) -> Settings:
    """Settings that options of a command name. Raises SettingsError as `load` does."""
    return _settings(Laid.of(data, "options"), overrides)


def _settings(laid: Laid, overrides: Sequence[str], options: Sequence[str] = ()) -> Settings:
    """What run files say, once the overrides are applied; messages name the file in which a value stands."""
    data = laid.root.plain()
    for override in overrides:
        _apply(data, override)
    overridden = [override.partition("=")[0].strip() for override in overrides]

    where = Origin(lambda *names: laid.where(names, overridden), options)
    # Before any message shows a value.
    if faults := [f"{where(name)}: {fault}" for name, value in _values(data) for fault in written_keys(value, name)]:
        raise SettingsError("\n".join(faults))
    try:
        settings = Settings.model_validate(data)
    except ValidationError as error:
        raise SettingsError(_faults(error, where, Settings, base=laid.files[1:2])) from None
    kinds = {name: field.annotation for name, field in fields(Settings)}
    for name in _truth_values(data):  # pydantic takes `true` for the number 1
        # The names in model.template_arguments are the template's own, and so are their kinds.
        if name in kinds and kinds[name] is not bool:
            raise SettingsError(f"{where(name)}: {name}: does not accept a boolean")
    for names, fault in (*_trainings(settings), *_lacking(settings)):
        raise SettingsError(f"{where(*names)}: {fault}")
    return settings.written_in(where)


def own_section(kind: type[S], given: Mapping[str, Any], name: str, whole: Settings) -> S:
    """A section that belongs to a part of the program and not to Settings, from what a run file says of it.

    Raises SettingsError for an unknown setting or a wrong value: it names the file in which `name.setting` stands, by
    what the `whole` settings know of it.
    """

    def where(*names: str) -> str:
        return whole.where(*(f"{name}.{setting}".removesuffix(".") for setting in names))

    try:
        section = kind.model_validate(dict(given))
    except ValidationError as error:
        raise SettingsError(_faults(error, Origin(where), kind, f"{name}.")) from None
    kinds = {setting: field.annotation for setting, field in fields(kind)}
    for setting in _truth_values(given):
        if setting in kinds and kinds[setting] is not bool:  # names within a mapping are the method's own
            raise SettingsError(f"{where(setting)}: {name}.{setting}: does not accept a boolean")
    return section


def upgrade(recorded: Any) -> Any:
    """Settings as an older srlm recorded them, with those that have another name today under that name."""
    if not isinstance(recorded, dict) or recorded.get("arm") not in ARMS:
        return recorded
    settings = {name: value for name, value in recorded.items() if name != "arm"}
    for override in ARMS[recorded["arm"]]:
        section = override.partition(".")[0]
        if isinstance(settings.get(section), dict):
            settings[section] = dict(settings[section])
        _apply(settings, override)
    return settings


def _trainings(settings: Settings) -> Iterator[tuple[Sequence[str], str]]:
    """What is wrong with the trainings, after the names of the settings that do not go together."""
    for name in ("pretraining", "sft", "dpo", "reward_model", "online"):
        training = getattr(settings, name)
        if training is None:
            continue
        if training.batch_size % training.micro_batch_size:
            yield (
                (f"{name}.micro_batch_size", f"{name}.batch_size"),
                f"{name}.micro_batch_size {training.micro_batch_size} does not divide "
                f"{name}.batch_size {training.batch_size}",
            )
        first, last = training.learning_rate, training.final_learning_rate
        if training.schedule != "constant" and last > first:
            yield (
                (f"{name}.final_learning_rate", f"{name}.learning_rate"),
                f"{name}.final_learning_rate {last:g} is above {name}.learning_rate {first:g}; the rate must "
                "fall, so lower the first or raise the second",
            )


def _lacking(settings: Settings) -> Iterator[tuple[Sequence[str], str]]:
    """What one setting needs of another, after their names; without it the run would stop half-way."""
    prompts, world, scratch = settings.prompts, settings.data.kind in WORLDS, settings.model.base == "scratch"
    grows = world and WORLDS[settings.data.kind].has_base_text
    if scratch != (settings.pretraining is not None) or (scratch and not grows):
        yield (
            ("model.base", "pretraining", "data.kind"),
            f"model.base `scratch` needs a pretraining section and data.kind {FROM_SCRATCH}; any other base needs no "
            f"pretraining section (found base {settings.model.base!r}, data.kind {settings.data.kind!r})",
        )
    for name in sorted(RESERVED & settings.model.template_arguments.keys()):
        argument = f"model.template_arguments.{name}"
        yield (argument,), f"{argument}: srlm sets this argument itself; remove it"
    if prompts.writer == "world" and not world:
        yield (
            ("prompts.writer", "data.kind"),
            f"prompts.writer `world` needs data.kind {KINDS}; use `self`, `fixed` or `file`",
        )
    if prompts.writer == "file" and prompts.path is None and prompts.source is None:
        yield (
            ("prompts.writer",),
            "prompts.writer `file` needs prompts.path: JSON lines with `instruction`; or prompts.source, for other "
            "columns and the Hub (docs/my_data.md)",
        )
    if prompts.path is not None and prompts.source is not None:
        yield ("prompts.path", "prompts.source"), "prompts.path and prompts.source both name the prompts; keep one"
    if isinstance(settings.data, FilesData):
        yield from _lacking_files(settings.data, settings.eft.writer)
    if prompts.writer == "fixed" and prompts.model is None and prompts.engine is None:
        yield (
            ("prompts.writer",),
            "prompts.writer `fixed` needs prompts.model (a folder, a Hub id, or M0) or prompts.engine",
        )
    if settings.eft.writer == "reviews" and settings.data.kind == "oasst":
        yield (
            ("eft.writer", "data.kind"),
            "eft.writer `reviews` needs data with reviews, and `oasst` has none; use `sft`, or data.kind `ranked`",
        )
    if settings.reward.kind == "world" and not world:
        yield (
            ("reward.kind", "data.kind"),
            f"reward.kind `world` needs data.kind {KINDS}: only a world has an exact program",
        )
    if settings.dpo.early_stop != "off" and not settings.data.validation_prompts:
        yield (
            ("dpo.early_stop", "data.validation_prompts"),
            "dpo.early_stop needs validation prompts; set data.validation_prompts (the paper: 253)",
        )
    if settings.engine.kind not in ("transformers", "vllm", "ray"):
        yield ("engine.kind",), f"engine.kind {settings.engine.kind}: {NO_SERVER}"
    for name, engine in (("judge.engine", settings.judge.engine), ("prompts.engine", prompts.engine)):
        if engine is not None and (engine.kind != "openai" or engine.model is None):
            yield (
                (f"{name}.kind", f"{name}.model"),
                f"{name} is a server: set kind to `openai`, and `model` to the model's name on the server",
            )


def _lacking_files(data: FilesData, writer: str) -> Iterator[tuple[Sequence[str], str]]:
    """What `data.kind: files` lacks, as `_lacking`."""
    sources = data.sources
    if sources.ift is None and sources.rankings is None:
        yield ("data.sources",), "data.sources needs `ift` or `rankings`: what is the model to learn from?"
    if sources.rankings is None and writer != "off":
        yield (
            ("eft.writer", "data.sources"),
            f"eft.writer `{writer}` needs ranked answers (data.sources.rankings); without them set eft.writer to "
            "`off`: M1 is then trained on IFT alone, and nobody teaches it to judge",
        )
    if sources.rankings is None and (data.eft_sets or data.heldout_sets):
        yield (
            ("data.eft_sets", "data.heldout_sets"),
            "without data.sources.rankings there are no ranked answers: set data.eft_sets and data.heldout_sets to 0",
        )


def _apply(data: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    *sections, last = key.strip().split(".")
    if not equals or not all((*sections, last)):
        raise SettingsError(f"--set {cut(override, SHOWN)}: write it as section.key=value")
    if [*sections, last][0] == "extends":
        raise SettingsError("--set extends: only a run file extends another; name that file with --run")
    target = data
    if sections[:1] == ["method"] and isinstance(data.get("method"), str):
        data["method"] = {"name": data["method"]}
    for section in sections:
        inner = target.setdefault(section, {})
        if inner is None:
            inner = target[section] = {}
        if not isinstance(inner, dict):
            raise SettingsError(f"--set {cut(override, SHOWN)}: {section} is a value, not a section")
        target = inner
    try:
        target[last] = yaml_text.decode(value)
    except NotYaml as error:
        raise SettingsError(f"--set {cut(override, SHOWN)}: {quoted(value)} is not a YAML value ({error})") from None


def _values(data: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting that is given: its dotted name, and its value."""
    for name, value in data.items():
        if isinstance(value, Mapping):
            yield from _values(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _truth_values(data: Mapping[str, Any]) -> Iterator[str]:
    """Dotted names of the settings that are given as true or false."""
    return (name for name, value in _values(data) if isinstance(value, bool))


def _faults(
    error: ValidationError, where: Origin, kind: type[BaseModel], prefix: str = "", base: Sequence[str] = ()
) -> str:
    """What is wrong, a line each; `base`: the file that the run file extends."""
    known = [f"{prefix}{name}" for name, _ in fields(kind)] + ([] if prefix else ["extends"])
    every = error.errors()
    lines = dict.fromkeys(_explain(one, where, known, prefix, base) for one in every[:FAULTS])
    more = [f"{where()}: and {counted(len(every) - FAULTS, 'more faults')}"] if len(every) > FAULTS else []
    return "\n".join([*lines, *more])


def _explain(error: Mapping[str, Any], where_is: Origin, known: Sequence[str], prefix: str, base: Sequence[str]) -> str:
    parts = [str(part) for part in error["loc"]]
    if parts[:1] in (["data"], ["reward"]):
        del parts[1:2]  # pydantic puts the tag of a discriminated union (oasst, ...) there; no user wrote it
    path = [cut(part, SHOWN) for part in parts]
    name = (prefix + ".".join(path)).removesuffix(".")  # of a section as a whole: its own name
    # The tag is what is wrong, wherever the rest of the section stands.
    where = where_is(".".join([*parts, "kind"] if error["type"] == "union_tag_invalid" else parts))
    if error["type"] == "extra_forbidden":
        if name == "arm":
            return f"{where}: {_instead_of_arm(error['input'])}"
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        if not near:
            near = [
                key
                for key in known
                if key.split(".")[-1] in difflib.get_close_matches(path[-1], [k.split(".")[-1] for k in known], n=2)
            ]
        return f"{where}: unknown setting {name}" + (f"; did you mean {' or '.join(near[:3])}?" if near else "")
    if error["type"] == "missing":
        if name == "name" and base:
            return f"{where}: name is missing; that of {base[0]} is not taken, for each run needs a folder of its own"
        return f"{where}: {name} is missing"
    if path[:2] == ["model", "template_arguments"]:
        return (
            f"{where}: {'.'.join(path[:3])}: a template argument must be a boolean, a number or text (found "
            f"{quoted(error['input'])})"
        )
    return f"{where}: {name}: {error['msg']} (found {quoted(error['input'])})"


def _instead_of_arm(value: object) -> str:
    """What to write today for the former setting `arm`."""
    words = ARMS.get(value) if isinstance(value, str) else None
    if words is None:
        every = "; ".join(f"`{arm}` is {' and '.join(words) or 'the default'}" for arm, words in ARMS.items())
        return f"arm is no longer a setting (found {quoted(value)}): {every}"
    if not words:
        return f"arm is no longer a setting, and `{value}` is the default; delete the line"
    return f"arm is no longer a setting; instead of `arm: {value}` set {' and '.join(words)}"
