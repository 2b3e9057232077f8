"""What this machine's processor does quickly."""

from functools import cache
from pathlib import Path


@cache
def quick_in_bfloat16() -> bool:
    """Whether the processor multiplies matrices in bfloat16 by instructions of its own (Linux lists them).

    Without them the multiplication is emulated: a layer of SmolLM2-135M took six times as long as in float32 with 256
    rows, twice as long with 8 (one thread of an AMD processor with AVX2).
    """
    try:
        words = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    except OSError:
        return False
    return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(words)
