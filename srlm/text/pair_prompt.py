"""The prompt of a pairwise judge: a text with three slots, and the form its verdict takes.

A text may begin with a head that ends in a line `---`:

    form: scores
    tokens: 1024
    ---
    Two answers ... {prompt} ... {first} ... {second}

`form` is how the answer is read: `letter` (one letter, whose probability is read where there is one), `verdict` (any
form that srlm.text.verdict reads: `[[A]]`, `[[A>>B]]`, JSON, sentences), `scores` (a score for each answer), or
`reasoned` (reasons, and behind `lead` one letter, whose probability is read where there is one; else as `verdict`).
`tokens` is the room for the answer without a thought. `labels` are the two letters that name the answers. Without a
head a text asks for one letter, A or B. A template may have the slot {principle}: what an item is to be judged by.
"""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from srlm.errors import SettingsError
from srlm.records import Record, digest
from srlm.text.score_pair import read_score_pair
from srlm.text.template import fill, frame
from srlm.text.verdict import Verdict, read_verdict
from srlm.text.verdict_labels import LETTERS

LEAD = "[["
"""What stands before the letter of `[[A]]`."""
Form = Literal["letter", "verdict", "scores", "reasoned"]


def _letters(labels: tuple[str, str]) -> tuple[str, str]:
    if any(len(label) != 1 or not label.isalnum() for label in labels) or labels[0] == labels[1]:
        raise ValueError(f"must be two different letters, as A and B, found {' and '.join(labels)}")
    return labels


Labels = Annotated[tuple[str, str], AfterValidator(_letters)]
"""The letters by which the two answers are called."""


class PairTemplate(Record):
    """A pairwise judge's prompt."""

    slots: ClassVar[tuple[str, ...]] = ("prompt", "first", "second")
    """Those that its text must have."""

    name: str
    text: str
    """With its slots; {principle} where items are judged by one."""
    form: Form = "letter"
    tokens: int = Field(default=64, ge=1)
    """Room for the answer."""
    labels: Labels = LETTERS
    lead: str = Field(default=LEAD, min_length=1)
    """Words behind which the letter of a `reasoned` verdict stands."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        try:
            fill(self.text, dict.fromkeys(self.slots, ""))
        except SettingsError as error:
            raise ValueError(str(error)) from None
        return self

    @property
    def digest(self) -> str:
        """Id of the wording and of how the answer is read, kept in notes and beside calls."""
        if self.form == "letter" and self.labels == LETTERS:
            return digest("pairwise", self.text)  # as it always was
        lead = [self.lead] if self.form == "reasoned" else []
        return digest("pairwise", self.text, self.form, self.labels, *lead)

    def prompt(self, prompt: str, first: str, second: str, principle: str | None = None) -> str:
        """What a judge is asked about two answers; text in an answer fills no slot.

        Raises SettingsError where the template lacks the slot {principle}, and there is one.
        """
        more = {} if principle is None else {"principle": principle}
        return frame(self.text, {"prompt": prompt, "first": first, "second": second, **more})

    def read(self, text: str) -> Verdict:
        """The verdict of what a judge answered."""
        return read_score_pair(text, self.labels) if self.form == "scores" else read_verdict(text, self.labels)


def parts(whole: str) -> dict[str, object]:
    """The head's fields and the text."""
    head, line, text = whole.partition("\n---\n")
    rows = [row.partition(":") for row in head.splitlines()]
    keys = {key.strip() for key, _, _ in rows}
    # A head with one field that is known may have another misspelt, which is refused then.
    fields_alone = all(key.strip().isidentifier() and colon for key, colon, _ in rows)
    if not line or not fields_alone or keys.isdisjoint(("form", "tokens", "labels", "lead")):
        return {"text": whole.rstrip("\n")}
    fields: dict[str, object] = {key.strip(): value.strip() for key, _, value in rows}
    if "labels" in fields:
        fields["labels"] = tuple(str(fields["labels"]).split())
    return {**fields, "text": text.rstrip("\n")}
