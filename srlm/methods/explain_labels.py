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
    ranked = next(one for one in sets if one.prompt.id in prompts)
    yield f"prompt {ranked.prompt.id} (from {one_line(ranked.prompt.source)})"
    yield _indent(ranked.prompt.transcript)
    for response, rank in zip(ranked.responses, ranked.ranks, strict=True):
        yield f"\nresponse {response.id} by {one_line(response.author)}: people's rank {rank}"
        yield _indent(response.text)
    for step, one in found[:SHOWN]:
        chance = "none" if one.probability is None else f"{one.probability:.3f}"
        verdict = f"none ({one.unread})" if one.preference is None else f"{one.preference:g}"
        yield f"\n{step}, label {one.id} by {one_line(one.judge)}: {one.first_id} before {one.second_id}"
        yield f"  prefers the first: {verdict}, probability {chance}"
    if len(found) > SHOWN:
        yield f"\nand {counted(len(found) - SHOWN, 'more labels')}"
    yield f"\nrule: method {folder.settings.method.name}; {rule}"


def _ids(one: PairJudgement) -> tuple[str, ...]:
    return one.id, one.prompt_id, one.first_id, one.second_id


def _indent(text: str, by: int = 2) -> str:
    return "\n".join(" " * by + line for line in text.split("\n"))
