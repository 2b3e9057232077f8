"""What a page shows: prompts drawn at random, each pair of models on each of them, in random order and on random sides.

Every draw is an order of digests of the seed and of what is drawn: the same on every machine and with every version of
every library, and the first 50 of 100 prompts are the 50 of a page of 50.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from srlm.records import Message, Prompt, Response, digest

from .key import Contest, ShownContest, Side


class ShownPair(NamedTuple):
    """One comparison of a page: a conversation and two answers, without a word of whose they are."""

    id: str
    turns: tuple[Message, ...]
    left: str
    right: str


class Drawn(NamedTuple):
    """What is shown, and what nobody needs to be asked about."""

    shown: tuple[ShownPair, ...]
    key: tuple[ShownContest, ...]
    """Of each comparison, whose answers it shows."""
    alike: tuple[Contest, ...]
    """Pairs of answers of the same words: ties."""


class Pair(NamedTuple):
    """Two models that are compared."""

    model: str
    baseline: str


def draw_page(
    prompts: Sequence[Prompt],
    answers: Mapping[str, Mapping[str, Response]],
    pairs: Sequence[Pair],
    count: int,
    seed: int,
) -> Drawn:
    """`count` prompts at most, each with all pairs. `answers`: by model and prompt."""
    chosen = drawn_prompts(prompts, count, seed)
    contests = {(pair, prompt): _contest(pair, prompt, answers) for pair in pairs for prompt in chosen}
    alike = tuple(
        one
        for one in contests.values()
        if answers[one.model][one.prompt_id].text == answers[one.baseline][one.prompt_id].text
    )
    asked = {place: one for place, one in contests.items() if one not in alike}
    sides = _sides(list(asked.values()), seed)
    order = sorted(asked, key=lambda place: _rank("order", seed, asked[place]))
    shown, key = [], []
    for number, (pair, prompt) in enumerate(order, 1):
        contest = asked[pair, prompt]
        side = sides[contest]
        both = [answers[name][prompt.id].text for name in pair]
        left, right = both if side == "left" else reversed(both)
        turns = prompt.messages
        # From what is seen alone: an id of the answer would give away who wrote it to anybody who tries two names.
        id = digest("shown pair", number, [[turn.role, turn.content] for turn in turns], left, right)
        shown.append(ShownPair(id, turns, left, right))
        key.append(ShownContest(**contest.model_dump(), id=id, model_side=side))
    return Drawn(tuple(shown), tuple(key), alike)


def drawn_prompts(prompts: Sequence[Prompt], count: int, seed: int) -> list[Prompt]:
    """`count` of them at most, at random; a prompt that stands twice counts once."""
    known = {prompt.id: prompt for prompt in prompts}
    return sorted(known.values(), key=lambda prompt: digest("drawn prompt", seed, prompt.id))[:count]


def _contest(pair: Pair, prompt: Prompt, answers: Mapping[str, Mapping[str, Response]]) -> Contest:
    return Contest(
        prompt_id=prompt.id,
        model=pair.model,
        baseline=pair.baseline,
        model_response_id=answers[pair.model][prompt.id].id,
        baseline_response_id=answers[pair.baseline][prompt.id].id,
    )


def _sides(contests: Sequence[Contest], seed: int) -> dict[Contest, Side]:
    """Each model of a pair is on the left of half of its prompts: a liking for one side then favours neither."""
    found: dict[Contest, Side] = {}
    for pair in dict.fromkeys((one.model, one.baseline) for one in contests):
        own = sorted(
            (one for one in contests if (one.model, one.baseline) == pair), key=lambda one: _rank("side", seed, one)
        )
        odd = int(digest("odd one", seed, pair), 16) % 2
        left = (len(own) + odd) // 2
        found |= {one: "left" if place < left else "right" for place, one in enumerate(own)}
    return found


def _rank(use: str, seed: int, contest: Contest) -> str:
    return digest(use, seed, contest.prompt_id, contest.model, contest.baseline)
