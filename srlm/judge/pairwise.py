"""The seam between a comparison and whoever compares two answers, and a language model that does."""

import json
import math
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Literal, NamedTuple, Protocol, Self

import numpy as np

from srlm.engines.base import Completion, Engine, Request
from srlm.errors import CapabilityError, RoomError
from srlm.judge.chances import chances, meant, prefix_for
from srlm.judge.pair_template import load
from srlm.judge.unread import may_go_on, parted, still_thinking, why_unread
from srlm.records import Record, Unread, user
from srlm.settings import PairSettings, Sampling
from srlm.text.counts import counted
from srlm.text.pair_prompt import PairTemplate
from srlm.text.verdict import Verdict, read_verdict
from srlm.usage import judging


class PairItem(Record):
    """Two answers to one prompt, in the order the judge sees them."""

    prompt: str
    first: str
    second: str
    principle: str | None = None
    """What the template's slot {principle} is filled with. None: the template has none."""

    @property
    def turned(self) -> "PairItem":
        """The same with the second answer shown first."""
        return self.model_copy(update={"first": self.second, "second": self.first})


class Opinion(Record):
    """What a judge said of one PairItem."""

    preference: float | None
    """1 = the first answer is better, 0.5 = equal, 0 = the second is. None: not readable."""
    probability: float | None = None
    """Probability the judge gives to the first. None: the judge does not say."""
    raw: str
    """All that the judge wrote, or the numbers it gave."""
    unread: Unread | None = None
    """Why there is no preference; None where there is one, or where nobody asked why (older files)."""
    bounds: tuple[float, float] | None = None
    """Where the probability lies if it is not known exactly: a letter is not among the likeliest tokens, or some votes
    could not be read. None: `probability` is exact."""
    votes: tuple[float | None, ...] = ()
    """The preference of each sampled verdict, of which `probability` is the mean. Empty: it was asked once."""

    @property
    def turned(self) -> "Opinion":
        """The same, as an opinion of the answer that was shown second."""
        turned = {
            "preference": _other(self.preference),
            "probability": _other(self.probability),
            "bounds": None if self.bounds is None else (1 - self.bounds[1], 1 - self.bounds[0]),
            "votes": tuple(map(_other, self.votes)),
        }
        return self.model_copy(update=turned)


def _other(side: float | None) -> float | None:
    return None if side is None else 1 - side


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
        raise AssertionError(f"{judge.id}: {counted(len(said), 'opinions')} on {counted(2 * len(items), 'pairs')}")
    return [BothOrders.of(*both) for both in zip(said[: len(items)], said[len(items) :], strict=True)]


class ModelPairJudge:
    """A language model that is shown both answers with a template.

    Where the template asks for one letter and the engine has log-probabilities, the letters' probabilities are read. An
    item whose letters are as good as impossible is read by what the model writes, as are all items of other templates
    and engines. With `votes` k verdicts are sampled instead, and their mean is the probability. Of a `reasoned`
    template the letters are read behind the words that the model has written, also where these were cut. Each item's
    way follows from the item alone, never from what it is asked together with.
    """

    def __init__(
        self, engine: Engine, asking: PairSettings | None = None, template: PairTemplate | None = None
    ) -> None:
        self._engine = engine
        self._asking = asking or PairSettings()
        self._template = template or load(self._asking.template)
        self._has_scores: bool | None = None  # settled by the first request, so that one run never mixes both ways
        self._settling = threading.Lock()  # blocks may be compared in several threads

    @property
    def id(self) -> str:
        return self._engine.id

    @property
    def concurrency(self) -> int:
        return self._engine.concurrency

    def compare(self, items: Sequence[PairItem], seed: int) -> list[Opinion]:
        with judging():
            return self._compare([self._request(item) for item in items], seed)

    def _compare(self, requests: Sequence[Request], seed: int) -> list[Opinion]:
        if not requests:
            return []
        if self._asking.votes is not None:
            return [tally([self._parse(one) for one in own]) for own in self._written(requests, seed)]
        said: list[Opinion | None] = [None] * len(requests)
        letters = [text for label in self._template.labels for text in (label, f" {label}")]
        if self._template.form == "reasoned":
            return self._reasoned(requests, letters, seed)
        if self._template.form == "letter" and self._scored(requests[0]):
            said = [_by_letters(logs) for logs in chances(self._engine, requests, letters)]
        silent = [row for row, opinion in enumerate(said) if opinion is None]
        for row, (written,) in zip(silent, self._written([requests[row] for row in silent], seed), strict=True):
            said[row] = self._parse(written)
        return [opinion for opinion in said if opinion is not None]

    def _reasoned(self, requests: Sequence[Request], letters: Sequence[str], seed: int) -> list[Opinion]:
        """The letters behind the reasons; what was all thought, had no room or was refused is not asked for a letter.
        Where the letters are as good as impossible, the words decide."""
        written = [own[0] for own in self._written(requests, seed)]
        said = [self._parse(one) for one in written]
        if not self._scored(requests[0]):
            return said
        rows = [row for row, one in enumerate(written) if may_go_on(one)]
        behind = [
            requests[row].model_copy(update={"prefix": prefix_for(written[row].text, self._template.lead)})
            for row in rows
        ]
        for row, request, logs in zip(rows, behind, chances(self._engine, behind, letters), strict=True):
            if (opinion := _by_letters(logs)) is not None:
                said[row] = opinion.model_copy(update={"raw": f"{request.prefix}\n{opinion.raw}"})
        return said

    def _scored(self, request: Request) -> bool:
        """Whether the engine has log-probabilities."""
        with self._settling:
            if self._has_scores is None:
                try:
                    self._engine.loglikelihood([request], [list(self._template.labels)])
                    self._has_scores = True
                except RoomError:
                    self._has_scores = True  # the engine has them, if not for this item
                except CapabilityError:
                    self._has_scores = False
            return self._has_scores

    def _written(self, requests: Sequence[Request], seed: int) -> list[tuple[Completion, ...]]:
        """What the judge writes of each item, with time to end a thought. What is asked again begins alike where it is
        greedy; of votes all are drawn again."""
        if not requests:
            return []
        short, long = samplings(self._asking, self._template)
        written = [tuple(map(parted, own)) for own in self._engine.generate(requests, short, seed)]
        thinking = [row for row, own in enumerate(written) if any(map(still_thinking, own))]
        if thinking and long != short:
            again = self._engine.generate([requests[row] for row in thinking], long, seed)
            for row, own in zip(thinking, again, strict=True):
                written[row] = tuple(map(parted, own))
        return written

    def _parse(self, written: Completion) -> Opinion:
        return parse(written, self._template.read)

    def _request(self, item: PairItem) -> Request:
        words = self._template.prompt(item.prompt, item.first, item.second, item.principle)
        return Request(messages=user(words), draws=self._asking.votes or 1)

    def close(self) -> None:
        self._engine.close()


def samplings(asking: PairSettings, template: PairTemplate) -> tuple[Sampling, Sampling]:
    """How a judge is asked, and how one that was still thinking when its tokens were over is asked again."""
    temperature = 0.0 if asking.votes is None else asking.temperature
    room = asking.tokens or template.tokens
    if asking.reasoning_effort is not None:  # it is known to think
        room = max(room, asking.thought_tokens)
    short = Sampling(temperature=temperature, top_p=1.0, max_new_tokens=room)
    return short, short.model_copy(update={"max_new_tokens": max(room, asking.thought_tokens)})


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


def parse(written: Completion, read: Callable[[str], Verdict] = read_verdict) -> Opinion:
    """What the words say; words that may not be read, or hold no clear verdict, give no preference and the reason."""
    written = parted(written)
    unread: Unread | None = why_unread(written)
    preference = None
    if unread is None:
        preference, unread = read(written.text)
    return Opinion(preference=preference, raw=written.text, unread=unread)


def tally(votes: Sequence[Opinion]) -> Opinion:
    """Sampled verdicts as one opinion: their mean is the probability, and the majority is preferred.

    Votes that could not be read bound the mean both ways. Where they might turn the majority, there is no preference.
    """
    values = tuple(vote.preference for vote in votes)
    known = [value for value in values if value is not None]
    missing = len(values) - len(known)
    low, high = sum(known) / len(values), (sum(known) + missing) / len(values)
    raw = json.dumps([vote.raw for vote in votes], ensure_ascii=False)
    if missing and low <= 0.5 <= high:
        reasons = Counter(vote.unread for vote in votes if vote.preference is None)
        return Opinion(preference=None, raw=raw, unread=reasons.most_common(1)[0][0], votes=values)
    mean = fmean(known)
    return Opinion(
        preference=0.5 if mean == 0.5 else float(mean > 0.5),
        probability=mean,
        raw=raw,
        bounds=(low, high) if missing else None,
        votes=values,
    )
