"""What every trainer shares: TRL's arguments from our settings, resuming after a stop, saving, the loss history."""

import math
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import DistributedType
from transformers import PrinterCallback, TrainerCallback, TrainerState, TrainingArguments
from transformers.integrations import TensorBoardCallback

from srlm.engines.weights import save
from srlm.errors import SettingsError
from srlm.settings import Training
from srlm.store import files

WHOLE = "whole"
"""Written into a checkpoint folder once all else is in it: one that a kill cut short lacks it and is not resumed."""
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
UNREPEATABLE = ("runtime", "per_second", "flos", "num_tokens")
"""Parts of a log line's keys that differ from run to run, or count from the last resumption."""


def arguments(settings: Training, folder: Path, seed: int, dtype: str, report_to: Sequence[str] = ()) -> dict[str, Any]:
    """Arguments common to SFTConfig and DPOConfig; `folder` is RUN/M_i/training. Launched processes share each batch.

    Raises SettingsError where a batch cannot be shared evenly.
    """
    together = settings.micro_batch_size * processes()
    if settings.batch_size % together:
        raise SettingsError(
            f"batch_size {settings.batch_size} cannot be shared by {processes()} processes in micro batches of "
            f"{settings.micro_batch_size}; make it a multiple of {together}"
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
        "bf16": cuda and dtype == "bfloat16",
        "fp16": False,
        **dict.fromkeys(RECOMPUTE, settings.activation_checkpointing),
        "dataloader_pin_memory": cuda,
        "remove_unused_columns": False,
    }


def processes() -> int:
    """How many processes train together; each launcher says so by WORLD_SIZE."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def set_dropout(model: Any, share: float) -> None:
    """Dropout wherever the architecture has it: in the configuration, for new layers, and in layers already made."""
    for name in ("attention_dropout", "hidden_dropout", "resid_pdrop", "embd_pdrop", "attn_pdrop", "dropout"):
        if hasattr(model.config, name):
            setattr(model.config, name, share)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = share
        elif isinstance(getattr(module, "attention_dropout", None), float):
            module.attention_dropout = share


def widen(model: Any, settings: Training) -> torch.dtype:
    """Turn the weights to be trained into float32, and return the format they came in, in which they are saved.

    In bfloat16, with eight bits, a step of 1e-6 on a weight of 0.02 is rounded to no step at all. LoRA's own weights
    are float32 already; the others stay as they are.
    """
    came: torch.dtype = model.dtype
    if settings.lora is None:
        model.float()
    return came


def adapters(settings: Training) -> Any:
    """peft's configuration, or None where all weights are trained."""
    if settings.lora is None:
        return None
    from peft import LoraConfig

    return LoraConfig(
        r=settings.lora.rank,
        lora_alpha=settings.lora.alpha,
        lora_dropout=settings.lora.dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )


Contest = Callable[[Any, int], float]
"""`contest(model, step)`: wins minus losses of the model against the checkpoint before, as a share of prompts. The
model itself, or its folder where other processes train."""
STOPPED = "stopped.json"
"""Says in a work folder that the model of a step lost its contest, and which checkpoint came before it."""
PLAIN = "plain"
"""Folder in a checkpoint: its model as it would be saved at the end. A training that pauses writes it."""


class Watch(TrainerCallback):  # type: ignore[misc]
    """Reports steps, holds the contest at each checkpoint, and marks each checkpoint once it is whole.

    `pauses`: the training stops at each checkpoint, so that another process may hold the contest and mark it.
    """

    def __init__(
        self, report: Callable[[int, int], None], contest: Contest | None = None, pauses: bool = False
    ) -> None:
        self._report, self._contest, self._pauses = report, contest, pauses

    def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        self._report(state.global_step, state.max_steps)
        if state.global_step >= state.max_steps:
            control.should_log = True  # the last line of the history, whatever its number
            # The model itself is saved next. A training resumed from its last step would make one step too many.
            control.should_save = False

    def on_save(self, args: Any, state: Any, control: Any, model: Any = None, **rest: Any) -> None:
        work, step = Path(args.output_dir), state.global_step
        if self._pauses:
            control.should_training_stop = True
            return
        # Before the mark: one killed during its contest is trained and compared again.
        if self._contest is not None and self._contest(model, step) <= 0:
            files.write_json(work / STOPPED, {"step": step, "before": step - args.save_steps})
            control.should_training_stop = True
        PartialState().wait_for_everyone()  # each process writes its own part
        if state.is_world_process_zero:
            (work / f"checkpoint-{step}" / WHOLE).touch()


def train(trainer: Any, tokenizer: Any, saved: torch.dtype, work: Path, target: Path) -> list[dict[str, float]]:
    """Train to the end from the last whole checkpoint in `work`, save to `target`, and return the loss history.

    Weights are saved in the number format `saved`.
    The history has no times in it, so an undisturbed run and a resumed one give the same. `work` is deleted after.
    """
    first = trainer.is_world_process_zero()
    found = sorted(work.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    whole = [path for path in found if (path / WHOLE).exists()]
    trainer.accelerator.wait_for_everyone()  # all have looked before one tidies up
    for path in found:
        if first and path not in whole:
            shutil.rmtree(path)
    last = str(whole[-1]) if whole else None
    trainer.remove_callback(PrinterCallback)
    for callback in trainer.callback_handler.callbacks:
        if isinstance(callback, TensorBoardCallback):
            callback.logging_dir = str(target.parent / LOGS)  # its own choice is within `work`
    if not (work / STOPPED).exists():
        trainer.train(resume_from_checkpoint=last)
    if "wandb" in trainer.args.report_to:
        import wandb

        wandb.finish()  # or the next training of this process would go on in the same run
    if (work / STOPPED).exists():
        _go_back(trainer, work)
    elif trainer.state.global_step < trainer.state.max_steps:  # it pauses
        target = work / f"checkpoint-{trainer.state.global_step}" / PLAIN
    if first or _in_parts(trainer):
        _save(trainer, tokenizer, saved, target, first)
    if first and target.name != PLAIN:
        _finish(trainer.state, work, target)
    return history_of(trainer.state)


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
    files.write_json(target.parent / HISTORY, history_of(state))
    shutil.rmtree(work, ignore_errors=True)


def _in_parts(trainer: Any) -> bool:
    """Whether each process holds a part of the weights only."""
    return trainer.accelerator.distributed_type in (DistributedType.FSDP, DistributedType.DEEPSPEED)


def _save(trainer: Any, tokenizer: Any, saved: torch.dtype, target: Path, first: bool) -> None:
    """Save the whole model as a plain one; where it is in parts, every process takes part in gathering them."""
    model, state = trainer.accelerator.unwrap_model(trainer.model), None
    if _in_parts(trainer):
        state = trainer.accelerator.get_state_dict(trainer.model_wrapped)
        if not first:
            return
        state = {name: weight.to(saved) for name, weight in state.items()}
        model.config.dtype = saved
    elif hasattr(model, "merge_and_unload"):
        model = model.merge_and_unload()
    set_dropout(model, 0.0)
    save(model if state is not None else model.to(saved), tokenizer, target, state)


def _go_back(trainer: Any, work: Path) -> None:
    """Take the checkpoint before the one that lost its contest; the first one stays, for there is none before it."""
    stop = files.read_json(work / STOPPED)
    trainer.state = TrainerState.load_from_json(str(work / f"checkpoint-{stop['step']}" / "trainer_state.json"))
    before = work / f"checkpoint-{stop['before'] or stop['step']}"
    trainer.state.best_model_checkpoint = str(before)
    trainer._load_best_model()  # the library's own way, for whole models and adapters alike


def only_paused(work: Path) -> None:
    """Begin anew what a single process began: it held its contests itself, and kept no models of its checkpoints."""
    if (work / STOPPED).exists() or any(not (mark.parent / PLAIN).is_dir() for mark in work.glob(f"*/{WHOLE}")):
        shutil.rmtree(work)


def waiting(work: Path) -> tuple[Path, int] | None:
    """The model of the checkpoint at which a training pauses for its contest, and its step; None where none does."""
    for plain in work.glob(f"checkpoint-*/{PLAIN}"):
        if not (plain.parent / WHOLE).exists():
            return plain, int(plain.parent.name.split("-")[1])
    return None


def go_on(plain: Path) -> None:
    """The checkpoint has won its contest: training may be taken up there."""
    (plain.parent / WHOLE).touch()


def stop_at(plain: Path, step: int, every: int, target: Path) -> None:
    """The checkpoint has lost its contest: the one before is the model (the first stays: none is before it)."""
    work = plain.parents[1]
    before = work / f"checkpoint-{step - every}" / PLAIN if step > every else plain
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(before, part)
    shutil.rmtree(target, ignore_errors=True)
    part.rename(target)
    _finish(TrainerState.load_from_json(str(plain.parent / "trainer_state.json")), work, target)
