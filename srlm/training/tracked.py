"""The counts of a finished step, sent to the trackers of `report_to` through the callbacks that the trainers use.

A training sends its own history. What generating, judging and choosing pairs came to is in the step's manifest; it is
sent once, when the step is done, with the number of the iteration as its step.
"""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from transformers import TrainerControl, TrainerState, TrainingArguments
from transformers.integrations import TensorBoardCallback, get_reporting_integration_callbacks

from srlm.records import Count
from srlm.training.trainer import LOGS


def send_counts(trackers: Sequence[str], counts: Mapping[str, Count], *, name: str, number: int, run: Path) -> None:
    """Send the numbers among a step's counts; words and unknown ones are left out. `name` is that of the tracker's run,
    `number` the iteration's. TensorBoard's file is in RUN/logs. Raises what the tracker's package raises."""
    given = dict(_numbers(counts))
    # As in a training: accelerate remembers whether the first to ask wanted the CPU.
    cpu = not torch.cuda.is_available()
    arguments = TrainingArguments(output_dir=str(run), report_to=list(trackers), run_name=name, use_cpu=cpu)
    state, control = TrainerState(global_step=number), TrainerControl()
    for kind in get_reporting_integration_callbacks(list(trackers)):
        callback = kind()
        if isinstance(callback, TensorBoardCallback):
            callback.logging_dir = str(run / LOGS)
        callback.on_log(arguments, state, control, logs=dict(given), model=None)
        callback.on_train_end(arguments, state, control, model=None)
    if "wandb" in trackers:
        importlib.import_module("wandb").finish()  # or the next training of this process would go on in the same run


def _numbers(counts: Mapping[str, Count]) -> Iterator[tuple[str, float]]:
    for key, value in counts.items():
        for name, number in value.items() if isinstance(value, dict) else (("", value),):
            if isinstance(number, int | float):
                yield f"{key}/{name}" if name else key, number
