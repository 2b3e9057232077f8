"""Which of two answers a judge chooses by a principle, in both orders, and the soft label that follows.

Bai et al. 2022, section 4.1; both orders as in RLAIF (Lee et al. 2023, section 2.1).
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import fmean

from srlm.judge.pairwise import Opinion, PairItem, PairwiseJudge, in_both_orders
from srlm.judge.pointwise import Report, quiet
from srlm.judge.unread import reason_counts
from srlm.records import OTHER_ID, Prompt, Record, Response, digest, seed_for
from srlm.store.files import resumable
from srlm.text.principles import Principle


class AnswerPair(Record):
    """Two answers to one prompt."""

    prompt: Prompt
    first: Response
    second: Response


class Choice(Record):
    """What a judge says of two answers by a principle."""

    id: str
    prompt_id: str
    first_id: str
    second_id: str
    principle: str
    """Name of the principle that was drawn."""
    judge: str
    shown: Opinion
    """With the first answer shown first; the opinion is of the answer listed first."""
    turned: Opinion
    """With the second shown first; the opinion is, again, of the answer listed first."""

    @classmethod
    def of(cls, pair: AnswerPair, principle: str, judge: str, shown: Opinion, turned: Opinion) -> "Choice":
        identity = (pair.prompt.id, pair.first.id, pair.second.id, principle, judge)
        return cls(
            id=digest("choice", *identity, shown.raw, turned.raw),
            prompt_id=pair.prompt.id,
            first_id=pair.first.id,
            second_id=pair.second.id,
            principle=principle,
            judge=judge,
            shown=shown,
            turned=turned,
        )

    def fault(self) -> str | None:
        identity = (self.prompt_id, self.first_id, self.second_id, self.principle, self.judge)
        if self.id != digest("choice", *identity, self.shown.raw, self.turned.raw):
            return OTHER_ID
        for chance in map(chance_of_first, (self.shown, self.turned)):
            if chance is not None and not 0 <= chance <= 1:
                return f"a probability of {chance:g} is not within 0 to 1"
        return None


def chance_of_first(opinion: Opinion) -> float | None:
    """The judge's probability for the first answer; where it tells none, its verdict as 1, 0.5 or 0."""
    return opinion.preference if opinion.probability is None else opinion.probability


def label(choice: Choice, most: float = 1.0) -> float | None:
    """The soft label: the probability that the first answer is the better one, by both orders.

        label = mean over both orders of min(most, max(1 - most, p))

    `most` 0.6 clamps each order's probability to 40 to 60%, as the paper does where the judge reasons first: behind its
    reasons it is nearly always sure. None: one order could not be read.
    """
    both = [chance_of_first(opinion) for opinion in (choice.shown, choice.turned)]
    known = [min(most, max(1 - most, p)) for p in both if p is not None]
    return fmean(known) if len(known) == 2 else None


def choose(
    judge: PairwiseJudge,
    pairs: Sequence[AnswerPair],
    principles: Sequence[Principle],
    *,
    seed: int,
    path: Path,
    block: int,
    report: Report = quiet,
    watch: Callable[[Iterable[Opinion]], None] = lambda opinions: None,
) -> Sequence[Choice]:
    """A choice a pair, by a principle drawn for it, kept in `path` block by block. `watch` sees both opinions of every
    pair as they are made, each of the answer that was shown first."""

    def work(chunk: Sequence[AnswerPair], index: int) -> list[Choice]:
        drawn = [drawn_for(principles, pair, seed) for pair in chunk]
        items = [
            PairItem(
                prompt=pair.prompt.transcript,
                first=pair.first.text,
                second=pair.second.text,
                principle=principle.choice,
            )
            for pair, principle in zip(chunk, drawn, strict=True)
        ]
        said = in_both_orders(judge, items, seed_for(seed, "choices", index))
        return [
            Choice.of(pair, principle.name, judge.id, both.listed, both.turned)
            for pair, principle, both in zip(chunk, drawn, said, strict=True)
        ]

    return resumable(
        path,
        Choice,
        pairs,
        work,
        per_item=1,
        block=block,
        report=report,
        concurrency=lambda: judge.concurrency,
        belongs=is_of,
        watch=lambda made: watch(opinion for one in made for opinion in (one.shown, one.turned.turned)),
    )


def is_of(pair: AnswerPair, choice: Choice) -> bool:
    """Whether it is a choice between these two answers."""
    return (choice.first_id, choice.second_id) == (pair.first.id, pair.second.id)


def drawn_for(principles: Sequence[Principle], pair: AnswerPair, seed: int) -> Principle:
    """The principle by which a pair is judged, drawn by the answers' ids."""
    return random.Random(seed_for(seed, "principle", pair.first.id, pair.second.id)).choice(principles)


def choice_counts(choices: Sequence[Choice]) -> dict[str, int | float | None]:
    """How the judge chose, for a manifest."""
    shown = [chance_of_first(choice.shown) for choice in choices]
    turned = [chance_of_first(choice.turned) for choice in choices]
    both = [(a, b) for a, b in zip(shown, turned, strict=True) if a is not None and b is not None]
    reasons = [opinion.unread for choice in choices for opinion in (choice.shown, choice.turned)]
    return {
        "choices": len(choices),
        "choices unread": len(choices) - len(both),
        **{key.replace("judgements unscored", "unread"): n for key, n in reason_counts(reasons).items()},
        "choices alike in both orders": sum((a - 0.5) * (b - 0.5) > 0 for a, b in both),
        "chance of the place shown first": fmean((a + 1 - b) / 2 for a, b in both) if both else None,
        **{f"principle: {name}": number for name, number in sorted(Counter(one.principle for one in choices).items())},
    }
