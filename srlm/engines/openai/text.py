"""What benchmarks of language models ask, of a server: plain text of /completions, conversations of /chat/completions.

A conversation is rendered by the server's own template. How likely given text is, says /completions with `echo` and
`logprobs` (vLLM, and services that follow OpenAI's older models); behind a conversation only vLLM's `prompt_logprobs`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from srlm.engines.base import Request
from srlm.engines.openai.calls import Answer, Call, Failure
from srlm.engines.openai.given import Given, Unlike, given_of, has_given
from srlm.engines.plain_text import Likelihood, TextPair, until
from srlm.errors import EngineError, RoomError
from srlm.records import Message, Record, seed_for
from srlm.settings import Sampling
from srlm.text.counts import counted

if TYPE_CHECKING:
    from srlm.engines.openai.engine import OpenAIEngine

STOPS = 4
"""Stops that a request may name, as many as OpenAI takes; the others are found here."""
WRITES = "tasks that only write, such as gsm8k, nq_open and ifeval, can be asked of it"
"""What a server without log-probabilities is good for."""


class Conversation(Record):
    """A conversation as text: JSON, for the server has the template."""

    messages: tuple[Message, ...]
    begun: bool
    """Whether the last message is the first words of an answer."""

    def request(self) -> Request:
        """The same for an engine."""
        if self.begun:
            return Request(messages=self.messages[:-1], prefix=self.messages[-1].content)
        return Request(messages=self.messages)


class ServerText:
    """A server behind PlainText. Conversations come rendered, as JSON.

    A text that is too long for the model is a RoomError: only the server knows its tokens, so that none is cut here.
    """

    def __init__(self, engine: "OpenAIEngine") -> None:
        self._engine = engine

    def likelihoods(self, pairs: Sequence[TextPair], rendered: bool = False) -> list[Likelihood]:
        """See PlainText. Behind a conversation the words follow as the answer's own."""
        return self._behind_chats(pairs) if rendered else self._behind_texts(pairs)

    def rolling(self, texts: Sequence[str]) -> list[float]:
        """See PlainText; a text is read in one piece, and a token that the server puts before it is not scored."""
        asked = [TextPair("", text) for text in texts if text]
        scored = iter(self._behind_texts(asked))
        return [next(scored).total if text else 0.0 for text in texts]

    def write(
        self, prompts: Sequence[str], stops: Sequence[str], sampling: Sampling, seed: int, rendered: bool = False
    ) -> list[str]:
        """See PlainText. What stands behind a stop is cut off here, too: of a conversation servers take few or none."""
        if not rendered:
            return [until(text, stops) for text in self._continued(prompts, stops, sampling, seed)]
        drawn = self._engine.generate([self._request(prompt) for prompt in prompts], sampling, seed)
        refused = [one for (one,) in drawn if one.refused is not None]
        if refused:
            kind = RoomError if all(one.refused_as == "too long" for one in refused) else EngineError
            raise kind(
                f"{self._engine.where}: refused {len(refused)} of {counted(len(prompts), 'prompts')} of a "
                "benchmark, the first one "
                f"with: {refused[0].refused}"
            )
        return [until(one.text, stops) for (one,) in drawn]

    # Plain text -----------------------------------------------------------------------------------------------------

    def _continued(self, prompts: Sequence[str], stops: Sequence[str], sampling: Sampling, seed: int) -> list[str]:
        asked: dict[str, Any] = {
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_new_tokens,
        }
        if ends := [stop for stop in stops if stop][:STOPS]:
            asked["stop"] = ends
        calls = [
            self._engine.text_call(prompt, {**asked, "seed": seed_for(seed, row)}) for row, prompt in enumerate(prompts)
        ]

        async def one(row: int) -> str:
            return str((await self._answer(calls[row])).choice["text"])

        return self._engine.client.run(one, len(calls))

    def _behind_texts(self, pairs: Sequence[TextPair]) -> list[Likelihood]:
        """Each continuation as lm-eval's `hf` model has it: the tokens of the whole, less as many as the text before
        has without the spaces at its end."""
        asked = [(pair.context + pair.continuation, pair.context.rstrip()) for pair in pairs]
        texts = list(dict.fromkeys(text for text, _ in asked))
        given = dict(zip(texts, self._given(texts), strict=True))
        starts = [given[text].starting_at(text, len(before)) for text, before in asked]
        # A token that is of both, or words that do not tell: the server counts.
        unclear = list(dict.fromkeys(before for (_, before), start in zip(asked, starts, strict=True) if start is None))
        lengths = dict(zip(unclear, (len(one.words) for one in self._given(unclear)), strict=True))
        return [
            given[text].behind(lengths[before] if start is None else start, text)
            for (text, before), start in zip(asked, starts, strict=True)
        ]

    def _given(self, texts: Sequence[str]) -> list[Given]:
        """What the server says of each text."""
        # One token is written, for many servers write no fewer; its place is the last.
        calls = [
            self._engine.text_call(text, {"temperature": 0, "max_tokens": 1, "logprobs": 1, "echo": True})
            for text in texts
        ]

        async def one(row: int) -> Given:
            said = await self._answer(calls[row])
            if not has_given(said):
                raise EngineError(
                    f"{self._engine.where}: has no log-probabilities of given text (/completions with echo and "
                    f"logprobs); use vLLM, or the model itself (--model hf:DIR); {WRITES}"
                )
            try:
                return given_of(said)
            except Unlike as error:
                raise EngineError(
                    f"{self._engine.where}: answered with log-probabilities that cannot be used ({error}) for "
                    f"{texts[row][:80]!r}; use vLLM, or the model itself (--model hf:DIR); {WRITES}"
                ) from None

        return self._engine.client.run(one, len(calls))

    async def _answer(self, call: Call) -> Answer:
        said = await self._engine.said(call)
        if isinstance(said, Failure):
            raise self._refusal(said, call)
        return said

    def _refusal(self, said: Failure, call: Call) -> EngineError:
        if said.why == "too long":
            return RoomError(f"{self._engine.where}: refused a text as too long: {said.words}")
        hint = f" (has it no log-probabilities of given text? {WRITES})" if "echo" in call.settings else ""
        return EngineError(f"{self._engine.where}: refused {call.text[:80]!r}: {said.words}{hint}")

    # Conversations --------------------------------------------------------------------------------------------------

    def _behind_chats(self, pairs: Sequence[TextPair]) -> list[Likelihood]:
        contexts = list(dict.fromkeys(pair.context for pair in pairs))
        texts = {
            context: list(dict.fromkeys(p.continuation for p in pairs if p.context == context)) for context in contexts
        }
        requests = [self._request(context) for context in contexts]
        scores = self._engine.likelihoods(requests, [texts[context] for context in contexts])
        found = {
            TextPair(context, text): score
            for context, own in zip(contexts, scores, strict=True)
            for text, score in zip(texts[context], own, strict=True)
        }
        return [found[TextPair(*pair)] for pair in pairs]

    def _request(self, text: str) -> Request:
        try:
            return Conversation.model_validate_json(text).request()
        except ValidationError:
            raise EngineError(f"{self._engine.where}: not a conversation: {text[:80]!r}") from None
