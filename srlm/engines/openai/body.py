"""What a server answers, read within bounds and without secrets: all that any client here sees of it.

Bounded are its bytes (as sent, and unpacked), its depth and how much it lists; who asks bounds the time. What is over a
bound, or is no JSON, is a fault with its reason; of its words so many are left as may be kept.
"""

import json
import math
import re
import zlib
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any, NamedTuple

import httpx2

from srlm.bounded.json_text import DEPTH, deeper
from srlm.secrets import MARK, Secrets
from srlm.secrets_in_json import hidden_in

MOST = 16 << 20
"""Bytes that an answer may have where the request does not say how many tokens it may have."""
MOST_TOKENS = 64 << 20
"""Bytes that any answer may have: a thought of 32,768 tokens, each with 20 others and their log-probabilities (21
entries of 75 bytes) takes 52 million."""
BESIDE = 1 << 20
"""Bytes that an answer may have beside the tokens that were asked for."""
A_TOKEN = 1 << 10
"""Bytes that a token may take; four times as many with its log-probabilities."""
DEEP = 64
"""Levels of lists and objects."""
LISTED = 1_000_000
"""Values in lists and objects: each takes far more memory than it has bytes."""
A_VALUE = 8
"""Bytes for each further value in an answer that has room for more. A token with 20 others has some 250 values (half of
them its bytes, one by one), and room for 512: the thought above has 8.3 million."""
KEPT = 16 << 10
"""Characters that are kept of an answer that cannot be read, or is an error."""
_TAIL = 4 << 10
"""Characters in which the beginning of a secret may be, in its longest spelling."""
DIGITS = 300
"""Digits that a whole number may have."""
ACCEPTED = "gzip, deflate"
"""Encodings that are asked for; no other is unpacked."""

_PAGE = re.compile(r"\s*<(?:!doctype|html|head|body|\?xml|!--)", re.IGNORECASE)
_EVENTS = re.compile(r"\s*(?:data|event|id|retry|):")
_PART = re.compile(r'"((?:[^"\\]|\\.)*+)(?:"(\s*+:)?|\Z)|\b(\d{2,3})\b')
"""A text, perhaps a name, or a small number, in what may be JSON."""


class Body(NamedTuple):
    """An answer without secrets."""

    value: Any
    """As JSON. None: it is none, or over a bound."""
    text: str
    """Its words, as far as they are kept; empty where `value` says all."""
    fault: str | None
    """Why it is of no use, to follow `answered`: `with a web page`. None: it is JSON."""


def room_for(request: Mapping[str, Any]) -> int:
    """Bytes that the answer to a request for a completion may have."""
    tokens = [request[name] for name in ("max_tokens", "max_completion_tokens") if name in request]
    if not tokens or "prompt_logprobs" in request or "echo" in request:
        return MOST
    each = A_TOKEN * (1 + 3 * bool(request.get("logprobs")))
    return int(min(MOST_TOKENS if request.get("logprobs") else MOST, BESIDE + request.get("n", 1) * min(tokens) * each))


async def read_body(response: httpx2.Response, secrets: Secrets, room: int) -> Body:
    """The body of a response that was sent and not read yet; its connection is given back, or closed at a bound."""
    raw = bytearray()
    try:
        async with aclosing(response.aiter_raw()) as chunks:
            async for chunk in chunks:
                raw += chunk
                if len(raw) > room:
                    break
    finally:
        await response.aclose()
    return body_of(bytes(raw), response.headers, secrets, room)


def body_of(raw: bytes, headers: Mapping[str, str], secrets: Secrets, room: int) -> Body:
    """What these bytes say."""
    content, fault = _unpacked(raw, headers.get("content-encoding", "").strip().lower(), room)
    if fault is None and len(content) > room:
        fault = f"with more than {room / 2**20:.3g} MiB"
    if fault is not None:
        return Body(None, _kept(content.decode(errors="replace"), secrets), fault)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return Body(None, _kept(content.decode(errors="replace"), secrets), "with text that is not UTF-8")
    try:
        return Body(hidden_in(_parsed(text, max(LISTED, room // A_VALUE)), secrets), "", None)
    except (ValueError, RecursionError) as error:
        fault = _what(text, headers.get("content-type", "")) or f"with text that is not JSON ({_why(error)})"
        return Body(None, _kept(text, secrets), fault)


def _unpacked(raw: bytes, encoding: str, room: int) -> tuple[bytes, str | None]:
    """The bytes that were packed, or as many as there is room for and one; and what is wrong with them."""
    if encoding in ("", "identity"):
        return raw, None
    if encoding not in ("gzip", "x-gzip", "deflate"):
        return raw, "in an encoding that was not asked for"
    for bits in (47, -15):  # gzip and zlib by their first bytes; some servers send neither's
        try:
            return zlib.decompressobj(bits).decompress(raw, room + 1), None
        except zlib.error:
            continue
    return raw, f"with text that is not {encoding}"


def _parsed(text: str, most: int) -> Any:
    """JSON of at most so many values, with finite numbers and each name once. Raises ValueError."""
    if text.count("[") + text.count("{") + text.count(",") > most:
        raise ValueError("too many values")
    value = json.loads(
        text, parse_constant=_no_constant, parse_float=_finite, parse_int=_whole, object_pairs_hook=_each_once
    )
    if deeper(value, DEEP):
        raise ValueError("nested too deeply")
    if "\\ud" in text.lower():  # half a surrogate pair is legal JSON, and no text that can be written to a file
        value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


def _whole(digits: str) -> int:
    if len(digits) > DIGITS:
        raise ValueError("a number is too large")
    return int(digits)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice")
    return found


def _why(error: Exception) -> str:
    """Why a text is no JSON, in words that quote none of it."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos + 1}"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)


def _what(text: str, kind: str) -> str | None:
    """What a text is that is no JSON, where that can be told."""
    if is_page(text):
        return "with a web page"
    if "event-stream" in kind.lower() or _EVENTS.match(text):
        return "with a stream of events, which was not asked for"
    return "with nothing" if not text.strip() else None


def is_page(text: str) -> bool:
    """Whether a text is a page for people: a gateway's words, not the model server's."""
    return _PAGE.match(text) is not None


def _kept(text: str, secrets: Secrets) -> str:
    """As much of an unreadable answer as is kept, without the secrets; nothing of one that holds them in parts."""
    is_cut, text = len(text) > 4 * KEPT, text[: 4 * KEPT]
    whole = _read_anyhow(text)
    plain = (
        text if whole is None else "\n".join(json.dumps(one, ensure_ascii=False) for one in hidden_in(whole, secrets))
    )
    plain = secrets.hidden(plain)
    if is_cut:  # a secret may have been cut in two
        plain = plain[:-_TAIL]
    parts: dict[str, list[str]] = {}
    name = ""
    for found in _PART.finditer(plain):
        if found[2]:
            name = found[1]
            parts.setdefault("names", []).append(name)
        elif found[3]:
            parts.setdefault("codes", []).append(chr(int(found[3])))
        else:
            parts.setdefault(f"of {name}", []).append(found[1])
            parts.setdefault("texts", []).append(found[1])
    if any(secrets.within("".join(values)) for values in parts.values()):
        return MARK
    # Half a character cannot be written.
    return plain[:KEPT].encode("utf-8", "replace").decode()


def _read_anyhow(text: str) -> list[Any] | None:
    """The JSON values of a text that breaks our rules, or of its lines, as a stream has them; None: it has none."""
    try:
        return [_decoded(text)]
    except (ValueError, RecursionError):
        pass
    found = []
    for line in text.splitlines():
        try:
            found.append(_decoded(line.removeprefix("data:")))
        except (ValueError, RecursionError):
            if len(found) < 2 and line.strip():
                return None
    return found or None


def _decoded(text: str) -> Any:
    """A JSON value that can be walked through. Raises ValueError, RecursionError."""
    value = json.loads(text)
    if deeper(value, DEPTH):
        raise ValueError("nested too deeply")
    return value
