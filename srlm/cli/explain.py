"""`srlm explain`: one pair from end to end, from the run's own files."""

import re
from typing import Any

from rich.console import Console

from srlm.errors import StoreError
from srlm.judge.pairs import rewards
from srlm.judge.rubric import load as load_rubric
from srlm.records import Judgement, PreferencePair, Prompt, Response
from srlm.settings import Settings
from srlm.store import files
from srlm.store.folder import RunFolder

CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]"
)
"""What moves the cursor, changes colours or direction, or hides."""


def tell(settings: Settings, wanted: str, console: Console) -> None:
    """Print all that is known of the prompt behind an id. Raises StoreError where no step knows the id."""
    folder = RunFolder(settings)
    told: list[tuple[Any, ...]] = []
    for path in sorted(folder.path.glob("M*/responses.jsonl")):
        step = path.parent
        prompts = {p.id: p for p in files.read(step / "prompts.jsonl", Prompt)}
        responses = files.read(path, Response)
        judged, paired = step / "judgements.jsonl", step / "pairs.jsonl"
        readings = files.read(judged, Judgement) if judged.exists() else []
        pairs = files.read(paired, PreferencePair) if paired.exists() else []
        owner = {p.id: p.id for p in prompts.values()} | {r.id: r.prompt_id for r in responses}
        for reading in readings:
            if reading.response_id not in owner:
                raise StoreError(f"{judged}: a judgement of {reading.response_id}, which {path.name} does not hold")
            owner[reading.id] = owner[reading.response_id]
        owner |= {p.id: p.prompt_id for p in pairs}
        found = sorted({owner[id] for id in owner if id.startswith(wanted)})
        told += [(step.name, prompts[id], responses, readings, pairs) for id in found]
    if not told:
        raise StoreError(f"{wanted}: no pair, prompt, response or judgement of {folder.path} has this id")
    if len(told) > 1:
        steps = ", ".join(sorted({step for step, *_ in told}))
        raise StoreError(f"{wanted!r}: {len(told)} prompts of {steps} match; give more characters of the id")
    _one(console, settings, *told[0])


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
    console.print(_indent(prompt.text))
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
            console.print(f"    reading {reading.draw} by {reading.judge}: score {reading.score}{asked}")
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


def _indent(text: str, by: int = 2) -> str:
    """Model text for a terminal: control and direction characters become visible, so none is obeyed."""
    shown = CONTROL.sub(lambda found: f"<U+{ord(found[0]):04X}>", text)
    return "\n".join(" " * by + line for line in shown.split("\n"))
