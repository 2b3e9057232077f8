"""Many calls to one server: side by side, as many at once as the server takes, each answer kept as it arrives.

One `openai` client for all calls, and one place that decides what is sent again. The client sends each request once, so
that every attempt is accounted for. What waiting may mend (429, 5xx, an error that comes with status 200, a lost
connection, silence) is tried again as the server's Retry-After asks, or after a jittered pause. Parameters that the
server does not take are renamed or left out, and logged. A request that is refused alone (a filter, too long, invalid)
costs that call. Where nothing was ever answered, or no waiting mends it (key, model, no quota), the run ends with the
server's words, once the calls under way have come in.

With `batch_api` the calls of a run wait until all of them have been asked, and go out as batches (`batches.py`): what
each call then meets, and what is tried again, is the same.
"""

import asyncio
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, Literal, NamedTuple, TypeVar

import httpx2
import openai

from srlm.engines.openai.answers import status_of
from srlm.engines.openai.batches import (
    MOST_BYTES,
    MOST_REQUESTS,
    SWITCH,
    Batches,
    Line,
    Stopped,
    as_error,
    as_response,
    divided,
    line_of,
)
from srlm.engines.openai.body import KEPT
from srlm.engines.openai.calls import Answer, Call, CallStore, Failure, Missing, Refusal, SubmittedCall, lacking
from srlm.engines.openai.completion import Disguised, OtherShape, Reply, reply_of, without_keys
from srlm.engines.openai.connection import Connection
from srlm.engines.openai.cost import Budget
from srlm.engines.openai.endpoint import Endpoint
from srlm.engines.openai.guarded import body_in
from srlm.engines.openai.loop import BackgroundLoop
from srlm.engines.openai.origin import Origin, ServedModel, served_model
from srlm.engines.openai.parameters import Parameters
from srlm.engines.openai.refusals import fate_of
from srlm.engines.openai.retired import notice, refuse_retired
from srlm.engines.openai.servers import find_key, shown, words_of
from srlm.engines.openai.window import Window, retry_after
from srlm.errors import CapabilityError, EngineError
from srlm.records import seed_for
from srlm.terminal import logger
from srlm.text.counts import counted
from srlm.usage import Usage, count

log = logger(__name__)

R = TypeVar("R")
Said = Answer | Failure | None
"""What came of a call; None: it was not sent, for the budget is spent or the run is stopped."""
Kept = TypeVar("Kept", Answer, Failure)

GIVE_UP = 20
"""Calls in a row that fail, with no answer in between, before a run stops."""
INVALID = 3
"""Requests refused without a clear reason, and nothing answered before, after which a run stops: all fare alike."""
MOST_OF = 5
"""Calls of one run from which on it is an error that most of them failed."""
LOOK = 10.0
"""Seconds that a server has to say which models it serves."""
WAITS = 2
"""Times as long as it may take to answer, a server may ask to wait before it is asked again."""
ELSEWHERE = 0.2
"""Seconds between looks at a call that another process is asking."""
NEED = {
    "continue_final_message": "way to continue a partial answer",
    "prompt_logprobs": "log-probabilities",
    "echo": "log-probabilities of given text (tasks that only write, such as gsm8k, nq_open and ifeval, can be asked "
    "of it)",
}
"""Parameters without which a request means nothing -> what a server that does not take it has not."""


class Client:
    """A server. `tally` counts requests by what came of them, and calls found in the store.

    `store` None: nothing is kept. `unread` says why an answer cannot be read, None where it can; one that cannot is
    asked again by a later run. Several threads may ask at once: one loop, in a thread of its own, does all the work.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        store: CallStore | None = None,
        budget: Budget | None = None,
        unread: Callable[[Answer], Missing | None] = lambda answer: None,
    ) -> None:
        self.tally = Counter[str]()
        self.budget = budget or Budget()
        self.endpoint, self.store = endpoint, store
        self._address, self._official = endpoint.address, endpoint.official
        self.where = f"{self._address}/"
        self.answered = 0
        """Calls that the server has answered, to this client."""
        self._unread = unread
        self._models: dict[str, _ModelState] = {}
        self._opening = threading.Lock()
        self._connection: Connection | None = None
        self._loop: BackgroundLoop | None = None
        self._runs: set[_Run] = set()
        self._stopped_by: Exception | None = None
        self._window = Window(endpoint.concurrency)
        self._turn = asyncio.Lock()
        self._settled = asyncio.Event()
        self._refused: Counter[Refusal] = Counter()
        self._last_refusal = ""
        self._given_up_in_all = self._failed_in_a_row = 0

    def connect(self) -> None:
        """Raise EngineError where there is no key or no address; sends nothing."""
        with self._opening:
            if self._connection is None:
                self._connection = Connection(self.endpoint, find_key(self.endpoint.api_key_env, self.endpoint))

    def close(self) -> None:
        """Close the connections and the event loop; closing again does nothing. A store is its owner's to close."""
        with self._opening:
            connection, loop = self._connection, self._loop
            self._connection = self._loop = self._stopped_by = None
            if connection is not None:
                loop = loop or BackgroundLoop()
                loop.run(connection.close())
            if loop is not None:
                loop.close()
            # What is asked after this is asked in another loop, which must meet nothing of this one.
            self._window, self._turn, self._settled = Window(self.endpoint.concurrency), asyncio.Lock(), asyncio.Event()
            for state in self._models.values():
                state.known = None

    def parameters(self, model: str) -> Parameters:
        """Which parameters the server takes of this model, as far as it is known."""
        return self._state(model).parameters

    def ask(
        self, calls: Sequence[Call], report: Callable[[int, int], None] = lambda done, total: None
    ) -> list[Answer | Failure | None]:
        """What came of each call, in their order; None: not asked, for the budget is spent. Equal calls are one.

        The budget is spent in that order: once a call is held back, so are all behind it, however cheap. Raises
        EngineError where the server cannot be used, StoreError where a replayed store lacks a call. What was answered
        before is kept.
        """
        said: dict[str, Said] = {}
        begun = set[str]()
        self.tally["found"] += 0  # a run that found none says so
        report(0, len(calls))

        async def one(index: int) -> None:
            # Keys are computed, and the store is looked at, while the server thinks about the calls before.
            call = calls[index]
            if call.key not in begun:
                begun.add(call.key)
                said[call.key] = await self.answer(call)
                report(len(said), len(calls))

        self.run(one, len(calls))
        self.refuse_all(list(said.values()))
        return [said[call.key] for call in calls]

    def refuse_all(self, said: Sequence[Said]) -> None:
        """Raise Refused where the server refused each of these calls, some without a clear reason, and never answered
        any: another request might do. EngineError where most of a number of calls failed, refused or not."""
        failed = [one for one in said if isinstance(one, Failure)]
        refused = [one for one in failed if one.why is not None]
        unclear = [one for one in refused if one.why == "invalid"]
        if self._replayed:
            return
        if unclear and len(refused) == len(said) and not self.answered:
            raise Refused(self._last_refusal)
        lost = [one for one in failed if one.why is None]
        if len(said) >= MOST_OF and 2 * len(lost) > len(said):
            raise EngineError(
                f"{self.where}: {len(lost)} of {counted(len(said), 'calls')} failed as often as they may, the "
                "last one with: "
                f"{lost[-1].words}; see the server's log, and run again later to ask only these"
            )

    @property
    def _replayed(self) -> bool:
        return self.store is not None and self.store.replay

    # Side by side ---------------------------------------------------------------------------------------------------

    def run(self, one: Callable[[int], Coroutine[Any, Any, R]], number: int) -> list[R]:
        """`one(0) ... one(number - 1)` in order, side by side; each may send calls with `answer`.

        The first error lets nothing new begin. It is raised when the calls under way have come in, for they are paid
        for. One event loop serves all runs, also those of several threads at once, until the client is closed.
        """
        if not number:
            return []
        with self._opening:
            self._loop = loop = self._loop or BackgroundLoop()
        run = _Run()
        run.batched = self._batched
        found: dict[int, R] = {}
        self._runs.add(run)
        try:
            if self._stopped_by is not None:
                raise self._stopped_by
            loop.run(self._together(run, one, number, found), lambda: self._stop(run, None))
        finally:
            self._runs.discard(run)
        if run.error is not None:
            raise run.error
        return [found[index] for index in range(number)]

    async def _together(
        self, run: "_Run", one: Callable[[int], Coroutine[Any, Any, R]], number: int, found: dict[int, R]
    ) -> None:
        _RUN.set(run)
        left = iter(range(number))

        async def worker() -> None:
            # One goes straight from an answer to the next call: woken by another, it would wait for a whole burst.
            for index in left:
                if run.stopping.is_set():
                    break
                try:
                    found[index] = await one(index)
                except Exception as error:  # raised when the others have come in
                    self._stop(run, error)
            run.active -= 1
            self._send_batches(run)

        def hire() -> None:
            run.active += 1
            run.working.add(asyncio.create_task(worker()))

        run.hire = hire
        run.active += 1  # so that no batch goes out before all have begun
        for _ in range(min(number, MOST_REQUESTS if run.batched else self.endpoint.concurrency)):
            run.hire()
            await asyncio.sleep(0)  # one request is on its way before the next is built: answers come spread out
        run.active -= 1
        self._send_batches(run)
        when = asyncio.ALL_COMPLETED if run.batched else asyncio.FIRST_COMPLETED  # looking at thousands takes a while
        while run.working:
            done, _ = await asyncio.wait(run.working, return_when=when)
            run.working.difference_update(done)
        await asyncio.gather(*run.sending)

    def stop(self, error: Exception) -> None:
        """Let nothing new begin, in whatever thread, until the client is closed: a run raises `error` when its calls
        under way have come in, and a new one at once."""

        def stop_all() -> None:
            for run in list(self._runs):
                self._stop(run, error)

        self._stopped_by = error
        with self._opening:
            if self._loop is not None:
                self._loop.call(stop_all)

    def _stop(self, run: "_Run", error: Exception | None) -> None:
        run.error = run.error or error
        run.stopping.set()
        self._settled.set()  # who waits for the budget looks again

    async def _rest(self, seconds: float) -> None:
        """Sleep, or until the run is stopped; another worker goes on with what is left."""
        run = _RUN.get()
        if not run.batched:
            run.hire()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await run.stopping.wait()

    # One call -------------------------------------------------------------------------------------------------------

    async def answer(self, call: Call) -> Said:
        """What comes of a call with all its tries, within `run`. None: not sent, for the budget is spent or the run is
        stopped. It is claimed from the first try on, so that no other process asks it meanwhile.

        Raises EngineError where the server cannot be used, StoreError where a replayed store lacks the call.
        """
        run = _RUN.get()
        origin = await self._origin(call.model)
        if (found := self._found(call, origin)) is not None:
            return found
        if self._replayed:
            return self._recorded_failure(call)
        if not self._state(call.model).living:
            self._refuse_retired(call.model)
            await self._check_living(call.model)
        self.connect()
        claim = call.key if origin is None else f"{call.key}@{origin.key}"
        while self.store is not None and not self.store.claim(claim):
            with run.parked():
                self._send_batches(run)
                await self._rest(ELSEWHERE)
            if run.stopping.is_set():
                return None
            if (found := self._found(call, origin)) is not None:
                return found
        try:
            # Another process may have had the answer since this one looked.
            if (found := self._found(call, origin)) is not None:
                return found
            if not run.batched and not await self._admitted(call, run):
                return None
            try:
                return await self._tried(call, origin, run)
            finally:
                self.budget.drop(call)
                self._settled.set()
        finally:
            if self.store is not None:
                self.store.release(claim)

    async def _admitted(self, call: Call, run: "_Run") -> bool:
        """Whether the budget has room for a call. Calls are admitted one by one in the order in which they were asked,
        and each waits for those under way: what they leave is spent, and no cheap call overtakes a dear one."""
        if self.budget.most is None:
            return self.budget.reserve(call)
        async with self._turn:
            while not run.stopping.is_set():
                if self.budget.reserve(call):
                    return True
                if not self.budget.may_have_room:
                    return False
                self._settled.clear()
                await self._settled.wait()
        return False

    async def _tried(self, call: Call, origin: Origin | None, run: "_Run") -> Said:
        """What comes of an admitted call."""
        failures, attempts = 0, 0
        jitter: random.Random | None = None
        while True:
            seen = self.answered
            came: Answer | _Failed | None
            if run.batched:
                came = await self._in_batch(call, attempts + 1, origin, run)
            else:
                async with self._window.entered(again=attempts > 0):
                    came = None if run.stopping.is_set() else await self._attempt(call, attempts + 1, origin)
            if came is None or isinstance(came, Answer):
                return came
            attempts += 1
            self.tally[came.what] += 1
            if came.why is not None:
                return self._kept(call, await self._refusal_of(call, came, attempts, run), origin)
            failures += not (came.limited and self.answered > seen)
            if failures >= self.endpoint.tries:
                return self._kept(call, self._given_up(call, came, attempts, run), origin)
            jitter = jitter or random.Random(seed_for(self.endpoint.seed, call.key))
            pause = min(60.0, self.endpoint.pause * 2 ** max(0, failures - 1)) * jitter.uniform(0.5, 1)
            await self._rest(min(came.wait, WAITS * self.endpoint.patience()) or pause)

    def _found(self, call: Call, origin: Origin | None) -> Answer | None:
        found = None
        if self.store is not None:
            prefer = self._recorded_origin(call.model) if self._replayed else None
            found = self.store.answers([call.key], origin, prefer).get(call.key)
        self.tally["found"] += found is not None
        return None if found is None else without_keys(found)

    def _recorded_failure(self, call: Call) -> Failure:
        """A failure that was recorded is what the replayed run met, too."""
        assert self.store is not None
        failure = self.store.failure(call.key, self._recorded_origin(call.model))
        if failure is None:
            raise lacking(self.store, call)
        return failure

    def _kept(self, call: Call, said: Kept, origin: Origin | None) -> Kept:
        """Put into the store; an answer that cannot be read as such."""
        if self.store is not None and call.is_kept:
            self.store.put(call, said, self._unread(said) if isinstance(said, Answer) else None, origin)
        return said

    async def _attempt(self, call: Call, attempts: int, origin: Origin | None) -> "Answer | _Failed":
        """One request, and what it tells of the server; an answer is kept before anything else is done."""
        began = time.monotonic()
        try:
            reply = await self._sent(call, origin)
        except _Failed as failed:
            if failed.limited:
                self._window.refused()
            return failed
        self._window.answered()
        return self._came(call, reply, time.monotonic() - began, attempts, origin)

    def _came(
        self, call: Call, reply: Reply, seconds: float, attempts: int, origin: Origin | None, batch: str | None = None
    ) -> Answer:
        answer = Answer.model_construct(
            choice=reply.choices[0],
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
            seconds=seconds,
            attempts=attempts,
            more=tuple(reply.choices[1:]),
            prompt_logprobs=reply.prompt_logprobs,
            batch=batch,
        )
        self._kept(call, answer, origin)
        self.answered += 1
        self._failed_in_a_row = 0
        self.tally["answered"] += 1
        count(_used_for(answer))  # at once: a run that was killed finds it in its store, and does not ask again
        self.budget.spend(call, answer)
        return answer

    def _given_up(self, call: Call, caught: "_Failed", attempts: int, run: "_Run") -> Failure:
        """A call that failed as often as it may; too many of them, and none answered, end the run."""
        self._failed_in_a_row += 1
        self._given_up_in_all += 1
        many = self._failed_in_a_row >= GIVE_UP or self._given_up_in_all >= max(GIVE_UP, self.answered + 1)
        if not self.answered or many:
            self._stop(run, EngineError(self._explained(call, caught.told)))
        kind: Missing = "parse" if caught.what == "unreadable" else "api"
        return Failure(kind=kind, words=caught.words, attempts=attempts, raw=caught.raw)

    async def _refusal_of(self, call: Call, caught: "_Failed", attempts: int, run: "_Run") -> Failure:
        """A call that was refused alone, as far as one can tell; many of them, and nothing answered, end the run."""
        assert caught.why is not None
        if not self._refused:
            log.warning("%s: refused a request (%s): %s", self.where, caught.why, caught.words)
        self._refused[caught.why] += 1
        self._last_refusal = self._explained(call, caught.told)
        number = self._refused.total()
        while not self.answered and self._window.under_way and self._refused["invalid"] >= INVALID:
            await self._window.next_in()  # one of these may yet be answered, and then it is not all that are refused
        if not self.answered and (number >= GIVE_UP or self._refused["invalid"] >= INVALID):
            first = (
                f" (the server refused the first {counted(number, 'requests')} and answered none)"
                if number >= GIVE_UP
                else ""
            )
            kind = Refused if caught.why == "invalid" else EngineError
            self._stop(run, kind(self._last_refusal + first))
        kind_of: Missing = "refusal" if caught.why == "filtered" else "api"
        return Failure(kind=kind_of, words=caught.words, attempts=attempts, why=caught.why)

    # In batches -----------------------------------------------------------------------------------------------------

    @property
    def _batched(self) -> bool:
        if not self.endpoint.batch_api or self._replayed:
            return False
        if self.store is None:
            raise EngineError(f"{self.where}: the batch API needs a file in which its calls are kept; {SWITCH}")
        return True

    async def _in_batch(
        self, call: Call, attempts: int, origin: Origin | None, run: "_Run"
    ) -> "Answer | _Failed | None":
        """What a batch says of a call, once all other calls of the run wait for theirs; None: it was not sent."""
        assert origin is not None
        while not run.stopping.is_set():
            sent = self._recalled(call.model, origin).fit(call.settings)
            one = SubmittedCall(call=call, origin=origin, sent=sent)
            waiting = run.waiting[one.key] = _Waiting(one, attempts, asyncio.get_running_loop().create_future())
            run.parked_now += 1  # until `_tell`
            self._send_batches(run)
            came = await waiting.came
            if came != "again":
                return came
        return None

    def _tell(self, run: "_Run", one: "_Waiting", came: "Answer | _Failed | Literal['again'] | None") -> None:
        # At once, not when the worker wakes: no batch goes out while others are about to ask again, too.
        run.parked_now -= 1
        one.came.set_result(came)

    def _send_batches(self, run: "_Run") -> None:
        """Send what waits, where nothing of the run does anything else."""
        if run.waiting and run.parked_now == run.active:
            waiting, run.waiting = run.waiting, {}
            run.sending.append(asyncio.create_task(self._sent_in_batches(waiting, run)))

    async def _sent_in_batches(self, waiting: "dict[str, _Waiting]", run: "_Run") -> None:
        """Take up the batches that hold some of these calls already, send the others, and tell each what came of it."""

        async def rest(seconds: float) -> None:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await run.stopping.wait()
            if run.stopping.is_set():
                raise Stopped

        began = time.monotonic()

        def each(line: Line) -> None:
            one = waiting.get(line.one.key)
            if one is not None and one.came.done():
                return
            came = self._read_line(line, time.monotonic() - began, 1 if one is None else one.attempts)
            if one is not None:
                self._tell(run, one, came)

        try:
            if run.stopping.is_set():
                return
            self.connect()
            assert self.store is not None and self._connection is not None
            batches = Batches(self.endpoint, self.store, self._connection, rest)
            before = batches.submitted_before(list(waiting))
            for known in (one for batch in before for one in batch.calls):
                self.budget.reserve_in_batch(known.call, submitted=True)
            await _all_of([batches.answers(batch, each, {}) for batch in before])
            # What these said nothing of was never sent, or is lost.
            for known in (one for batch in before for one in batch.calls):
                self.budget.drop(known.call)
            left = {key: one for key, one in waiting.items() if not one.came.done()}
            while left:
                admitted = self._admitted_together(left)
                if not admitted:
                    break
                await _all_of([self._sent_batch(batches, part, each) for part in self._parts(admitted)])
                for key, one in admitted.items():
                    self.budget.drop(one.one.call)
                    if not one.came.done():  # another process has forgotten the batch meanwhile
                        self._tell(run, one, _AGAIN)
                    del left[key]
        except Stopped:
            pass
        except Exception as error:
            self._stop(run, error)
        finally:
            for one in waiting.values():
                if not one.came.done():
                    self._tell(run, one, None)

    def _admitted_together(self, left: "dict[str, _Waiting]") -> "dict[str, _Waiting]":
        """The first of these calls, as many as the budget has room for at once."""
        admitted = {}
        for key, one in left.items():
            if self.budget.reserve_in_batch(one.one.call):
                admitted[key] = one
            elif self.budget.may_have_room:
                break
        return admitted

    def _parts(self, waiting: "dict[str, _Waiting]") -> "Iterator[list[_Waiting]]":
        """Calls divided into batches: of one model and kind each, within the limits of the API."""
        kinds: dict[tuple[str, bool], list[_Waiting]] = {}
        for one in waiting.values():
            kinds.setdefault((one.one.call.model, one.one.call.prompt is None), []).append(one)
        for ones in kinds.values():
            sizes = [len(line_of(one.one.call.key, "/v1/chat/completions", self._body(one.one))) for one in ones]
            for part in divided(sizes, MOST_REQUESTS, MOST_BYTES):
                yield [ones[index] for index in part]

    async def _sent_batch(self, batches: Batches, part: "list[_Waiting]", each: Callable[[Line], None]) -> None:
        bodies = {one.one.call.key: self._body(one.one) for one in part}
        await batches.answers(batches.begin([one.one for one in part]), each, bodies)

    def _body(self, one: SubmittedCall) -> dict[str, Any]:
        self._check_needs(one.call, one.sent)
        return _request(one.call, one.sent)

    def _read_line(self, line: Line, seconds: float, attempts: int) -> "Answer | _Failed | Literal['again']":
        """What a line says of its call; an answer is kept."""
        call, origin, sent = line.one.call, line.one.origin, line.one.sent
        try:
            if line.status == 200:
                reply = self._read(as_response(line), _request(call, sent), call.wanted)
                return self._came(call, reply, seconds, attempts, origin, line.batch)
            raise as_error(line)
        except _Failed as failed:
            return failed
        except openai.APIStatusError as error:
            words = words_of(error)
            if not line.status:
                return _Failed("not answered by a batch", words, f"did not answer a call: {words}; run again to resume")
            if self._learnt(call, origin, error, words, sent):
                return _AGAIN
            fate = self._refusal(call, error, words)
            if isinstance(fate, _Failed):
                return fate
            raise fate from None

    # Who answers ----------------------------------------------------------------------------------------------------

    def _state(self, model: str) -> "_ModelState":
        found = self._models.get(model)
        return found or self._models.setdefault(model, _ModelState(Parameters(f"{model} at {self.where}")))

    def _recalled(self, model: str, origin: Origin | None) -> Parameters:
        """The same, with what the server refused of this model in earlier runs of the store."""
        state = self._state(model)
        if not state.recalled and self.store is not None and origin is not None:
            state.recalled = True
            # Without these a run ends: whether the server has them now is asked again.
            known = {name: words for name, words in self.store.refused(model, origin).items() if name not in NEED}
            state.parameters.recall(known)
        return state.parameters

    def whose(self, model: str) -> Origin:
        """The model as the server tells of it now; as it last told, where it cannot be asked or nothing is sent."""

        async def look(_: int) -> Origin | None:
            return await self._origin(model)

        if self._replayed:
            return self._recorded_origin(model)
        (found,) = self.run(look, 1)
        return found or Origin(address=self._address)

    async def _origin(self, model: str) -> Origin | None:
        """Under what the store keeps this model's answers. None: whoever gave them, for a replay, or there is none."""
        if self.store is None or self._replayed:
            return None
        state = self._state(model)
        if state.origin is None:
            served = ServedModel() if self._official else await self._served(model)
            if served is None:
                state.origin = self._recorded_origin(model)
            else:
                state.origin = Origin(address=self._address, weights=served.weights)
        return state.origin

    def _recorded_origin(self, model: str) -> Origin:
        """The model as this server last told of it."""
        assert self.store is not None
        state = self._state(model)
        state.recorded = state.recorded or self.store.last_origin(self._address, model)
        return state.recorded

    async def _served(self, model: str) -> ServedModel | None:
        """What the server says of the model, asked once. None: it cannot be asked."""
        state = self._state(model)
        if state.known is None:
            state.known = asyncio.ensure_future(self._look(model))
        return await asyncio.shield(state.known)

    async def _look(self, model: str) -> ServedModel | None:
        try:
            self.connect()
            assert self._connection is not None
            async with asyncio.timeout(min(LOOK, self.endpoint.patience())):
                found = await self._connection.models(model if self._official else None)
        except openai.APIStatusError as error:
            # No such page: it tells nothing. Busy, broken, or closed to this key: it may tell another time.
            return ServedModel() if error.status_code in (404, 405, 501) else None
        except (EngineError, TimeoutError, openai.APIError, ValueError):
            return None
        return served_model(found, model)

    def _refuse_retired(self, model: str) -> None:
        """Raise EngineError where the list says that the model was retired, or where there is no key; sends nothing."""
        gone: EngineError | None = None
        try:
            refuse_retired(self.endpoint, model)
        except EngineError as error:
            gone = error
        try:
            self.connect()
        except EngineError as error:  # another model of that server needs a key, too
            raise (EngineError(f"{gone}; {error}") if gone else error) from None
        if gone is not None:
            raise gone

    async def _check_living(self, model: str) -> None:
        """Raise EngineError where the server says that the model was retired, before it is asked; warn where it soon
        will be."""
        state = self._state(model)
        served = await self._served(model)
        said = notice(self.endpoint, model, served.shutdown if served else None)
        if said is not None and said.refused:
            raise EngineError(said.text)
        if not state.living:
            state.living = True
            if said is not None:
                log.warning("%s", said.text)
            if self.store is not None and (origin := await self._origin(model)) is not None:
                self.store.see(origin, model)

    # One request ----------------------------------------------------------------------------------------------------

    async def _sent(self, call: Call, origin: Origin | None) -> Reply:
        """What the server answers, asked again at once without parameters that it does not take. Raises _Failed, or
        EngineError where all calls would fare alike."""
        assert self._connection is not None
        parameters = self._recalled(call.model, origin)
        while True:
            settings = parameters.fit(call.settings)
            self._check_needs(call, settings)
            body = _request(call, settings)
            patience = self.endpoint.patience(call.limit)
            try:
                async with asyncio.timeout(patience):
                    response = await self._connection.post(body)
                return self._read(response, body, call.wanted)
            except TimeoutError:
                words = f"no answer in {patience:g} s"
                tries = f"{words} ({counted(self.endpoint.tries - 1, 'more tries')})"
                tries += "; raise the timeout or lower the concurrency"
                raise _Failed("hung", words, tries) from None
            except openai.APIStatusError as error:
                words = words_of(error)
                if self._learnt(call, origin, error, words, settings):
                    continue
                raise self._refusal(call, error, words) from None
            except openai.APIConnectionError as error:
                why = shown(self._connection.secrets.hidden(str(error.__cause__ or error)))
                told = f"cannot be reached ({why}); is the server running, and is base_url (--base-url) its address?"
                if not self.answered and isinstance(error.__cause__, httpx2.ConnectError):
                    raise EngineError(self._explained(call, told)) from None
                raise _Failed("cut off", why, told) from None

    def _check_needs(self, call: Call, settings: Mapping[str, Any]) -> None:
        """Raise CapabilityError where a request means nothing with these settings."""
        for name in NEED:
            if name in call.settings and name not in settings:
                words = self._state(call.model).parameters.said(name)
                what = f"refused {name}: {words}; it has no {NEED[name]}; use vLLM or `transformers`"
                raise CapabilityError(self._explained(call, what))

    def _learnt(
        self, call: Call, origin: Origin | None, error: openai.APIStatusError, words: str, sent: Mapping[str, Any]
    ) -> bool:
        """Whether an error says of parameters that the server does not take, so that the call is to be sent again."""
        parameters = self._recalled(call.model, origin)
        if not parameters.learn(error, words, call.settings, sent):
            return False
        self.tally["parameter refused"] += 1
        if self.store is not None and origin is not None:
            self.store.see(origin, call.model, parameters.refused)
        return True

    def _read(self, response: httpx2.Response, request: dict[str, Any], wanted: str) -> Reply:
        """The completion that was `wanted`.

        Raises _Failed where it is none, APIStatusError where it is an error with status 200.
        """
        body = body_in(response)
        try:
            if body.fault is None:
                return reply_of(body.value, request)
            raw, why, with_what = body.text, body.fault, f" {body.fault}, and"
        except Disguised as disguised:
            if disguised.error is not disguised.body:
                response.status_code = status_of(disguised.error)
                said = disguised.error if isinstance(disguised.error, dict) else disguised.body
                raise openai.APIStatusError("status 200", response=response, body=said) from None
            raw, why, with_what = json.dumps(body.value, ensure_ascii=False)[:KEPT], "no choices", ", but"
        except OtherShape as error:
            raw, why, with_what = json.dumps(body.value, ensure_ascii=False)[:KEPT], str(error), ", but"
            if not self.answered:
                told = f"answered, but not with {wanted}: {shown(raw)}; does base_url end in /v1?"
                raise EngineError(f"{self.where}: {told}") from None
        said_so = f"not with {wanted} ({why}): {shown(raw)}"
        told = f"answered{with_what} not with {wanted}: {shown(raw)}; does base_url end in /v1?"
        wait = retry_after(response.headers)
        raise _Failed("unreadable", f"answered, but {said_so}", told, wait=wait, raw=raw)

    def _refusal(self, call: Call, error: openai.APIStatusError, said: str) -> Exception:
        status, wait, fate = error.status_code, retry_after(error.response.headers), fate_of(error)
        if fate == "slower":
            told = f"received too many requests: {said}; lower the concurrency, or run again later to resume"
            return _Failed("refused (429)", said, told, wait=wait, limited=True)
        if fate == "wait":
            told = f"failed ({status}): {said}; see the server's log, or run again later to resume"
            if error.message == "status 200":
                shown_whole = shown(json.dumps(body_in(error.response).value, ensure_ascii=False))
                told = f"answered, but not with {call.wanted}: {shown_whole}; does base_url end in /v1?"
            return _Failed(f"failed ({status})", said, told, wait=wait)
        told = f"refused the request ({status}): {said}; {_OTHERWISE}"
        if fate in ("too long", "filtered", "invalid"):
            return _Failed(fate, said, told, why=fate)
        if fate == "credit":
            told = f"has no quota left for this key: {said}; add credit at the provider, or use another key"
        elif fate == "key":
            told = f"refused the key ({status}): {said}; set {self.endpoint.api_key_env} to a valid key"
        elif fate == "model":
            told = f"has no model {call.model}, or no such address ({status}): {said}; check the model and base_url"
            if call.prompt is not None:
                told += ", or ask it as a chat (--chat), if it has no /completions"
        return EngineError(self._explained(call, told))

    def _explained(self, call: Call, what: str) -> str:
        return f"{call.model} at {self.where}: {what}"


_OTHERWISE = "prefixes and log-probabilities need vLLM; is the text too long?"


def _used_for(answer: Answer) -> Usage:
    """What an answer took, as the server says."""
    if answer.prompt_tokens is None or answer.completion_tokens is None:
        return Usage(requests=1, unknown=1)
    return Usage(requests=1, read=answer.prompt_tokens, written=answer.completion_tokens)


def _request(call: Call, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a request."""
    words_in = {"messages": list(call.messages)} if call.prompt is None else {"prompt": call.prompt}
    return {"model": call.model, **words_in, **settings}


async def _all_of(works: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Await all side by side; the first error is raised when all have ended, for each may bring what is paid for."""
    for ended in await asyncio.gather(*works, return_exceptions=True):
        if isinstance(ended, BaseException):
            raise ended


_AGAIN: Literal["again"] = "again"
"""Said of a call that is to be sent again at once."""


class _Waiting(NamedTuple):
    """A call that waits for its batch."""

    one: SubmittedCall
    attempts: int
    came: "asyncio.Future[Answer | _Failed | Literal['again'] | None]"


class _Run:
    """One call of `Client.run`."""

    def __init__(self) -> None:
        self.batched = False
        self.active = self.parked_now = 0
        """Workers, and those of them that wait for a batch or for another process."""
        self.waiting: dict[str, _Waiting] = {}
        self.sending: list[asyncio.Task[None]] = []
        self.stopping = asyncio.Event()
        self.error: Exception | None = None
        self.working: set[asyncio.Task[None]] = set()
        self.hire: Callable[[], None] = lambda: None

    @contextmanager
    def parked(self) -> Iterator[None]:
        """A worker waits meanwhile, and no batch waits for it."""
        self.parked_now += 1
        try:
            yield
        finally:
            self.parked_now -= 1


_RUN: ContextVar[_Run] = ContextVar("the run that a call belongs to")


class _ModelState:
    """What is known of one model of the server."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self.known: asyncio.Future[ServedModel | None] | None = None
        self.origin: Origin | None = None
        self.recorded: Origin | None = None
        self.living = False
        """Whether it was found not to be retired."""
        self.recalled = False
        """Whether what earlier runs learnt of its parameters was taken over."""


class Refused(CapabilityError):
    """The server takes no such request; another might do."""


class _Failed(Exception):
    """One request that brought no answer. `words`: the server's; `told`: the same and what to do, for an error.

    `why`: it was refused alone, and sending it again would not help. `raw`: the answer, where it could not be read.
    """

    def __init__(
        self,
        what: str,
        words: str,
        told: str,
        wait: float = 0.0,
        limited: bool = False,
        why: Refusal | None = None,
        raw: str = "",
    ) -> None:
        self.what, self.words, self.told, self.wait, self.limited, self.why = what, words, told, wait, limited, why
        self.raw = raw
