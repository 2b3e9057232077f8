"""The bead world as the rest of srlm sees it."""

from collections.abc import Sequence

from srlm.records import Prompt, SeedData
from srlm.worlds.base import BaseLine
from srlm.worlds.beads import base_text, data, program, rows
from srlm.worlds.beads.settings import BeadsData


class BeadWorld:
    """A `World` (`srlm/worlds/base.py`)."""

    title = "bead world"
    package = __package__
    answers_a_set = data.ANSWERS_A_SET

    def seed_data(self, settings: BeadsData, seed: int) -> SeedData:
        return data.seed_data(settings, seed)

    def fresh_prompts(self, settings: BeadsData, seed: int, before: int, number: int) -> list[Prompt]:
        return data.fresh_prompts(settings, seed, before, number)

    def score(self, prompt: str, response: str) -> float:
        return program.oracle_score(prompt, response)

    def form_score(self, review: str) -> float | None:
        return program.form(review)

    def changed(self, prompt: str, seed: int) -> str:
        return rows.changed(prompt, seed)

    def vocabulary(self) -> Sequence[str]:
        return program.vocabulary()

    def base_lines(self, settings: BeadsData, seed: int) -> Sequence[BaseLine]:
        return base_text.base_lines(settings.base_lines, seed)
