"""From rewards to preference pairs: which two answers to a prompt are the chosen and the rejected one.

`best_worst` takes the highest reward against the lowest (Yuan et al. 2024, section 2.3 step 3). `length_controlled` is
Meta-Rewarding's (Wu et al. 2024, section 2.2): with S the rewards of a prompt's answers and rho = `selection.band`,

    chosen    the shortest answer with a reward in [(1 - rho) max S + rho min S, max S]
    rejected  the longest answer with a reward in [min S, (1 - rho) min S + rho max S]

Length is counted in characters. Among equals the answer drawn first is taken.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

from srlm.judge.scores import ties
from srlm.records import Count, PreferencePair, Prompt, Response
from srlm.settings import SelectionSettings
from srlm.text.counts import counted


class Paired(NamedTuple):
    """Pairs and what became of every prompt."""

    pairs: list[PreferencePair]
    counts: dict[str, Count]


def pair(
    prompts: Sequence[Prompt],
    responses: Sequence[Response],
    reward: Mapping[str, float],
    settings: SelectionSettings = SelectionSettings(),  # noqa: B008  (frozen)
) -> Paired:
    """A pair a prompt; one whose rewarded answers are all equal, or fewer than two, gives none.

    `reward` by response; a response without one is absent. Where the two that would be taken are the same words, the
    next pair in the selection's order is. `selection.flip` swaps chosen and rejected; `selection.max_chosen` drops
    pairs with a longer chosen answer.
    """
    scored = _by_prompt([response for response in responses if response.id in reward])

    def order(prompt: Prompt) -> list[tuple[Response, Response]] | None:
        own = scored.get(prompt.id, [])
        return list(_in_order(own, reward, settings)) if len(own) > 1 else None

    return _paired(prompts, responses, reward, order, settings)


def pair_across(
    prompts: Sequence[Prompt], better: Sequence[Response], worse: Sequence[Response], reward: Mapping[str, float]
) -> Paired:
    """A pair a prompt, chosen from `better` and rejected from `worse`: the highest reward of the one against the lowest
    of the other, where it is higher. An answer may be in both. As in `pair`, the next pair is taken for one of the same
    words, and a response without a reward is absent from `reward`."""
    above, below = (_by_prompt([one for one in of if one.id in reward]) for of in (better, worse))

    def order(prompt: Prompt) -> list[tuple[Response, Response]] | None:
        high, low = above.get(prompt.id, []), below.get(prompt.id, [])
        return list(_from_best(high, low, reward)) if high and low else None

    every = list({one.id: one for one in (*better, *worse)}.values())
    none = "prompts whose rejected answers are no worse"
    return _paired(prompts, every, reward, order, SelectionSettings(), none)


def _by_prompt(responses: Sequence[Response]) -> dict[str, list[Response]]:
    answers: dict[str, list[Response]] = {}
    for response in responses:
        answers.setdefault(response.prompt_id, []).append(response)
    return answers


def _paired(
    prompts: Sequence[Prompt],
    responses: Sequence[Response],
    reward: Mapping[str, float],
    order: Callable[[Prompt], Sequence[tuple[Response, Response]] | None],
    settings: SelectionSettings,
    none: str = "prompts with equal scores",
) -> Paired:
    """`order`: every two answers to a prompt that may be a pair, the one to take first; None: too few have a reward.

    `none`: how prompts without two such answers are counted. Of the settings `flip` and `max_chosen` are used.
    """
    answers = _by_prompt(responses)
    chosen_pairs: list[PreferencePair] = []
    account: Counter[str] = Counter()
    lengths: dict[str, list[int]] = {"chosen": [], "rejected": []}
    for prompt in prompts:
        ordered = order(prompt)
        if ordered is None:
            account["prompts with fewer than two scored answers"] += 1
            continue
        if not ordered:
            account[none] += 1
            continue
        apart = [(best, worst) for best, worst in ordered if best.text != worst.text]
        if apart[:1] != ordered[:1]:
            account["prompts whose best and worst are the same words"] += 1
            if not apart:
                continue
            account["prompts with the next pair instead"] += 1
        best, worst = apart[0]
        if settings.flip:
            best, worst = worst, best
        if settings.max_chosen is not None and len(best.text) > settings.max_chosen:
            account["prompts whose chosen answer is too long"] += 1
            continue
        chosen_pairs.append(PreferencePair.of(prompt, best, worst, reward[best.id], reward[worst.id]))
        lengths["chosen"].append(len(best.text))
        lengths["rejected"].append(len(worst.text))
    same = sum(len(own) > 1 and len({one.text for one in own}) == 1 for own in answers.values())
    tied = ties([[reward.get(response.id) for response in answers.get(prompt.id, [])] for prompt in prompts])
    counts: dict[str, Count] = {
        "prompts": len(prompts),
        "responses": len(responses),
        "responses cut": sum(response.finish == "length" for response in responses),
        "responses empty": sum(not response.text.strip() for response in responses),
        "responses scored": len(reward),
        "pairs": len(chosen_pairs),
        "pair yield": len(chosen_pairs) / len(prompts) if prompts else None,
        **dict(sorted(account.items())),
        **({"prompts with identical answers": same} if same else {}),
        "ties": tied,
        "margin mean": fmean(p.margin for p in chosen_pairs) if chosen_pairs else None,
        "chosen length mean": fmean(lengths["chosen"]) if chosen_pairs else None,
        "rejected length mean": fmean(lengths["rejected"]) if chosen_pairs else None,
    }
    return Paired(chosen_pairs, counts)


RULES = {
    "best_worst": "best against worst, equal rewards give no pair",
    "length_controlled": "the shortest of the best against the longest of the worst, equal rewards give no pair",
}


def rule(settings: SelectionSettings) -> str:
    """The rule in words, for `srlm explain`."""
    longest = (
        ""
        if settings.max_chosen is None
        else f", none with a chosen answer over {counted(settings.max_chosen, 'characters')}"
    )
    return RULES[settings.kind] + (", chosen and rejected swapped" if settings.flip else "") + longest


def _in_order(
    scored: Sequence[Response], reward: Mapping[str, float], settings: SelectionSettings
) -> Iterator[tuple[Response, Response]]:
    """Every two answers that may be a pair, the one to take first."""
    match settings.kind:
        case "best_worst":
            yield from _from_best(scored, scored, reward)
        case "length_controlled":
            yield from _from_shortest(scored, reward, settings.band)


def _from_best(
    better: Sequence[Response], worse: Sequence[Response], reward: Mapping[str, float]
) -> Iterator[tuple[Response, Response]]:
    """Every two answers of which the first has more reward: the best with the worst, the next worst, ..., then the next
    best so."""
    best_first = sorted(better, key=lambda response: -reward[response.id])  # sorting keeps equals as they were drawn
    worst_first = sorted(worse, key=lambda response: reward[response.id])
    for best in best_first:
        for worst in worst_first:
            if reward[best.id] > reward[worst.id]:
                yield best, worst


def _from_shortest(
    scored: Sequence[Response], reward: Mapping[str, float], band: float
) -> Iterator[tuple[Response, Response]]:
    """Every answer of the upper band, the shortest first, with every one of the lower band, the longest first."""
    high, low = (extreme(reward[response.id] for response in scored) for extreme in (max, min))
    if high == low:
        return
    upper = [response for response in scored if reward[response.id] >= (1 - band) * high + band * low]
    lower = [response for response in scored if reward[response.id] <= (1 - band) * low + band * high]
    for best in sorted(upper, key=lambda response: len(response.text)):
        for worst in sorted(lower, key=lambda response: -len(response.text)):
            yield best, worst
