"""`srlm estimate`: memory and time of every stage of a run on given hardware, before anything runs.

All figures are calculated; none is measured:

    training      2 operations a weight and token forward, 4 backward (2 with adapters: weights that are not trained
                  need no gradient), 2 more where activations are recomputed, 2 of DPO's reference (Kaplan et al. 2020,
                  section 2.1). The output embedding is used before tokens with a loss alone, and twice: TRL's head
                  computes the logits again in the backward pass. Attention: 4 L times the width of the queries, 10
                  backward
    padding       lengths are taken to be uniform up to `longest` means; a padded batch is as wide as its longest
                  sequence
    reading       2 operations a weight and token for the prompts
    writing       on a GPU with vLLM, a step reads all weights and the cache of every sequence in the batch, at the
                  memory's speed; batches are as large as memory allows
    memory        srlm/cli/memory_needs.py; weights, gradients and moments are divided over the GPUs. In online RL
                  each GPU holds all of this: sharded weights are refused
    disk          every model that is kept, 4 bytes a parameter: models are handed on in float32

each at a share of the hardware's peak, given in the hardware file. On a CPU (without a hardware file: this one, whose
rates are measured) the shares are 1, the transformers engine writes, and what a GPU's shares include is counted:

    passing       numbers that pass through operations on single numbers, `MOVED` and the like, at their own rate
    starting      torch's operations, `STARTED` and the like; most of a small model's time
"""

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from srlm.cli import memory_needs
from srlm.cli.disk import checkpoint_bytes
from srlm.cli.hardware import GIB, Hardware, read_hardware, this_processor
from srlm.cli.shape import Shape, read_shape
from srlm.methods.base import LONGEST, Generation, Lengths, Optimisation, Work, method_of, trainings_of
from srlm.settings import OnlineSettings, RewardModelSettings, Settings, Training
from srlm.terminal import Console, Table, say
from srlm.text.counts import counted

FREE = 0.9
"""Share of a GPU's memory that generation may fill."""
WORTH_SHARING = 32
"""Tokens from which the transformers engine reads what prompts begin with once a batch (srlm/engines/memory.py)."""
# On a CPU. Counted in the forward pass of a Llama; the sizes are numbers of four bytes that are read or written.
MOVED = (20, 24, 5)
"""A token and layer, in multiples of the hidden size (two norms, two residual sums), of the queries (rotary positions,
repeated keys and values) and of the feed-forward layer (activation, product). A backward pass moves twice as much."""
OF_A_LOGIT = 30
"""In training, of each logit of the head, forward and backward."""
OF_A_CHANCE = 60
"""In generation, of each word's score, until a word is drawn: most is finding the 256 best."""
OF_A_WEIGHT = 11
"""In an optimiser step, of each trained weight, at the memory's speed: norm and clipping of the gradient, AdamW."""
ADDED = 3
"""In a micro batch, of each trained weight: its gradient is added to the sum."""
STARTED = 60
"""Operations a layer forward, Python's calls of modules among them, each as long as torch's shortest. Backward as many
again twice: autograd records, and computes."""
A_STEP = 8000
"""The same of a trainer's step, whatever the model: batches, bookkeeping, the optimiser's loop."""
A_WORD = 200
"""The same of a token for each row, whatever the model."""


class Stage(NamedTuple):
    """One line of the estimate."""

    name: str
    what: str
    gib: float
    """Of one GPU's memory."""
    seconds: float


def show(settings: Settings, hardware: Path | None, shape_file: Path | None, lengths: Lengths) -> bool:
    """Print the estimate, on this machine's processor where no file describes hardware. False if a stage does not fit
    into memory."""
    on = this_processor() if hardware is None else read_hardware(hardware)
    shape = read_shape(settings, shape_file)
    found = list(stages(settings, on, shape, lengths))
    head = ["GiB", "minutes"] if on.cpu else ["GiB a GPU", "hours", "GPU hours"]
    table = Table("stage", "work", *head, *(["cost"] if on.price_per_gpu_hour else []))
    for stage in [*found, Stage("all", "", max(s.gib for s in found), sum(s.seconds for s in found))]:
        hours = stage.seconds / 3600
        fits = "" if stage.gib <= on.memory_gib else "  TOO MUCH"
        cost = [f"{hours * on.gpus * on.price_per_gpu_hour:,.0f}"] if on.price_per_gpu_hour else []
        time = [f"{hours * 60:,.1f}"] if on.cpu else [f"{hours:.2f}", f"{hours * on.gpus:.1f}"]
        table.add_row(stage.name, stage.what, f"{stage.gib:.1f}{fits}", *time, *cost)
    steps = method_of(settings).steps(settings, settings.iterations)
    models = sum(step.parent is not None for step in steps)  # those that are trained from another
    engine = "the transformers engine" if on.cpu else "vLLM"
    say(
        f"{settings.name} on {on.name}: {shape.parameters / 1e9:.2f} billion parameters. Estimated, not measured. "
        f"Assumed mean lengths: prompt {lengths.prompt}, answer {lengths.answer}, judgement "
        f"{counted(lengths.judgement, 'tokens')}; the longest sequences are {lengths.longest:g} times as long. "
        f"Generation with {engine}; loading and evaluating the models is not "
        "included. On disk the models take "
        f"{4 * shape.parameters * models / GIB:.0f} GiB in float32, and training checkpoints "
        f"{checkpoint_bytes(trainings_of(settings), shape.parameters) / GIB:.0f} GiB more.",
    )
    Console(width=100).print(table)
    heavy = [stage.name for stage in found if stage.gib > on.memory_gib]
    if heavy:
        owner = "this machine" if on.cpu else "a GPU"
        say(
            f"{', '.join(heavy)}: does not fit into the {on.memory_gib:g} GiB of {owner}. For training, use more GPUs "
            "(launch.command), activation_checkpointing, a smaller micro_batch_size, or lora. For generation, use "
            "more GPUs per model.",
        )
    return not heavy


def stages(settings: Settings, on: Hardware, shape: Shape, lengths: Lengths) -> Iterator[Stage]:
    """Every stage of the run's method, in its order."""
    yield from stages_of(method_of(settings).work(settings, lengths), settings, on, shape, lengths.longest)


def stages_of(
    every: Iterable[Work], settings: Settings, on: Hardware, shape: Shape, longest: float = LONGEST
) -> Iterator[Stage]:
    """The same of any work in a run with these settings. Without `launch.command` one GPU trains."""
    training_on = on if settings.launch.command else on.model_copy(update={"gpus": 1})
    for work in every:
        match work:
            case Generation(name, calls, draws, reads, writes):
                if on.cpu:
                    seconds, gib = generation_on_cpu(
                        shape, on, work, settings.engine.batch_size, number(settings, shape)
                    )
                else:
                    seconds, gib = generation(shape, on, calls, draws, reads, writes)
                yield Stage(name, f"{calls * draws:,} x {counted(writes, 'tokens')} after {reads}", gib, seconds)
            case Optimisation(name):
                seconds, gib, tokens = optimisation(shape, training_on, work, longest, number(settings, shape) == 2)
                together = sharing(training_on, work.training)
                where = f" on {counted(together, 'GPUs')}" if together < on.gpus else ""
                yield Stage(name, f"{tokens / 1e6:,.2f} million tokens{where}", gib, seconds)


def number(settings: Settings, shape: Shape) -> int:
    """Bytes of a number when the models generate."""
    match settings.model.dtype:
        case "auto":
            return 2 if shape.two_bytes else 4
        case "float32":
            return 4
        case _:
            return 2


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


def generation_on_cpu(
    shape: Shape, on: Hardware, work: Generation, batch_size: int, number: int
) -> tuple[float, float]:
    """Seconds, and GiB of the process, with the transformers engine, which writes `batch_size` rows at once and as many
    tokens as the longest of them has; all are taken to be as long."""
    assert on.cpu is not None
    prompts = min(work.calls, max(1, batch_size // work.draws))
    batches, rows = math.ceil(work.calls / prompts), prompts * work.draws
    shared = work.shared if work.shared >= WORTH_SHARING and prompts > 1 else 0
    peak = memory_needs.generation_bytes(shape, prompts, rows, work.reads, shared, work.writes, number)
    gib = (peak + memory_needs.WORD * shape.vocabulary + memory_needs.RUNTIME) / GIB
    arithmetic, passing = on.teraflops * 1e12 * on.reading_share, on.cpu.passing_gbs * 1e9
    read = batches * shared + work.calls * (work.reads - shared)
    written = work.calls * work.draws * work.writes
    steps = batches * work.writes
    operations = 2.0 * shape.body * (read + written) + 2 * shape.embedding * written
    operations += 4 * shape.layers * shape.queries * (read * work.reads + written * (work.reads + work.writes / 2))
    weights = number * (shape.body + shape.embedding)
    speed = on.cpu.rows_gbs if rows > 1 else on.bandwidth_gbs * on.writing_share
    cached = written * (work.reads + work.writes / 2) * shape.cached * number / 2
    moved = 4 * (moved_by(shape) * shape.layers * (read + written) + OF_A_CHANCE * shape.vocabulary * written)
    started = (batches + steps) * STARTED * shape.layers + steps * A_WORD
    seconds = operations / arithmetic + steps * weights / (speed * 1e9) + cached / (on.bandwidth_gbs * 1e9)
    return seconds + moved / passing + started * on.cpu.operation_us / 1e6, gib


def moved_by(shape: Shape) -> int:
    """Numbers that a token's forward pass moves in a layer, beside its matrices."""
    hidden, queries, wide = MOVED
    return hidden * shape.hidden + queries * shape.queries + wide * shape.feed_forward


def sharing(on: Hardware, training: Training) -> int:
    """GPUs that train together: each needs at least one micro batch."""
    return min(on.gpus, training.batch_size // training.micro_batch_size)


def widened(sequences: int, longest: float) -> float:
    """Expected length of the longest of so many sequences, in mean lengths.

    Lengths are uniform from 2 - `longest` to `longest` means: the largest of n lies n / (n + 1) of the way up.
    """
    return 1 + (longest - 1) * (sequences - 1) / (sequences + 1)


def optimisation(
    shape: Shape, on: Hardware, work: Optimisation, longest: float = 1.0, two_bytes: bool = True
) -> tuple[float, float, float]:
    """Seconds, GiB of one GPU (on a CPU: of the process), and tokens, padding among them, to train on examples (pairs:
    two sequences each). `two_bytes`: the models generate in bfloat16."""
    training, most = work.training, work.training.max_length
    reference = work.pairs if work.reference is None else work.reference
    adapters = training.lora is not None
    head = not isinstance(training, RewardModelSettings)
    per = 2 if work.pairs else 1
    together = sharing(on, training)
    undivided = isinstance(training, OnlineSettings)
    bfloat16 = training.autocast == "bfloat16" or (training.autocast == "auto" and two_bytes and not on.cpu)

    # Time: micro batches as they are on average.
    micro = training.micro_batch_size * per
    mean = min(work.length, most)
    packed = training.packing and not work.pairs
    width = min(mean * widened(micro, longest), most)
    rows = math.ceil(micro * mean / width) if packed and width else micro
    steps = training.steps_for(work.examples)
    passes = steps * training.batch_size / training.micro_batch_size
    tokens = passes * rows * width
    loss = mean if work.loss is None else min(work.loss, mean)
    every = on.cpu is not None and shape.vocabulary < memory_needs.SPARED
    labelled = (tokens if every else passes * micro * loss) if head else 0.0
    again, other = int(training.activation_checkpointing), int(reference)
    operations = (2 + (2 if adapters else 4) + 2 * again + 2 * other) * shape.body * tokens
    operations += (6 + 2 * (not adapters) + 2 * other) * shape.embedding * labelled
    operations += (14 + 4 * again + 4 * other) * shape.layers * shape.queries * width * tokens
    seconds = operations / (together * on.teraflops * 1e12 * on.training_share)
    if on.cpu:
        trained = memory_needs.adapter_weights(shape, training.lora.rank) if training.lora else shape.parameters
        moved = (3 + again + other) * moved_by(shape) * shape.layers * tokens + OF_A_LOGIT * shape.vocabulary * labelled
        # Weights and their gradients do not fit into a processor's cache: each micro batch reads them from memory, once
        # forward, and backward once for each gradient.
        read = (2 + (not adapters) + again + other) * 4 * shape.body * passes
        seconds += read / (on.cpu.rows_gbs * 1e9)
        seconds += 4 * (OF_A_WEIGHT * steps + ADDED * passes) * trained / (on.bandwidth_gbs * 1e9)
        started = passes * (3 + again + other) * STARTED * shape.layers + steps * A_STEP
        seconds += 4 * moved / (on.cpu.passing_gbs * 1e9) + started * on.cpu.operation_us / 1e6

    # Memory: the widest micro batch.
    width = min(work.length * longest, most)
    rows = math.ceil(micro / longest) if packed else micro
    scored = rows * max(0, math.ceil(width) - (work.length - loss))
    needed = memory_needs.training_bytes(
        shape, training, rows, math.ceil(width), math.ceil(scored),
        reference=reference, head=head, cpu=on.cpu is not None, bfloat16=bfloat16, divided=1 if undivided else together,
    )  # fmt: skip
    if on.cpu:
        needed += memory_needs.WORD * shape.vocabulary + memory_needs.RUNTIME
    return seconds, needed / GIB, tokens
