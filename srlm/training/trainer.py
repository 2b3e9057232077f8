"""What every trainer shares: TRL's arguments from our settings, resuming after a stop, saving, the loss history."""

import math
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from accelerate import PartialState
from accelerate.utils import DistributedType
from transformers import PrinterCallback, TrainerCallback, TrainerState, TrainingArguments
from transformers.integrations import TensorBoardCallback

from srlm.contents import model_files
from srlm.durable import take_name
from srlm.engines.processor import quick_in_bfloat16
from srlm.errors import SettingsError, StoreError, first_line
from srlm.settings import Training
from srlm.store import files, seals
from srlm.terminal import logger
from srlm.text.counts import counted
from srlm.training import checkpoints, divided
from srlm.training.checkpoints import PAUSED, WHOLE
from srlm.training.saving import Brought, in_parts, save_trained

log = logger(__name__)

HISTORY = "training.json"
"""The loss history beside the model, written after it: the training's last word."""
LOGS = "logs"
"""Folder beside the model for TensorBoard's files; a training that was taken up again adds one."""
LOGGED_EVERY = 10
"""Optimiser steps between two lines of the loss history."""
RECOMPUTE = tuple(
    name
    for name in ("activation_checkpointing", "gradient_checkpointing")
    if name in TrainingArguments.__dataclass_fields__
)
"""What transformers calls recomputing activations: the second name alone up to 5.19, then both, of which TRL turns
on the second by itself."""
UNREPEATABLE = ("runtime", "per_second", "flos", "num_tokens", "step_time")
"""Parts of a log line's keys that differ from run to run, or count from the last resumption."""


def arguments(settings: Training, folder: Path, seed: int, dtype: str, report_to: Sequence[str] = ()) -> dict[str, Any]:
    """Arguments common to SFTConfig and DPOConfig; `folder` is RUN/M_i/training. Launched processes share each batch.

    `dtype` is the format in which the models generate. Raises SettingsError where a batch cannot be shared evenly.
    """
    together = settings.micro_batch_size * processes()
    if settings.batch_size % together:
        raise SettingsError(
            f"batch_size {settings.batch_size} cannot be divided among {counted(processes(), 'processes')} in "
            "micro batches of "
            f"{settings.micro_batch_size}; use a multiple of {together}"
        )
    schedules: dict[str, tuple[str, dict[str, float]]] = {
        "cosine": ("cosine_with_min_lr", {"min_lr": settings.final_learning_rate}),
        "linear": ("polynomial", {"lr_end": settings.final_learning_rate, "power": 1.0}),
        "constant": ("constant_with_warmup", {}),
    }
    schedule, details = schedules[settings.schedule]
    cuda = torch.cuda.is_available()
    return {
        "output_dir": str(folder),
        "num_train_epochs": settings.epochs,
        "max_steps": settings.max_steps or -1,
        "per_device_train_batch_size": settings.micro_batch_size,
        "gradient_accumulation_steps": settings.batch_size // together,
        "learning_rate": settings.learning_rate,
        "lr_scheduler_type": schedule,
        "lr_scheduler_kwargs": details,
        "warmup_steps": settings.warmup_steps,
        "weight_decay": settings.weight_decay,
        "adam_beta1": settings.beta1,
        "adam_beta2": settings.beta2,
        "max_grad_norm": settings.max_grad_norm,
        "max_length": None,  # we leave out and count what is too long; TRL would cut it
        "save_strategy": "steps",
        "save_steps": settings.save_steps,
        "save_total_limit": 2,
        # A line sums up the steps since the one before; a resumed training knows only its own steps. So a line ends at
        # every checkpoint.
        "logging_steps": math.gcd(LOGGED_EVERY, settings.save_steps),
        "logging_first_step": True,
        "report_to": list(report_to),
        "run_name": f"{folder.parent.parent.name}-{folder.parent.name}",
        "disable_tqdm": True,
        "seed": seed,
        "use_cpu": not cuda,
        "bf16": in_bfloat16(settings, dtype),
        "fp16": False,
        **dict.fromkeys(RECOMPUTE, settings.activation_checkpointing),
        "dataloader_pin_memory": cuda,
        "remove_unused_columns": False,
        **divided.arguments(),
    }


def on_one_gpu(args: Any) -> Any:
    """The same arguments, for one GPU a process, however many it sees.

    transformers would copy the model to all of them (DataParallel): batches would be as many times as large, and TRL
    refuses it. Several GPUs train by `launch.command`.
    """
    if args.n_gpu > 1:
        args._n_gpu = 1  # as transformers itself does for a model that is laid over several
    return args


def processes() -> int:
    """How many processes train together; each launcher says so by WORLD_SIZE."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def in_bfloat16(settings: Training, dtype: str) -> bool:
    """Whether passes are computed in bfloat16 (autocast), where the models generate in `dtype`."""
    if settings.autocast == "bfloat16" and not torch.cuda.is_available() and not quick_in_bfloat16():
        log.warning("autocast bfloat16: this processor has neither avx512_bf16 nor amx; float32 is faster on it")
    return settings.autocast == "bfloat16" or (
        settings.autocast == "auto" and dtype == "bfloat16" and torch.cuda.is_available()
    )


Contest = Callable[[Path, int], float]
"""`contest(folder, step)`: wins minus losses of the model in a folder against the checkpoint before, as a share of
prompts."""
PLAIN = "plain"
"""Folder in a checkpoint: its model as it would be saved at the end. A training that pauses writes it."""
STATE = "trainer_state.json"
"""The trainers' own name for their steps and history in a checkpoint."""


class Watch(TrainerCallback):  # type: ignore[misc]
    """Reports steps, and marks each checkpoint once it is whole.

    `pauses`: the training stops at each checkpoint instead, and its mark waits for a contest (`launch.optimise`).
    """

    def __init__(self, report: Callable[[int, int], None], pauses: bool = False) -> None:
        self._report, self.pauses = report, pauses

    def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        self._report(state.global_step, state.max_steps)
        if state.global_step >= state.max_steps:
            control.should_log = True  # the last line of the history, whatever its number
            # The model itself is saved next. A training resumed from its last step would make one step too many.
            control.should_save = False

    def on_save(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        if self.pauses:
            control.should_training_stop = True
            return
        PartialState().wait_for_everyone()  # each process writes its own part
        if state.is_world_process_zero:
            checkpoints.vouch(Path(args.output_dir) / f"checkpoint-{state.global_step}", args.seed)


def train(
    trainer: Any, tokenizer: Any, brought: Brought, watch: Watch, work: Path, target: Path
) -> list[dict[str, Any]]:
    """Train to the end from the last good checkpoint in `work`, save to `target`, and return the loss history.

    The history has no times in it, so an undisturbed run and a resumed one give the same. `work` is deleted after.
    One that pauses saves its model beside its checkpoint instead, at the end, too, and leaves the rest to its contest.
    """
    first, seed = trainer.is_world_process_zero(), trainer.args.seed
    if processes() == 1:  # who launches several has looked before
        checkpoints.newest(work, seed)
    whole = checkpoints.marked(work, WHOLE)
    trainer.add_callback(watch)
    trainer.remove_callback(PrinterCallback)
    # TRL would write the draft of a model card into `work` at each checkpoint, where nobody reads it.
    trainer.create_model_card = _no_card
    if trainer.accelerator.distributed_type == DistributedType.DEEPSPEED:
        divided.say_rate(trainer)
    for callback in trainer.callback_handler.callbacks:
        if isinstance(callback, TensorBoardCallback):
            callback.logging_dir = str(target.parent / LOGS)  # its own choice is within `work`
    _resume(trainer, whole[-1] if whole else None)
    if "wandb" in trainer.args.report_to:
        import wandb

        wandb.finish()  # or the next training of this process would go on in the same run
    if watch.pauses:
        target = work / f"checkpoint-{trainer.state.global_step}" / PLAIN
        if first:
            target.parent.mkdir(parents=True, exist_ok=True)
            trainer.state.save_to_json(str(target.parent / STATE))  # there is no checkpoint of the end
    if first or in_parts(trainer):
        save_trained(trainer, tokenizer, brought, target, first)
    if first and watch.pauses:
        checkpoints.vouch(target.parent, seed, PAUSED)
    elif first:
        _finish(trainer.state, work, target)
    return history_of(trainer.state)


def _no_card(model_name: str | None = None, dataset_name: str | None = None, tags: Any = None) -> None:
    """In place of TRL's `create_model_card`."""


def _resume(trainer: Any, last: Path | None) -> None:
    """Train from a checkpoint. Raises StoreError where it cannot be taken up: weights divided in another way, or one
    without digests that is broken."""
    if last is not None and (saved := divided.saved_with(last)) != (now := divided.trains_with(trainer)):
        raise StoreError(
            f"{last}: was saved by a training with {saved}, and this one has {now}; set the launch.command that it was "
            f"begun with, or delete {last.parent} to begin it anew"
        )
    if last is None or (last / WHOLE).stat().st_size:
        trainer.train(resume_from_checkpoint=None if last is None else str(last))
        return
    try:
        trainer.train(resume_from_checkpoint=str(last))
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # pickle, zip, JSON and safetensors each have kinds of their own
        if trainer.state.global_step > checkpoints.step_of(last):
            raise
        if trainer.is_world_process_zero():
            checkpoints.set_aside(last)
        raise StoreError(
            f"{last}: cannot be resumed ({first_line(error)}) and was set aside: run the same command again to resume "
            "at the checkpoint before it, or to begin the training anew where none is left"
        ) from None


def history_of(state: TrainerState) -> list[dict[str, float]]:
    """The loss history, without what differs from run to run."""
    return [
        {key: value for key, value in line.items() if not any(part in key for part in UNREPEATABLE)}
        for line in state.log_history
        if "train_loss" not in line  # the closing summary: a mean over the steps since the last resumption
    ]


def finished(work: Path, target: Path) -> bool:
    """Whether the training that saves to `target` came to its end, though its step may not have; if so, tidy up."""
    done = target.is_dir() and (target.parent / HISTORY).is_file()
    if done:
        shutil.rmtree(work, ignore_errors=True)
    return done


def _finish(state: TrainerState, work: Path, target: Path) -> None:
    """The model is saved: write the history beside it, and give up the checkpoints."""
    seals.seal(path for _, path in model_files(target))  # before the file that says that it is whole
    files.write_json(target.parent / HISTORY, history_of(state))
    shutil.rmtree(work, ignore_errors=True)


class Paused(NamedTuple):
    """A training that waits for its contest."""

    folder: Path
    """Its model, as it would be saved at the end."""
    step: int
    ended: bool
    """It has made all its steps."""


def paused(work: Path) -> Paused | None:
    """Where a training pauses; None where none does."""
    for folder in checkpoints.marked(work, PAUSED):
        state = TrainerState.load_from_json(str(folder / STATE))
        return Paused(folder / PLAIN, state.global_step, state.global_step >= state.max_steps)
    return None


def only_paused(work: Path) -> None:
    """Begin anew what was begun without contests: no models of its checkpoints were kept to compare."""
    if any(not (folder / PLAIN).is_dir() for folder in checkpoints.marked(work, WHOLE)):
        shutil.rmtree(work)


def go_on(at: Paused, target: Path) -> None:
    """The checkpoint has won its contest: training may be taken up there, or has come to its end."""
    if at.ended:
        _take(at.folder, at, target)
    else:
        (at.folder.parent / PAUSED).rename(at.folder.parent / WHOLE)


def stop_at(at: Paused, every: int, target: Path, seed: int) -> bool:
    """The checkpoint has lost its contest: the one before is the model (the first stays: none is before it).

    False where the one before is damaged: both are set aside, and training makes them again.
    """
    step = (at.step - 1) // every * every
    before = at.folder.parents[1] / f"checkpoint-{step}"
    if step and (why := _fault_of_winner(before, seed)):
        log.warning("%s: %s; it has won a contest, so training makes it again", before, why)
        for folder in (at.folder.parent, before):
            if folder.is_dir():
                checkpoints.set_aside(folder)
        return False
    _take(before / PLAIN if step else at.folder, at, target)
    return True


def _fault_of_winner(folder: Path, seed: int) -> str | None:
    if folder not in checkpoints.marked(folder.parent, WHOLE):
        return "it is gone"
    return checkpoints.fault(folder, seed)


def _take(folder: Path, at: Paused, target: Path) -> None:
    """Make the model in a folder the training's."""
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(folder, part)
    take_name(part, target)
    _finish(TrainerState.load_from_json(str(at.folder.parent / STATE)), at.folder.parents[1], target)
