"""Human rankings as judges are asked about them: a conversation of several turns is one text, with its speakers."""

from srlm.data import rankings
from srlm.data.human_ranking import HumanRanking
from srlm.data.rankings import Rankings
from srlm.records import Prompt, RankedSet, Response


def read(path: str, format: str | None = None) -> Rankings:
    """The rankings of a file, `--rankings` with `--format`. Raises DataError as the trainer's reader does."""
    found = rankings.read(path, format, option="--format")
    return found.model_copy(update={"sets": tuple(flat(one) for one in found.sets)})


def flat(one: HumanRanking) -> HumanRanking:
    """The same with the whole conversation as the prompt's text, by which recorded judgements name it."""
    old = one.ranked
    if not old.prompt.before:
        return one
    prompt = Prompt.of(old.prompt.transcript, old.prompt.source, old.prompt.category)
    responses = tuple(Response.of(prompt.id, r.text, r.author, r.draw, r.finish) for r in old.responses)
    ranked = RankedSet.of(prompt, responses, old.ranks, old.reviews)
    return one.model_copy(update={"ranked": ranked, "group": prompt.id if one.group == old.prompt.id else one.group})
