"""The probability of the first answer from the log-probabilities beside a written letter, in whatever form they came.

Servers write tokens with spaces, with a tokenizer's own marks (U+2581, U+0120), as bytes (`<0x41>`, `bytes:\\x41`), or
with a bracket or an asterisk: all are the same letter. A letter that is not among the listed tokens is less likely than
each of these, and than what they leave: the bound is used, so that a sure judge stays sure.
"""

import math
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from srlm.judge.chances import LEAST


class Chance(NamedTuple):
    """The probability of the first answer where only both can be said."""

    first: float
    bounds: tuple[float, float] | None
    """Where it lies if one letter is not listed; `first` is then the bound next to 0.5."""


_BYTES = re.compile(r"(?:bytes:)?((?:\\x[0-9a-fA-F]{2})+)|<0x([0-9a-fA-F]{2})>")
_AROUND = "\u2581\u0120\u010a \t\r\n\"'`*_[](){}<>.:,"
NEVER = -1000.0
"""Log-probabilities below are a server's word for none (-9999)."""


def letter_of(token: object, labels: tuple[str, str]) -> int | None:
    """0 or 1: which of the labels a token writes; None: neither."""
    if not isinstance(token, str):
        return None
    if found := _BYTES.fullmatch(token):
        digits = found[2] or found[1].replace("\\x", "")
        token = bytes.fromhex(digits).decode("utf-8", "replace")
    own = token.strip(_AROUND)
    if labels[0].casefold() != labels[1].casefold():
        own, labels = own.casefold(), (labels[0].casefold(), labels[1].casefold())
    return labels.index(own) if own in labels else None


def chance_of(choice: dict[str, Any], written: str, labels: tuple[str, str]) -> Chance | None:
    """What the log-probabilities of a chat completion say at the place of its letter.

    None: there are none, in any form; the letter's place is not clear, as of several letters or within words; or the
    letters are as good as impossible there.
    """
    place = _place(choice, written, labels)
    top = None if place is None else place.get("top_logprobs")
    if not isinstance(top, list):
        return None
    listed = [(letter_of(one.get("token"), labels), _log(one.get("logprob"))) for one in top if isinstance(one, dict)]
    known = [(letter, log) for letter, log in listed if log is not None]
    sums = [[log for letter, log in known if letter == side] for side in (0, 1)]
    masses = [float(np.exp(np.logaddexp.reduce(logs))) if logs else 0.0 for logs in sums]
    if sum(masses) < LEAST:
        return None
    if all(masses):
        return Chance(masses[0] / sum(masses), None)
    left = max(0.0, 1 - sum(math.exp(log) for _, log in known))
    most = min(left, math.exp(min(log for _, log in known)))
    sure = max(masses) / (max(masses) + most)
    return Chance(sure, (sure, 1.0)) if masses[0] else Chance(1 - sure, (0.0, 1 - sure))


def _place(choice: dict[str, Any], written: str, labels: tuple[str, str]) -> dict[str, Any] | None:
    """The token with which the judge wrote its letter, where its answer is that letter and a remark at most."""
    logprobs = choice.get("logprobs")
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not isinstance(content, list):
        return None
    tokens: Sequence[dict[str, Any]] = [one for one in content if isinstance(one, dict)]
    places = [one for one in tokens if letter_of(one.get("token"), labels) is not None]
    only = re.sub(r"[\W_]+", "", written)
    if only in labels or only.casefold() in (label.casefold() for label in labels):
        return places[-1] if places else None  # behind a thought, in brackets or alone
    first = next((one for one in tokens if str(one.get("token", "")).strip(_AROUND)), None)
    begins = re.match(rf"[\W_]*(?:{'|'.join(map(re.escape, labels))})(?![\w'])", written)
    return first if begins and first is not None and letter_of(first.get("token"), labels) is not None else None


def _log(value: object) -> float | None:
    """A log-probability; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        return None
    return float(value) if NEVER < value <= 1e-6 else None
