"""Secrets in a JSON value: in its texts, in its names, and spread over several of them."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from srlm.secrets import MARK, Secrets

_LONGEST = 1 << 20
"""Characters up to which a text that looks like JSON is read as such."""
_SHORT = 32
"""Items of a list up to which the same place in several such lists is looked at."""
_NAMES = frozenset(
    (
        *("id", "object", "created", "model", "choices", "index", "message", "role", "content", "finish_reason"),
        *("logprobs", "token", "logprob", "bytes", "top_logprobs", "refusal", "type", "text", "reasoning_content"),
        *("usage", "prompt_tokens", "completion_tokens", "total_tokens"),
    )
)
"""Names of the protocol, of which no secret is made; there are many of them."""


def hidden_in(value: Any, secrets: Secrets, inner: int = 3) -> Any:
    """A JSON value without the secrets; it is changed in place.

    Texts that follow each other, or have the same place in the items of a list, are also looked at as one: parts of a
    message, tokens, choices, codes of characters. `inner`: how deep JSON may be within texts of JSON.
    """
    if isinstance(value, str):
        return secrets.hidden(value)
    if not secrets or not isinstance(value, dict | list):
        return value
    top, every = _Column(), list[_Leaf]()
    _collect(value, top, [], every, False)
    texts = [leaf for leaf in every if leaf.kind == "text"]
    columns = [texts, *top.all()]
    for leaf in texts if inner else ():
        if leaf.text[:1] in ("{", "["):
            leaf.text = _hidden_in_text(leaf.text, secrets, inner - 1)
    # Nothing is in any of them that is not in all of them together.
    one = " ".join("".join([leaf.text for leaf in column]) for column in columns)
    told = columns if secrets.within(one) else []
    for leaf in every if told else ():
        leaf.text = secrets.hidden(leaf.text)
    for column in told:
        _hide_across(column, secrets)
    for leaf in every:
        leaf.put_back()
    return value


def _hidden_in_text(text: str, secrets: Secrets, inner: int) -> str:
    """A text that may be JSON itself, as the arguments of a tool are."""
    try:
        value = json.loads(text[:_LONGEST])
        before = json.dumps(value)
        after = json.dumps(hidden_in(value, secrets, inner))
    except (ValueError, RecursionError):
        return text
    return text if before == after else after


def _hide_across(column: "list[_Leaf]", secrets: Secrets) -> None:
    """Hide what texts hold only together."""
    whole = "".join(leaf.text for leaf in column)
    if len(column) < 2 or not secrets.within(whole):
        return
    spans = secrets.spans(whole)
    end = 0
    for leaf in column:
        start, end = end, end + len(leaf.text)
        if leaf.text and (not spans or any(first < end and last > start for first, last in spans)):
            leaf.text = MARK


class _Leaf:
    """A text of a JSON value, a name in it, or a number that may be the code of a character."""

    __slots__ = ("before", "holder", "kind", "place", "text")

    def __init__(self, holder: Any, place: Any, text: str, kind: str) -> None:
        self.holder, self.place, self.text, self.kind, self.before = holder, place, text, kind, text

    def put_back(self) -> None:
        """Write the text where it came from, if it is another now."""
        if self.text == self.before:
            return
        if self.kind == "name":
            value, text = self.holder.pop(self.place), self.text
            while text in self.holder:
                text += MARK[0]
            self.holder[text] = value
        else:
            self.holder[self.place] = ord(MARK[0]) if self.kind == "code" else self.text


class _Column:
    """What has the same place, whichever items of lists it is in."""

    __slots__ = ("below", "leaves", "names")

    def __init__(self) -> None:
        self.below: dict[object, _Column] = {}
        self.leaves: list[_Leaf] = []
        self.names: list[_Leaf] = []

    def at(self, place: object) -> "_Column":
        found = self.below.get(place)
        if found is None:
            found = self.below[place] = _Column()
        return found

    def all(self) -> "Iterator[list[_Leaf]]":
        if len(self.leaves) > 1:
            yield self.leaves
        if self.names:
            yield self.names
        for column in self.below.values():
            yield from column.all()


def _collect(holder: Any, column: _Column, views: list[_Column], every: list[_Leaf], nested: bool) -> None:
    """Every text below `holder`. `views`: for each short list within a list around it, the columns that keep the number
    in that one: the first of all choices for a token, the second, ..."""
    is_list = isinstance(holder, list)
    keeps = is_list and nested and len(holder) <= _SHORT
    items: Iterable[tuple[Any, Any]] = enumerate(holder) if is_list else holder.items()
    for place, value in items:
        if not is_list and place not in _NAMES:
            name = _Leaf(holder, place, place, "name")
            every.append(name)
            column.names.append(name)
        if isinstance(value, str):
            leaf = _Leaf(holder, place, value, "text")
        elif isinstance(value, dict | list):
            # Names that are numbers, as of vLLM's tokens, tell items apart, too.
            same = 0 if is_list or place[:1].isdigit() else place
            inner = [view.at(same) for view in views]
            if keeps:
                inner.append(column.at((place,)))
            _collect(value, column.at(same), inner, every, nested or is_list)
            continue
        elif isinstance(value, int) and 32 <= value < 127:
            leaf = _Leaf(holder, place, chr(value), "code")
        else:
            continue
        every.append(leaf)
        same = 0 if is_list else place
        column.at(same).leaves.append(leaf)
        if keeps:
            column.at((place,)).leaves.append(leaf)
        for view in views:
            view.at(same).leaves.append(leaf)
