"""The errands as the rest of srlm sees them."""

import random
from collections.abc import Mapping, Sequence

from srlm.records import Demonstration, Prompt, SeedData, seed_for
from srlm.worlds.base import BaseLine, Grade
from srlm.worlds.drawing import ANSWERS_A_SET
from srlm.worlds.errands import data, program
from srlm.worlds.errands.kinds import KINDS, TRAINED_WORDINGS, Errand
from srlm.worlds.errands.settings import ErrandsData


class ErrandsWorld:
    """A `World` (`srlm/worlds/base.py`) for models that read English."""

    title = "errands world"
    package = __package__
    answers_a_set = ANSWERS_A_SET
    has_base_text = False

    def seed_data(self, settings: ErrandsData, seed: int) -> SeedData:
        return data.seed_data(settings, seed)

    def fresh_prompts(self, settings: ErrandsData, seed: int, before: int, number: int) -> list[Prompt]:
        return data.fresh_prompts(settings, seed, before, number)

    def score(self, prompt: str, response: str) -> float:
        return program.oracle_score(prompt, response)

    def grade(self, prompt: str, response: str) -> Grade:
        found = program.grade(prompt, response)
        return Grade({name: getattr(found, name) for name in program.Criteria.model_fields}, found.score)

    def verdicts(self, review: str) -> Mapping[str, bool] | None:
        found = program.criteria(review)
        return None if found is None else found.model_dump()

    def groups(self, settings: ErrandsData) -> Mapping[str, Sequence[str]]:
        return {"trained_kinds": settings.kinds, "heldout_kinds": settings.heldout_kinds}

    def form_score(self, review: str) -> float | None:
        return program.form(review)

    def changed(self, prompt: str, seed: int) -> str:
        """The same list and another kind of errand that asks for another answer."""
        errand, chance = program.read(prompt), random.Random(seed_for(seed, "changed", prompt))
        of = KINDS[errand.kind].of
        others = [
            Errand(name, chance.randrange(TRAINED_WORDINGS), errand.items)
            for name, kind in KINDS.items()
            if kind.of == of and kind.names == "nothing" and not kind.distinct
        ]
        return chance.choice([other for other in others if other.target() != errand.target()]).text()

    def vocabulary(self, settings: ErrandsData) -> Sequence[str]:
        """None: M0 is a pretrained model with a tokenizer of its own."""
        return ()

    def base_lines(self, settings: ErrandsData, seed: int) -> Sequence[BaseLine]:
        return ()

    def skills(self, settings: ErrandsData) -> Sequence[str]:
        return ()

    def demonstrations(self, settings: ErrandsData, data: SeedData, seed: int) -> list[Demonstration]:
        return []
