"""`srlm estimate`: memory and time of every stage of a run on given hardware, before anything runs.

All figures are calculated; none is measured:

    training      6 P T operations for T tokens through P parameters, 8 P T where activations are recomputed
                  (Kaplan et al. 2020, section 2.1); DPO reads each pair with the policy and with the reference (2 P T)
    reading       2 P T operations for the prompts
    writing       a step reads all weights and the cache of every sequence in the batch, at the memory's speed; batches
                  are as large as memory allows, as in vLLM (the transformers engine is several times slower)
    memory        training: weights, gradients and two moments in float32, 16 bytes a parameter, divided over the GPUs;
                  the reference 4 more; with adapters the float32 weights alone, 4; activations of one micro batch. In
                  online RL each GPU holds all of this: sharded weights are refused.
                  Generation: weights, and the keys and values of as many sequences as fit
    disk          every model that is kept, 4 bytes a parameter: models are handed on in float32

each at a share of the hardware's peak, given in the hardware file.
"""

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from srlm import examples
from srlm.bounded import files, yaml_text
from srlm.bounded.quote import quoted
from srlm.cli.disk import checkpoint_bytes
from srlm.engines.model_files import json_object, refuse_unusable_config
from srlm.engines.weights import read_config
from srlm.errors import SettingsError, first_line
from srlm.methods.base import Generation, Lengths, Optimisation, Work, method_of, trainings_of
from srlm.settings import OnlineSettings, Settings, Training
from srlm.terminal import Console, Table, say
from srlm.text.counts import counted
from srlm.worlds.table import WORLDS

GIB = 2**30
Rate = Annotated[float, Field(gt=0)]
FREE = 0.9
"""Share of a GPU's memory that generation may fill."""


class Hardware(BaseModel):
    """The hardware, as described in the --hardware file."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str
    gpus: Annotated[int, Field(ge=1)]
    """Total number."""
    memory_gib: Rate
    """Of one GPU."""
    teraflops: Rate
    """Peak of one GPU in the run's number format, 10^12 operations a second."""
    bandwidth_gbs: Rate
    """Peak of one GPU's memory, 10^9 bytes a second."""
    training_share: Annotated[float, Field(gt=0, le=1)]
    """Share of the peak arithmetic that training reaches."""
    reading_share: Annotated[float, Field(gt=0, le=1)]
    """Share of the peak arithmetic that reading prompts reaches."""
    writing_share: Annotated[float, Field(gt=0, le=1)]
    """Share of the peak memory bandwidth that generation reaches."""
    price_per_gpu_hour: float | None = None
    """In any currency; None: no cost is printed."""


class Shape(NamedTuple):
    """The parts of a model's architecture that determine memory and time."""

    parameters: int
    layers: int
    hidden: int
    cached: int
    """Bytes that one token's keys and values take, in two-byte numbers."""


class Stage(NamedTuple):
    """One line of the estimate."""

    name: str
    what: str
    gib: float
    """Of one GPU's memory."""
    seconds: float


def show(settings: Settings, hardware: Path, shape_file: Path | None, lengths: Lengths) -> bool:
    """Print the estimate. False if a stage does not fit into memory."""
    on = read_hardware(hardware)
    shape = read_shape(settings, shape_file)
    found = list(stages(settings, on, shape, lengths))
    table = Table("stage", "work", "GiB a GPU", "hours", "GPU hours", *(["cost"] if on.price_per_gpu_hour else []))
    for stage in [*found, Stage("all", "", max(s.gib for s in found), sum(s.seconds for s in found))]:
        hours = stage.seconds / 3600
        fits = "" if stage.gib <= on.memory_gib else "  TOO MUCH"
        cost = [f"{hours * on.gpus * on.price_per_gpu_hour:,.0f}"] if on.price_per_gpu_hour else []
        table.add_row(stage.name, stage.what, f"{stage.gib:.1f}{fits}", f"{hours:.2f}", f"{hours * on.gpus:.1f}", *cost)
    steps = method_of(settings).steps(settings, settings.iterations)
    models = sum(step.parent is not None for step in steps)  # those that are trained from another
    say(
        f"{settings.name} on {on.name}: {shape.parameters / 1e9:.2f} billion parameters. Estimated, not measured. "
        f"Assumed mean lengths: prompt {lengths.prompt}, answer {lengths.answer}, judgement "
        f"{counted(lengths.judgement, 'tokens')}. Generation with vLLM; loading and evaluating the models is not "
        "included. On disk the models take "
        f"{4 * shape.parameters * models / GIB:.0f} GiB in float32, and training checkpoints "
        f"{checkpoint_bytes(trainings_of(settings), shape.parameters) / GIB:.0f} GiB more.",
    )
    Console(width=100).print(table)
    heavy = [stage.name for stage in found if stage.gib > on.memory_gib]
    if heavy:
        say(
            f"{', '.join(heavy)}: does not fit into the {on.memory_gib} GiB of a GPU. For training, use more GPUs "
            "(launch.command), activation_checkpointing, a smaller micro_batch_size, or lora. For generation, use "
            "more GPUs per model.",
        )
    return not heavy


def read_hardware(path: Path) -> Hardware:
    """Raises SettingsError if the file does not describe hardware."""
    try:
        return Hardware.model_validate(yaml_text.decode(files.read_text(path, yaml_text.SIZE)))
    except (OSError, UnicodeDecodeError, yaml_text.NotYaml) as error:
        raise SettingsError(f"{path}: cannot be read as a hardware file: {error}{examples.advice(path)}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise SettingsError(f"{path}: {where}: {first['msg']} (found {quoted(first['input'])})") from None


def read_shape(settings: Settings, path: Path | None) -> Shape:
    """The model's shape from its own configuration, or from a file in the same format. No weights are read."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    try:
        if path is not None:
            known = json_object(path)
            refuse_unusable_config(str(path), known, settings.model.trust_remote_code)
            config = AutoConfig.for_model(known.pop("model_type"), **known)
        elif settings.model.base == "scratch":
            from srlm.training import scratch

            words = scratch.tokenizer(WORLDS[settings.data.kind].vocabulary(settings.data))
            config = scratch.random_model(settings.model.scratch, words, 0).config
        else:
            config = read_config(settings.model.base, settings.model)
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config, trust_remote_code=settings.model.trust_remote_code)
        return _shape(model, config.get_text_config())  # of a model that also sees, the part that writes
    except Exception as error:  # transformers raises anything from OSError to KeyError for a broken configuration
        said = first_line(error)
        raise SettingsError(
            f"{path or settings.model.base}: cannot read the model configuration: {said}; give one with --shape FILE, "
            "in the format of config.json (examples: configs/shapes)" + (examples.advice(path) if path else "")
        ) from None


def _shape(model: Any, config: Any) -> Shape:
    heads = getattr(config, "num_attention_heads", None)
    keys = 0  # states instead of attention: nothing is kept of each token
    if heads:
        width = getattr(config, "head_dim", None) or config.hidden_size // heads
        keys = (getattr(config, "num_key_value_heads", None) or heads) * width
    layers = config.num_hidden_layers
    return Shape(
        sum(weight.numel() for weight in model.parameters()), layers, config.hidden_size, 2 * 2 * layers * keys
    )


def stages(settings: Settings, on: Hardware, shape: Shape, lengths: Lengths) -> Iterator[Stage]:
    """Every stage of the run's method, in its order."""
    yield from stages_of(method_of(settings).work(settings, lengths), settings, on, shape)


def stages_of(every: Iterable[Work], settings: Settings, on: Hardware, shape: Shape) -> Iterator[Stage]:
    """The same of any work in a run with these settings. Without `launch.command` one GPU trains."""
    training_on = on if settings.launch.command else on.model_copy(update={"gpus": 1})
    for work in every:
        match work:
            case Generation(name, calls, draws, reads, writes):
                seconds, gib = generation(shape, on, calls, draws, reads, writes)
                yield Stage(name, f"{calls * draws:,} x {counted(writes, 'tokens')} after {reads}", gib, seconds)
            case Optimisation(name, examples, length, _, training, pairs, reference):
                seconds, gib, tokens = optimisation(shape, training_on, examples, length, training, pairs, reference)
                together = sharing(training_on, training)
                where = f" on {counted(together, 'GPUs')}" if together < on.gpus else ""
                yield Stage(name, f"{tokens / 1e6:,.2f} million tokens{where}", gib, seconds)


def generation(shape: Shape, on: Hardware, calls: int, draws: int, reads: int, writes: int) -> tuple[float, float]:
    """Seconds, and GiB of one GPU, to read `calls` prompts and write `draws` answers to each."""
    weights, room = 2 * shape.parameters, on.memory_gib * FREE * GIB
    # As few GPUs hold one copy of the model as can, with half of their memory left for keys and values.
    apart = 1
    while apart < on.gpus and weights / apart > room / 2:
        apart *= 2
    groups = max(1, on.gpus // apart)
    cached = shape.cached * (reads + writes)
    fit = max(0.0, room * apart - weights) / cached
    batch = max(1, min(int(fit), math.ceil(calls * draws / groups)))
    gib = (weights + cached * batch) / apart / GIB
    step = (weights + cached * batch) / (apart * on.bandwidth_gbs * 1e9 * on.writing_share)
    written = math.ceil(calls * draws / groups / batch) * writes * step
    # A prompt is read once for all its answers.
    read = 2 * shape.parameters * calls * reads / (on.gpus * on.teraflops * 1e12 * on.reading_share)
    return written + read, gib


def sharing(on: Hardware, training: Training) -> int:
    """GPUs that train together: each needs at least one micro batch."""
    return min(on.gpus, training.batch_size // training.micro_batch_size)


def optimisation(
    shape: Shape,
    on: Hardware,
    examples: int,
    length: int,
    training: Training,
    pairs: bool,
    reference: bool | None = None,
) -> tuple[float, float, float]:
    """Seconds, GiB of one GPU, and tokens, to train on examples (pairs: two sequences each).

    `reference`: whether a frozen copy reads along; None: where there are pairs.
    """
    reference = pairs if reference is None else reference
    sequences = 2 if pairs else 1
    tokens = float(training.steps_for(examples) * training.batch_size * sequences * min(length, training.max_length))
    operations = (8 if training.activation_checkpointing else 6) * shape.parameters * tokens
    held = 16.0 * shape.parameters
    if training.lora is not None:  # frozen weights; gradients and moments of the adapters alone
        held = 4.0 * shape.parameters
    elif reference:
        held += 4.0 * shape.parameters
    if reference:
        operations += 2 * shape.parameters * tokens
    # Activations a layer and token: 34 numbers of the hidden size's width in two bytes (Korthikanti et al. 2022,
    # equation 2, attention not stored); recomputed, only what goes into each layer stays, and one layer at work.
    rows = training.micro_batch_size * sequences * min(length, training.max_length)
    whole = 34.0 * shape.hidden * rows
    active = (
        2.0 * shape.hidden * rows * shape.layers + whole if training.activation_checkpointing else whole * shape.layers
    )
    together = sharing(on, training)
    seconds = operations / (together * on.teraflops * 1e12 * on.training_share)
    holders = 1 if isinstance(training, OnlineSettings) else together
    return seconds, (held / holders + active) / GIB, tokens
