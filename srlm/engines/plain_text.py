"""The seam for text that goes on as it stands: what a model thinks of given text, and how it continues it.

An engine asks in conversations; benchmarks of language models ask in text of their own, with few-shot examples in it.
Text and tokens are joined as lm-eval's own `hf` model joins them, so that the figures are the same ones.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from srlm.engines.base import Engine
from srlm.errors import DataError, EngineError, RoomError
from srlm.settings import Sampling
from srlm.text.counts import counted


class Likelihood(NamedTuple):
    """What a model thinks of given text."""

    total: float
    """Natural log-probability, summed over the tokens."""
    greedy: bool
    """Whether the model would have written it: each token is the likeliest one."""


class TextPair(NamedTuple):
    """A text, and what is scored behind it. An empty context: the text begins there."""

    context: str
    continuation: str


class PlainText(Protocol):
    """A model that continues text as it stands, and knows of no chat. Raises EngineError where it cannot do as asked,
    RoomError where a text does not fit, DataError where there is nothing to score."""

    def likelihoods(self, pairs: Sequence[TextPair], rendered: bool = False) -> list[Likelihood]:
        """Of each continuation behind its context, which is cut on the left where both are too long together.

        `rendered`: the contexts are conversations as a chat template has rendered them, so that they bring every token
        that stands in front of a text.
        """
        ...

    def rolling(self, texts: Sequence[str]) -> list[float]:
        """Natural log-probability of each whole text; one too long is read in windows, each token scored once."""
        ...

    def write(
        self, prompts: Sequence[str], stops: Sequence[str], sampling: Sampling, seed: int, rendered: bool = False
    ) -> list[str]:
        """How each text goes on, up to the first of the `stops`, which is left out, or the end of the text.

        A prompt that leaves no room for `max_new_tokens` is cut on the left. `rendered`: as above, and an answer ends
        where its turn does.
        """
        ...


@runtime_checkable
class HasText(Protocol):
    """An engine that continues plain text, too."""

    def plain_text(self) -> PlainText:
        """Its way with plain text."""
        ...


def text_of(engine: Engine) -> PlainText:
    """An engine's way with plain text. Raises EngineError where it has none."""
    if not isinstance(engine, HasText):
        raise EngineError(f"{engine.id}: this engine does not continue plain text; use `transformers`, `vllm` or `ray`")
    return engine.plain_text()


# Text as tokens -----------------------------------------------------------------------------------------------------


class TokenPair(NamedTuple):
    """Tokens, and those that are scored behind them; neither is empty."""

    context: list[int]
    continuation: list[int]


LONGEST = 2048
"""Tokens that are read at once where neither the model nor its tokenizer says how many can be."""
UNSAID = 10**9
"""A tokenizer's `model_max_length` beyond this means that nobody set it."""


class TextTokens:
    """Text as tokens, as lm-eval's `hf` model has them."""

    def __init__(self, tokenizer: Any, longest: int) -> None:
        """`longest`: tokens that the model reads at once; a very large number where its configuration does not say."""
        self._tokenizer = tokenizer
        if longest > UNSAID:
            said = tokenizer.model_max_length
            longest = said if isinstance(said, int) and 0 < said < UNSAID else LONGEST
        self.longest = longest
        bos, eos = tokenizer.bos_token_id, tokenizer.eos_token_id
        self.first: int = eos if bos is None else bos
        """The token that stands before a text that begins."""
        self._first_text: str = tokenizer.decode(self.first)
        self._bos_text: str | None = tokenizer.bos_token
        self.end: str = tokenizer.decode(eos)
        """The text of the token that ends a text: a model may spell it."""

    def ids(self, text: str, rendered: bool = False) -> list[int]:
        """With the tokens that the tokenizer puts around every text, unless the text brings the first of them."""
        return self._encoded(text, rendered or text.startswith(self._first_text))

    def _encoded(self, text: str, bare: bool) -> list[int]:
        ids: list[int] = (
            self._tokenizer.encode(text, add_special_tokens=False) if bare else self._tokenizer.encode(text)
        )
        return ids

    def pair(self, pair: TextPair, rendered: bool = False) -> TokenPair:
        """A context and its continuation, cut on the left to what can be read. Raises RoomError where it cannot,
        DataError where one of them has no token."""
        context, continuation = self._joined(pair, rendered)
        if not context or not continuation:
            raise DataError(f"nothing to score: {pair.continuation[:80]!r} adds no token to the text before it")
        if len(continuation) > self.longest:
            raise RoomError(
                f"a continuation of {counted(len(continuation), 'tokens')}; the model reads {self.longest} at once"
            )
        # The last token is scored and never read.
        return TokenPair(context[-(self.longest + 1 - len(continuation)) :], continuation)

    def _joined(self, pair: TextPair, rendered: bool) -> TokenPair:
        context, continuation = pair
        if not context:
            ids = self._encoded(continuation, bare=True)
            # A text that brings its first token is read behind that.
            return TokenPair(ids[:1], ids[1:]) if ids[:1] == [self.first] else TokenPair([self.first], ids)
        bare = context.rstrip()
        # Spaces at the end of a context belong to the word behind them.
        whole = self.ids(context + continuation, rendered)
        before = self.ids(bare, rendered)
        return TokenPair(before or [self.first], whole[len(before) :])

    def windows(self, text: str) -> list[TokenPair]:
        """A whole text in windows: each token is scored once, behind as many as the model reads at once.

        The last window reaches back as far as it can.
        """
        ids = self.ids(text)
        if not ids:
            return []
        found = [TokenPair([self.first], ids[: self.longest])]
        for start in range(self.longest, len(ids), self.longest):
            end = min(len(ids), start + self.longest)
            # A window is as long as the model reads, and one more token that is scored and never read.
            found.append(TokenPair(ids[max(0, end - self.longest - 1) : start], ids[start:end]))
        return found

    def prompt(self, text: str, room: int, rendered: bool = False) -> list[int]:
        """A text to go on from with `room` new tokens, cut on the left to what can be read."""
        if room >= self.longest:
            raise RoomError(
                f"{counted(room, 'new tokens are')} asked for, but the model reads and writes {self.longest} "
                "in all; ask for fewer"
            )
        brings = self._bos_text is not None and text.startswith(self._bos_text)
        return self._encoded(text, rendered or brings)[-(self.longest - room) :] or [self.first]

    def words(self, ids: Sequence[int]) -> str:
        """What tokens say, without special ones."""
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=True)
        return text


def until(text: str, stops: Sequence[str]) -> str:
    """A text up to the first of the stops."""
    for stop in stops:
        if stop:
            text = text.split(stop)[0]
    return text


def up_to_end(ids: Sequence[int], ends: Collection[int], rendered: bool) -> list[int]:
    """New tokens up to the first that ends them.

    It is no part of an answer to a conversation. Of a plain text it is, as in lm-eval's `hf`: nearly always a special
    token, which is left out of the words.
    """
    end = next((place for place, token in enumerate(ids) if token in ends), len(ids))
    return list(ids[: end if rendered else end + 1])


class TokenText:
    """Plain text on a model whose tokens are known here: `score` and `go_on` ask the model."""

    def __init__(
        self,
        words: TextTokens,
        score: Callable[[Sequence[TokenPair]], list[Likelihood]],
        go_on: Callable[[Sequence[Sequence[int]], Sequence[str], Sampling, int, bool], list[list[int]]],
    ) -> None:
        """`go_on` writes new tokens behind each prompt, at least as far as the first stop or the end (`up_to_end`), and
        may write more behind a stop."""
        self._words, self._score, self._go_on = words, score, go_on

    def likelihoods(self, pairs: Sequence[TextPair], rendered: bool = False) -> list[Likelihood]:
        """See PlainText."""
        return self._score([self._words.pair(pair, rendered) for pair in pairs])

    def rolling(self, texts: Sequence[str]) -> list[float]:
        """See PlainText."""
        windows = [self._words.windows(text) for text in texts]
        scored = iter(self._score([window for own in windows for window in own]))
        return [sum(next(scored).total for _ in own) for own in windows]

    def write(
        self, prompts: Sequence[str], stops: Sequence[str], sampling: Sampling, seed: int, rendered: bool = False
    ) -> list[str]:
        """See PlainText."""
        asked = [self._words.prompt(prompt, sampling.max_new_tokens, rendered) for prompt in prompts]
        stops = [*stops, self._words.end]
        written = self._go_on(asked, stops, sampling, seed, rendered)
        return [until(self._words.words(ids), stops) for ids in written]
