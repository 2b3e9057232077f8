"""Text from any OpenAI-compatible server (`vllm serve`, llama.cpp, a hosted service), through the `openai` client.

Requests run side by side, at most `concurrency` at once. The client itself sends a request again after 408, 409, 429,
5xx, lost connections and errors that come with status 200, with growing jittered pauses, and waits as long as the
server's Retry-After asks (up to two minutes). Whatever cannot get better by waiting (key, model name, no server at all)
is an EngineError at once. A request that is refused alone (a filter, too long) costs that answer, and not the run,
unless nothing was ever answered. Parameters that the server does not take are renamed or left out, and logged. The
server applies its own chat template; special tokens inside a message are its own to disarm.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple, TypeVar

import openai
from pydantic import ValidationError

from srlm.engines.answers import DISGUISED, ChatAnswer, unmask
from srlm.engines.base import Completion, Request
from srlm.engines.parameters import Parameters
from srlm.engines.servers import Refusal, find_key, is_local, refusal_of, shown, words_of
from srlm.errors import EngineError, RoomError
from srlm.records import seed_for
from srlm.settings import EngineSettings, Sampling

log = logging.getLogger(__name__)

T = TypeVar("T")

CONTINUE = {"continue_final_message": True, "add_generation_prompt": False}
"""vLLM's way to ask for the rest of an assistant's message that has begun."""
ESSENTIAL = {
    **dict.fromkeys(CONTINUE, "way to go on with an answer that has begun"),
    "prompt_logprobs": "log-probabilities",
}
"""What a request means nothing without -> what a server that does not take it has not."""
GIVE_UP = 20
"""Requests refused one by one with nothing answered before: by then it is no accident."""
REACH = 10.0
"""Seconds for the first word with a server; a busy one may well be silent for longer, so silence is no error."""


class OpenAIEngine:
    """A model behind a server as an engine."""

    def __init__(self, settings: EngineSettings, id: str) -> None:
        self._id = id
        self._settings = settings
        self._model = settings.model or id
        self._key = find_key(settings.api_key_env, settings.base_url)
        local = is_local(settings.base_url)
        self._client = openai.AsyncOpenAI(
            api_key=self._key or "none",
            base_url=settings.base_url,
            timeout=settings.timeout,
            max_retries=settings.retries,
            http_client=openai.DefaultAsyncHttpxClient(
                trust_env=not local,  # a proxy from the environment has no way back to this machine
                timeout=settings.timeout,
                event_hooks={"response": [unmask]},
            ),
        )
        host = self._client.base_url.host
        self._where = f"{self._model} at {self._client.base_url.copy_with(userinfo=b'')}"
        # The newer name of the limit, without which OpenAI's newer models refuse; other servers know the older one.
        newer = host == "api.openai.com" or host.endswith(".azure.com")
        self._limit = "max_completion_tokens" if newer else "max_tokens"
        self._parameters = Parameters(self._where)
        self._runner = asyncio.Runner()
        self._reached = False
        self._answered = False
        self._refused = 0

    @property
    def id(self) -> str:
        return self._id

    @property
    def concurrency(self) -> int:
        """See Engine: the requests of one call run side by side already."""
        return 1

    def generate(self, requests: Sequence[Request], sampling: Sampling, seed: int) -> list[tuple[Completion, ...]]:
        """See Engine. A refusal is the text "" with the server's words; an empty answer is just that.

        Where the server never answered, it is an EngineError if it refused all of these in words that do not say why
        these, or `GIVE_UP` requests in whatever words.
        """
        last: list[_Refused] = []

        async def one(index: int) -> tuple[Completion, ...]:
            try:
                return await self._draw(requests[index], sampling, seed_for(seed, index))
            except _Refused as refused:
                last.append(refused)
                self._count(refused)
                return (Completion(text="", finish=None, refused=refused.words),) * requests[index].draws

        drawn = self._run(one, len(requests))
        if len(last) == len(requests) and not self._answered and any(one.why == "invalid" for one in last):
            raise self._explained(last[-1].error)
        return drawn

    def _count(self, refused: "_Refused") -> None:
        self._refused += 1
        if self._refused == 1:
            log.warning("%s: refused a request (%s): %s", self._where, refused.why, refused.words)
        if self._refused >= GIVE_UP and not self._answered:
            raise EngineError(
                f"{self._explained(refused.error)} (so were the first {self._refused} requests, and none was answered)"
            )

    def score(self, requests: Sequence[Request], continuations: Sequence[Sequence[str]]) -> list[list[float]]:
        """See Engine: vLLM's `prompt_logprobs` of the conversation with and without the continuation."""
        asked = [
            (request, text)
            for request, texts in zip(requests, continuations, strict=True)
            if texts
            for text in ("", *texts)
        ]

        async def one(index: int) -> "list[_Token]":
            return await self._read(*asked[index])

        read = iter(self._run(one, len(asked)))
        return [self._after(next(read), texts, read) if texts else [] for texts in continuations]

    def _after(self, before: "list[_Token]", texts: Sequence[str], read: "Iterator[list[_Token]]") -> list[float]:
        """What the texts add to the words before them: their tokens are the next that `read` gives."""
        totals = []
        for text, tokens in zip(texts, islice(read, len(texts)), strict=True):
            if [t.id for t in tokens[: len(before)]] != [t.id for t in before]:
                raise EngineError(
                    f"{self._where}: has no log-probabilities for {text!r}: its start merges with the words before it"
                )
            totals.append(sum(token.logprob for token in tokens[len(before) :]))
        return totals

    def close(self) -> None:
        """Close the connections and the event loop; closing again does nothing."""
        if not self._client.is_closed():
            self._runner.run(self._client.close())
            self._runner.close()

    # Side by side ---------------------------------------------------------------------------------------------------

    def _run(self, one: Callable[[int], Coroutine[Any, Any, T]], number: int) -> list[T]:
        """`one(0) ... one(number - 1)` in order, at most `concurrency` at once; the first error stops them all."""

        async def bounded(index: int, free: asyncio.Semaphore) -> T:
            async with free:
                return await one(index)

        async def together() -> list[T]:
            if not self._reached:
                await self._reach()
            free = asyncio.Semaphore(self._settings.concurrency)
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(bounded(index, free)) for index in range(number)]
            return [task.result() for task in tasks]

        try:
            return self._runner.run(together())
        except ExceptionGroup as group:
            raise group.exceptions[0] from None

    async def _reach(self) -> None:
        """Fail at once where nobody listens; without this the client would try again for a quarter of a minute.

        Any answer will do, a refusal too: not every server lists its models.
        """
        try:
            await self._client.with_options(max_retries=0, timeout=min(self._settings.timeout, REACH)).models.list()
        except openai.APITimeoutError:
            return
        except openai.APIConnectionError as error:
            raise self._explained(error) from None
        except (openai.OpenAIError, ValueError):
            pass
        self._reached = True

    # One request ----------------------------------------------------------------------------------------------------

    async def _draw(self, request: Request, sampling: Sampling, seed: int) -> tuple[Completion, ...]:
        """`draws` completions: in one request where the server can, else in as many as it takes. Raises _Refused."""
        made: list[Completion] = []
        alone = False
        while True:
            # Greedy draws would all be the same, and vLLM refuses to draw twice.
            greedy = sampling.temperature == 0 and self._parameters.takes("temperature")
            missing = (1 if greedy else request.draws) - len(made)
            if missing <= 0:
                return tuple(made * request.draws if greedy else made)
            number = 1 if alone or self._parameters.one_choice else missing
            settings = {
                "temperature": sampling.temperature,
                "top_p": sampling.top_p,
                self._limit: sampling.max_new_tokens,
                "n": number,
                "seed": seed_for(seed, len(made)),
            }
            try:
                answer = await self._ask(request, settings)
            except _Refused as refused:
                if number == 1 or refused.why != "invalid":
                    raise
                alone = True  # some servers refuse more than one choice, and not all say so
                continue
            if alone:
                self._parameters.learn_one_choice()
            made += answer.completions()[:number]

    async def _read(self, request: Request, continuation: str) -> "list[_Token]":
        """Tokens of the conversation, the prefix and a continuation, as the model reads them."""
        whole = Request(messages=request.messages, prefix=request.prefix + continuation)
        try:
            answer = await self._ask(whole, {self._limit: 1, "temperature": 0}, {"prompt_logprobs": 0})
        except _Refused as refused:
            if refused.why == "too long":
                raise RoomError(str(self._explained(refused.error))) from None
            raise EngineError(f"{self._explained(refused.error)} (has no log-probabilities?)") from None
        if answer.prompt_logprobs is None:
            raise EngineError(
                f"{self._where}: has no log-probabilities; use vLLM (`prompt_logprobs`) or `transformers`"
            )
        return [_Token(int(key), said.logprob) for row in answer.prompt_logprobs if row for key, said in row.items()]

    async def _ask(self, request: Request, settings: dict[str, Any], extra: dict[str, Any] | None = None) -> ChatAnswer:
        """The server's answer. Raises EngineError, or _Refused where the server refused this request alone."""
        messages = [{"role": message.role, "content": message.content} for message in request.messages]
        wanted = settings | (extra or {})
        if request.prefix:
            messages.append({"role": "assistant", "content": request.prefix})
            wanted |= CONTINUE
        create: Callable[..., Awaitable[Any]] = self._client.chat.completions.with_raw_response.create
        while True:
            sent = self._parameters.fit(wanted)
            lacking = [name for name in ESSENTIAL if name in wanted and name not in sent]
            if lacking:
                raise EngineError(
                    f"{self._where}: refused {lacking[0]}: {self._parameters.said(lacking[0])}; it has no "
                    f"{ESSENTIAL[lacking[0]]}; that needs vLLM, or `transformers`"
                )
            try:
                # The client knows OpenAI's parameters alone; in `extra_body` all are fields of the request.
                raw = await create(model=self._model, messages=messages, extra_body=sent)
                break
            except openai.APIStatusError as error:
                words = words_of(error, self._key)
                if self._parameters.learn(error, words, wanted, sent):
                    continue
                why = refusal_of(error)
                raise (self._explained(error) if why is None else _Refused(error, why, words)) from None
            except openai.APIError as error:
                raise self._explained(error) from None
        self._reached = True
        content: bytes = raw.http_response.content
        try:
            answer = ChatAnswer.model_validate_json(content)
        except ValidationError:
            raise self._no_completion(content.decode(errors="replace")) from None
        self._answered = True
        return answer

    # Errors ---------------------------------------------------------------------------------------------------------

    def _no_completion(self, text: str) -> EngineError:
        said = shown(text, self._key)
        return EngineError(
            f"{self._where}: answered, but not with a chat completion: {said}; does base_url end in /v1?"
        )

    def _explained(self, error: openai.APIError) -> EngineError:
        """What went wrong in the server's words, and what to do."""
        settings, where = self._settings, self._where
        if isinstance(error, openai.APITimeoutError):
            return EngineError(
                f"{where}: no answer in {settings.timeout:g} s ({settings.retries} more tries); "
                "raise engine.timeout or lower engine.concurrency"
            )
        if isinstance(error, openai.APIConnectionError):
            why = shown(str(error.__cause__ or error), self._key)
            return EngineError(f"{where}: cannot be reached ({why}); is the server running, and base_url its address?")
        if not isinstance(error, openai.APIStatusError):
            return EngineError(f"{where}: {shown(error.message, self._key)}")
        if error.status_code == 502 and DISGUISED in error.response.extensions:
            return self._no_completion(error.response.text)
        said = words_of(error, self._key)
        match error.status_code:
            case 401 | 403:
                what, do = "refused the key", f"put a valid one into {settings.api_key_env}"
            case 404:
                what, do = f"knows no model {self._model}, or no such address", "check engine.model and engine.base_url"
            case 429:
                what, do = "has had too many requests", "lower engine.concurrency, or run again later: it goes on here"
            case status if status >= 500:
                what, do = f"failed ({status})", "see the server's log; run again and it goes on here"
            case status:
                what, do = (
                    f"refused the request ({status})",
                    "a prefix and log-probabilities need vLLM; is the text too long?",
                )
        return EngineError(f"{where}: {what}: {said}; {do}")


class _Refused(Exception):
    """A request that the server refused, alone as far as one can tell."""

    def __init__(self, error: openai.APIStatusError, why: Refusal, words: str) -> None:
        self.error, self.why, self.words = error, why, words


class _Token(NamedTuple):
    id: int
    logprob: float
