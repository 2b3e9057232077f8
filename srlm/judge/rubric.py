"""The prompt a judge gets: the additive five-point rubric (the paper, figure 2, in our words) or the user's file."""

from importlib import resources
from pathlib import Path

from srlm.bounded.files import read_text
from srlm.engines.base import Request
from srlm.errors import SettingsError
from srlm.records import Record, digest, user
from srlm.text.template import frame
from srlm.worlds.table import WORLDS

SHIPPED = ("additive", *WORLDS, "multiple_choice")
"""The names of those that come with srlm: the additive one, one of each world, and five descriptions to choose from
(after Li et al. 2023, arXiv 2308.06259, with which the paper compares)."""


class Rubric(Record):
    """A judge's template."""

    name: str
    text: str

    @property
    def digest(self) -> str:
        """Id of the wording, kept in manifests."""
        return digest("rubric", self.text)

    def prompt(self, instruction: str, response: str) -> str:
        """The judge's prompt for one response."""
        return frame(self.text, {"prompt": instruction, "response": response})

    def request(self, instruction: str, response: str, draws: int = 1) -> Request:
        """The same as a request to an engine."""
        return Request(messages=user(self.prompt(instruction, response)), draws=draws)


def load(template: str) -> Rubric:
    """A shipped rubric by name, or the text of a file. Raises SettingsError where a slot is missing."""
    if template in SHIPPED:
        text = resources.files(package_of(template)).joinpath(f"templates/{template}.txt").read_text(encoding="utf-8")
    else:
        try:
            text = read_text(Path(template))
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(
                f"judge.template: {template} is neither a readable file nor one of {', '.join(SHIPPED)}: {error}"
            ) from None
    rubric = Rubric(name=template, text=text.rstrip("\n"))
    try:
        rubric.prompt("", "")
    except SettingsError as error:
        raise SettingsError(f"judge.template {template}: {error}") from None
    return rubric


def package_of(shipped: str) -> str:
    """The package in whose folder `templates` the text of a shipped rubric lies, as NAME.txt."""
    return WORLDS[shipped].package if shipped in WORLDS else "srlm.judge"
