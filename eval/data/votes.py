"""A file of votes that the page of `srlm-eval annotate` saved: read, or refused with what is wrong with it."""

import unicodedata
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator

from srlm.bounded import files as bounded
from srlm.bounded import json_text
from srlm.bounded.quote import quoted
from srlm.errors import DataError
from srlm.records import Record

FORMAT = "srlm-votes-1"
MOST = 16 * 2**20
"""Bytes: a page of a hundred thousand prompts has fewer."""
LONGEST_NAME = 80
Choice = Literal["left", "tie", "right", "skip"]
Id = Annotated[str, Field(pattern="^[0-9a-f]{16}$")]


class Vote(Record):
    """What one person said of one comparison."""

    item: Id
    vote: Choice


class Votes(Record):
    """What one person said of a page; comparisons without a vote are left out."""

    format: Literal["srlm-votes-1"]
    page: Id
    annotator: str
    """A name or initials."""
    items: int
    """Comparisons of the page."""
    votes: tuple[Vote, ...]

    @field_validator("annotator")
    @classmethod
    def _named(cls, value: str) -> str:
        name = unicodedata.normalize("NFC", " ".join(value.split()))
        if not name or len(name) > LONGEST_NAME:
            raise ValueError(f"must be a name or initials of at most {LONGEST_NAME} characters")
        return name

    @property
    def person(self) -> str:
        """The annotator, whatever the case of the letters."""
        return self.annotator.casefold()

    @property
    def by_item(self) -> dict[str, Choice]:
        """The votes by comparison."""
        return {one.item: one.vote for one in self.votes}


def read(path: Path) -> Votes:
    """One person's votes, each comparison once. Raises DataError where the file holds anything else."""
    try:
        value = json_text.decode(bounded.read_bytes(path, MOST))
    except json_text.NotJson as error:
        raise DataError(f"{path}: {error}; {ORIGIN}") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}; {ORIGIN}") from None
    found = _votes(path, value)
    said: dict[str, Choice] = {}
    for one in found.votes:
        if said.setdefault(one.item, one.vote) != one.vote:
            raise DataError(
                f"{path}: two different votes on {one.item} ({said[one.item]}, {one.vote}): the file was edited, or "
                f"put together from two; {ORIGIN}"
            )
    if not said:
        raise DataError(f"{path}: holds no votes")
    return found.model_copy(update={"votes": tuple(Vote(item=item, vote=vote) for item, vote in said.items())})


ORIGIN = "import the file as the page saved it"


def _votes(path: Path, value: Any) -> Votes:
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise DataError(f"{path}: not a file of votes (`format` is not {FORMAT}); {ORIGIN}")
    try:
        return Votes.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise DataError(f"{path}: {quoted(place)}: {first['msg']}; {ORIGIN}") from None
