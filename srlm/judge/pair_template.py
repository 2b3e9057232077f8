"""The prompt of a pairwise judge: a text with three slots, and the form its verdict takes.

A file may begin with a head that ends in a line `---`:

    form: scores
    tokens: 1024
    ---
    Two answers ... {prompt} ... {first} ... {second}

`form` is how the answer is read: `letter` (one letter, whose probability is read where there is one), `verdict` (any
form that srlm.text.verdict reads: `[[A]]`, `[[A>>B]]`, JSON, sentences), `scores` (a score for each answer), or
`reasoned` (reasons, and behind `lead` one letter, whose probability is read where there is one; else as `verdict`).
`tokens` is the room for the answer without a thought. `labels` are the two letters that name the answers. Without a
head a file asks for one letter, A or B. A template may have the slot {principle}: what an item is to be judged by.
"""

from importlib import resources
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import Field, ValidationError

from srlm.bounded.files import read_text
from srlm.errors import SettingsError
from srlm.records import Record, digest
from srlm.text.score_pair import read_score_pair
from srlm.text.template import frame
from srlm.text.verdict import Verdict, read_verdict
from srlm.text.verdict_labels import LETTERS
from srlm.worlds.table import WORLDS

SHIPPED = {
    "letter": "pairwise",
    "brackets": "pair_brackets",
    "five-steps": "pair_five_steps",
    "json": "pair_json",
    "scores": "pair_scores",
}
"""Name of a template that comes with srlm -> its file's name. Each world has one of its own, `pair_KIND.txt`."""
NAMES = (*SHIPPED, *WORLDS)
"""All names that are no file's."""
LEAD = "[["
"""What stands before the letter of `[[A]]`."""
Form = Literal["letter", "verdict", "scores", "reasoned"]


class PairTemplate(Record):
    """A pairwise judge's prompt."""

    name: str
    text: str
    """With the slots {prompt}, {first} and {second}; {principle} where items are judged by one."""
    form: Form = "letter"
    tokens: int = Field(default=64, ge=1)
    """Room for the answer."""
    labels: tuple[str, str] = LETTERS
    lead: str = LEAD
    """Words behind which the letter of a `reasoned` verdict stands."""

    @property
    def digest(self) -> str:
        """Id of the wording and of how the answer is read, kept in notes and beside calls."""
        if self.form == "letter" and self.labels == LETTERS:
            return digest("pairwise", self.text)  # as it always was
        lead = [self.lead] if self.form == "reasoned" else []
        return digest("pairwise", self.text, self.form, self.labels, *lead)

    def prompt(self, prompt: str, first: str, second: str, principle: str | None = None) -> str:
        """What a judge is asked about two answers; text in an answer fills no slot.

        Raises SettingsError where the template lacks a slot.
        """
        more = {} if principle is None else {"principle": principle}
        return frame(self.text, {"prompt": prompt, "first": first, "second": second, **more})

    def read(self, text: str) -> Verdict:
        """The verdict of what a judge answered."""
        return read_score_pair(text, self.labels) if self.form == "scores" else read_verdict(text, self.labels)


class Place(NamedTuple):
    """Where a template that comes with srlm lies."""

    package: str
    """In whose folder `templates`."""
    file: str


def place_of(name: str) -> Place | None:
    """Where the template of a name lies. None: the name is a file's."""
    if name in SHIPPED:
        return Place("srlm.judge", f"{SHIPPED[name]}.txt")
    return Place(WORLDS[name].package, f"pair_{name}.txt") if name in WORLDS else None


def load(name: str) -> PairTemplate:
    """A shipped template by its name, or a file. Raises SettingsError where it cannot be used."""
    if (place := place_of(name)) is not None:
        whole = resources.files(place.package).joinpath(f"templates/{place.file}").read_text(encoding="utf-8")
    else:
        try:
            whole = read_text(Path(name), encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(
                f"pairwise template: {name} is neither a readable file nor one of {', '.join(NAMES)}: {error}"
            ) from None
    try:
        template = PairTemplate.model_validate({**parts(whole), "name": name})
        template.prompt("", "", "")
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "head"
        raise SettingsError(f"pairwise template {name}: {field}: {first['msg']}") from None
    except SettingsError as error:
        raise SettingsError(f"pairwise template {name}: {error}") from None
    if any(len(label) != 1 or label.isspace() for label in template.labels) or len(set(template.labels)) < 2:
        raise SettingsError(f"pairwise template {name}: labels must be two different letters, as in `labels: A B`")
    return template


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
