"""Where a server is, and how patiently it is asked."""

import os
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field

from srlm.records import Record
from srlm.settings import EngineSettings


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
    def limit(self) -> str:
        """Name of the limit of new tokens: OpenAI's newer models refuse the older one, which other servers know."""
        url = self.base_url or os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1"
        host = urlsplit(url).hostname or ""
        return "max_completion_tokens" if host == "api.openai.com" or host.endswith(".azure.com") else "max_tokens"
