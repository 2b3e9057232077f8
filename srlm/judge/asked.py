"""A model behind a server as pairwise judge: the letter it writes, and its probability where the server tells it."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from srlm.engines.openai.answers import ChatAnswer
from srlm.engines.openai.calls import Answer, Call, Failure
from srlm.errors import EngineError
from srlm.judge.pairwise import THOUGHT, WORDS, Opinion, PairItem, opinion_of, parse, prompt_of, template
from srlm.records import Unread, digest
from srlm.settings import Sampling

if TYPE_CHECKING:
    from srlm.engines.openai.client import Client

LOGPROBS = {"logprobs": True, "top_logprobs": 5}
LETTERS = ("A", "B")


class AskedPairJudge:
    """Asks for one letter, and reads its probability too where the server tells it.

    A judge that was still thinking when its tokens were over is asked again with room for the thought. A call that
    failed stops the comparison: it is not kept as a verdict, and a later run asks it again. One that the server refused
    alone is no verdict.
    """

    concurrency = 1
    """See PairwiseJudge: the client itself has many requests under way."""

    def __init__(self, model: str, client: "Callable[[], Client]", close: Callable[[], None]) -> None:
        self._model, self._client, self.close = model, client, close
        self._template = template()
        self._logprobs: dict[str, Any] = dict(LOGPROBS)

    @property
    def id(self) -> str:
        return self._model

    def compare(self, items: Sequence[PairItem], seed: int) -> list[Opinion]:
        """One opinion an item; greedy, so `seed` changes nothing."""
        from srlm.engines.openai.client import Refused  # the client is slow to import

        try:
            found = self._ask(items, WORDS)
        except Refused:
            if not self._logprobs:
                raise
            self._logprobs = {}  # not every server has them
            found = self._ask(items, WORDS)
        thinking = [place for place, opinion in enumerate(found) if opinion.unread == "open thought"]
        again = self._ask([items[place] for place in thinking], THOUGHT) if thinking else []
        for place, opinion in zip(thinking, again, strict=True):
            found[place] = opinion
        return found

    def _ask(self, items: Sequence[PairItem], sampling: Sampling) -> list[Opinion]:
        client = self._client()
        said = client.ask([self._call(item, sampling, client.endpoint.service) for item in items])
        failed = [one for one in said if isinstance(one, Failure) and one.kind == "api" and one.why is None]
        if failed:
            raise EngineError(f"{self._model}: {len(failed)} calls failed ({failed[0].words}); run again to resume")
        if held := sum(one is None for one in said):
            raise EngineError(
                f"{self._model}: stopped before the cost exceeds {client.budget.most} US dollars (--max-cost), "
                f"with {held} of {len(said)} comparisons not asked; raise it and run again to resume"
            )
        return [_opinion(one) for one in said if one is not None]

    def _call(self, item: PairItem, sampling: Sampling, service: str) -> Call:
        return Call(
            service=service,
            model=self._model,
            messages=({"role": "user", "content": prompt_of(item, self._template)},),
            settings={"temperature": sampling.temperature, "max_tokens": sampling.max_new_tokens, **self._logprobs},
            template=digest("pairwise", self._template),
        )


def _opinion(said: Answer | Failure) -> Opinion:
    if isinstance(said, Failure):
        unread: Unread = "no room" if said.why == "too long" else "refused"
        return Opinion(preference=None, raw=said.words, unread=unread)
    try:
        (completion,) = ChatAnswer.model_validate({"choices": [said.choice]}).completions()
    except ValidationError:  # it answers, and not in words
        return Opinion(preference=None, raw=str(said.choice.get("message")))
    written = parse(completion)
    probability = _probability(said.choice) if completion.thought is None else None
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
