"""The prompts on which a model lost to the one before it."""

from srlm.records import Record

from ...records import Verdict
from ..base import RunData
from .places import verdicts_folder

MOST_REGRESSIONS = 8


class Regression(Record):
    """Prompts on which a model lost to the one before it."""

    model: str
    baseline: str
    count: int
    compared: int
    prompts: tuple[tuple[str, str], ...]
    """Id and text of the first few, in the order of the evaluation prompts."""


def verdicts(run: RunData) -> list[Verdict]:
    """Every verdict of the run's judge on disk."""
    paths = sorted(verdicts_folder(run.folder).glob("*.jsonl"))
    return [one for path in paths for one in run.records(path, Verdict)]


def regressions(run: RunData) -> list[Regression]:
    """Of each model against the one before it."""
    found = []
    every = verdicts(run)
    for model, baseline in run.steps_of:
        outcomes = {v.prompt_id: v.outcome for v in every if (v.model_a, v.model_b) == (model, baseline)}
        lost = [(p.id, p.text) for p in run.prompts if outcomes.get(p.id) == "lose"]
        if outcomes:
            found.append(
                Regression(
                    model=model,
                    baseline=baseline,
                    count=len(lost),
                    compared=len(outcomes),
                    prompts=tuple(lost[:MOST_REGRESSIONS]),
                )
            )
    return found
