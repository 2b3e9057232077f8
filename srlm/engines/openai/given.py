"""What a server says of given text, token by token: an answer of /completions with `echo` and `logprobs`.

Servers agree on three lists, a value a token: `tokens`, `token_logprobs`, `top_logprobs`. They do not agree on
`text_offset`: vLLM counts the letters of a token that it puts before a text, and those of each token alone, where a
character of several tokens is one mark a token. So a token's place follows from the words of all tokens, where these
are the text; else the server is asked how many tokens the text before has.
"""

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

from srlm.engines.openai.calls import Answer
from srlm.engines.plain_text import Likelihood
from srlm.errors import DataError
from srlm.text.counts import counted

ROUNDED = 1e-3
"""Nats by which a log-probability may lie above 0: a sum of probabilities in 16 bits."""


class Unlike(Exception):
    """Log-probabilities that are none of the text; its words say what of them is wrong."""


class Given(NamedTuple):
    """The tokens of a given text, with those that the server puts before it."""

    words: list[str]
    logs: list[float | None]
    """Natural log-probability of each; None: of the first, which stands behind nothing."""
    best: list[float | None]
    """The likeliest token's at that place."""

    def starting_at(self, text: str, place: int) -> int | None:
        """Number of the token that begins at this character of the text; None: the words do not tell, or none does."""
        before = sum(map(len, self.words)) - len(text)
        if before < 0 or not "".join(self.words).endswith(text):
            return None
        if not place and not self.words[0]:
            return None  # it may stand before the text, or be a part of its first character
        starts = list(accumulate(map(len, self.words), initial=0))
        return starts.index(before + place) if before in starts and before + place in starts else None

    def behind(self, number: int, text: str) -> Likelihood:
        """What the model thinks of all tokens from this one on. Raises DataError where there are none, or the first of
        them stands behind nothing."""
        logs, best = self.logs[number:], self.best[number:]
        if not logs:
            raise DataError(f"nothing to score: {text[-80:]!r} adds no token to the text before it")
        total, greedy = 0.0, True
        for log, top in zip(logs, best, strict=True):
            if log is None or top is None:
                raise DataError(
                    f"{text[:80]!r}: the server puts no token before a text, so that nobody knows how likely its first "
                    "token is; measure this task with transformers (--model hf:DIR)"
                )
            total += log
            greedy = greedy and log >= top
        return Likelihood(total, greedy)


def has_given(answer: Answer) -> bool:
    """Whether a server says anything of the text that it was given: one that does not says nothing, or only of what it
    wrote itself."""
    found = answer.choice.get("logprobs")
    said = found.get("token_logprobs") if isinstance(found, dict) else None
    return isinstance(said, list) and len(said) > (answer.prompt_tokens != 1)


def given_of(answer: Answer) -> Given:
    """What an answer says of its prompt; the token that was written behind it is left out. Raises Unlike."""
    found = answer.choice["logprobs"]
    words, logs, tops = (_list(found, name) for name in ("tokens", "token_logprobs", "top_logprobs"))
    if not len(words) == len(logs) == len(tops):
        raise Unlike(f"lists of {len(words)}, {len(logs)} and {len(tops)} (tokens, token_logprobs, top_logprobs)")
    if not all(isinstance(word, str) for word in words):
        raise Unlike("a token that is no text")
    offsets = found.get("text_offset")
    if offsets is not None:
        if not isinstance(offsets, list) or len(offsets) != len(words) or not all(type(one) is int for one in offsets):
            raise Unlike("text_offset that is no list of a number a token")
        if any(later < earlier for earlier, later in pairwise(offsets)):
            raise Unlike("text_offset that does not ascend")
    written = 1 if answer.completion_tokens is None else answer.completion_tokens
    number = len(words) - written
    # llama-cpp-python counts the token that it puts before a text, and leaves it out of the lists.
    if written > 1 or not number or answer.prompt_tokens not in (None, number, number + 1):
        raise Unlike(f"{counted(len(words), 'tokens')}, where {answer.prompt_tokens} were read and {written} written")
    logs, best = [_log(one) for one in logs[:number]], [_best(one) for one in tops[:number]]
    if None in logs[1:]:
        raise Unlike("no log-probability of a token behind others")
    if any(top is None for log, top in zip(logs, best, strict=True) if log is not None):
        raise Unlike("no word on which token is the likeliest (top_logprobs)")
    return Given(words[:number], logs, best)


def _list(found: dict[str, Any], name: str) -> list[Any]:
    value = found.get(name)
    if not isinstance(value, list):
        raise Unlike(f"no list of {name}")
    return value


def _log(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value > ROUNDED:
        raise Unlike(f"a log-probability of {value!r:.40}")
    return min(0.0, float(value))


def _best(value: object) -> float | None:
    """The highest of the tokens at a place."""
    if value is None or value == {}:
        return None
    if not isinstance(value, dict):
        raise Unlike("top_logprobs that are no object a token")
    logs: Sequence[float | None] = [_log(one) for one in value.values()]
    if None in logs:
        raise Unlike("a log-probability of None among the likeliest tokens")
    return max(one for one in logs if one is not None)
