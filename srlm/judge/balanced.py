"""Which sampled judgements of pairs a judge learns from: right ones, one a prompt, each place preferred equally often.

Wang et al. 2024 (Self-Taught Evaluators), section 3.3: of the judgements that name the better answer one is drawn at
random for each prompt, and those that prefer the first place are made as many as those that prefer the second.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from srlm.records import Count, PairJudgement, seed_for

FIRST_ONLY = "prompts right with the better answer first alone"
SECOND_ONLY = "prompts right with the better answer second alone"
BOTH = "prompts right in both orders"


class Chosen(NamedTuple):
    """The judgements to learn from, in the order of the prompts, and what became of all others."""

    judgements: list[PairJudgement]
    counts: dict[str, Count]


def right_judgements(judgements: Sequence[PairJudgement], better: Mapping[str, str]) -> dict[str, list[PairJudgement]]:
    """Prompt -> its judgements that prefer the better answer; `better` is its id, by prompt."""
    found: dict[str, list[PairJudgement]] = {}
    for one in judgements:
        wanted = 1.0 if one.first_id == better[one.prompt_id] else 0.0
        if one.preference == wanted:
            found.setdefault(one.prompt_id, []).append(one)
    return found


def balanced(judgements: Sequence[PairJudgement], better: Mapping[str, str], seed: int) -> Chosen:
    """One right judgement a prompt, drawn by the seed; as many that prefer the first place as the second.

    Where one place is ahead, prompts that also have a right judgement for the other one take that, in an order drawn by
    the seed. What is still too many is dropped, drawn by the seed.
    """
    right = right_judgements(judgements, better)
    chosen = {prompt: random.Random(seed_for(seed, "draw", prompt)).choice(own) for prompt, own in right.items()}
    drawn = {place: sum(one.preference == place for one in chosen.values()) for place in (1.0, 0.0)}
    places = Counter(frozenset(one.preference for one in own) for own in right.values())
    turned, ahead = 0, _ahead(chosen)
    order = random.Random(seed_for(seed, "balance")).sample(sorted(chosen), len(chosen))
    for prompt in order:
        if abs(ahead) <= 1:
            break
        many = 1.0 if ahead > 0 else 0.0
        others = [one for one in right[prompt] if one.preference == 1 - many]
        if chosen[prompt].preference == many and others:
            chosen[prompt] = random.Random(seed_for(seed, "turn", prompt)).choice(others)
            turned += 1
            ahead += -2 if many else 2
    surplus = abs(ahead)
    many = 1.0 if ahead > 0 else 0.0
    dropped = [prompt for prompt in order if chosen[prompt].preference == many][:surplus]
    kept = [one for prompt, one in chosen.items() if prompt not in set(dropped)]
    asked = dict.fromkeys(one.prompt_id for one in judgements)
    return Chosen(
        kept,
        {
            "judgements": len(judgements),
            "judgements unscored": sum(one.preference is None for one in judgements),
            "judgements right": sum(map(len, right.values())),
            "judgements that say equal": sum(one.preference == 0.5 for one in judgements),
            "prompts judged": len(asked),
            "prompts without a right judgement": len(asked) - len(right),
            FIRST_ONLY: places[frozenset({1.0})],
            SECOND_ONLY: places[frozenset({0.0})],
            BOTH: places[frozenset({0.0, 1.0})],
            "right judgements drawn: first place": drawn[1.0],
            "right judgements drawn: second place": drawn[0.0],
            "drawn again for balance": turned,
            "dropped for balance": len(dropped),
            "judgements kept": len(kept),
        },
    )


def _ahead(chosen: Mapping[str, PairJudgement]) -> int:
    """How many more prefer the first place."""
    return sum(1 if one.preference == 1 else -1 for one in chosen.values())
