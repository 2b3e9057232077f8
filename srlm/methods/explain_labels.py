"""How a pair of answers came by its label: both answers, which of them people ranked higher, what each teacher said."""

from collections.abc import Iterator

from srlm.errors import StoreError
from srlm.printable import one_line
from srlm.records import PairJudgement, RankedSet
from srlm.store import files
from srlm.store.folder import RunFolder
from srlm.text.counts import counted

SHOWN = 20
"""Labels that are shown, at most: a prompt may have many pairs."""


def explain_labels(folder: RunFolder, wanted: str, rule: str) -> Iterator[str]:
    """Lines about the labels whose own id, or whose prompt's or response's, begins so.

    Raises StoreError where none do, or those of several prompts.
    """
    holding = folder.holding("weak_labels.jsonl")
    every = [(path.parent.name, one) for path in holding for one in files.read(path, PairJudgement)]
    found = [(step, one) for step, one in every if wanted in _ids(one)]
    found = found or [(step, one) for step, one in every if any(id.startswith(wanted) for id in _ids(one))]
    if not found:
        raise StoreError(f"{wanted}: no label, prompt or response of a labelled pair of {folder.path} has this id")
    if len(prompts := {one.prompt_id for _, one in found}) > 1:
        raise StoreError(f"{wanted}: matches {counted(len(prompts), 'prompts')}; give more characters of the id")
    sets = files.read(folder.step("data") / "eft_sets.jsonl", RankedSet)
    ranked = [one for one in sets if one.prompt.id in prompts]  # people may have ranked answers to it several times
    yield f"prompt {ranked[0].prompt.id} (from {one_line(ranked[0].prompt.source)})"
    yield _indent(ranked[0].prompt.transcript)
    for number, one in enumerate(ranked, 1):
        of_set = "" if len(ranked) == 1 else f" in set {number} of {len(ranked)}"
        for response, rank in zip(one.responses, one.ranks, strict=True):
            yield f"\nresponse {response.id} by {one_line(response.author)}: people's rank {rank}{of_set}"
            yield _indent(response.text)
    for step, label in found[:SHOWN]:
        chance = "none" if label.probability is None else f"{label.probability:.3f}"
        verdict = f"none ({label.unread})" if label.preference is None else f"{label.preference:g}"
        yield f"\n{step}, label {label.id} by {one_line(label.judge)}: {label.first_id} before {label.second_id}"
        yield f"  prefers the first: {verdict}, probability {chance}"
    if len(found) > SHOWN:
        yield f"\nand {counted(len(found) - SHOWN, 'more labels')}"
    yield f"\nrule: method {folder.settings.method.name}; {rule}"


def _ids(one: PairJudgement) -> tuple[str, ...]:
    return one.id, one.prompt_id, one.first_id, one.second_id


def _indent(text: str, by: int = 2) -> str:
    return "\n".join(" " * by + line for line in text.split("\n"))
