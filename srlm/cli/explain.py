"""`srlm explain`: one pair from end to end, from the run's own files."""

import re
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from srlm.errors import StoreError
from srlm.judge.pairs import rewards
from srlm.judge.rubric import load as load_rubric
from srlm.records import Judgement, PreferencePair, Prompt, Response
from srlm.settings import Settings
from srlm.store import files
from srlm.store.folder import RunFolder

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def tell(settings: Settings, wanted: str, console: Console) -> None:
    """Print all that is known of the prompt behind an id. Raises StoreError where no id, or more than one, matches."""
    folder = RunFolder(settings)
    if not folder.path.is_dir():
        raise StoreError(f"{folder.path}: no such run; `srlm train` makes it")
    steps = [_step(path.parent) for path in sorted(folder.path.glob("M*/responses.jsonl"))]
    exact = [(step, step.owner[wanted]) for step in steps if wanted in step.owner]
    near = [(step, owner) for step in steps for owner in sorted(step.owned(wanted))]
    found = exact or near
    if not found:
        raise StoreError(f"{wanted}: no pair, prompt, response or judgement of {folder.path} has this id")
    several = len({prompt for _, prompt in found})
    if several > 1:
        where = ", ".join(dict.fromkeys(step.name for step, _ in found))
        raise StoreError(f"{wanted}: {several} prompts of {where} match; give more characters of the id")
    for step, prompt in found:
        _one(console, settings, step.name, step.prompts[prompt], step.responses, step.readings, step.pairs)


class _Step(NamedTuple):
    """What a turn of the loop has written so far."""

    name: str
    prompts: dict[str, Prompt]
    responses: list[Response]
    readings: list[Judgement]
    pairs: list[PreferencePair]
    owner: dict[str, str]
    """The prompt's id for the id of each prompt, response, reading and pair."""

    def owned(self, start: str) -> set[str]:
        """Prompts that have something whose id begins so."""
        return {prompt for id, prompt in self.owner.items() if id.startswith(start)}


def _step(step: Path) -> _Step:
    prompts = {p.id: p for p in files.read(step / "prompts.jsonl", Prompt)}
    responses = files.read(step / "responses.jsonl", Response)
    judged, paired = step / "judgements.jsonl", step / "pairs.jsonl"
    readings = files.read(judged, Judgement) if judged.exists() else []
    pairs = files.read(paired, PreferencePair) if paired.exists() else []
    answered = {r.id: r.prompt_id for r in responses}
    owner = {id: id for id in prompts} | answered | {p.id: p.prompt_id for p in pairs}
    owner |= {j.id: answered[j.response_id] for j in readings if j.response_id in answered}
    known = {id: prompt for id, prompt in owner.items() if prompt in prompts}
    return _Step(step.name, prompts, responses, readings, pairs, known)


def _one(
    console: Console,
    settings: Settings,
    step: str,
    prompt: Prompt,
    responses: list[Response],
    readings: list[Judgement],
    pairs: list[PreferencePair],
) -> None:
    pair = next((p for p in pairs if p.prompt_id == prompt.id), None)
    console.print(f"{step}, prompt {prompt.id} (from {prompt.source})")
    console.print(_indent(prompt.transcript))
    reward = rewards(readings)
    for response in (r for r in responses if r.prompt_id == prompt.id):
        role = ""
        if pair is not None:
            role = {pair.chosen_id: ", CHOSEN", pair.rejected_id: ", REJECTED"}.get(response.id, "")
        score = f"{reward[response.id]:.3f}" if response.id in reward else "none"
        cut = ", cut at the token limit" if response.finish == "length" else ""
        console.print(f"\nresponse {response.id} by {response.author}: reward {score}{role}{cut}")
        console.print(_indent(response.text))
        for reading in (j for j in readings if j.response_id == response.id):
            asked = ", asked to finish" if reading.completed else ""
            why = f" ({reading.unread})" if reading.unread else ""
            console.print(f"    reading {reading.draw} by {reading.judge}: score {reading.score}{why}{asked}")
            console.print(_indent(reading.raw, 6))
    rubric = load_rubric(settings.judge.template)
    console.print(
        f"\nrule: arm {settings.arm}; rubric {rubric.name} ({rubric.digest}); reward = mean of the readings with a "
        "score line (the last one decides); best against worst, equal rewards give no pair"
    )
    if pair is not None:
        console.print(
            f"pair {pair.id}: {pair.chosen_score:.3f} against {pair.rejected_score:.3f}, margin {pair.margin:.3f}"
        )
    else:
        console.print("no pair: the scored answers are equal, or fewer than two have a score")


def visible(text: str) -> str:
    """Model text for a terminal: control and direction characters become visible, so none is obeyed."""
    return CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _indent(text: str, by: int = 2) -> str:
    return "\n".join(" " * by + line for line in visible(text).split("\n"))
