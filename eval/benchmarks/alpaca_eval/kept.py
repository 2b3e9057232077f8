"""AlpacaEval in a run's folder, read again: every judged model's answers, the baseline's, and what judges said.

The layout is that of `judging.write_annotated`; `python -m eval alpaca --run` writes it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from srlm.data.lines import listed
from srlm.records import Prompt, Response
from srlm.store import files
from srlm.store.folder import RunFolder

from ...data.alpaca_files import prompts_of, read_annotations, read_outputs
from ...records import Annotation


class KeptAnnotations(NamedTuple):
    """One model on AlpacaEval, and one judge's annotations of it."""

    model: str
    baseline: str
    prompts: tuple[Prompt, ...]
    """Those that the model answered, in AlpacaEval's order."""
    outputs: dict[str, str]
    """The model's, by prompt id."""
    baseline_outputs: dict[str, str]
    """Of the prompts that were annotated."""
    annotations: tuple[Annotation, ...]
    """Each order of each draw; of recorded annotations, one a prompt and draw."""
    cut: frozenset[str]
    """Ids of prompts whose answer was cut at its token limit."""


def kept(folder: RunFolder, names: Sequence[str]) -> list[KeptAnnotations]:
    """What lies there, the models in the order of `names`, then others by name; a judge after the other.

    Raises DataError, RecordError or StoreError where a file is broken.
    """
    results = folder.step("evaluation") / "alpaca_eval" / "results"
    found = [
        _read(outputs, judged, folder)
        for outputs in sorted(results.glob("*/model_outputs.json"))
        for judged in sorted(outputs.parent.glob("*/annotations.json"))
    ]
    order = {name: place for place, name in enumerate(names)}
    return sorted(found, key=lambda one: (order.get(one.model, len(order)), one.model))


def _read(outputs: Path, judged: Path, folder: RunFolder) -> KeptAnnotations:
    prompts = prompts_of(listed(outputs))
    own, annotated = read_outputs(outputs, prompts, thought="keep"), read_annotations(judged, prompts)
    texts = {id: response.text for id, response in own.responses.items()}
    single = judged.with_suffix(".jsonl")
    each = files.read(single, Annotation) if single.exists() else []
    return KeptAnnotations(
        model=own.model,
        baseline=annotated.annotations[0].baseline,
        prompts=prompts,
        outputs=texts,
        baseline_outputs=annotated.baseline_outputs,
        annotations=tuple(each) or annotated.annotations,
        cut=frozenset(
            answer.prompt_id
            for path in sorted((folder.step("evaluation") / own.model).glob("alpaca_eval*.jsonl"))
            for answer in files.read(path, Response)
            if answer.finish == "length" and texts.get(answer.prompt_id) == answer.text
        ),
    )
