"""A constitution: principles by which a model revises its own answers and chooses between two of them.

One YAML file. The four frames say how a model is asked; each principle says what it is asked about:

    critique: |            slots {prompt}, {response}, {request}
    revision: |            slots {prompt}, {response}, {critique}, {request}
    choice: |              slots {prompt}, {first}, {second}, {principle}; asks for one letter
    reasoned_choice: |     the same; asks for reasons, and the letter behind `lead`
    lead: "[["
    labels: [A, B]
    principles:
      - name: honest
        critique: ...      what to look for, and how to mend it
        revision: ...
        choice: ...        which of two answers is better

A principle without `choice` is drawn for revisions alone, one without `critique` and `revision` for choices alone.
"""

from collections.abc import Mapping, Sequence

from pydantic import Field, model_validator

from srlm.errors import SettingsError
from srlm.records import Record, digest
from srlm.text.pair_prompt import LEAD, Labels, PairTemplate
from srlm.text.template import fill, frame
from srlm.text.verdict_labels import LETTERS
from srlm.text.written import from_yaml

FRAMES: Mapping[str, Sequence[str]] = {
    "critique": ("prompt", "response", "request"),
    "revision": ("prompt", "response", "critique", "request"),
    "choice": ("prompt", "first", "second", "principle"),
    "reasoned_choice": ("prompt", "first", "second", "principle"),
}
"""The slots of each frame."""
REASONS = 256
"""Tokens that a choice with reasons may take."""


class Principle(Record):
    """One principle."""

    name: str = Field(min_length=1)
    critique: str | None = Field(default=None, min_length=1)
    """What a critique is asked for. None: nothing is revised by this principle."""
    revision: str | None = Field(default=None, min_length=1)
    """What a revision is asked for."""
    choice: str | None = Field(default=None, min_length=1)
    """Which of two answers is the better one. None: nothing is chosen by this principle."""

    @model_validator(mode="after")
    def _usable(self) -> "Principle":
        if (self.critique is None) != (self.revision is None):
            raise ValueError("a principle has both critique and revision, or neither")
        if self.critique is None and self.choice is None:
            raise ValueError("a principle needs critique and revision, or choice")
        return self


class Constitution(Record):
    """Frames and principles."""

    critique: str
    revision: str
    choice: str
    reasoned_choice: str
    lead: str = Field(default=LEAD, min_length=1)
    """Words behind which the letter of a reasoned choice stands."""
    labels: Labels = LETTERS
    """The letters that name the two answers."""
    principles: tuple[Principle, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _whole(self) -> "Constitution":
        for name, slots in FRAMES.items():
            try:
                fill(getattr(self, name), dict.fromkeys(slots, ""))
            except SettingsError as error:
                raise ValueError(f"{name}: {error}") from None
        names = [one.name for one in self.principles]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two principles are called {twice[0]!r}")
        return self

    @property
    def digest(self) -> str:
        """Id of all that a model is asked with, kept in manifests."""
        return digest("constitution", self.model_dump(mode="json"))

    @property
    def revising(self) -> tuple[Principle, ...]:
        """Those by which answers are revised."""
        return tuple(one for one in self.principles if one.critique is not None)

    @property
    def choosing(self) -> tuple[Principle, ...]:
        """Those by which one of two answers is chosen."""
        return tuple(one for one in self.principles if one.choice is not None)

    def critique_of(self, principle: Principle, prompt: str, response: str) -> str:
        """What a model is asked for a critique; text in an answer fills no slot."""
        request = principle.critique or ""
        return frame(self.critique.rstrip("\n"), {"prompt": prompt, "response": response, "request": request})

    def revision_of(self, principle: Principle, prompt: str, response: str, critique: str) -> str:
        """What a model is asked for a revision."""
        words = {"prompt": prompt, "response": response, "critique": critique, "request": principle.revision or ""}
        return frame(self.revision.rstrip("\n"), words)

    def pair_template(self, reasons: int | None) -> PairTemplate:
        """How a model is asked to choose by a principle: behind `reasons`, so many tokens at most. None: at once."""
        wording: dict[str, object] = {"name": "choice", "labels": self.labels, "lead": self.lead}
        if reasons is None:
            return PairTemplate.model_validate({**wording, "text": self.choice.rstrip("\n")})
        text = self.reasoned_choice.rstrip("\n")
        return PairTemplate.model_validate({**wording, "text": text, "form": "reasoned", "tokens": reasons})


def read_constitution(text: str, name: str) -> Constitution:
    """The constitution in a YAML text; `name` is what messages call it. Raises SettingsError where it is none."""
    return from_yaml(Constitution, text, name, "a constitution is a mapping with principles and the four frames")
