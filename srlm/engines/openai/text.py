"""What benchmarks of language models ask, of a chat server: conversations, which it renders by its own template.

Text that goes on as it stands it cannot be asked, and only vLLM says how likely given words are (`prompt_logprobs`).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from pydantic import ValidationError

from srlm.engines.base import Request
from srlm.engines.plain_text import Likelihood, TextPair, until
from srlm.errors import EngineError
from srlm.records import Message, Record
from srlm.settings import Sampling
from srlm.text.counts import counted

if TYPE_CHECKING:
    from srlm.engines.openai.engine import OpenAIEngine


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
    """A chat server behind PlainText; all it is asked must be conversations."""

    def __init__(self, engine: "OpenAIEngine") -> None:
        self._engine = engine

    def likelihoods(self, pairs: Sequence[TextPair], rendered: bool = False) -> list[Likelihood]:
        """See PlainText. The words follow the conversation as the answer's own."""
        contexts = list(dict.fromkeys(pair.context for pair in pairs))
        texts = {
            context: list(dict.fromkeys(p.continuation for p in pairs if p.context == context)) for context in contexts
        }
        requests = [self._request(context, rendered) for context in contexts]
        scores = self._engine.likelihoods(requests, [texts[context] for context in contexts])
        found = {
            TextPair(context, text): score
            for context, own in zip(contexts, scores, strict=True)
            for text, score in zip(texts[context], own, strict=True)
        }
        return [found[TextPair(*pair)] for pair in pairs]

    def rolling(self, texts: Sequence[str]) -> list[float]:
        """See PlainText: refused."""
        self._refuse()

    def write(
        self, prompts: Sequence[str], stops: Sequence[str], sampling: Sampling, seed: int, rendered: bool = False
    ) -> list[str]:
        """See PlainText. What stands behind a stop is cut off here: servers take few of them, and some take none."""
        drawn = self._engine.generate([self._request(prompt, rendered) for prompt in prompts], sampling, seed)
        refused = [one.refused for (one,) in drawn if one.refused is not None]
        if refused:
            raise EngineError(
                f"{self._engine.where}: refused {len(refused)} of {counted(len(prompts), 'prompts')} of a "
                "benchmark, the first one "
                f"with: {refused[0]}"
            )
        return [until(one.text, stops) for (one,) in drawn]

    def _request(self, text: str, rendered: bool) -> Request:
        if not rendered:
            self._refuse()
        try:
            return Conversation.model_validate_json(text).request()
        except ValidationError:
            raise EngineError(f"{self._engine.where}: not a conversation: {text[:80]!r}") from None

    def _refuse(self) -> NoReturn:
        raise EngineError(
            f"{self._engine.where}: a chat server cannot be asked for plain text; ask it with a chat template, or the "
            "model itself with engine.kind transformers, vllm or ray"
        )
