"""What a reasoning model wrote, parted into its thought and its answer. Text in, value out.

A thought stands at the beginning, between two marks (`<think>` and `</think>`). Where the prompt opened it, only the
second mark is written. What stands behind the second mark is the answer.
"""

from collections.abc import Sequence
from typing import NamedTuple


class Marks(NamedTuple):
    """What stands before and behind a thought."""

    open: str
    close: str


THINK = Marks("<think>", "</think>")
KNOWN = (
    THINK,
    Marks("<thinking>", "</thinking>"),
    Marks("<thought>", "</thought>"),
    Marks("<reasoning>", "</reasoning>"),
    Marks("<seed:think>", "</seed:think>"),
    Marks("[THINK]", "[/THINK]"),
    Marks("<|START_THINKING|>", "<|END_THINKING|>"),
    Marks("<|begin_of_thought|>", "<|end_of_thought|>"),
    Marks("<|channel>thought", "<channel|>"),
    Marks("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
)
"""Marks of published models."""


class Split(NamedTuple):
    """A thought and an answer."""

    thought: str | None
    """Without the marks and the white space around it. None: there is none, or nothing is in it."""
    answer: str
    """Without the white space that followed the thought; all that was written where there was no thought."""
    closed: bool = True
    """False: the thought never closed. All that was written is the thought, and the answer is empty."""
    start: int = 0
    """Characters before the answer."""


def split(written: str, marks: Sequence[Marks] = KNOWN, opened: bool | None = None) -> Split:
    """The thought at the beginning of `written`, and the answer.

    `opened`: the prompt ended with the first mark. None: nobody knows, as of a server; then a second mark without a
    first one closes a thought that the prompt had opened.
    """
    begun = written.lstrip()
    for mark in marks:
        if begun.startswith(mark.open):
            inside = len(written) - len(begun) + len(mark.open)
            return _closed(written, inside, (mark,))
    if opened:
        return _closed(written, 0, marks)
    if opened is None and (ends := [mark for mark in marks if mark.close in written]):
        return _closed(written, 0, ends)
    return Split(None, written)


def _closed(written: str, inside: int, marks: Sequence[Marks]) -> Split:
    """The thought that begins at `inside`, up to the first of the closing marks."""
    found = [(place, mark) for mark in marks if (place := written.find(mark.close, inside)) >= 0]
    if not found:
        return Split(written[inside:].strip(), "", closed=False, start=len(written))
    place, mark = min(found)
    behind = place + len(mark.close)
    answer = written[behind:].lstrip()
    return Split(written[inside:place].strip() or None, answer, start=len(written) - len(answer))
