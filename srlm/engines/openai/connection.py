"""The `openai` client for many calls at once."""

from typing import Any
from urllib.request import getproxies

import httpx2
import openai

from srlm.engines.openai.endpoint import Endpoint
from srlm.engines.openai.servers import is_local
from srlm.errors import EngineError

POOLS = 16
"""Connection pools of the client; each request costs a pool time in proportion to its connections."""


def open_client(endpoint: Endpoint, key: str | None) -> openai.AsyncOpenAI:
    """A client for many calls at once, which sends each request once. Raises EngineError where the address is none."""
    local = is_local(endpoint.base_url)
    # A proxy from the environment has no way back to this machine; elsewhere it needs the client's own transport.
    proxied = not local and bool(getproxies())
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
    http = openai.DefaultAsyncHttpxClient(
        trust_env=not local,
        timeout=endpoint.timeout,
        limits=limits,
        transport=None if proxied else _Spread(secure=not (endpoint.base_url or "https:").startswith("http:")),
    )
    settings: dict[str, Any] = {"api_key": key or "none", "max_retries": 0, "http_client": http}
    if endpoint.service == "azure":
        if endpoint.base_url is None or endpoint.api_version is None:
            raise EngineError(
                "Azure needs --base-url https://NAME.openai.azure.com and --api-version, as in 2024-10-21"
            )
        return openai.AsyncAzureOpenAI(azure_endpoint=endpoint.base_url, api_version=endpoint.api_version, **settings)
    return openai.AsyncOpenAI(base_url=endpoint.base_url, **settings)


class _Spread(httpx2.AsyncBaseTransport):
    """Requests dealt out to several connection pools: a pool looks through all its connections at every request."""

    def __init__(self, secure: bool) -> None:
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=60)
        certificates = httpx2.create_ssl_context() if secure else False  # reading them takes a while
        self._pools = [httpx2.AsyncHTTPTransport(verify=certificates, limits=limits) for _ in range(POOLS)]
        self._turn = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self._turn = (self._turn + 1) % POOLS
        return await self._pools[self._turn].handle_async_request(request)

    async def aclose(self) -> None:
        for pool in self._pools:
            await pool.aclose()
