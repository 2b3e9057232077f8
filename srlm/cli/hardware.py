"""What a run is estimated on: a hardware file, or this machine's processor, measured in a few seconds."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from srlm import examples
from srlm.bounded import files, yaml_text
from srlm.bounded.quote import quoted
from srlm.errors import SettingsError

GIB = 2**30
Rate = Annotated[float, Field(gt=0)]


class Processor(BaseModel):
    """What a CPU takes beside arithmetic and reading its memory. A GPU's shares of its peak include such things."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    rows_gbs: Rate
    """Weights that several rows are multiplied with, 10^9 bytes a second, their arithmetic apart: they are read and
    laid out anew for each batch."""
    passing_gbs: Rate
    """Numbers that pass through operations on single numbers (norms, activations, optimiser), 10^9 bytes a second."""
    operation_us: Rate
    """Microseconds to start one of torch's operations, however small."""


class Hardware(BaseModel):
    """The hardware, as described in the --hardware file."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str
    gpus: Annotated[int, Field(ge=1)]
    """Total number; 1 for a CPU."""
    memory_gib: Rate
    """Of one GPU."""
    teraflops: Rate
    """Peak of one GPU in the run's number format, 10^12 operations a second."""
    bandwidth_gbs: Rate
    """Peak of one GPU's memory, 10^9 bytes a second."""
    training_share: Annotated[float, Field(gt=0, le=1)]
    """Share of the peak arithmetic that training reaches."""
    reading_share: Annotated[float, Field(gt=0, le=1)]
    """Share of the peak arithmetic that reading prompts reaches."""
    writing_share: Annotated[float, Field(gt=0, le=1)]
    """Share of the peak memory bandwidth that generation reaches."""
    price_per_gpu_hour: float | None = None
    """In any currency; None: no cost is printed."""
    cpu: Processor | None = None
    """None: a GPU."""


def read_hardware(path: Path) -> Hardware:
    """Raises SettingsError if the file does not describe hardware."""
    try:
        return Hardware.model_validate(yaml_text.decode(files.read_text(path, yaml_text.SIZE)))
    except (OSError, UnicodeDecodeError, yaml_text.NotYaml) as error:
        raise SettingsError(f"{path}: cannot be read as a hardware file: {error}{examples.advice(path)}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise SettingsError(f"{path}: {where}: {first['msg']} (found {quoted(first['input'])})") from None


def this_processor(clock: Callable[[], float] = time.perf_counter) -> Hardware:
    """This machine's CPU in float32, with as many threads as torch has: four rates, each the best of three looks.

    `clock` tells seconds. All matrices together, and the numbers, are larger than the cache of a core.
    """
    import torch
    from torch.nn.functional import linear

    side, count, several = 1024, 64, 16
    with torch.inference_mode():
        weights = [torch.randn(side, side) for _ in range(count)]
        rows = {number: torch.randn(number, side) for number in (1, several, side)}
        square = 2 * side**3 / _seconds(lambda: linear(rows[side], weights[0]), clock)
        size = count * 4 * side**2
        one = _seconds(lambda: [linear(rows[1], own) for own in weights], clock)
        more = _seconds(lambda: [linear(rows[several], own) for own in weights], clock)
        arithmetic = count * 2 * several * side**2 / square
        numbers, few = torch.randn(2**21), torch.randn(4)
        passed = 12 * len(numbers) / _seconds(lambda: numbers * numbers, clock)  # two read, one written
        started = _seconds(lambda: few * few, clock)
    return Hardware(
        name=f"this processor, {torch.get_num_threads()} thread{'s' * (torch.get_num_threads() > 1)}",
        gpus=1,
        memory_gib=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB,
        teraflops=square / 1e12,
        bandwidth_gbs=size / one / 1e9,
        training_share=1,
        reading_share=1,
        writing_share=1,
        cpu=Processor(
            # The arithmetic of several rows may hide behind the reading.
            rows_gbs=size / max(more - arithmetic, more / 2) / 1e9,
            passing_gbs=passed / 1e9,
            operation_us=started * 1e6,
        ),
    )


def _seconds(work: Callable[[], object], clock: Callable[[], float], least: float = 0.1) -> float:
    """Seconds that `work` takes: the least of three means, each over `least` seconds or more."""
    work()
    means = []
    for _ in range(3):
        times, began = 0, clock()
        while (spent := clock() - began) < least or not times:
            work()
            times += 1
        means.append(spent / times)
    return min(means)
