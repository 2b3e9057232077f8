"""Which steps of two runs are the same, from their settings alone."""

from srlm.methods import start
from srlm.methods.base import method_of
from srlm.records import Step
from srlm.settings import Settings
from srlm.store.folder import differences


def shareable(given: Settings, other: Settings) -> list[Step]:
    """The steps that a run with the settings `other` makes exactly as one with `given`."""
    changed = [key for key, _, _ in differences(given.model_dump(mode="json"), other.model_dump(mode="json"))]
    theirs = method_of(given).steps(given, given.iterations)
    shared: list[Step] = []
    for step in method_of(other).steps(other, other.iterations):
        # Whatever the method, the first steps are made by `start.make`.
        shaping = [key for key in changed if not (step in start.STEPS and key.partition(".")[0] == "method")]
        parent = step.parent is None or any(one.name == step.parent for one in shared)
        if step in theirs and parent and not any(key.startswith(step.shaped_by) for key in shaping):
            shared.append(step)
    return shared
