"""Where a model's files go: a smaller request never takes the place of what a larger one has paid for."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import NamedTuple

from srlm.errors import DataError, SrlmError
from srlm.records import Prompt, Response

from ...data.alpaca_files import read_annotations, read_outputs
from ...metrics import read as read_metrics

OUTPUTS, ANNOTATIONS = "model_outputs.json", "annotations.json"


class Place(NamedTuple):
    """The folder of a model, with what its model_outputs.json is to hold."""

    folder: Path
    responses: Mapping[str, Response]
    """By prompt id: the model's, and what is kept of other prompts."""
    apart: bool
    """Whether it is not in OUT/results: more prompts are kept there."""


def place_of(
    out: Path,
    model: str,
    judge: str,
    responses: Mapping[str, Response],
    preferred: Collection[str],
    prompts: Sequence[Prompt],
) -> Place:
    """OUT/results/MODEL, or OUT/on-N-prompts/results/MODEL: the first in which no verdict and no output is lost.

    `model`, `judge`: names of folders. `responses`: the outputs to be written. `preferred`: ids of the prompts that
    have a preference now. `prompts`: all of AlpacaEval's. A kept file that cannot be read is replaced.
    """
    for number, folder in enumerate(_folders(out, len(preferred))):
        place = folder / "results" / model
        if _annotated(place / judge / ANNOTATIONS, prompts) - set(preferred):
            continue
        kept = _outputs(place / OUTPUTS, prompts)
        if all(responses[id].text == one.text for id, one in kept.items() if id in responses):
            return Place(place, {**kept, **responses}, number > 0)
        if kept.keys() <= responses.keys():  # other outputs of that name
            return Place(place, responses, number > 0)
    raise AssertionError("folders do not end")


def _folders(out: Path, prompts: int) -> Iterator[Path]:
    yield out
    for number in count(1):
        yield out / f"on-{prompts}-prompts{'' if number == 1 else f'-{number}'}"


def _annotated(path: Path, prompts: Sequence[Prompt]) -> set[str]:
    """Ids of the prompts with a preference in a kept file."""
    if not path.exists():
        return set()
    try:
        return {one.prompt_id for one in read_annotations(path, prompts).annotations if one.preference is not None}
    except DataError:
        return set()


def _outputs(path: Path, prompts: Sequence[Prompt]) -> dict[str, Response]:
    """What a kept file holds."""
    if not path.exists():
        return {}
    try:
        return read_outputs(path, prompts, thought="keep").responses
    except DataError:
        return {}


def card_place(out: Path, judge: str, pairs: int) -> Path:
    """OUT/JUDGE.json, or OUT/JUDGE-on-N-pairs.json where a card of more pairs is kept there."""
    path = out / f"{judge}.json"
    try:
        kept = [metric.n for metric in read_metrics(path) if metric.metric == "preference_difference"]
    except SrlmError:
        return path
    return out / f"{judge}-on-{pairs}-pairs.json" if kept and max(kept) > pairs else path
