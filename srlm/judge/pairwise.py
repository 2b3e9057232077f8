"""The seam between a comparison and whoever compares two answers, and a language model that does."""

import math
import re
from collections.abc import Sequence
from importlib import resources
from typing import Literal, NamedTuple, Protocol, Self

import numpy as np

from srlm.engines.base import Completion, Engine, Request
from srlm.errors import EngineError, RoomError
from srlm.judge.chances import chances, meant
from srlm.judge.unread import parted, why_unread
from srlm.records import Record, Unread, user
from srlm.settings import Sampling
from srlm.text.template import frame

WORDS = Sampling(temperature=0, max_new_tokens=64)
THOUGHT = Sampling(temperature=0, max_new_tokens=4096)
"""For a judge that was still thinking when `WORDS` were over."""
_VERDICT = re.compile(r"\b(?:A|B|[Tt]ie|TIE)\b")


class PairItem(Record):
    """Two answers to one prompt, in the order the judge sees them."""

    prompt: str
    first: str
    second: str

    @property
    def turned(self) -> "PairItem":
        """The same with the second answer shown first."""
        return PairItem(prompt=self.prompt, first=self.second, second=self.first)


class Opinion(Record):
    """What a judge said of one PairItem."""

    preference: float | None
    """1 = the first answer is better, 0.5 = equal, 0 = the second is. None: not readable."""
    probability: float | None = None
    """Probability the judge gives to the first. None: the judge does not say."""
    raw: str
    """All that the judge wrote, or the numbers it gave."""
    unread: Unread | None = None
    """Why nothing may be read, whatever `raw` says. None: it was read, and may still name no answer."""

    @property
    def turned(self) -> "Opinion":
        """The same, as an opinion of the answer that was shown second."""
        sides = {
            name: None if (one := getattr(self, name)) is None else 1 - one for name in ("preference", "probability")
        }
        return self.model_copy(update=sides)


class PairwiseJudge(Protocol):
    """Anything that compares two answers to one prompt."""

    @property
    def id(self) -> str:
        """Name, as verdicts carry it."""
        ...

    @property
    def concurrency(self) -> int:
        """Calls of `compare` that may be under way at once, each from a thread of its own."""
        ...

    def compare(self, items: Sequence[PairItem], seed: int) -> list[Opinion]:
        """One opinion an item, in order; nothing is known of who wrote an answer, nor of the same pair turned round."""
        ...

    def close(self) -> None:
        """Give back memory and connections."""
        ...


Outcome = Literal["win", "tie", "lose"]


def outcome_of(ab: float | None, ba: float | None) -> Outcome | None:
    """The paper's rule (section 3.1): a win or loss needs both orders; a disagreement or an equality is a tie.

    Each preference is the first model's: 1 its answer is better, 0 the other's. None: not readable, no outcome.
    """
    if ab is None or ba is None:
        return None
    if ab == ba == 1:
        return "win"
    return "lose" if ab == ba == 0 else "tie"


class BothOrders(NamedTuple):
    """What a judge says of two answers, each shown first once; both opinions are of the answer listed first."""

    listed: Opinion
    """With that answer shown first."""
    turned: Opinion
    """With the other shown first."""

    @classmethod
    def of(cls, shown: Opinion, back: Opinion) -> Self:
        """From what the judge said of an item, and of the same item turned."""
        return cls(shown, back.turned)

    @property
    def outcome(self) -> Outcome | None:
        """See outcome_of."""
        return outcome_of(self.listed.preference, self.turned.preference)

    @property
    def probability(self) -> float | None:
        """Mean over both orders, in which a liking for either place cancels out. None: the judge does not say."""
        listed, turned = self.listed.probability, self.turned.probability
        return None if listed is None or turned is None else (listed + turned) / 2


def in_both_orders(judge: PairwiseJudge, items: Sequence[PairItem], seed: int) -> list[BothOrders]:
    """What the judge says of each item and of the same item turned."""
    said = judge.compare([*items, *(item.turned for item in items)], seed)
    if len(said) != 2 * len(items):
        raise AssertionError(f"{judge.id}: {len(said)} opinions on {2 * len(items)} pairs")
    return [BothOrders.of(*both) for both in zip(said[: len(items)], said[len(items) :], strict=True)]


def template() -> str:
    """The judge's prompt, with the slots {prompt}, {first} and {second}."""
    return resources.files("srlm.judge").joinpath("templates/pairwise.txt").read_text(encoding="utf-8").rstrip("\n")


def prompt_of(item: PairItem, template: str) -> str:
    """What a judge is asked about two answers; text in an answer fills no slot."""
    return frame(template, {"prompt": item.prompt, "first": item.first, "second": item.second})


class ModelPairJudge:
    """Asks for one letter. Reads its probability where the engine has log-probabilities, else the letter written.

    Where both letters are as good as impossible, that item's verdict is what the model writes. Each item's way follows
    from the item alone, never from what it is asked together with.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._template = template()
        self._has_scores: bool | None = None  # settled by the first request, so that one run never mixes both ways

    @property
    def id(self) -> str:
        return self._engine.id

    @property
    def concurrency(self) -> int:
        return self._engine.concurrency

    def compare(self, items: Sequence[PairItem], seed: int) -> list[Opinion]:
        requests = [self._request(item) for item in items]
        if not requests:
            return []
        if self._has_scores is None:
            try:
                self._engine.loglikelihood(requests[:1], [["A", "B"]])
                self._has_scores = True
            except RoomError:
                self._has_scores = True  # the engine has them, if not for this item
            except EngineError:
                self._has_scores = False
        if self._has_scores:
            said = [_by_letters(logs) for logs in chances(self._engine, requests, LETTERS)]
        else:
            said = [None] * len(requests)
        silent = [row for row, opinion in enumerate(said) if opinion is None]
        for row, written in zip(silent, self._written([requests[row] for row in silent], seed), strict=True):
            said[row] = parse(written)
        return [opinion for opinion in said if opinion is not None]

    def _written(self, requests: Sequence[Request], seed: int) -> list[Completion]:
        """What the judge writes of each item, with time to end a thought. Greedy: what is asked again begins alike."""
        if not requests:
            return []
        written = [parted(own) for (own,) in self._engine.generate(requests, WORDS, seed)]
        thinking = [row for row, own in enumerate(written) if why_unread(own) == "open thought"]
        if thinking:
            again = self._engine.generate([requests[row] for row in thinking], THOUGHT, seed)
            for row, (own,) in zip(thinking, again, strict=True):
                written[row] = parted(own)
        return written

    def _request(self, item: PairItem) -> Request:
        return Request(messages=user(prompt_of(item, self._template)))

    def close(self) -> None:
        self._engine.close()


LETTERS = ("A", " A", "B", " B")
"""A tokenizer may write a letter with or without a space before it; both are the same answer."""


def _by_letters(logs: Sequence[float] | None) -> Opinion | None:
    """The verdict of the letters' log-probabilities; None: they are as good as impossible, and words must be asked."""
    if logs is None:
        return Opinion(preference=None, raw="", unread="no room")
    if not meant(logs):
        return None
    return opinion_of(float(np.logaddexp(logs[0], logs[1])), float(np.logaddexp(logs[2], logs[3])))


def opinion_of(log_a: float, log_b: float) -> Opinion:
    """P(first) = sigmoid(log_a - log_b), the probability of A where only A and B can be said."""
    difference = log_a - log_b
    raw = f"log-probability of A {log_a:.6g}, of B {log_b:.6g}"
    if math.isnan(difference):  # both impossible, or the engine gave no number
        return Opinion(preference=None, raw=raw)
    from scipy.special import expit  # records know these verdicts: reading them needs no scipy

    probability = float(expit(difference))
    preference = 0.5 if probability == 0.5 else float(probability > 0.5)
    return Opinion(preference=preference, probability=probability, raw=raw)


def parse(written: Completion) -> Opinion:
    """The last standalone `A`, `B` or `tie` decides; none, or words that may not be read, give no preference."""
    written = parted(written)
    unread, found = why_unread(written), _VERDICT.findall(written.text)
    if unread is not None or not found:
        return Opinion(preference=None, raw=written.text, unread=unread)
    return Opinion(preference={"a": 1.0, "b": 0.0, "tie": 0.5}[found[-1].lower()], raw=written.text)
