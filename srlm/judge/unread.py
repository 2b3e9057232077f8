"""What of a judge's words may be read, one rule for scores and comparisons, and why the rest may not."""

from collections import Counter
from collections.abc import Iterable

from srlm.engines.base import Completion
from srlm.records import Unread
from srlm.text.thoughts import split


def parted(written: Completion) -> Completion:
    """The same with its thought apart, where the engine left it in the text.

    Only a thought that begins the text is one: a judge may quote the marks of the answer it reads.
    """
    if written.thought is not None:
        return written
    found = split(written.text, opened=False)
    if not found.closed:
        return written.model_copy(update={"text": "", "thought": found.thought or "", "finish": "length"})
    return written.model_copy(update={"text": found.answer, "thought": found.thought}) if found.start else written


def why_unread(written: Completion) -> Unread | None:
    """Why nothing may be read from a completion, whatever it says; None: it came to its end.

    A completion that was cut may have stopped before the judge changed its mind, or within a number.
    """
    if written.refused is not None:
        return "refused"
    if written.finish != "length":
        return None
    if written.thought is not None and not written.text.strip():
        return "open thought"
    return "no room" if written.tokens == 0 and not written.text else "cut"


def still_thinking(written: Completion) -> bool:
    """Whether the thought took all the room, also where the server hides it and gives no text at all."""
    unread = why_unread(written)
    return unread == "open thought" or (unread == "cut" and not written.text.strip())


def may_go_on(written: Completion) -> bool:
    """Whether the words can be continued: they came to their end, or were cut behind their first word. What was all
    thought, had no room or was refused cannot."""
    unread = why_unread(written)
    return unread is None or (unread == "cut" and bool(written.text.strip()))


def reason_counts(reasons: Iterable[Unread | None]) -> dict[str, int]:
    """`judgements unscored: cut` and the like, for a manifest; None: a score, or a reason that nobody kept."""
    found = Counter(reason for reason in reasons if reason is not None)
    return {f"judgements unscored: {reason}": number for reason, number in sorted(found.items())}
