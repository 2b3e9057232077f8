"""Addresses of servers: what of them may be kept and shown, and what is taken from the environment."""

import os
import re
from base64 import b64encode
from typing import Annotated
from urllib.parse import parse_qsl, quote, unquote, urlsplit, urlunsplit

from pydantic import PlainSerializer

from srlm.errors import SettingsError

PORTS = {"http": 80, "https": 443}
NAMED = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
"""What stands for an environment variable."""
PLAIN = ("api-version", "api_version", "version", "v")
"""Parameters of an address whose values are no secrets."""


def expanded(url: str) -> str:
    """An address with each `${NAME}` taken from the environment. Raises SettingsError where one is not set.

    What a name or password must not hold in an address is escaped there, and so is what a value of a query must not.
    """
    user_ends, query_begins = url.find("@"), url.find("?")

    def value(found: re.Match[str]) -> str:
        value = os.environ.get(found[1], "").strip()
        if not value:
            raise SettingsError(
                f"base_url {without_secrets(url)}: the environment variable {found[1]} is not set; set it to what "
                "stands there in the address"
            )
        if found.start() < user_ends:
            return quote(value, safe="%:!$&'()*+,;=")
        return quote(value, safe="%") if 0 <= query_begins < found.start() else value

    return NAMED.sub(value, url)


def without_secrets(url: str) -> str:
    """An address without user, password and query, in one spelling; what is no address stays as it is, up to an `@`.

    A `${NAME}` in what is left is taken from the environment where it is set.
    """
    url = NAMED.sub(lambda found: os.environ.get(found[1], "").strip() or found[0], without_user(url))
    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return url.strip().rpartition("@")[2].partition("?")[0].partition("#")[0]
    if not host or not parts.scheme:
        return url.strip().rpartition("@")[2].partition("?")[0].partition("#")[0]
    place = f"[{host}]" if ":" in host else host
    place += "" if port is None or PORTS.get(parts.scheme) == port else f":{port}"
    return urlunsplit((parts.scheme, place, parts.path.rstrip("/"), "", ""))


def without_user(url: str) -> str:
    """An address as it was written, but without user, password, query and fragment."""
    return re.sub(r"^([^/?#]*//)?(?:[^/?#]*@)", r"\1", url).partition("#")[0].partition("?")[0]


def secrets_in(url: str) -> tuple[str, ...]:
    """What of an address must not be shown: its user and password, also as they are sent, and the values of its
    query."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return ()
    found = [value for name, value in parse_qsl(parts.query) if name.lower() not in PLAIN]
    if parts.username or parts.password:
        user, password = parts.username or "", parts.password or ""
        both = f"{unquote(user)}:{unquote(password)}".encode()
        found += [password or user, b64encode(both).decode()]
    return tuple(secret for secret in found if secret)


def written_secret(url: str) -> str | None:
    """What stands in an address literally and must not be kept, to be shown; None: nothing."""
    left = NAMED.sub("", url.strip())
    user = re.match(r"^[^/?#]*//([^/?#]*)@", left)
    if user and user[1].strip(":"):
        return "a name or a password (`user:password@`)"
    for name, value in parse_qsl(left.partition("#")[0].partition("?")[2], keep_blank_values=True):
        if value and name.lower() not in PLAIN:
            return f"a value of `{name}`"
    return None


def _kept(url: str | None) -> str | None:
    return url if url is None or written_secret(url) is None else without_secrets(url)


Address = Annotated[str | None, PlainSerializer(_kept)]
"""A setting that is an address: its secrets are in no settings that are written."""
