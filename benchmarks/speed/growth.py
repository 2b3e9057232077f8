"""How the time of every stage grows with the number of prompts: x 1, 2, 4, 8, and the exponent of the best power law.

    python benchmarks/speed/growth.py

One turn of the loop, M1 -> M2, by a small model in the bead world (time depends on numbers, not on what was learnt),
and the filters of prompts that a model writes (each is held against all before it), their words from a function.
Processor seconds of one thread, the least of the rounds. Goal: no exponent above 1.05.

What the libraries have in memory before the first stage is frozen: the garbage collector's walks over it, which come
only where enough new objects are made and cost the same for any number of prompts, would be taken for growth.
"""

import argparse
import gc
import math
import random
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import linear_regression
from typing import Any

import torch
from transformers.utils import logging

from srlm.data.self_instruct import write_prompts
from srlm.engines.base import Request
from srlm.engines.scripted import ScriptedEngine
from srlm.methods.run import Run
from srlm.methods.stages import candidates, new_prompts, preference_step, preferences, reward_answers
from srlm.methods.start import seed_data
from srlm.methods.train import iteration_named
from srlm.methods.train import train as train_run
from srlm.records import Prompt
from srlm.run_file import load
from srlm.settings import PromptSettings

TINY = Path(__file__).resolve().parents[2] / "tests/tiny.yaml"
FACTORS = (1, 2, 4, 8)


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--prompts", type=int, default=500, help="times 1, 2, 4 and 8")
    words.add_argument("--rounds", type=int, default=2)
    asked = words.parse_args()
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as place:
        settings = [f"runs={place}", "judge.monitor_sets=0", "dpo.epochs=1", "dpo.max_steps=null"]
        train_run(Run(load(TINY, [*settings, "name=start"])), 1)
        gc.collect()
        gc.freeze()
        rounds = [
            [one(Path(place), settings, asked.prompts * factor) for factor in FACTORS] for _ in range(asked.rounds)
        ]
    head = " | ".join(f"{asked.prompts * factor:,}" for factor in FACTORS)
    print(f"| processor seconds | {head} | exponent |\n|---|" + "---|" * (len(FACTORS) + 1))
    for stage in rounds[0][0]:
        best = [min(found[place][stage] for found in rounds) for place in range(len(FACTORS))]
        slope = linear_regression([math.log(f) for f in FACTORS], [math.log(value) for value in best]).slope
        print(f"| {stage} | " + " | ".join(f"{value:.3g}" for value in best) + f" | {slope:.2f} |")


def one(place: Path, settings: list[str], number: int) -> dict[str, float]:
    """Processor seconds of each stage with so many prompts."""
    folder = place / "turn"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(place / "start", folder)
    run = Run(load(TINY, [*settings, "name=turn", f"prompts.count={number}"]))
    data, model = seed_data(run), run.folder.checkpoint("M1")
    assert model is not None
    took: dict[str, float] = {}

    def timed(stage: str, work: Callable[[], Any], times: int = 1) -> Any:
        began = time.process_time()
        for _ in range(times):
            made = work()
        took[stage] = (time.process_time() - began) / times
        return made

    timed("filters of written prompts", lambda: written(folder / "attempts.jsonl", number))
    step = iteration_named(run.settings, "M2")
    prompts = timed("new prompts", lambda: new_prompts(run, step, model, data))
    responses = timed("candidates", lambda: candidates(run, step, model, prompts))
    rewards = timed("judgements", lambda: reward_answers(run, step, model, prompts, responses))
    chosen = timed("pairs", lambda: preferences(run, step, prompts, responses, rewards), times=20)
    timed("DPO", lambda: preference_step(run, step, model, chosen, data))
    return took


def written(path: Path, number: int) -> None:
    """Prompts of 8 to 30 words, from a vocabulary whose words are as uneven as a language's."""
    words = [f"word{place}" for place in range(5000)]
    shares = [1 / (place + 10) for place in range(5000)]

    def write(request: Request, seed: int) -> str:
        draw = random.Random(seed)
        return " ".join(draw.choices(words, shares, k=draw.randint(8, 30)))

    seeds = [Prompt.of(write(Request(messages=()), place), "seed") for place in range(200)]
    write_prompts(
        ScriptedEngine(write), seeds, PromptSettings(count=number, max_attempts=10 * number), seed=1, path=path
    )


if __name__ == "__main__":
    main()
