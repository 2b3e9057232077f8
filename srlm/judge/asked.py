"""A model behind a server as the pairwise judge of the head-to-head, through the store of calls."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from srlm.engines.base import Completion
from srlm.errors import EngineError
from srlm.judge.pairwise import WORDS, Opinion, PairItem, opinion_of, parse, template
from srlm.records import digest
from srlm.text.template import frame

from .asking import Asker, Refused
from .calls import Answer, Call, Failure

LOGPROBS = {"logprobs": True, "top_logprobs": 5}
LETTERS = ("A", "B")


class AskedPairJudge:
    """Asks for one letter, and reads its probability too where the server tells it.

    A call that failed stops the comparison: it is not kept as a verdict, and a later run asks it again.
    """

    concurrency = 1
    """See PairJudge: the asker itself has many requests under way."""

    def __init__(self, model: str, service: str, asker: Callable[[], Asker], close: Callable[[], None]) -> None:
        self._model, self._service, self._asker, self.close = model, service, asker, close
        self._template = template()
        self._logprobs: dict[str, Any] = dict(LOGPROBS)

    @property
    def id(self) -> str:
        return self._model

    def compare(self, items: Sequence[PairItem], seed: int) -> list[Opinion]:
        """One opinion an item; greedy, so `seed` changes nothing."""
        try:
            said = self._asker().ask([self._call(item) for item in items])
        except Refused:
            if not self._logprobs:
                raise
            self._logprobs = {}  # not every server has them
            said = self._asker().ask([self._call(item) for item in items])
        failed = [one for one in said if isinstance(one, Failure) and one.kind == "api"]
        if failed:
            raise EngineError(
                f"{self._model}: {len(failed)} calls failed ({failed[0].words}); run again, it goes on here"
            )
        return [_opinion(one) for one in said]

    def _call(self, item: PairItem) -> Call:
        slots = {"prompt": item.prompt, "first": item.first, "second": item.second}
        return Call(
            service=self._service,
            model=self._model,
            messages=({"role": "user", "content": frame(self._template, slots)},),
            settings={"temperature": WORDS.temperature, "max_tokens": WORDS.max_new_tokens, **self._logprobs},
            template=digest("pairwise", self._template),
        )


def _opinion(said: Answer | Failure | None) -> Opinion:
    if not isinstance(said, Answer):
        return Opinion(preference=None, raw="" if said is None else said.words)
    text = str(said.choice["message"].get("content") or "")
    written = parse(Completion(text=text, finish="length" if said.choice.get("finish_reason") == "length" else "stop"))
    probability = _probability(said.choice)
    # The letter written is the verdict; where it is no plain A or B, the first token's probability is of no use.
    usable = probability is not None and written.preference in (0.0, 1.0)
    return written.model_copy(update={"probability": probability}) if usable else written


def _probability(choice: dict[str, Any]) -> float | None:
    """The probability of A where only A and B can be said, from the first token. None: the server does not say."""
    try:
        top = choice["logprobs"]["content"][0]["top_logprobs"]
        logs = [[float(t["logprob"]) for t in top if t["token"].strip() == letter] for letter in LETTERS]
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        return None
    if not all(logs):
        return None
    return opinion_of(*(float(np.logaddexp.reduce(one)) for one in logs)).probability
