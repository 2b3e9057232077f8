"""Where a server is, and how patiently it is asked."""

import datetime
import os
from base64 import b64encode
from typing import Literal, Self
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from pydantic import Field

from srlm.records import Record
from srlm.settings import EngineSettings

OFFICIAL = "https://api.openai.com/v1"
ADDRESS_VARIABLE = "OPENAI_BASE_URL"
"""Environment variable in which the `openai` client finds another address than OpenAI's own."""
RETIRED_VARIABLE = "SRLM_ASK_RETIRED"
"""Environment variable that is 1 where models that the list calls retired may be asked."""
PORTS = {"http": 80, "https": 443}


class Endpoint(Record):
    """Where a server is asked, and how patiently."""

    service: Literal["openai", "azure", "compatible"] = "openai"
    base_url: str | None = None
    """Of Azure: the resource's endpoint. None: the client's own default."""
    api_version: str | None = None
    """Of Azure's API."""
    api_key_env: str = "OPENAI_API_KEY"
    """Environment variable that holds the key; the key itself never reaches a file."""
    concurrency: int = Field(default=64, ge=1)
    """Most requests under way at once."""
    timeout: float = Field(default=60.0, gt=0)
    """Seconds an answer may take."""
    tries: int = Field(default=6, ge=1)
    """Times a call is sent before it counts as failed; a 429 counts only where nothing else was answered meanwhile."""
    pause: float = Field(default=0.5, gt=0)
    """Seconds before the second try; doubled for each further one, up to a minute."""
    seed: int = 0
    """Of the jitter."""
    today: datetime.date = Field(default_factory=datetime.date.today)
    """The day on which it is asked: a model that was retired before is refused."""
    ask_retired: bool = Field(default_factory=lambda: os.environ.get(RETIRED_VARIABLE) == "1")
    """Whether a retired model is asked nevertheless, as by somebody to whom OpenAI still serves it."""

    @classmethod
    def of(cls, settings: EngineSettings, seed: int = 0) -> Self:
        """The server that a section of a run file names."""
        return cls(
            service="compatible" if settings.base_url else "openai",
            base_url=settings.base_url,
            api_key_env=settings.api_key_env,
            concurrency=settings.concurrency,
            timeout=settings.timeout,
            tries=settings.retries + 1,
            seed=seed,
        )

    @property
    def url(self) -> str:
        """The address that is asked, with any password in it: `base_url`, else OPENAI_BASE_URL, else OpenAI's own."""
        return self.base_url or os.environ.get(ADDRESS_VARIABLE, "").strip() or OFFICIAL

    @property
    def address(self) -> str:
        """The same as it may be shown and recorded."""
        return without_secrets(self.url)

    @property
    def official(self) -> bool:
        """Whether OpenAI itself is asked: only there does a model's name say which model answers."""
        return self.service != "azure" and self.address == OFFICIAL

    @property
    def noted(self) -> str | None:
        """The address as notes beside results carry it. None: OpenAI itself, by default.

        It is as it was written, where it holds no secret: notes of earlier versions hold it so.
        """
        if self.base_url is None:
            return None if self.official else self.address
        return self.base_url if "@" not in self.base_url and "?" not in self.base_url else self.address

    @property
    def provider(self) -> str:
        """Whose prices apply: `openai`, or `azure` and `compatible`, which have none in the list."""
        return "openai" if self.official else "azure" if self.service == "azure" else "compatible"

    @property
    def limit(self) -> str:
        """Name of the limit of new tokens: OpenAI's newer models refuse the older one, which other servers know."""
        host = urlsplit(self.address).hostname or ""
        return "max_completion_tokens" if self.official or host.endswith(".azure.com") else "max_tokens"


def without_secrets(url: str) -> str:
    """An address without user, password and query, in one spelling; what is no address stays as it is, up to an `@`."""
    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return url.strip().rpartition("@")[2].partition("?")[0]
    if not host or not parts.scheme:
        return url.strip().rpartition("@")[2].partition("?")[0]
    place = f"[{host}]" if ":" in host else host
    place += "" if port is None or PORTS.get(parts.scheme) == port else f":{port}"
    return urlunsplit((parts.scheme, place, parts.path.rstrip("/"), "", ""))


def secrets_in(url: str) -> tuple[str, ...]:
    """What of an address must not be shown: its password, also as it is sent, and the values of its query."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return ()
    found = [value for _, value in parse_qsl(parts.query)]
    if parts.password:
        found += [
            parts.password,
            b64encode(f"{unquote(parts.username or '')}:{unquote(parts.password)}".encode()).decode(),
        ]
    return tuple(secret for secret in found if len(secret) > MENTIONED)


MENTIONED = 3
"""Characters up to which a value is no secret: `v=1`."""
