"""Our supervised and DPO steps against bare TRL trainers on the same examples, model and settings.

    python benchmarks/speed/trainers.py

The pocket model, one thread, both in turn; milliseconds a step are the median over rounds, from the end of the first
step to the end of the last. What ours adds: marks on checkpoints, the loss history, weights of examples, resuming.
"""

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
from datasets import Dataset, disable_progress_bars
from transformers import PrinterCallback, TrainerCallback
from transformers.utils import logging
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

from srlm.run_file import load
from srlm.settings import DpoSettings, Training
from srlm.text.chat import Chat
from srlm.training import dpo, scratch, sft
from srlm.worlds.beads import data as bead_data
from srlm.worlds.beads import program
from srlm.worlds.beads.settings import BeadsData

RUN = Path(__file__).resolve().parents[2] / "configs/pocket.yaml"
Times = list[float]


class Clock(TrainerCallback):  # type: ignore[misc]
    """Notes when each step of a bare trainer ends."""

    def __init__(self) -> None:
        self.ends: Times = []

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.ends.append(time.perf_counter())


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--steps", type=int, default=40)
    words.add_argument("--rounds", type=int, default=3)
    asked = words.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", FutureWarning)
    logging.set_verbosity_error()
    disable_progress_bars()
    print("| step | ours, ms | TRL, ms | overhead | goal |\n|---|---|---|---|---|")
    for name, ours, bare in (("supervised", our_sft, bare_sft), ("DPO", our_dpo, bare_dpo)):
        rounds = [[a_step(ours, asked.steps), a_step(bare, asked.steps)] for _ in range(asked.rounds)]
        mine, theirs = (1000 * median(one[kind] for one in rounds) for kind in (0, 1))
        print(f"| {name} | {mine:.1f} | {theirs:.1f} | {mine / theirs - 1:+.1%} | at most 5% |")


def a_step(training: Callable[[int, Path], Times], steps: int) -> float:
    """Seconds."""
    with tempfile.TemporaryDirectory() as place:
        ends = training(steps, Path(place))
    return (ends[-1] - ends[0]) / (len(ends) - 1)


def model_and_words() -> tuple[Any, Any]:
    words = scratch.tokenizer(program.vocabulary())
    words.padding_side = "left"
    return scratch.random_model(load(RUN, []).model.scratch, words, seed=1), words


def data() -> list[Any]:
    made = bead_data.seed_data(BeadsData(ift=1500, eft_sets=600, heldout_sets=1, evaluation_prompts=1), seed=1)
    return [made.ift, made.eft_sets]


def examples(words: Any) -> list[sft.Example]:
    return sft.examples(Chat(words), data()[0], 256)[0]


def pairs(words: Any) -> list[dpo.PairExample]:
    made, chat = [], Chat(words)
    for ranked in data()[1]:
        best, *_, worst = (chat.tokens(ranked.prompt.messages, response.text) for response in ranked.responses)
        made.append(dpo.PairExample(best.prompt, best.answer, worst.answer))
    return made


SHARED: dict[str, Any] = {"batch_size": 32, "micro_batch_size": 32, "learning_rate": 1e-4, "save_steps": 10_000}


def bare(place: Path, steps: int) -> dict[str, Any]:
    """What a user of TRL would set."""
    return {
        "output_dir": str(place),
        "max_steps": steps,
        "per_device_train_batch_size": 32,
        "learning_rate": 1e-4,
        "lr_scheduler_type": "cosine",
        "logging_steps": 10,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "dataloader_pin_memory": False,
        "seed": 1,
        "max_length": None,
    }


def our_sft(steps: int, place: Path) -> Times:
    model, words = model_and_words()
    ends: Times = []
    training = Training(max_steps=steps, **SHARED)
    sft.fine_tune(
        model, words, examples(words), training, seed=1, dtype="float32", work=place / "work", target=place / "model",
        report=lambda done, total: ends.append(time.perf_counter()),
    )  # fmt: skip
    return ends


def bare_sft(steps: int, place: Path) -> Times:
    model, words = model_and_words()
    rows = [{"input_ids": one.input_ids, "labels": one.labels} for one in examples(words)]
    clock = Clock()
    trainer = SFTTrainer(
        model=model,
        args=SFTConfig(**bare(place, steps), dataset_kwargs={"skip_prepare_dataset": True}),
        train_dataset=Dataset.from_list(rows),
        processing_class=words,
        callbacks=[clock],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return clock.ends


def our_dpo(steps: int, place: Path) -> Times:
    model, words = model_and_words()
    ends: Times = []
    training = DpoSettings(max_steps=steps, **SHARED)
    dpo.optimise(
        model, model_and_words()[0].eval(), words, pairs(words), [], training, seed=1, dtype="float32",
        work=place / "work", target=place / "model", report=lambda done, total: ends.append(time.perf_counter()),
    )  # fmt: skip
    return ends


class Ready(DPOTrainer):  # type: ignore[misc]
    """Bare, but for taking the same tokens instead of making its own."""

    def _prepare_dataset(self, dataset: Any, *rest: Any) -> Any:
        return dataset


def bare_dpo(steps: int, place: Path) -> Times:
    model, words = model_and_words()
    clock = Clock()
    trainer = Ready(
        model=model,
        ref_model=model_and_words()[0].eval(),
        args=DPOConfig(**bare(place, steps)),
        train_dataset=Dataset.from_list([pair._asdict() for pair in pairs(words)]),
        processing_class=words,
        callbacks=[clock],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return clock.ends


if __name__ == "__main__":
    main()
