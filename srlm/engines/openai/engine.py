"""Text from any OpenAI-compatible server (`vllm serve`, llama.cpp, a hosted service), through the one client.

The server applies its own chat template; special tokens inside a message are its own to disarm. With a store each
request is kept as its answer arrives, and asked once.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from pydantic import ValidationError

from srlm.engines.base import Completion, Request
from srlm.engines.openai.answers import ChatAnswer, out_of_room
from srlm.engines.openai.calls import Answer, Call, Failure, Missing
from srlm.engines.openai.client import Client
from srlm.engines.openai.cost import BudgetSpent
from srlm.engines.openai.text import ServerText
from srlm.engines.plain_text import Likelihood
from srlm.errors import CapabilityError, EngineError, RoomError
from srlm.records import seed_for
from srlm.settings import Sampling
from srlm.terminal import logger
from srlm.text.counts import counted

log = logger(__name__)

CONTINUE = {"continue_final_message": True, "add_generation_prompt": False}
"""vLLM's way to ask for the rest of an assistant's message that has begun."""


class OpenAIEngine:
    """A model behind a server as an engine; `model` is the server's name for it, and `effort` its
    `reasoning_effort`. Closing it closes its client."""

    def __init__(
        self, client: Client, model: str, effort: str | None = None, closed: Callable[[], None] = lambda: None
    ) -> None:
        """`closed` is called when the client has been closed, as by the owner of its store."""
        self.client, self._closed = client, closed
        self._model = model
        self._effort = {} if effort is None else {"reasoning_effort": effort}
        self.where = f"{model} at {client.where}"
        self._has_read = False
        if client.store is None or not client.store.replay:
            client.connect()

    @property
    def id(self) -> str:
        return self._model

    @property
    def concurrency(self) -> int:
        """See Engine: the requests of one call run side by side already."""
        return 1

    def generate(self, requests: Sequence[Request], sampling: Sampling, seed: int) -> list[tuple[Completion, ...]]:
        """See Engine. A refusal is the text "" with the server's words, and so is an answer that is no chat completion;
        an empty answer is just that, and so is one for which a thought left no room.

        Where the server never answered, it is an EngineError if it refused all of these in words that do not say why
        these, or several requests in a row (see Client); where none of its answers could be read, if all of these
        cannot.
        """
        refused: list[Failure] = []
        unread: list[Failure] = []

        async def one(index: int) -> tuple[Completion, ...]:
            try:
                return await self._draw(requests[index], sampling, seed_for(seed, index))
            except _Refused as alone:
                if alone.failure.why is not None and out_of_room(alone.failure.words):
                    return (Completion(text="", finish="length", thought=""),) * requests[index].draws
                (refused if alone.failure.why is not None else unread).append(alone.failure)
                return (
                    Completion(text="", finish=None, refused=alone.failure.words, refused_as=alone.failure.why),
                ) * requests[index].draws

        drawn = self.client.run(one, len(requests))
        if requests and len(refused) == len(requests):
            self.client.refuse_all(refused)
        self._has_read = self._has_read or len(refused) + len(unread) < len(requests)
        if unread and not self._has_read:
            raise EngineError(f"{self.where}: {unread[0].words}; does base_url end in /v1?")
        if unread:
            log.warning(
                "%s: %d of %s could not be read, the first one: %s",
                self.where, len(unread), counted(len(requests), "answers"), unread[0].words,
            )  # fmt: skip
        return drawn

    def loglikelihood(self, requests: Sequence[Request], continuations: Sequence[Sequence[str]]) -> list[list[float]]:
        """See Engine: vLLM's `prompt_logprobs` of the conversation with and without the continuation."""
        return [[one.total for one in own] for own in self.likelihoods(requests, continuations)]

    def likelihoods(
        self, requests: Sequence[Request], continuations: Sequence[Sequence[str]]
    ) -> list[list[Likelihood]]:
        """The same, and whether each continuation is what the model would write: its tokens have the rank 1."""
        asked = [
            (request, text)
            for request, texts in zip(requests, continuations, strict=True)
            if texts
            for text in ("", *texts)
        ]

        async def one(index: int) -> "list[_Token]":
            return await self._read(*asked[index])

        read = iter(self.client.run(one, len(asked)))
        return [self._after(next(read), texts, read) if texts else [] for texts in continuations]

    def _after(self, before: "list[_Token]", texts: Sequence[str], read: "Iterator[list[_Token]]") -> list[Likelihood]:
        """What the texts add to the words before them: their tokens are the next that `read` gives."""
        found = []
        for text, tokens in zip(texts, islice(read, len(texts)), strict=True):
            if [t.id for t in tokens[: len(before)]] != [t.id for t in before]:
                raise CapabilityError(
                    f"{self.where}: has no log-probabilities for {text!r}: its start merges with the text before it"
                )
            own = tokens[len(before) :]
            total = sum(token.logprob for token in own)
            found.append(Likelihood(total, bool(own) and all(token.rank == 1 for token in own)))
        return found

    def plain_text(self) -> ServerText:
        """See HasText."""
        return ServerText(self)

    def close(self) -> None:
        """Close the connections and the event loop; closing again does nothing."""
        self.client.close()
        self._closed()

    # One request ----------------------------------------------------------------------------------------------------

    async def _draw(self, request: Request, sampling: Sampling, seed: int) -> tuple[Completion, ...]:
        """`draws` completions: in one request where the server can, else in as many as it takes. Raises _Refused."""
        made: list[Completion] = []
        alone = False
        parameters = self.client.parameters(self._model)
        while True:
            # Greedy draws would all be the same, and vLLM refuses to draw twice.
            greedy = sampling.temperature == 0 and parameters.takes("temperature")
            missing = (1 if greedy else request.draws) - len(made)
            if missing <= 0:
                return tuple(made * request.draws if greedy else made)
            number = 1 if alone or parameters.one_choice else missing
            settings = {
                "temperature": sampling.temperature,
                "top_p": sampling.top_p,
                self.client.endpoint.limit: sampling.max_new_tokens,
                "n": number,
                "seed": seed_for(seed, len(made)),
                **self._effort,
            }
            try:
                answer = await self._ask(self._call(request, settings))
            except _Refused as refused:
                if number == 1 or refused.failure.why != "invalid":
                    raise
                alone = True  # some servers refuse more than one choice, and not all say so
                continue
            if alone:
                parameters.learn_one_choice()
            made += self._read_as_chat(answer).completions()[:number]

    async def _read(self, request: Request, continuation: str) -> "list[_Token]":
        """Tokens of the conversation, the prefix and a continuation, as the model reads them."""
        whole = Request(messages=request.messages, prefix=request.prefix + continuation)
        settings = {self.client.endpoint.limit: 1, "temperature": 0, "prompt_logprobs": 0}
        try:
            answer = self._read_as_chat(await self._ask(self._call(whole, settings)))
        except _Refused as refused:
            words = f"{self.where}: refused the request: {refused.failure.words}"
            if refused.failure.why == "too long":
                raise RoomError(words) from None
            raise CapabilityError(f"{words} (has no log-probabilities?)") from None
        if answer.prompt_logprobs is None:
            raise CapabilityError(
                f"{self.where}: has no log-probabilities; use vLLM (`prompt_logprobs`) or `transformers`"
            )
        try:
            rows = [row for row in answer.prompt_logprobs if row]
            return [_Token(int(key), said.logprob, said.rank) for row in rows for key, said in row.items()]
        except ValueError:
            raise CapabilityError(f"{self.where}: has log-probabilities of other things than tokens") from None

    def _call(self, request: Request, settings: dict[str, Any]) -> Call:
        messages = [{"role": message.role, "content": message.content} for message in request.messages]
        if request.prefix:
            messages.append({"role": "assistant", "content": request.prefix})
            settings = settings | CONTINUE
        service = self.client.endpoint.service
        return Call(service=service, model=self._model, messages=tuple(messages), settings=settings, template="")

    def text_call(self, prompt: str, settings: dict[str, Any]) -> Call:
        """A request to continue a text as it stands."""
        service = self.client.endpoint.service
        return Call(service=service, model=self._model, messages=(), settings=settings, template="", prompt=prompt)

    async def _ask(self, call: Call) -> Answer:
        """The server's answer. Raises _Refused where it refused this call alone, else EngineError."""
        said = await self.said(call)
        if isinstance(said, Failure):
            raise _Refused(said)
        return said

    async def said(self, call: Call) -> Answer | Failure:
        """What the server answers; a failure is of this call alone, or an answer that is none. Raises EngineError."""
        said = await self.client.answer(call)
        if isinstance(said, Answer):
            return said
        if said is None:
            raise BudgetSpent(
                f"{self.where}: stopped before the cost exceeds {self.client.budget.most} US dollars (max_cost); "
                "raise it and run again to resume"
            )
        if said.why is not None or said.kind == "parse":
            return said
        raise EngineError(f"{self.where}: does not answer: {said.words}; run again later to resume")

    def _read_as_chat(self, answer: Answer) -> ChatAnswer:
        """Raises _Refused where an answer, though it looks like a chat completion, is none."""
        read = read_as_chat(answer)
        if isinstance(read, str):
            words = f"answered, but not with a chat completion ({read})"
            raise _Refused(Failure(kind="parse", words=words, attempts=answer.attempts))
        return read


def read_as_chat(answer: Answer) -> ChatAnswer | str:
    """What a server's answer says, or what of it is no chat completion."""
    usage = {"completion_tokens": answer.completion_tokens}
    parts = {"choices": [answer.choice, *answer.more], "usage": usage, "prompt_logprobs": answer.prompt_logprobs}
    try:
        return ChatAnswer.model_validate(parts)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def unread(answer: Answer) -> Missing | None:
    """Why an answer cannot be read as text, for a Client: it is asked again by a later run. None: it can."""
    if "message" not in answer.choice and isinstance(answer.choice.get("text"), str):
        return None  # a text's completion, which was checked when it came
    return "parse" if isinstance(read_as_chat(answer), str) else None


class _Refused(Exception):
    """A request that the server refused, alone as far as one can tell, or answered with what cannot be read."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure


class _Token(NamedTuple):
    id: int
    logprob: float
    rank: int | None
    """1: the likeliest one. None: the server does not say."""
