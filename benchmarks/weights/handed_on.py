"""What becomes of a DPO training at the paper's rates: in memory, where M_t+1's training starts, as M_t+1 generates.

    python benchmarks/weights/handed_on.py                # all weights at 1e-6 -> 1e-7
    python benchmarks/weights/handed_on.py --lora         # rank 16 at its default rate, 1e-5 -> 1e-6
    python benchmarks/weights/handed_on.py --lora --rate 1e-6

A Llama with random bfloat16 weights learns which of two endings is preferred in a little more than half of the pairs.
Margins are mean log-ratio margins of held-out pairs, in nats, against the model that training began from. Where weights
are saved in bfloat16, as they were until November 2026, the last line is also what the next training starts from.
"""

import argparse
import random
import tempfile
from pathlib import Path

import torch

from srlm.engines.weights import load_model, load_tokenizer, save, weight_files
from srlm.settings import DpoSettings, ModelSettings, ScratchModel
from srlm.training import dpo, scratch
from srlm.training.movement import changes, log_preference, margin
from srlm.worlds.beads import program

MODEL = ModelSettings(base="unused", dtype="bfloat16")


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--steps", type=int, default=250)
    words.add_argument("--rate", type=float)
    words.add_argument("--lora", action="store_true")
    words.add_argument("--width", type=int, default=128)
    asked = words.parse_args()
    torch.set_num_threads(1)
    rates = {} if asked.rate is None else {"learning_rate": asked.rate, "final_learning_rate": asked.rate / 10}
    settings = DpoSettings.model_validate(
        {"max_steps": asked.steps, "batch_size": 8, "micro_batch_size": 8, "save_steps": 10_000, **rates}
        | ({"lora": {"rank": 16, "alpha": 32}} if asked.lora else {})
    )
    with tempfile.TemporaryDirectory() as place:
        base, target = Path(place) / "M0", Path(place) / "M1"
        tokenizer = scratch.tokenizer(program.vocabulary())
        shape = ScratchModel(width=asked.width, layers=4, heads=4, feed_forward=2 * asked.width, init_std=0.02)
        save(scratch.random_model(shape, tokenizer, seed=1).bfloat16(), tokenizer, base)
        trained = learn(base, target, settings)
        handed_on, served = (
            margin(base, target, MODEL, pairs(64, seed=2, noise=0), dtype) for dtype in (None, torch.bfloat16)
        )
        moved = changes(weight_files(base, MODEL), weight_files(target, MODEL), torch.bfloat16)
    what = "adapters of rank 16" if asked.lora else "all weights"
    print(f"{asked.steps} DPO steps of {what} at {settings.learning_rate:g} -> {settings.final_learning_rate:g}")
    print(f"{'trained':34} {trained:+.5f}")
    for name, found, share in (
        ("handed on in float32", handed_on, moved.changed),
        ("as it generates, in bfloat16", served, moved.served),
    ):
        print(f"{name:34} {found:+.5f}  {found / trained:7.1%} of it, {share / moved.weights:.1%} of weights changed")


def learn(base: Path, target: Path, settings: DpoSettings) -> float:
    """Train from `base` to `target`; the margin of the model in memory after its last step."""
    model, reference = (load_model(base, MODEL, dtype="float32") for _ in range(2))
    held_out, found = pairs(64, seed=2, noise=0), []

    def report(done: int, total: int) -> None:
        if done == total:
            with torch.inference_mode():
                model.eval()
                found.extend(log_preference(model, pair) - log_preference(reference, pair) for pair in held_out)

    dpo.optimise(
        model, reference.eval(), load_tokenizer(base, MODEL), pairs(400, seed=1), (), settings,
        seed=1, dtype="bfloat16", work=target.with_name("work"), target=target, report=report,
    )  # fmt: skip
    return sum(found) / len(found)


def pairs(number: int, seed: int, noise: float = 0.45) -> list[dpo.PairExample]:
    """Random prompts and answers; in a share `noise` of them the worse ending is chosen, as by a judge who errs."""
    chance = random.Random(seed)

    def words(count: int) -> list[int]:
        return [chance.randrange(6, 40) for _ in range(count)]

    made = []
    for _ in range(number):
        ends = (41, 42) if chance.random() > noise else (42, 41)
        chosen, rejected = ([*words(6), end, 3] for end in ends)
        made.append(dpo.PairExample([2, 4, *words(8), 5], chosen, rejected))
    return made


if __name__ == "__main__":
    main()
