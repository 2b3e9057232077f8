"""What every client of an OpenAI-compatible server needs: its key, whether it is on this machine, words fit to show."""

import ipaddress
import os
import re
from urllib.parse import urlsplit

import openai

from srlm.addresses import without_secrets
from srlm.engines.openai.body import KEPT, is_page
from srlm.engines.openai.endpoint import Endpoint
from srlm.errors import EngineError
from srlm.secrets import fault_of_name, note_key

_TAG = re.compile(r"<[^<>]*>")
WORDS = 400
"""Characters of a server's answer shown in an error."""


def find_key(name: str, endpoint: Endpoint) -> str | None:
    """The key from the environment variable `name`; None where there is none and none is needed.

    Raises EngineError where a server elsewhere needs one.
    """
    if fault := fault_of_name(name):
        raise EngineError(f"api_key_env {fault}")
    note_key(name)
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


def shown(text: str) -> str:
    """A server's words on one line, shortened."""
    if is_page(text) and len(text) > WORDS:  # a long error page for people: its words alone
        text = _TAG.sub(" ", _without("style", _without("script", text[:KEPT])))
    text = " ".join(text[:KEPT].split()) or "(no words)"
    return text if len(text) <= WORDS else text[:WORDS] + " ..."


def _without(tag: str, page: str) -> str:
    """A page without these elements; one that does not end is all that is left."""
    parts, end, lower = [], 0, page.lower()
    while (start := lower.find(f"<{tag}", end)) >= 0:
        parts.append(page[end:start])
        end = lower.find(f"</{tag}", start)
        if end < 0:
            return " ".join(parts)
    return " ".join([*parts, page[end:]])


def words_of(error: openai.APIStatusError) -> str:
    """What a server says in an error's body, fit to show."""
    body = error.body
    return shown(str(body["message"]) if isinstance(body, dict) and "message" in body else error.response.text)
