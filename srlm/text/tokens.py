"""Text to tokens and back, in its place behind other text.

Many tokenizers write the first word of a text in another way than the same word within one, and decode it so.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

TAIL = 8
"""Tokens of a prompt that a decoding check looks at."""


class Words:
    """A tokenizer, asked for the tokens of a text in its place."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        added = {number: token.content for number, token in tokenizer.added_tokens_decoder.items()}
        # A newline may be an added token, and marks nothing.
        self.added = {number: text for number, text in added.items() if text.strip()}
        self.special = {text for text in special_tokens(tokenizer) if text.strip()}

    def ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def on(self, ids: Sequence[int], before: str, text: str) -> list[int]:
        """Token ids of a text that begins (or should) with `before`, whose token ids are `ids`, which are kept."""
        if text.startswith(before):
            return [*ids, *self.following(ids, before, text[len(before) :])]
        return self.ids(text)

    def following(self, ids: Sequence[int], before: str, text: str) -> list[int]:
        return self.place(ids, before)(text)

    def place(self, ids: Sequence[int], before: str) -> Callable[[str], list[int]]:
        """Tokenises text behind the prompt `before`, whose token ids are `ids`.

        Tokenised is what stands behind the prompt's last added token, which parts what is before it from what is behind
        it. Where a token would reach over the end of the prompt, the text is tokenised apart, without a space that
        nobody wrote.
        """
        last = next((self.added[token] for token in reversed(ids) if token in self.added), "")
        tail = before[before.rfind(last) :] if last and last in before else before
        tail_ids = self.ids(tail)
        if list(ids[len(ids) - len(tail_ids) :]) != tail_ids:
            tail, tail_ids = before, list(ids)

        def place(text: str) -> list[int]:
            if not text:
                return []
            whole = self.ids(tail + text)
            return whole[len(tail_ids) :] if whole[: len(tail_ids)] == tail_ids else self._apart(ids, text)

        return place

    def _apart(self, ids: Sequence[int], text: str) -> list[int]:
        """Token ids of a text that say just that behind a prompt."""
        # An added token parts what is before it from what is behind it.
        first = min((place for token in self.added.values() if (place := text.find(token)) >= 0), default=len(text))
        text, rest = text[:first], self.ids(text[first:])
        tail = list(ids[-TAIL:])
        wanted = self.decode(tail, skip=False) + text
        tried: list[list[int]] = []
        for anchor in ("\n", "a", ".", ""):
            start, whole = self.ids(anchor), self.ids(anchor + text)
            if whole[: len(start)] == start:
                tried.append(whole[len(start) :])
                if self.decode([*tail, *tried[-1]], skip=False) == wanted:
                    return tried[-1] + rest
        return (tried[0] if tried else self.ids(text)) + rest

    def decode(self, ids: Sequence[int], skip: bool) -> str:
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=skip, clean_up_tokenization_spaces=False)
        return text

    @cached_property
    def _anchor(self) -> list[int]:
        """A word behind which a text is decoded with its first space; none where the tokenizer keeps no spaces."""
        return self.ids("a") if self.ids("a  b") != self.ids("a b") else []

    @cached_property
    def makes_up_spaces(self) -> bool:
        """Whether a word directly behind an added token is tokenised as if a space stood before it."""
        end = self.ids(self._tokenizer.eos_token)
        return bool(self._anchor) and self.behind(self.ids(self._tokenizer.eos_token + "a")[len(end) :], False) == " a"

    def behind(self, ids: Sequence[int], skip: bool) -> str:
        return self.decode([*self._anchor, *ids], skip)[len(self.decode(self._anchor, skip)) :]

    def said_from(self, ids: Sequence[int], start: int) -> str:
        """The text of tokens, without special ones, from a character of their whole text on."""
        low, high = 0, len(ids)
        while low < high:  # the fewest tokens that hold all before it
            middle = (low + high) // 2
            low, high = (middle + 1, high) if len(self.behind(ids[:middle], skip=False)) < start else (low, middle)
        return self.behind(ids[:low], skip=False)[start:] + self.behind(ids[low:], skip=True)

    def without_special(self, text: str) -> str:
        for token in self.special:
            text = text.replace(token, "")
        return text.strip()


def special_tokens(tokenizer: Any) -> list[str]:
    """Every text the tokenizer reads as a special token: its named ones (end, padding, ...) and those that only stand
    in its vocabulary, as Llama 3's `<|start_header_id|>` does."""
    added = [token.content for token in tokenizer.added_tokens_decoder.values() if token.special]
    return sorted({*tokenizer.all_special_tokens, *added}, key=lambda token: (-len(token), token))
