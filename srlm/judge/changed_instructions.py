"""Instructions that resemble another and want something else: a good answer to one is a worse answer to the other.

Wang et al. 2024 (Self-Taught Evaluators), section 3.2: a model writes "highly relevant but not semantically identical"
instructions. The request is ours; `method.changed_template` takes another text with a slot {prompt}.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self

from srlm.bounded.files import read_text
from srlm.data.overlap import normalised
from srlm.engines.base import Completion, Engine, Request
from srlm.errors import SettingsError
from srlm.judge.pointwise import Report, quiet
from srlm.judge.unread import parted, why_unread
from srlm.judge.wording import Shipped
from srlm.records import OTHER_ID, Prompt, Record, digest, seed_for, user
from srlm.settings import Sampling
from srlm.store.files import resumable
from srlm.text.template import frame

REQUEST = Shipped("srlm.judge", "changed_instruction.txt")
"""Our request."""
Refused = Literal["empty", "cut", "the same instruction", "refused"]
"""Why what was written is no changed instruction."""


class ChangedInstruction(Record):
    """What a model made of a prompt's instruction."""

    id: str
    prompt_id: str
    """Of the prompt whose instruction it changes."""
    writer: str
    """Id of the model, or the name of a world whose program drew it."""
    raw: str
    text: str | None
    """The new instruction. None: `raw` is none, for the reason in `refused`."""
    refused: Refused | None = None

    @classmethod
    def of(cls, prompt_id: str, writer: str, raw: str, text: str | None, refused: Refused | None = None) -> Self:
        identity = digest("changed instruction", prompt_id, writer, raw)
        return cls(id=identity, prompt_id=prompt_id, writer=writer, raw=raw, text=text, refused=refused)

    def fault(self) -> str | None:
        if self.id != digest("changed instruction", self.prompt_id, self.writer, self.raw):
            return OTHER_ID
        if (self.text is None) == (self.refused is None):
            return "it has a text and a reason why it has none, or neither"
        return None if self.text in (None, self.raw.strip()) else "its text is not what was written"

    def prompt(self, before: Prompt) -> Prompt | None:
        """The prompt that a worse answer is written to: the conversation as it was, the last turn changed."""
        return None if self.text is None else Prompt.of(self.text, self.writer, before.category, before.before)


def request_text(template: str | None) -> str:
    """The words of the request: ours, or a file's. Raises SettingsError where they lack the slot {prompt}."""
    if template is None:
        return REQUEST.text.rstrip("\n")
    try:
        text = read_text(Path(template), encoding="utf-8-sig").rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"method.changed_template: {template} is not a readable file: {error}") from None
    try:
        frame(text, {"prompt": ""})
    except SettingsError as error:
        raise SettingsError(f"method.changed_template {template}: {error}") from None
    return text


def write_changed(
    engine: Engine,
    prompts: Sequence[Prompt],
    text: str,
    sampling: Sampling,
    *,
    seed: int,
    path: Path,
    report: Report = quiet,
    block: int,
) -> Sequence[ChangedInstruction]:
    """One changed instruction a prompt, by the engine, kept in `path`; `text` is the request with its slot."""

    def work(chunk: Sequence[Prompt], index: int) -> list[ChangedInstruction]:
        requests = [Request(messages=user(frame(text, {"prompt": one.transcript}))) for one in chunk]
        said = engine.generate(requests, sampling, seed_for(seed, "changed", index))
        return [parsed(prompt, engine.id, parted(own[0])) for prompt, own in zip(chunk, said, strict=True)]

    return resumable(
        path,
        ChangedInstruction,
        prompts,
        work,
        per_item=1,
        block=block,
        report=report,
        concurrency=lambda: engine.concurrency,
        belongs=lambda prompt, one: one.prompt_id == prompt.id,
    )


def parsed(prompt: Prompt, writer: str, written: Completion) -> ChangedInstruction:
    """What was written, as an instruction, or the reason why it is none; the same words are no change."""
    raw, text = written.text, written.text.strip()
    why: Refused | None = None
    match why_unread(written):
        case None if not text:
            why = "empty"
        case None if normalised(text) == normalised(prompt.text):
            why = "the same instruction"
        case None:
            pass
        case "refused":
            why = "refused"
        case _:
            why = "cut"
    return ChangedInstruction.of(prompt.id, writer, raw, None if why else text, why)


def refused_counts(every: Sequence[ChangedInstruction]) -> dict[str, int]:
    """`changed instructions dropped: cut` and the like, for a manifest."""
    found = Counter(one.refused for one in every if one.refused is not None)
    return {f"changed instructions dropped: {why}": number for why, number in sorted(found.items())}
