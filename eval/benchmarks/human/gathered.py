"""All that people said of a run's models, from the keys and the votes in its folder."""

from typing import NamedTuple

from ..run_data import RunData
from .ballots import kept
from .key import Contest, changed, pages
from .majority import Told, put_together


class Gathered(NamedTuple):
    """What people said, and what of it is left out."""

    told: tuple[Told, ...]
    """Of each pair of answers, in the order of the models and of the evaluation prompts."""
    people: tuple[str, ...]
    """Annotators, by name."""
    gone: tuple[Contest, ...]
    """With votes, and no longer the run's answers."""

    def of(self, model: str, baseline: str) -> list[Told]:
        """What was said of two models."""
        return [one for one in self.told if (one.contest.model, one.contest.baseline) == (model, baseline)]

    def gone_of(self, model: str, baseline: str) -> int:
        """How many of their pairs of answers are gone."""
        return sum((one.model, one.baseline) == (model, baseline) for one in self.gone)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Model and baseline of each pair of models with votes."""
        every = [*(one.contest for one in self.told), *self.gone]
        return list(dict.fromkeys((one.model, one.baseline) for one in every))


def gather(run: RunData) -> Gathered:
    """What the imported votes say. Raises RecordError where a key or a votes file was edited."""
    found = [(page.key, kept(page)) for page in pages(run.folder)]
    names = {one.person: one.annotator for _, ballots in found for one in ballots}
    told = put_together(found, names)
    gone = changed(run, tuple(one.contest for one in told))
    without = set(gone)
    prompts = {prompt.id: place for place, prompt in enumerate(run.prompts)}
    order = {name: place for place, name in enumerate(run.names)}
    current = sorted(
        (one for one in told if one.contest not in without),
        key=lambda one: (order[one.contest.model], order[one.contest.baseline], prompts[one.contest.prompt_id]),
    )
    return Gathered(tuple(current), tuple(sorted(names.values())), tuple(gone))
