"""The bead world as the rest of srlm sees it."""

from collections.abc import Mapping, Sequence

from srlm.records import Demonstration, Prompt, SeedData
from srlm.worlds.base import BaseLine, Grade
from srlm.worlds.beads import base_text, data, program, rows
from srlm.worlds.beads.settings import BeadsData
from srlm.worlds.beads.skills.table import chosen
from srlm.worlds.drawing import ANSWERS_A_SET


class BeadWorld:
    """A `World` (`srlm/worlds/base.py`)."""

    title = "bead world"
    package = __package__
    answers_a_set = ANSWERS_A_SET
    has_base_text = True

    def seed_data(self, settings: BeadsData, seed: int) -> SeedData:
        return data.seed_data(settings, seed)

    def fresh_prompts(self, settings: BeadsData, seed: int, before: int, number: int) -> list[Prompt]:
        return data.fresh_prompts(settings, seed, before, number)

    def score(self, prompt: str, response: str) -> float:
        return program.oracle_score(prompt, response)

    def grade(self, prompt: str, response: str) -> Grade:
        found = program.grade(prompt, response)
        return Grade({name: getattr(found, name) for name in program.Criteria.model_fields}, found.score)

    def verdicts(self, review: str) -> Mapping[str, bool] | None:
        found = program.criteria(review)
        return None if found is None else found.model_dump()

    def groups(self, settings: BeadsData) -> Mapping[str, Sequence[str]]:
        return {}

    def form_score(self, review: str) -> float | None:
        return program.form(review)

    def changed(self, prompt: str, seed: int) -> str:
        return rows.changed(prompt, seed)

    def vocabulary(self, settings: BeadsData) -> Sequence[str]:
        more = (word for skill in chosen(settings.skills) for word in skill.words)
        return list(dict.fromkeys([*program.vocabulary(), *more]))

    def base_lines(self, settings: BeadsData, seed: int) -> Sequence[BaseLine]:
        lines = base_text.base_lines(settings.base_lines, seed)
        for skill in chosen(settings.skills):
            if skill.lines is not None:
                lines += skill.lines(round(skill.share * settings.base_lines), seed)
        return lines

    def skills(self, settings: BeadsData) -> Sequence[str]:
        return settings.skills

    def demonstrations(self, settings: BeadsData, data: SeedData, seed: int) -> list[Demonstration]:
        return [
            one
            for skill in chosen(settings.skills)
            if skill.demonstrations is not None
            for one in skill.demonstrations(data.eft_sets, seed)
        ]
