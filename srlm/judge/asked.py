"""A model behind a server as pairwise judge: the verdict it writes, and its probability where the server tells it."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from srlm.engines.base import Completion
from srlm.engines.openai.answers import ChatAnswer, out_of_room
from srlm.engines.openai.calls import Answer, Call, Failure
from srlm.engines.openai.cost import BudgetSpent
from srlm.errors import EngineError
from srlm.judge.letter import chance_of
from srlm.judge.pair_template import load
from srlm.judge.pairwise import Opinion, PairItem, parse, samplings, tally
from srlm.judge.unread import still_thinking
from srlm.records import Unread
from srlm.settings import PairSettings, Sampling
from srlm.terminal import logger
from srlm.text.counts import counted
from srlm.text.pair_prompt import PairTemplate
from srlm.usage import judging

if TYPE_CHECKING:
    from srlm.engines.openai.client import Client

log = logger(__name__)

LOGPROBS = {"logprobs": True, "top_logprobs": 5}
VOTES = 3
"""Votes for each order where the server refuses log-probabilities and nobody says how many; as judge.draws."""


class AskedPairJudge:
    """Asks for a verdict, and reads its probability too where the server tells it.

    Where the server refuses log-probabilities, or `votes` says so, k verdicts are sampled instead. A judge that was
    still thinking when its tokens were over is asked again with room for the thought. A call that failed stops the
    comparison: it is not kept as a verdict, and a later run asks it again. One that the server refused alone is no
    verdict.
    """

    concurrency = 1
    """See PairwiseJudge: the client itself has many requests under way."""

    def __init__(
        self,
        model: str,
        client: "Callable[[], Client]",
        close: Callable[[], None],
        asking: PairSettings | None = None,
        template: PairTemplate | None = None,
    ) -> None:
        self._model, self._client, self.close = model, client, close
        self._asking = asking or PairSettings()
        self._template = template or load(self._asking.template)
        self._logprobs: dict[str, Any] = dict(LOGPROBS) if self._template.form == "letter" else {}
        self._settled = False

    @property
    def id(self) -> str:
        return self._model

    def compare(self, items: Sequence[PairItem], seed: int) -> list[Opinion]:
        """One opinion an item; a server samples votes by itself, so `seed` changes nothing."""
        if not items:
            return []
        found: list[Opinion] = []
        if self._asking.votes is None and self._logprobs and self._voted_before(items[0]):
            self._vote()
        while self._asking.votes is None and len(found) < len(items):
            # One item settles how all are asked, before the others cost anything.
            rest = items[len(found) :]
            found += self._once(rest[:1] if self._logprobs and not self._settled else rest, len(found))
        return found if self._asking.votes is None else self._voted(items)

    # Once -----------------------------------------------------------------------------------------------------------

    def _once(self, items: Sequence[PairItem], before: int = 0) -> list[Opinion]:
        """One greedy verdict an item; none where it turns out that votes have to be sampled."""
        from srlm.engines.openai.client import Refused  # the client is slow to import

        try:
            said = self._ask_first(items, before=before)
        except Refused:
            if not self._logprobs:
                raise
            self._vote()  # not every server has them
            return []
        if self._logprobs and not self._client().parameters(self._model).takes("logprobs"):
            self._vote()
            return []
        self._settled = True
        said = self._with_room(items, said, 0)
        opinions = [self._opinion(one) for one in said]
        letters = sum(one.preference is not None and one.probability is None for one in opinions)
        if self._logprobs and letters:
            log.warning(
                "%s: %d of %s came without usable log-probabilities; the letter written decides",
                self._model, letters, counted(len(opinions), "verdicts"),
            )  # fmt: skip
        return opinions

    def _opinion(self, said: "Answer | Failure") -> Opinion:
        opinion, written = self._read(said)
        if isinstance(said, Failure) or opinion.preference not in (0.0, 1.0) or self._template.form != "letter":
            return opinion
        chance = chance_of(said.choice, written, self._template.labels)
        if chance is None:
            return opinion
        if (chance.first - 0.5) * (opinion.preference - 0.5) < 0:
            return Opinion(preference=None, raw=opinion.raw, unread="contradiction")
        return opinion.model_copy(update={"probability": chance.first, "bounds": chance.bounds})

    # Votes ----------------------------------------------------------------------------------------------------------

    def _vote(self) -> None:
        """Sample verdicts from now on: the server has no log-probabilities."""
        words = counted(VOTES, "verdicts are")
        log.warning("%s: refuses log-probabilities; %s sampled for each order instead", self._model, words)
        self._logprobs = {}
        self._asking = self._asking.model_copy(update={"votes": VOTES})

    def _voted_before(self, item: PairItem) -> bool:
        """Whether an earlier run, which the file of calls is of, sampled votes: a replay asks nobody."""
        client = self._client()
        store = client.store
        if store is None:
            return False
        voting = self._asking.model_copy(update={"votes": VOTES})
        short, _ = samplings(voting, self._template)
        call = self._call(item, short, 0, {})
        # A replay takes whatever was recorded; a run that asks, only what this server said.
        origin = None if store.replay else store.last_origin(client.endpoint.address, self._model)
        return call.key in store.answers([call.key], origin)

    def _voted(self, items: Sequence[PairItem]) -> list[Opinion]:
        votes = self._asking.votes
        assert votes is not None
        self._logprobs = {}
        rows = [item for item in items for _ in range(votes)]
        said = self._with_room(rows, self._ask_first(rows, votes), votes)
        opinions = [self._read(one)[0] for one in said]
        return [tally(opinions[place * votes : (place + 1) * votes]) for place in range(len(items))]

    # Asking ---------------------------------------------------------------------------------------------------------

    def _ask_first(self, items: Sequence[PairItem], votes: int = 0, before: int = 0) -> "list[Answer | Failure]":
        """The answers; with room for a thought where a server that has answered nothing yet refuses to give less."""
        from srlm.engines.openai.client import Refused

        short, long = samplings(self._asking, self._template)
        try:
            return self._ask(items, short, votes, before=before)
        except Refused as error:
            if long == short or not out_of_room(str(error)):
                raise
            return self._ask(items, long, votes, before=before)

    def _with_room(
        self, items: Sequence[PairItem], said: "list[Answer | Failure]", votes: int
    ) -> "list[Answer | Failure]":
        """The same, asked again with room for the thought where it took all."""
        short, long = samplings(self._asking, self._template)
        places = [place for place, one in enumerate(said) if self._thinks(one)] if long != short else []
        if places:
            draws = [place % votes if votes else 0 for place in places]
            again = self._ask([items[place] for place in places], long, draws=draws)
            for place, one in zip(places, again, strict=True):
                said[place] = one
            left = sum(map(self._thinks, again))
            if left:
                log.warning(
                    "%s: %d of %s empty, because the thought took all of %s; raise thought_tokens "
                    "(--thought-tokens)",
                    self._model, left, counted(len(said), "answers are"), counted(long.max_new_tokens, "tokens"),
                )  # fmt: skip
        return said

    def _thinks(self, said: "Answer | Failure") -> bool:
        if isinstance(said, Failure):
            return out_of_room(said.words)
        written = _completion(said)
        return written is not None and still_thinking(written)

    def _read(self, said: "Answer | Failure") -> tuple[Opinion, str]:
        """What an answer says, and its words behind any thought."""
        if isinstance(said, Failure):
            full = said.why == "too long" or out_of_room(said.words)
            unread: Unread = "no room" if full else "no verdict" if said.kind == "parse" else "refused"
            return Opinion(preference=None, raw=said.words, unread=unread), ""
        written = _completion(said)
        if written is None:  # it answers, and not in words
            return Opinion(preference=None, raw=str(said.choice.get("message")), unread="no verdict"), ""
        opinion = parse(written, self._template.read)
        return opinion, opinion.raw

    def _ask(
        self,
        items: Sequence[PairItem],
        sampling: Sampling,
        votes: int = 0,
        draws: Sequence[int] = (),
        before: int = 0,
    ) -> "list[Answer | Failure]":
        """The answers; `before` were asked for the same comparison already."""
        client = self._client()
        numbers = draws or [place % votes if votes else 0 for place in range(len(items))]
        with judging():
            said = client.ask(
                [self._call(item, sampling, draw, self._logprobs) for item, draw in zip(items, numbers, strict=True)]
            )
        failed = [one for one in said if isinstance(one, Failure) and one.kind == "api" and one.why is None]
        if failed:
            raise EngineError(
                f"{self._model}: {counted(len(failed), 'calls')} failed ({failed[0].words}); run again to resume"
            )
        if held := sum(one is None for one in said):
            raise BudgetSpent(
                f"{self._model}: stopped before the cost exceeds {client.budget.most} US dollars (--max-cost), "
                f"with {held} of {counted(before + len(said), 'comparisons')} not asked; raise it and run "
                "again to resume"
            )
        return [one for one in said if one is not None]

    def _call(self, item: PairItem, sampling: Sampling, draw: int, more: dict[str, Any]) -> Call:
        effort = self._asking.reasoning_effort
        return Call(
            service=self._client().endpoint.service,
            model=self._model,
            messages=(
                {
                    "role": "user",
                    "content": self._template.prompt(item.prompt, item.first, item.second, item.principle),
                },
            ),
            settings={
                "temperature": sampling.temperature,
                "max_tokens": sampling.max_new_tokens,
                **more,
                **({} if effort is None else {"reasoning_effort": effort}),
            },
            template=self._template.digest,
            draw=draw,
        )


def _completion(said: Answer) -> Completion | None:
    """The words of an answer; None: it has none that can be read."""
    parts = {"choices": [said.choice], "usage": {"completion_tokens": said.completion_tokens}}
    try:
        return ChatAnswer.model_validate(parts).completions()[0]
    except ValidationError:
        return None
