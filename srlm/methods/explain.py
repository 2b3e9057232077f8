"""How an answer came to be chosen or rejected: its prompt, all samples, the judge's words, the rewards, the pair."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from srlm.errors import StoreError
from srlm.methods.explain_examples import explain_taught
from srlm.printable import one_line
from srlm.records import Judgement, PreferencePair, Prompt, Response, transcript_of
from srlm.rewards.base import JUDGEMENTS, kept_rewards
from srlm.store import files
from srlm.store.folder import RunFolder
from srlm.text.counts import counted


class Beside(NamedTuple):
    """What a method tells of an answer, or of a prompt, beside what all methods keep."""

    id: str
    of: str
    """Id of the answer or of the prompt."""
    lines: list[str]


class Turn(NamedTuple):
    """What a turn of the loop has written so far."""

    name: str
    prompts: dict[str, Prompt]
    responses: list[Response]
    judgements: list[Judgement]
    rewards: dict[str, float]
    pairs: list[PreferencePair]
    owner: dict[str, str]
    """The prompt's id for the id of each prompt, response, judgement, pair and record beside them."""
    beside: Sequence[Beside] = ()

    def owned(self, start: str) -> set[str]:
        """Prompts that have something whose id begins so."""
        return {prompt for id, prompt in self.owner.items() if id.startswith(start)}


def nothing_beside(step: Path) -> list[Beside]:
    """Of a method that keeps no records of its own."""
    return []


def explain_answers(
    folder: RunFolder,
    wanted: str,
    rule: str,
    *,
    beside: Callable[[Path], Sequence[Beside]] = nothing_beside,
    outcome: Callable[[Turn, Prompt], Iterator[str]] | None = None,
) -> Iterator[str]:
    """Lines about the prompt behind an id, in every turn that has it, or about an example of M1's. Raises StoreError
    where none or several match.

    `rule`: how answers get their rewards and become pairs, in words. `beside`: the method's own records in the folder
    of a step; their ids are found, too. `outcome`: what came of a turn's answers to a prompt, the last lines; None:
    the pairs (`pair_lines`).
    """
    turns = [read_turn(path.parent, beside(path.parent)) for path in folder.holding("responses.jsonl")]
    exact = [(turn, turn.owner[wanted]) for turn in turns if wanted in turn.owner]
    near = [(turn, owner) for turn in turns for owner in sorted(turn.owned(wanted))]
    found = exact or near
    if not found and (taught := explain_taught(folder, wanted)) is not None:
        yield from taught
        return
    if not found:
        raise StoreError(f"{wanted}: no pair, prompt, response, judgement or example of {folder.path} has this id")
    several = len({prompt for _, prompt in found})
    if several > 1:
        where = ", ".join(dict.fromkeys(turn.name for turn, _ in found))
        raise StoreError(f"{wanted}: matches {counted(several, 'prompts')} of {where}; give more characters of the id")
    for turn, prompt in found:
        yield from _answers(turn, turn.prompts[prompt])
        yield f"\nrule: method {folder.settings.method.name}; {rule}"
        yield from (outcome or pair_lines)(turn, turn.prompts[prompt])


def knows_pair(folder: RunFolder, wanted: str) -> bool:
    """Whether an id, or the beginning of one, is that of a pair of the run or of what it is made of."""
    return any(_is_of(pair, wanted) for _, pair in _pairs(folder))


def explain_pairs(folder: RunFolder, wanted: str, rule: str) -> Iterator[str]:
    """Lines about the pairs with this id, or of a prompt or an answer with it, that no model wrote for the run.

    Raises StoreError where they are of several prompts.
    """
    found = [(name, pair) for name, pair in _pairs(folder) if _is_of(pair, wanted)]
    several = len({pair.prompt_id for _, pair in found})
    if several != 1:
        raise StoreError(
            f"{wanted}: matches pairs of {counted(several, 'prompts')} of {folder.path}; give more characters of it"
        )
    yield f"prompt {found[0][1].prompt_id}"
    yield _indent(transcript_of(found[0][1].prompt))
    for name, pair in found:
        yield f"\n{name}, pair {pair.id}: {pair.chosen_score:g} against {pair.rejected_score:g}"
        for role, id, (turn,) in (
            ("CHOSEN", pair.chosen_id, pair.chosen),
            ("REJECTED", pair.rejected_id, pair.rejected),
        ):
            yield f"response {id}, {role}"
            yield _indent(turn.content)
    yield f"\nrule: method {folder.settings.method.name}; {rule}"


def _pairs(folder: RunFolder) -> Iterator[tuple[str, PreferencePair]]:
    for path in folder.holding("pairs.jsonl"):
        for pair in files.read(path, PreferencePair):
            yield path.parent.name, pair


def _is_of(pair: PreferencePair, wanted: str) -> bool:
    return any(id.startswith(wanted) for id in (pair.id, pair.prompt_id, pair.chosen_id, pair.rejected_id))


def read_turn(step: Path, beside: Sequence[Beside] = ()) -> Turn:
    """What lies in the folder of a turn; it has answers at least."""
    prompts = {p.id: p for p in files.read(step / "prompts.jsonl", Prompt)}
    written = [step / name for name in ("responses.jsonl", "anchors.jsonl")]
    responses = [one for path in written if path.exists() for one in files.read(path, Response)]
    judged, paired = step / JUDGEMENTS, step / "pairs.jsonl"
    judgements = files.read(judged, Judgement) if judged.exists() else []
    pairs = files.read(paired, PreferencePair) if paired.exists() else []
    answered = {r.id: r.prompt_id for r in responses}
    owner = {id: id for id in prompts} | answered | {p.id: p.prompt_id for p in pairs}
    owner |= {j.id: answered[j.response_id] for j in judgements if j.response_id in answered}
    owner |= {one.id: owner[one.of] for one in beside if one.of in owner}
    known = {id: prompt for id, prompt in owner.items() if prompt in prompts}
    return Turn(step.name, prompts, responses, judgements, kept_rewards(step), pairs, known, beside)


def pairs_of(turn: Turn, prompt: Prompt) -> list[PreferencePair]:
    """The pairs that came of a turn's answers to a prompt."""
    return [pair for pair in turn.pairs if pair.prompt_id == prompt.id]


def pair_lines(turn: Turn, prompt: Prompt) -> Iterator[str]:
    """The pairs, or why there is none; words of other turns or of people, which stand in no list above, are shown."""
    pairs = pairs_of(turn, prompt)
    if not pairs:
        yield "no pair: the scored answers are equal, or fewer than two have a score"
    shown = {response.id for response in turn.responses}
    for pair in pairs:
        for role, id, turns in (("CHOSEN", pair.chosen_id, pair.chosen), ("REJECTED", pair.rejected_id, pair.rejected)):
            if id not in shown:
                yield f"{role}, of elsewhere: {id}"
                yield from (_indent(one.content) for one in turns)
        weight = "" if pair.label_weight == 1 else f", label weight {pair.label_weight:.3f}"
        against = f"{pair.chosen_score:.3f} against {pair.rejected_score:.3f}"
        yield f"pair {pair.id}: {against}, margin {pair.margin:.3f}{weight}"


def _answers(turn: Turn, prompt: Prompt) -> Iterator[str]:
    """The prompt, and all answers with what was said of them."""
    pairs = pairs_of(turn, prompt)
    roles = {p.chosen_id: ", CHOSEN" for p in pairs} | {p.rejected_id: ", REJECTED" for p in pairs}
    yield f"{turn.name}, prompt {prompt.id} (from {one_line(prompt.source)})"
    yield _indent(prompt.transcript)
    for response in (r for r in turn.responses if r.prompt_id == prompt.id):
        role = roles.get(response.id, "")
        score = f"{turn.rewards[response.id]:.3f}" if response.id in turn.rewards else "none"
        cut = ", cut at the token limit" if response.finish == "length" else ""
        yield f"\nresponse {response.id} by {one_line(response.author)}: reward {score}{role}{cut}"
        yield _indent(response.text)
        for judgement in (j for j in turn.judgements if j.response_id == response.id):
            asked = ", asked to finish" if judgement.completed else ""
            why = f" ({judgement.unread})" if judgement.unread else ""
            yield f"    judgement {judgement.draw} by {one_line(judgement.judge)}: score {judgement.score}{why}{asked}"
            yield _indent(judgement.raw, 6)
        for line in (line for one in turn.beside if one.of == response.id for line in one.lines):
            yield _indent(line, 4)
    for line in (line for one in turn.beside if one.of == prompt.id for line in one.lines):
        yield f"\n{line}"


def _indent(text: str, by: int = 2) -> str:
    return "\n".join(" " * by + line for line in text.split("\n"))
