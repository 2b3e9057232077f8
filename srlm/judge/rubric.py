"""The prompt a judge gets: the additive five-point rubric (the paper, figure 2, in our words) or the user's file."""

from srlm.engines.base import Request
from srlm.errors import SettingsError
from srlm.judge.wording import Shipped, shipped, text_of
from srlm.records import Record, digest, user
from srlm.text.template import frame

SHIPPED = {
    **shipped({"additive": "additive.txt"}, "{kind}.txt"),
    "multiple_choice": Shipped("srlm.judge", "multiple_choice.txt"),
}
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
    text = text_of(template, SHIPPED, "judge.template")
    rubric = Rubric(name=template, text=text.rstrip("\n"))
    try:
        rubric.prompt("", "")
    except SettingsError as error:
        raise SettingsError(f"judge.template {template}: {error}") from None
    return rubric
