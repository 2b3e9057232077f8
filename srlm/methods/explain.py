"""How an answer came to be chosen or rejected: its prompt, all samples, the judge's words, the rewards, the pair."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from srlm.errors import StoreError
from srlm.printable import one_line
from srlm.records import Judgement, PreferencePair, Prompt, Response
from srlm.rewards.base import JUDGEMENTS, kept_rewards
from srlm.store import files
from srlm.store.folder import RunFolder


class Turn(NamedTuple):
    """What a turn of the loop has written so far."""

    name: str
    prompts: dict[str, Prompt]
    responses: list[Response]
    judgements: list[Judgement]
    rewards: dict[str, float]
    pairs: list[PreferencePair]
    owner: dict[str, str]
    """The prompt's id for the id of each prompt, response, judgement and pair."""

    def owned(self, start: str) -> set[str]:
        """Prompts that have something whose id begins so."""
        return {prompt for id, prompt in self.owner.items() if id.startswith(start)}


class Beside(NamedTuple):
    """What a method keeps of a turn beside answers, judgements and pairs of answers."""

    owner: Callable[[Path, Turn], Mapping[str, str]]
    """The prompt's id for the id of each record more, from the turn's folder."""
    lines: Callable[[Path, Turn, Prompt], Iterator[str]]
    """What they say of one prompt."""


def nothing_more(*turn: object) -> Iterator[str]:
    """No lines."""
    yield from ()


NOTHING = Beside(lambda folder, turn: {}, nothing_more)


def explain_answers(folder: RunFolder, wanted: str, rule: str, beside: Beside = NOTHING) -> Iterator[str]:
    """Lines about the prompt behind an id, in every turn that has it. Raises StoreError where none or several match.

    `rule`: how answers get their rewards and become pairs, in words.
    """
    turns = [read_turn(path.parent) for path in folder.holding("responses.jsonl")]
    for turn in turns:
        turn.owner.update(beside.owner(folder.step(turn.name), turn))
    exact = [(turn, turn.owner[wanted]) for turn in turns if wanted in turn.owner]
    near = [(turn, owner) for turn in turns for owner in sorted(turn.owned(wanted))]
    found = exact or near
    if not found:
        raise StoreError(f"{wanted}: no pair, prompt, response or judgement of {folder.path} has this id")
    several = len({prompt for _, prompt in found})
    if several > 1:
        where = ", ".join(dict.fromkeys(turn.name for turn, _ in found))
        raise StoreError(f"{wanted}: matches {several} prompts of {where}; give more characters of the id")
    for turn, prompt in found:
        yield from _one(turn, turn.prompts[prompt], f"rule: method {folder.settings.method.name}; {rule}")
        yield from beside.lines(folder.step(turn.name), turn, turn.prompts[prompt])


def read_turn(step: Path) -> Turn:
    """What lies in the folder of a turn; it has answers at least."""
    prompts = {p.id: p for p in files.read(step / "prompts.jsonl", Prompt)}
    responses = files.read(step / "responses.jsonl", Response)
    judged, paired = step / JUDGEMENTS, step / "pairs.jsonl"
    judgements = files.read(judged, Judgement) if judged.exists() else []
    pairs = files.read(paired, PreferencePair) if paired.exists() else []
    answered = {r.id: r.prompt_id for r in responses}
    owner = {id: id for id in prompts} | answered | {p.id: p.prompt_id for p in pairs}
    owner |= {j.id: answered[j.response_id] for j in judgements if j.response_id in answered}
    known = {id: prompt for id, prompt in owner.items() if prompt in prompts}
    return Turn(step.name, prompts, responses, judgements, kept_rewards(step), pairs, known)


def _one(turn: Turn, prompt: Prompt, rule: str) -> Iterator[str]:
    pair = next((p for p in turn.pairs if p.prompt_id == prompt.id), None)
    yield f"{turn.name}, prompt {prompt.id} (from {one_line(prompt.source)})"
    yield indented(prompt.transcript)
    for response in (r for r in turn.responses if r.prompt_id == prompt.id):
        role = ""
        if pair is not None:
            role = {pair.chosen_id: ", CHOSEN", pair.rejected_id: ", REJECTED"}.get(response.id, "")
        score = f"{turn.rewards[response.id]:.3f}" if response.id in turn.rewards else "none"
        cut = ", cut at the token limit" if response.finish == "length" else ""
        yield f"\nresponse {response.id} by {one_line(response.author)}: reward {score}{role}{cut}"
        yield indented(response.text)
        for judgement in (j for j in turn.judgements if j.response_id == response.id):
            asked = ", asked to finish" if judgement.completed else ""
            why = f" ({judgement.unread})" if judgement.unread else ""
            yield f"    judgement {judgement.draw} by {one_line(judgement.judge)}: score {judgement.score}{why}{asked}"
            yield indented(judgement.raw, 6)
    yield f"\n{rule}"
    if pair is not None:
        yield f"pair {pair.id}: {pair.chosen_score:.3f} against {pair.rejected_score:.3f}, margin {pair.margin:.3f}"
    else:
        yield "no pair: the scored answers are equal, or fewer than two have a score"


def indented(text: str, by: int = 2) -> str:
    """The text with every line moved to the right."""
    return "\n".join(" " * by + line for line in text.split("\n"))
