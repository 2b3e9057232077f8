"""A step of supervised training with the examples of a batch packed, against TRL's padded batch of the same examples.

    python benchmarks/speed/packing.py

Trains the pocket model both ways in turn, one thread, and prints milliseconds a step of each and the ratio. Both see
the same examples in the same order; the last losses are printed, too, for they have to be the same.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import torch

from srlm.records import Demonstration
from srlm.run_file import load
from srlm.settings import Training
from srlm.text.chat import Chat
from srlm.training import scratch, sft
from srlm.worlds.beads import base_text, program
from srlm.worlds.beads import data as bead_data
from srlm.worlds.beads.settings import BeadsData

RUN = Path(__file__).resolve().parents[2] / "configs/pocket.yaml"


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--steps", type=int, default=60)
    words.add_argument("--rounds", type=int, default=3, help="of both in turn; the medians are printed")
    asked = words.parse_args()
    torch.set_num_threads(1)
    settings = load(RUN, [])
    tokenizer = scratch.tokenizer(program.vocabulary())
    base = scratch.base_examples(tokenizer, base_text.base_lines(4000, seed=1))
    mixed, _ = sft.examples(Chat(tokenizer), demonstrations(), settings.sft.max_length, settings.sft.ift_weight)
    print("| data | padded, ms a step | packed, ms a step | ratio | last loss padded, packed |\n|---|---|---|---|---|")
    for name, data, training in (("M0's text", base, settings.pretraining), ("IFT and EFT", mixed, settings.sft)):
        assert training is not None
        rounds = [
            [timed(data, training, packing, asked.steps) for packing in (False, True)] for _ in range(asked.rounds)
        ]
        padded, packed = (median(1000 * one[kind][0] for one in rounds) for kind in (0, 1))
        losses = f"{rounds[0][0][1]:.6f}, {rounds[0][1][1]:.6f}"
        print(f"| {name} | {padded:.0f} | {packed:.0f} | {padded / packed:.2f} | {losses} |")


def demonstrations() -> list[Demonstration]:
    """IFT and EFT as the pocket run has them: a third and two thirds."""
    data = bead_data.seed_data(BeadsData(ift=1500, eft_sets=750, heldout_sets=1, evaluation_prompts=1), seed=1)
    eft = [
        Demonstration.of("eft", f"review : {ranked.prompt.text} response : {response.text}", review, response.id)
        for ranked in data.eft_sets
        for response, review in zip(ranked.responses, ranked.reviews, strict=True)
    ]
    return [*data.ift, *eft]


def timed(data: Sequence[sft.Example], training: Training, packing: bool, steps: int) -> tuple[float, float]:
    """Seconds a step, and the last loss."""
    settings = load(RUN, [])
    tokenizer = scratch.tokenizer(program.vocabulary())
    model = scratch.random_model(settings.model.scratch, tokenizer, seed=1)
    training = training.model_copy(update={"max_steps": steps, "packing": packing})
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as place:
        work, target = Path(place, "work"), Path(place, "model")
        history = sft.fine_tune(model, tokenizer, data, training, seed=1, dtype="float32", work=work, target=target)
    return (time.perf_counter() - begun) / steps, history[-1]["loss"]


if __name__ == "__main__":
    main()
