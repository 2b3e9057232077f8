"""Many calls to one judge: side by side, as many at once as the server takes, each answer kept as it arrives.

One `openai` client for all calls. It sends each request once; sending again is decided here, so that every attempt is
accounted for. What waiting may mend (429, 5xx, a lost connection, silence) is tried again after a jittered pause, or as
the server's Retry-After asks; what it cannot (key, model, a refused request, no quota) ends the run with the server's
words, once the calls under way have come in. A content filter's refusal, or a prompt too long, fails its call alone.
"""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Literal, TypeVar

import httpx2
import openai

from srlm.engines.servers import find_key, shown, words_of
from srlm.errors import EngineError
from srlm.records import seed_for

from ..records import Missing
from .calls import Answer, Call, CallStore, Failure, lacking
from .cost import Budget
from .endpoint import Endpoint, open_client
from .window import Window, retry_after

T = TypeVar("T", Answer, Failure)

GIVE_UP = 20
"""Calls in a row that fail, with no answer in between, before a run stops."""
ELSEWHERE = 0.2
"""Seconds between looks at a call that another process is asking."""

_FATAL_CODES = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active")
_FILTERS = ("content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation")


class Asker:
    """A judge's server. `tally` counts requests by what came of them, and calls found in the store.

    `unread` says why an answer cannot be read, None where it can; one that cannot is asked again by a later run.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        store: CallStore,
        budget: Budget,
        unread: Callable[[Answer], Missing | None] = lambda answer: None,
    ) -> None:
        self.tally = Counter[str]()
        self.budget = budget
        self._endpoint, self._store, self._unread = endpoint, store, unread
        self._client: openai.AsyncOpenAI | None = None
        self._key: str | None = None
        self._answered = 0
        self._failed_in_a_row = 0
        self._stopped: Exception | None = None
        self._stopping = asyncio.Event()

    def ask(
        self, calls: Sequence[Call], report: Callable[[int, int], None] = lambda done, total: None
    ) -> list[Answer | Failure | None]:
        """What came of each call, in their order; None: not asked, for the budget is spent. Equal calls are one.

        Raises EngineError where the server cannot be used, StoreError where a replayed store lacks a call. What was
        answered before is kept.
        """
        wanted = {call.key: call for call in calls}
        said: dict[str, Answer | Failure | None] = dict(self._store.answers(wanted))
        self.tally["found"] += len(said)
        missing = [call for key, call in wanted.items() if key not in said]
        report(len(said), len(wanted))
        if missing and self._store.replay:
            # A failure that was recorded is what the replayed run met, too.
            said |= {call.key: self._recorded_failure(call) for call in missing}
        elif missing:
            self._key = find_key(self._endpoint.api_key_env, self._endpoint.base_url)

            def kept(call: Call, one: Answer | Failure | None) -> None:
                said[call.key] = one
                report(len(said), len(wanted))

            asyncio.run(self._all(missing, kept))
        if self._stopped is not None:
            raise self._stopped
        return [said[call.key] for call in calls]

    def _recorded_failure(self, call: Call) -> Failure:
        failure = self._store.failure(call.key)
        if failure is None:
            raise lacking(self._store, call)
        return failure

    # Side by side ---------------------------------------------------------------------------------------------------

    async def _all(self, calls: Sequence[Call], kept: Callable[[Call, Answer | Failure | None], None]) -> None:
        self._window = Window(self._endpoint.concurrency)
        self._client = open_client(self._endpoint, self._key)
        left, working = iter(calls), set[asyncio.Task[None]]()

        async def worker() -> None:
            # One goes straight from an answer to the next call: woken by another, it would wait for a whole burst.
            for call in left:
                try:
                    kept(call, await self._one(call))
                except Exception as error:  # told when the others have come in: their answers are paid for
                    self._stop(error)

        def hire() -> None:
            working.add(asyncio.create_task(worker()))

        async def everything() -> None:
            for _ in calls[: self._endpoint.concurrency]:
                hire()
                await asyncio.sleep(0)  # one request is on its way before the next is built: answers come spread out
            while working:
                done, _ = await asyncio.wait(working, return_when=asyncio.FIRST_COMPLETED)
                working.difference_update(done)

        self._hire = hire
        work = asyncio.ensure_future(everything())
        try:
            try:
                await asyncio.shield(work)
            except asyncio.CancelledError:  # Ctrl-C: what is under way comes in; a second one drops it
                self._stop(None)
                await work
                raise
        finally:
            await self._client.close()

    def _stop(self, error: Exception | None) -> None:
        self._stopped = self._stopped or error
        self._stopping.set()

    async def _rest(self, seconds: float) -> None:
        """Sleep, or until the run is stopped; another worker goes on with the calls that are left."""
        self._hire()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    async def _one(self, call: Call) -> Answer | Failure | None:
        """A call with all its tries; claimed from the first on, so that no other process asks it meanwhile."""
        claimed, failures, attempts = False, 0, 0
        jitter = random.Random(seed_for(self._endpoint.seed, call.key))
        try:
            while True:
                seen = self._answered
                async with self._window.entered(again=attempts > 0):
                    if self._stopping.is_set():
                        return None
                    if not claimed:
                        claimed = self._store.claim(call.key)
                        # Another process may have had the answer since this one looked.
                        if claimed and (found := self._store.answers([call.key])):
                            self.tally["found"] += 1
                            return found[call.key]
                    if claimed and not self.budget.reserve(call):
                        return None
                    came = await self._attempt(call, attempts + 1) if claimed else None
                if isinstance(came, Answer):
                    return came
                if came is None:
                    await self._rest(ELSEWHERE)
                    continue
                attempts += 1
                self.tally[came.what] += 1
                if came.failure is not None:
                    return self._kept(call, Failure(kind=came.failure, words=came.words, attempts=attempts))
                failures += not (came.limited and self._answered > seen)
                if failures >= self._endpoint.tries:
                    return self._kept(call, self._given_up(call, came, attempts))
                pause = min(60.0, self._endpoint.pause * 2 ** max(0, failures - 1)) * jitter.uniform(0.5, 1)
                await self._rest(max(pause, came.wait))
        finally:
            if claimed:
                self._store.release(call.key)

    async def _attempt(self, call: Call, attempts: int) -> "Answer | _Failed":
        """One request, and what it tells of the server; an answer is kept before anything else is done."""
        began = time.monotonic()
        try:
            choice, usage = await self._sent(call)
        except _Failed as failed:
            self.budget.drop(call)
            if failed.limited:
                self._window.refused()
            return failed
        answer = Answer(choice=choice, seconds=time.monotonic() - began, attempts=attempts, **usage)
        self._kept(call, answer)
        self._window.answered()
        self._answered += 1
        self._failed_in_a_row = 0
        self.tally["answered"] += 1
        self.budget.spend(call, answer)
        return answer

    def _kept(self, call: Call, said: T) -> T:
        """Put into the store; an answer that cannot be read as such."""
        self._store.put(call, said, self._unread(said) if isinstance(said, Answer) else None)
        return said

    def _given_up(self, call: Call, caught: "_Failed", attempts: int) -> Failure:
        """A call that failed as often as it may; too many of them, and none answered, end the run."""
        self._failed_in_a_row += 1
        if not self._answered or self._failed_in_a_row >= GIVE_UP:
            self._stop(self._told(call, f"does not answer: {caught.words}; run again later, it goes on where it was"))
        return Failure(kind="api", words=caught.words, attempts=attempts)

    # One request ----------------------------------------------------------------------------------------------------

    async def _sent(self, call: Call) -> tuple[dict[str, Any], dict[str, int | None]]:
        """The server's first choice and the tokens it counted. Raises _Failed, or EngineError where all calls would."""
        assert self._client is not None
        body = {"model": call.model, "messages": list(call.messages), **call.settings}
        try:
            async with asyncio.timeout(self._endpoint.timeout):
                # The client's `create` would check and rebuild the answer, at three times the processor's time.
                response = await self._client.post("/chat/completions", cast_to=httpx2.Response, body=body)
        except (TimeoutError, openai.APITimeoutError):
            raise _Failed("hung", f"no answer in {self._endpoint.timeout:g} s") from None
        except openai.APIStatusError as error:
            raise self._refusal(call, error) from None
        except openai.APIConnectionError as error:
            why = shown(str(error.__cause__ or error), self._key)
            if not self._answered and isinstance(error.__cause__, httpx2.ConnectError):
                raise self._told(call, f"cannot be reached ({why}); is --base-url its address?") from None
            raise _Failed("cut off", why) from None
        try:
            return _read(response.content.decode(), self._key)
        except ValueError as error:
            said = shown(response.content.decode(errors="replace"), self._key)
            raise _Failed("unreadable", f"answered, but not with a chat completion ({error}): {said}") from None

    def _refusal(self, call: Call, error: openai.APIStatusError) -> Exception:
        said, status = words_of(error, self._key), error.status_code
        code = str(error.code or "")
        if code in _FATAL_CODES:
            return self._told(call, f"has no quota left for this key: {said}")
        if status == 429:
            return _Failed("refused (429)", said, wait=retry_after(error.response.headers), limited=True)
        if status >= 500 or status in (408, 409):
            return _Failed(f"failed ({status})", said, wait=retry_after(error.response.headers))
        if code in _FILTERS:
            return _Failed("filtered", said, failure="refusal")
        if code == "context_length_exceeded":
            return _Failed("too long", said, failure="api")
        match status:
            case 401 | 403:
                return self._told(
                    call, f"refused the key ({status}): {said}; put a valid one into {self._endpoint.api_key_env}"
                )
            case 404:
                return self._told(call, f"knows no such model, or no such address (404): {said}")
        return Refused(str(self._told(call, f"refused the request ({status}): {said}")))

    def _told(self, call: Call, what: str) -> EngineError:
        assert self._client is not None
        return EngineError(f"{call.model} at {self._client.base_url.copy_with(userinfo=b'')}: {what}")


class Refused(EngineError):
    """The server takes no such request; another might do."""


class _Failed(Exception):
    """One request that brought no answer; `failure`: sending it again would not help."""

    def __init__(
        self,
        what: str,
        words: str,
        wait: float = 0.0,
        limited: bool = False,
        failure: Literal["refusal", "api"] | None = None,
    ) -> None:
        self.what, self.words, self.wait, self.limited, self.failure = what, words, wait, limited, failure


def _read(text: str, key: str | None) -> tuple[dict[str, Any], dict[str, int | None]]:
    """A chat completion's first choice and token counts, without the key a server may echo. Raises ValueError."""
    if key:
        text = text.replace(key, "***")
    # Half a surrogate pair is legal JSON, and no text that can be written to a file.
    whole = json.loads(text, parse_constant=_no_constant)
    if "\\ud" in text.lower():
        whole = json.loads(json.dumps(whole, ensure_ascii=False).encode("utf-8", "replace"))
    choices = whole.get("choices") if isinstance(whole, dict) else None
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise ValueError("no choices")
    if not isinstance(choices[0].get("message"), dict):
        raise ValueError("no message")
    usage = whole.get("usage") if isinstance(whole.get("usage"), dict) else {}
    return choices[0], {name: _count(usage.get(name)) for name in ("prompt_tokens", "completion_tokens")}


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**40 else None
