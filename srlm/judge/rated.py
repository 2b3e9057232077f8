"""Human judgements of many kinds as one form of text: the prompt of a pairwise judge, and the verdict of people.

Vu et al. 2024 (FLAMe): many sets of human judgements in one text-to-text form, at most 2^16 examples of a set, mixed in
proportion to their sizes, train one judge. A set that also has reviews gives them as the pointwise judge writes them.
"""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, count, islice
from typing import NamedTuple

from srlm.data.human_ranking import HumanRanking
from srlm.data.overlap import EvaluationPrompts
from srlm.errors import SettingsError
from srlm.judge.rubric import Rubric
from srlm.records import Demonstration, RankedSet, digest, seed_for
from srlm.text.pair_prompt import LEAD, PairTemplate
from srlm.text.score import parse_score


class Rated(NamedTuple):
    """Examples of one set, and what became of its rankings."""

    examples: list[Demonstration]
    counts: dict[str, int]


def verdict_text(template: PairTemplate, preference: float) -> str | None:
    """The verdict as a judge with this template writes it: `A`, or `[[A]]`. None: the form has no word for a tie."""
    if preference == 0.5:
        return f"{LEAD}C]]" if template.form == "verdict" else None
    label = template.labels[0 if preference == 1 else 1]
    return f"{LEAD}{label}]]" if template.form == "verdict" else label


def refuse_form(template: PairTemplate, setting: str) -> None:
    """Raise SettingsError where the template asks for more than people's verdicts say."""
    if template.form not in ("letter", "verdict"):
        raise SettingsError(
            f"{setting} {template.name}: asks for {template.form}, and rankings say only which answer is better; use a "
            "template of the form letter or verdict"
        )


def rated(
    rankings: Sequence[HumanRanking],
    template: PairTemplate,
    rubric: Rubric | None,
    measured: EvaluationPrompts,
    *,
    most: int,
    seed: int,
) -> Rated:
    """At most `most` examples of a set, drawn by the seed: every two answers, in an order drawn by the seed, and with a
    rubric every review that ends with a score.

    Rankings whose prompt is one of those that judges are measured on are left out, as are pairs of the same words.
    """
    account: Counter[str] = Counter()
    examples: list[Demonstration] = []
    for ranking in rankings:
        if measured.find_prompt(ranking.ranked.prompt) is not None:
            account["dropped: a judge is measured on its prompt"] += 1
            continue
        examples += _pairs(ranking.ranked, template, account, seed)
        examples += [] if rubric is None else _reviews(ranking.ranked, rubric, account)
    every = list({one.id: one for one in examples}.values())
    account["dropped examples: stand twice"] = len(examples) - len(every)
    account["dropped examples: more than are taken of a set"] = max(0, len(every) - most)
    if len(every) > most:
        places = sorted(random.Random(seed_for(seed, "of a set")).sample(range(len(every)), most))
        every = [every[place] for place in places]
    counts = {"rankings": len(rankings), **{name: n for name, n in sorted(account.items()) if n}}
    return Rated(every, {**counts, "examples": len(every)})


def _pairs(ranked: RankedSet, template: PairTemplate, account: Counter[str], seed: int) -> Iterator[Demonstration]:
    for j in range(len(ranked.responses)):
        for i in range(j):
            first, second = (i, j) if random.Random(seed_for(seed, "order", ranked.id, i, j)).random() < 0.5 else (j, i)
            a, b = ranked.responses[first], ranked.responses[second]
            difference = ranked.ranks[second] - ranked.ranks[first]  # rank 0 is best
            said = verdict_text(template, 0.5 if difference == 0 else float(difference > 0))
            if a.text.strip() == b.text.strip():
                account["dropped pairs: the same words"] += 1
            elif said is None:
                account["dropped pairs: a tie"] += 1
            else:
                prompt = template.prompt(ranked.prompt.transcript, a.text, b.text)
                yield Demonstration.of("eft", prompt, said, digest("human pair", ranked.id, a.id, b.id))


def _reviews(ranked: RankedSet, rubric: Rubric, account: Counter[str]) -> Iterator[Demonstration]:
    for response, review in zip(ranked.responses, ranked.reviews, strict=bool(ranked.reviews)):
        if parse_score(review) is None:
            account["dropped reviews: no score"] += 1
        else:
            prompt = rubric.prompt(ranked.prompt.transcript, response.text)
            yield Demonstration.of("eft", prompt, review, digest("human review", ranked.id, response.id))


def portion(sets: Mapping[str, Sequence[Demonstration]], seed: int, start: int, number: int) -> list[Demonstration]:
    """`number` examples of the mixture behind its first `start`, in proportion to the sets' sizes.

    The mixture is all examples of all sets in an order drawn by the seed, and once all were taken again in another.
    """
    every = list(chain.from_iterable(sets.values()))
    if not every:
        return []
    passes = (random.Random(seed_for(seed, "mixture", n)).sample(every, len(every)) for n in count())
    return list(islice(chain.from_iterable(passes), start, start + number))
