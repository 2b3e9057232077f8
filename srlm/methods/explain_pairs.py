"""How a judge came to learn a judgement: the prompt, what was changed, both answers, each verdict, the one kept."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from srlm.errors import StoreError
from srlm.judge.changed_instructions import ChangedInstruction
from srlm.methods.explain_examples import explain_taught
from srlm.printable import one_line
from srlm.records import Demonstration, PairJudgement, Prompt, Response
from srlm.store import files
from srlm.store.folder import RunFolder
from srlm.text.counts import counted


class Round(NamedTuple):
    """What a round has written so far, by the id of the prompt."""

    name: str
    prompts: dict[str, Prompt]
    better: dict[str, Response]
    changed: dict[str, ChangedInstruction]
    worse: dict[str, Response]
    judgements: dict[str, list[PairJudgement]]
    learnt: dict[str, str]
    """Judgement -> the example made of it."""

    def ids(self, prompt: str) -> set[str]:
        """Of all records about a prompt."""
        found = {prompt, *(one.id for one in self.judgements.get(prompt, []))}
        found |= {own[prompt].id for own in (self.better, self.worse) if prompt in own}
        found |= {self.changed[prompt].id} if prompt in self.changed else set()
        return found | {self.learnt[id] for id in found if id in self.learnt}


def explain_pairs(folder: RunFolder, wanted: str, rule: str) -> Iterator[str]:
    """Lines about the prompt behind an id, in every round that has it.

    Raises StoreError where none or several match.
    """
    rounds = [read_round(path.parent) for path in folder.holding("responses.jsonl")]
    every = [(own, prompt, own.ids(prompt)) for own in rounds for prompt in own.prompts]
    found = [(own, prompt) for own, prompt, ids in every if wanted in ids]
    found = found or [(own, prompt) for own, prompt, ids in every if any(id.startswith(wanted) for id in ids)]
    if not found and (taught := explain_taught(folder, wanted)) is not None:
        yield from taught
        return
    if not found:
        raise StoreError(f"{wanted}: no prompt, response, judgement or example of {folder.path} has this id")
    several = len({prompt for _, prompt in found})
    if several > 1:
        where = ", ".join(dict.fromkeys(own.name for own, _ in found))
        raise StoreError(f"{wanted}: matches {counted(several, 'prompts')} of {where}; give more characters of the id")
    for own, prompt in found:
        yield from _one(own, own.prompts[prompt], f"rule: method {folder.settings.method.name}; {rule}")


def read_round(step: Path) -> Round:
    """What lies in the folder of a round; it has answers at least."""
    prompts = {one.id: one for one in files.read(step / "prompts.jsonl", Prompt)}
    better = {one.prompt_id: one for one in files.read(step / "responses.jsonl", Response)}
    path = step / "changed_instructions.jsonl"
    changed = {one.prompt_id: one for one in files.read(path, ChangedInstruction)} if path.exists() else {}
    path = step / "worse_responses.jsonl"
    written = files.read(path, Response) if path.exists() else []
    instead = (prompt for prompt in prompts if prompt in changed and changed[prompt].text is not None)
    worse = dict(zip(instead, written, strict=False))  # as they were asked for; a file that grows has fewer
    judgements: dict[str, list[PairJudgement]] = {}
    path = step / "pair_judgements.jsonl"
    for one in files.read(path, PairJudgement) if path.exists() else []:
        judgements.setdefault(one.prompt_id, []).append(one)
    path = step / "eft.jsonl"
    learnt = {one.source_id: one.id for one in files.read(path, Demonstration)} if path.exists() else {}
    return Round(step.name, prompts, better, changed, worse, judgements, learnt)


def _one(own: Round, prompt: Prompt, rule: str) -> Iterator[str]:
    yield f"{own.name}, prompt {prompt.id} (from {one_line(prompt.source)})"
    yield _indent(prompt.transcript)
    better, worse = own.better.get(prompt.id), own.worse.get(prompt.id)
    if better is not None:
        yield f"\nresponse {better.id} by {one_line(better.author)}, to the prompt"
        yield _indent(better.text)
    if (changed := own.changed.get(prompt.id)) is not None:
        why = f" (none: {changed.refused})" if changed.refused else ""
        yield f"\nchanged instruction {changed.id} by {one_line(changed.writer)}{why}"
        yield _indent(changed.raw)
    if worse is not None:
        yield f"\nresponse {worse.id} by {one_line(worse.author)}, to the changed instruction"
        yield _indent(worse.text)
    for one in own.judgements.get(prompt.id, []):
        order = "better first" if better is not None and one.first_id == better.id else "better second"
        asked = ", made to give its letter" if one.completed else ""
        right = {None: f"none ({one.unread})", 0.5: "equal"}.get(one.preference)
        if right is None:
            right = "right" if (one.preference == 1) == (order == "better first") else "wrong"
        kept = f", KEPT as example {own.learnt[one.id]}" if one.id in own.learnt else ""
        yield f"\njudgement {one.id}, {order}, draw {one.draw}, by {one_line(one.judge)}: {right}{asked}{kept}"
        yield _indent(one.raw)
    yield f"\n{rule}"


def _indent(text: str, by: int = 2) -> str:
    return "\n".join(" " * by + line for line in text.split("\n"))
