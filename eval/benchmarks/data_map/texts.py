"""What is embedded: the texts of each set, each text of a set once, of large sets a sample.

    IFT          prompts of the instruction examples
    EFT          the judge's whole prompts (`eft: prompt`, as in the paper), or the instructions in them
    new M2, ...  the prompts that were written for this model's training
    evaluation   the prompts that models are compared on

A conversation of several turns is one text.
"""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from srlm.errors import DataError
from srlm.records import Judgement, RankedSet, digest, seed_for

from ..base import RunData

EVALUATION = "evaluation"


class TextSet(NamedTuple):
    """The texts of a set that are embedded."""

    name: str
    texts: Sequence[str]
    total: int
    """Different texts that the set has."""

    @property
    def digest(self) -> str:
        """Id of the texts in their order."""
        return digest("texts", *self.texts)

    @property
    def said(self) -> str:
        """How many of how many."""
        return f"{len(self.texts):,} of {self.total:,}" if len(self.texts) < self.total else f"{self.total:,}"


def new_prompts(step: str) -> str:
    """What the prompts that were written for a model's training are called."""
    return f"new {step}"


def text_sets(run: RunData) -> list[TextSet]:
    """The sets of a run that have texts. Raises DataError where there are fewer than two."""
    wanted = run.settings.evaluation.data_map
    kinds: dict[str, list[str]] = {"IFT": [], "EFT": []}
    for one in run.demonstrations:
        if one.kind == "ift" or wanted.eft == "prompt":
            kinds[one.kind.upper()].append(one.transcript)
    if wanted.eft == "instruction":
        kinds["EFT"] = _instructions(run)
    found = {
        **kinds,
        **{new_prompts(step.name): [prompt.transcript for prompt in step.prompts] for step in run.steps},
        EVALUATION: [prompt.transcript for prompt in run.prompts],
    }
    sets = [_sampled(name, texts, wanted.most, run.settings.seed) for name, texts in found.items() if texts]
    if len(sets) < 2:
        raise DataError(
            f"{run.folder.path}: a data map needs two sets of texts, and there is "
            f"{'only ' + sets[0].name if sets else 'none'}; train the run first"
        )
    return sets


def _sampled(name: str, texts: Sequence[str], most: int, seed: int) -> TextSet:
    once = list(dict.fromkeys(text for text in texts if text.strip()))
    chosen = once if len(once) <= most else Random(seed_for(seed, "data map", name)).sample(once, most)
    return TextSet(name, chosen, len(once))


def _instructions(run: RunData) -> list[str]:
    """The user's instruction of each EFT example, by the judgement that it was made from."""
    prompts = {
        response.id: one.prompt.transcript
        for one in run.records(run.folder.step("data") / "eft_sets.jsonl", RankedSet)
        for response in one.responses
    }
    judged: dict[str, str] = {}
    for path in run.folder.holding("eft.jsonl"):
        for name in ("eft_judgements.jsonl", "eft_readings.jsonl"):  # as runs of an older srlm call it
            for judgement in run.records(path.with_name(name), Judgement):
                judged[judgement.id] = judgement.response_id
    found = [prompts.get(judged.get(one.source_id, ""), "") for one in run.demonstrations if one.kind == "eft"]
    if found and not any(found):
        raise DataError(
            f"{run.folder.path}: the instructions of the EFT examples are not known, because the judgements they were "
            "made from are gone; use evaluation.data_map.eft=prompt"
        )
    return found
