"""What a world is: it draws all data of a run from a seed, and an exact program knows every answer.

A new world is a folder beside this file with a settings class and a class of this shape, and a line each in `table.py`.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar

from srlm.records import Demonstration, Prompt, SeedData
from srlm.section import Section

SettingsOfWorld = TypeVar("SettingsOfWorld", bound=Section, contravariant=True)


class BaseLine(NamedTuple):
    """A line of M0's training text and which of its words can be foretold (only those carry loss)."""

    words: list[str]
    predictable: list[bool]


class Grade(NamedTuple):
    """What an exact program says of an answer."""

    met: Mapping[str, bool]
    """Of each criterion of the world, whether the answer meets it; `correct` is one of them."""
    score: float
    """Points, 0 to 5."""


class World(Protocol[SettingsOfWorld]):
    """A small world; `settings` is the section `data` of the run."""

    title: str
    """What messages and help texts call it, as in `bead world`."""
    package: str
    """Its Python package. `templates/KIND.txt` in it is the rubric that `judge.template: KIND` names."""
    answers_a_set: int
    """Ranked answers to each prompt of the seed data."""
    has_base_text: bool
    """Whether an M0 from random weights can be trained on it: it has a vocabulary and base lines."""

    def seed_data(self, settings: SettingsOfWorld, seed: int) -> SeedData:
        """All that a run starts from and is measured on. The source of each prompt is the world's `data.kind`."""
        ...

    def fresh_prompts(self, settings: SettingsOfWorld, seed: int, before: int, number: int) -> list[Prompt]:
        """`number` new prompts, which come after the first `before` new ones; none of them is in the seed data."""
        ...

    def score(self, prompt: str, response: str) -> float:
        """Points of the exact program, 0 to 5. Raises DataError where `prompt` is no prompt of this world."""
        ...

    def grade(self, prompt: str, response: str) -> Grade:
        """The same, criterion by criterion."""
        ...

    def verdicts(self, review: str) -> Mapping[str, bool] | None:
        """What a review says of each criterion; None where it does not say."""
        ...

    def groups(self, settings: SettingsOfWorld) -> Mapping[str, Sequence[str]]:
        """Groups of kinds of prompt that are measured apart, by name; the kind of a prompt is its category."""
        ...

    def form_score(self, review: str) -> float | None:
        """The points that a review gives for an answer's form alone; None where it gives none."""
        ...

    def changed(self, prompt: str, seed: int) -> str:
        """A prompt that resembles this one and wants another answer. Raises DataError as `score` does."""
        ...

    def vocabulary(self, settings: SettingsOfWorld) -> Sequence[str]:
        """Every word of the world, in a fixed order, for the tokenizer of an M0 from random weights."""
        ...

    def base_lines(self, settings: SettingsOfWorld, seed: int) -> Sequence[BaseLine]:
        """Text on which an M0 from random weights is trained."""
        ...

    def skills(self, settings: SettingsOfWorld) -> Sequence[str]:
        """The names of what `settings` have M1 taught beside answering and judging; mostly none."""
        ...

    def demonstrations(self, settings: SettingsOfWorld, data: SeedData, seed: int) -> list[Demonstration]:
        """What M1 is shown beside IFT and EFT: skills that a method needs and `settings` ask for; mostly none."""
        ...
