"""Where a server is, and how patiently it is asked."""

import datetime
import os
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field

from srlm.addresses import expanded, without_secrets, written_secret
from srlm.records import Record
from srlm.settings import EngineSettings

OFFICIAL = "https://api.openai.com/v1"
ADDRESS_VARIABLE = "OPENAI_BASE_URL"
"""Environment variable in which the `openai` client finds another address than OpenAI's own."""
RETIRED_VARIABLE = "SRLM_ASK_RETIRED"
"""Environment variable that is 1 where models that the list calls retired may be asked."""


BATCH_VARIABLE = "SRLM_BATCH_API"
"""Environment variable that is 1 where all calls to servers go through their batch API."""


class Endpoint(Record):
    """Where a server is asked, and how patiently."""

    service: Literal["openai", "azure", "compatible"] = "openai"
    base_url: str | None = None
    """Of Azure: the resource's endpoint. None: the client's own default. A `${NAME}` in it is taken from the
    environment."""
    api_version: str | None = None
    """Of Azure's API."""
    api_key_env: str = "OPENAI_API_KEY"
    """Environment variable that holds the key; the key itself never reaches a file."""
    concurrency: int = Field(default=64, ge=1)
    """Most requests under way at once."""
    timeout: float | None = Field(default=None, gt=0)
    """Seconds an answer may take. None: as many as its tokens need (`patience`)."""
    start: float = Field(default=100.0, gt=0)
    """Where there is no timeout: seconds that the server may take to begin, with others' requests in front of it."""
    per_token: float = Field(default=0.1, ge=0)
    """And for each token: a slow one, or one with many requests at once, writes ten a second."""
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
    batch_api: bool = Field(default_factory=lambda: os.environ.get(BATCH_VARIABLE) == "1")
    """Whether calls are sent as batches (`/files`, `/batches`): half the price, and a wait of up to a day."""

    @classmethod
    def at(cls, base_url: str | None, seed: int = 0) -> Self:
        """The server at an address that somebody names; None: the client's default."""
        service: Literal["openai", "compatible"] = "compatible" if base_url else "openai"
        return cls(service=service, base_url=base_url, seed=seed)

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
            **({"batch_api": True} if settings.batch_api else {}),
        )

    def patience(self, tokens: int = 0) -> float:
        """Seconds that an answer of up to so many tokens may take: whoever asks for a thought waits for it."""
        return self.start + self.per_token * tokens if self.timeout is None else self.timeout

    @property
    def url(self) -> str:
        """The address that is asked, with any password in it: `base_url`, else OPENAI_BASE_URL, else OpenAI's own.

        Raises SettingsError where a `${NAME}` in it is not set.
        """
        return expanded(self._written)

    def check(self) -> None:
        """Raise SettingsError where a `${NAME}` in the address is not set; sends nothing."""
        _ = self.url

    @property
    def _written(self) -> str:
        return self.base_url or os.environ.get(ADDRESS_VARIABLE, "").strip() or OFFICIAL

    @property
    def address(self) -> str:
        """The same as it may be shown and recorded."""
        return without_secrets(self._written)

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
        plain = "$" not in self.base_url and "?" not in self.base_url and written_secret(self.base_url) is None
        return self.base_url if plain else self.address

    @property
    def provider(self) -> str:
        """Whose prices apply: `openai`, or `azure` and `compatible`, which have none in the list."""
        return "openai" if self.official else "azure" if self.service == "azure" else "compatible"

    @property
    def limit(self) -> str:
        """Name of the limit of new tokens: OpenAI's newer models refuse the older one, which other servers know."""
        host = urlsplit(self.address).hostname or ""
        return "max_completion_tokens" if self.official or host.endswith(".azure.com") else "max_tokens"
