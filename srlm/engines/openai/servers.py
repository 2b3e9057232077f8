"""What every client of an OpenAI-compatible server needs: its key, whether it is on this machine, words fit to show."""

import ipaddress
import os
import re
from collections.abc import Sequence
from urllib.parse import quote, unquote, urlsplit

import openai

from srlm.engines.openai.calls import Refusal
from srlm.engines.openai.endpoint import Endpoint, without_secrets
from srlm.errors import EngineError

WORDS = 400
"""Characters of a server's answer shown in an error."""


def find_key(name: str, endpoint: Endpoint) -> str | None:
    """The key from the environment variable `name`; None where there is none and none is needed.

    Raises EngineError where a server elsewhere needs one.
    """
    key = os.environ.get(name, "").strip()
    if not key and not is_local(endpoint.url):
        raise EngineError(
            f"{endpoint.address} needs a key: set the environment variable {name} "
            "(to any value if the server does not check it)"
        )
    if not (key.isascii() and key.isprintable()):
        raise EngineError(f"the environment variable {name} contains characters that are not valid in a key")
    return key or None


def is_local(base_url: str) -> bool:
    """Whether an address is on this machine. Raises EngineError where it is no address."""
    try:
        parts = urlsplit(base_url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if host is None or parts.scheme not in ("http", "https"):
        raise EngineError(
            f"base_url {without_secrets(base_url)!r} is not an address; write it as http://127.0.0.1:8000/v1"
        )
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return address.is_loopback or address.is_unspecified


def hidden(text: str, secrets: Sequence[str]) -> str:
    """A text without the secrets, also where they stand as in a URL."""
    for secret in secrets:
        for form in (secret, quote(secret, safe=""), unquote(secret)):
            text = text.replace(form, "***")
    return text


def shown(text: str, secrets: Sequence[str]) -> str:
    """A server's words on one line, shortened, and without the secrets."""
    text = hidden(text, secrets)
    text = " ".join(text.split()) or "(no words)"
    return text if len(text) <= WORDS else text[:WORDS] + " ..."


def words_of(error: openai.APIStatusError, secrets: Sequence[str]) -> str:
    """What a server says in an error's body, fit to show."""
    body = error.body
    return shown(str(body["message"]) if isinstance(body, dict) and "message" in body else error.response.text, secrets)


_FILTERS = (
    "content_filter",
    "content_policy_violation",
    "ResponsibleAIPolicyViolation",
    "invalid_prompt",
    "moderation",
)
_TOO_LONG = ("context_length_exceeded", "string_above_max_length", "request_too_large")
_FILTERED_WORDS = re.compile(
    r"content[ _](?:filter|policy|management|moderation)|responsible ai|moderation|flagged|usage polic"
    r"|safety (?:system|filter|polic)|violat\w+ (?:our|the|of) ",
    re.IGNORECASE,
)
_TOO_LONG_WORDS = re.compile(
    r"context (?:length|window|size)|(?:prompt|input|request|message)s?\b.{0,40}\b(?:is|are) too (?:long|large)"
    r"|too many (?:input )?tokens|maximum (?:prompt|input|context|model) len"
    r"|(?:max_tokens|max_completion_tokens)\b.{0,40} too large|reduce the length",
    re.IGNORECASE,
)
_ALL_REQUESTS = re.compile(
    r"api[ _-]?key|credential|authenti|quota|billing|credits?\b"
    r"|model\b.{0,80}(?:not exist|not found|not a valid|not available|no access)",
    re.IGNORECASE,
)


def refusal_of(error: openai.APIStatusError) -> Refusal | None:
    """Why this one request was refused; None: the server failed, or would refuse all (key, model, quota)."""
    status, words = error.status_code, f"{error.code or ''} {words_of(error, ())}"
    if status not in (400, 403, 413, 422, 451):
        return None
    if error.code in _TOO_LONG or status == 413 or (status != 403 and _TOO_LONG_WORDS.search(words)):
        return "too long"
    if error.code in _FILTERS or status == 451 or _FILTERED_WORDS.search(words):
        return "filtered"
    return None if status == 403 or _ALL_REQUESTS.search(words) else "invalid"
