"""Text from any OpenAI-compatible server (`vllm serve`, llama.cpp, a hosted service), through the `openai` client.

Requests run side by side, at most `concurrency` at once. The client itself sends a request again after 408, 409, 429,
5xx and lost connections, with growing jittered pauses, and waits as long as the server's Retry-After asks (up to two
minutes). Whatever cannot get better by waiting (key, model name, a refused request, no server at all) is an EngineError
at once. The server applies its own chat template; special tokens inside a message are its own to disarm.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from itertools import islice
from typing import Any, Literal, NamedTuple, TypeVar

import openai
from pydantic import BaseModel, Field, ValidationError

from srlm.engines.base import Completion, Request
from srlm.engines.servers import find_key, is_local, shown, words_of
from srlm.errors import EngineError
from srlm.records import seed_for
from srlm.settings import EngineSettings, Sampling

T = TypeVar("T")

CONTINUE = {"continue_final_message": True, "add_generation_prompt": False}
"""vLLM's way to ask for the rest of an assistant's message that has begun."""
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
            # A proxy from the environment has no way back to this machine.
            http_client=openai.DefaultAsyncHttpxClient(trust_env=False, timeout=settings.timeout) if local else None,
        )
        host = self._client.base_url.host
        self._where = f"{self._model} at {self._client.base_url.copy_with(userinfo=b'')}"
        # The newer name of the limit, without which OpenAI's newer models refuse; other servers know the older one.
        newer = host == "api.openai.com" or host.endswith(".azure.com")
        self._limit = "max_completion_tokens" if newer else "max_tokens"
        self._runner = asyncio.Runner()
        self._reached = False
        self._one_choice = False

    @property
    def id(self) -> str:
        return self._id

    @property
    def concurrency(self) -> int:
        """See Engine: the requests of one call run side by side already."""
        return 1

    def generate(self, requests: Sequence[Request], sampling: Sampling, seed: int) -> list[tuple[Completion, ...]]:
        """See Engine. A refusal and an empty answer are the text ""."""

        async def one(index: int) -> tuple[Completion, ...]:
            return await self._draw(requests[index], sampling, seed_for(seed, index))

        return self._run(one, len(requests))

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
        """`draws` completions: in one request where the server can, else in as many as it takes."""
        greedy = sampling.temperature == 0  # all draws would be the same, and vLLM refuses to draw twice
        wanted = 1 if greedy else request.draws
        made: list[Completion] = []
        while len(made) < wanted:
            number = 1 if self._one_choice else wanted - len(made)
            settings = {
                "temperature": sampling.temperature,
                "top_p": sampling.top_p,
                self._limit: sampling.max_new_tokens,
                "n": number,
                "seed": seed_for(seed, len(made)),
            }
            try:
                answer = await self._ask(request, settings)
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                if number == 1:
                    raise self._explained(error) from None
                self._one_choice = True  # some servers refuse more than one choice; one says whether it was that
                continue
            made += answer.completions()[:number]
        return tuple(made * request.draws if greedy else made)

    async def _read(self, request: Request, continuation: str) -> "list[_Token]":
        """Tokens of the conversation, the prefix and a continuation, as the model reads them."""
        whole = Request(messages=request.messages, prefix=request.prefix + continuation)
        try:
            answer = await self._ask(whole, {self._limit: 1, "temperature": 0}, {"prompt_logprobs": 0})
        except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
            raise EngineError(f"{self._explained(error)} (has no log-probabilities?)") from None
        if answer.prompt_logprobs is None:
            raise EngineError(
                f"{self._where}: has no log-probabilities; use vLLM (`prompt_logprobs`) or `transformers`"
            )
        return [_Token(int(key), said.logprob) for row in answer.prompt_logprobs if row for key, said in row.items()]

    async def _ask(self, request: Request, settings: dict[str, Any], extra: dict[str, Any] | None = None) -> "_Answer":
        """The server's answer. Raises EngineError; a refused request alone comes through as the client raised it."""
        messages = [{"role": message.role, "content": message.content} for message in request.messages]
        body = dict(extra or {})
        if request.prefix:
            messages.append({"role": "assistant", "content": request.prefix})
            body |= CONTINUE
        create: Callable[..., Awaitable[Any]] = self._client.chat.completions.with_raw_response.create
        try:
            raw = await create(model=self._model, messages=messages, extra_body=body, **settings)
        except (openai.BadRequestError, openai.UnprocessableEntityError):
            raise
        except openai.APIError as error:
            raise self._explained(error) from None
        self._reached = True
        content: bytes = raw.http_response.content
        try:
            return _Answer.model_validate_json(content)
        except ValidationError:
            said = shown(content.decode(errors="replace"), self._key)
            raise EngineError(
                f"{self._where}: answered, but not with a chat completion: {said}; does base_url end in /v1?"
            ) from None

    # Errors ---------------------------------------------------------------------------------------------------------

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


# What is read of an answer; servers send more, and not all the same ---------------------------------------------------


class _Token(NamedTuple):
    id: int
    logprob: float


class _Message(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Usage(BaseModel):
    completion_tokens: int | None = None


class _Logprob(BaseModel):
    logprob: float


class _Answer(BaseModel):
    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None
    prompt_logprobs: list[dict[str, _Logprob] | None] | None = None

    def completions(self) -> list[Completion]:
        tokens = self.usage.completion_tokens if self.usage and len(self.choices) == 1 else None
        return [
            Completion(text=choice.message.content or "", finish=_FINISH.get(choice.finish_reason or ""), tokens=tokens)
            for choice in self.choices
        ]


_FINISH: dict[str, Literal["stop", "length"]] = {"stop": "stop", "length": "length"}
