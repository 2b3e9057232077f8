"""The `openai` client for many calls at once, and a shorter way through it."""

import asyncio
import json
import logging
from collections.abc import Mapping
from contextvars import ContextVar
from typing import IO, Any
from urllib.parse import parse_qsl, quote
from urllib.request import getproxies

import httpx2
import openai

from srlm.addresses import secrets_in
from srlm.engines.openai.body import Body, room_for
from srlm.engines.openai.endpoint import Endpoint
from srlm.engines.openai.guarded import GuardedClient, body_in, room, saved_to
from srlm.engines.openai.servers import is_local
from srlm.errors import EngineError
from srlm.secrets import Secrets, known

# At INFO and below these log every address with the password and the key that may stand in it, and some headers;
# alpaca_eval turns INFO on for the whole process.
for _name in ("httpx2", "httpcore2", "openai"):
    logging.getLogger(_name).setLevel(logging.WARNING)  # noqa: TID251 (another library's)

POOLS = 64
"""Connection pools of the client; each request costs a pool time in proportion to its connections."""


class Connection:
    """A server's `openai` client, which sends each request once.

    The client makes address, headers and options of every request anew, which takes the processor about as long as
    sending it. They are the same for all requests to a model: what it made of the first one serves the others, too.
    """

    def __init__(self, endpoint: Endpoint, key: str | None) -> None:
        """Raises EngineError where the address is none."""
        local = is_local(endpoint.url)
        # A proxy from the environment has no way back to this machine; elsewhere it needs the client's own transport.
        proxied = not local and bool(getproxies())
        self.secrets = Secrets([*([key] if key else []), *secrets_in(endpoint.url), *known()])
        """What no answer of this server may say back."""
        self._http = GuardedClient(
            self.secrets,
            trust_env=not local,
            timeout=None,  # whoever asks has one for the whole request
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=None),
            event_hooks={"request": [self._seen]},
            transport=None if proxied else _Spread(secure=not endpoint.url.startswith("http:")),
        )
        settings: dict[str, Any] = {
            "api_key": key or "none",
            "max_retries": 0,
            "timeout": None,
            "http_client": self._http,
        }
        self._openai: openai.AsyncOpenAI
        if endpoint.service == "azure":
            if endpoint.base_url is None or endpoint.api_version is None:
                raise EngineError(
                    "Azure needs --base-url https://NAME.openai.azure.com and --api-version, as in 2024-10-21"
                )
            self._openai = openai.AsyncAzureOpenAI(
                azure_endpoint=endpoint.url.partition("?")[0], api_version=endpoint.api_version, **settings
            )
        else:
            url, _, query = endpoint.url.partition("?")
            self._openai = openai.AsyncOpenAI(base_url=url, default_query=dict(parse_qsl(query)), **settings)
        self._alike: dict[tuple[str, str], _Alike] = {}

    async def post(self, body: Mapping[str, Any]) -> httpx2.Response:
        """The whole response to a request for a completion, of a text where it has a `prompt`; it names its model.

        Raises openai.APIStatusError for a status of 400 and more, openai.APIConnectionError where none came.
        """
        with room(room_for(body)):
            return await self._posted(body)

    async def _posted(self, body: Mapping[str, Any]) -> httpx2.Response:
        path = "/completions" if "prompt" in body else "/chat/completions"
        alike = self._alike.get((path, body["model"]))
        if alike is None:
            alike = self._alike[path, body["model"]] = _Alike()
            token = _BUILDING.set(alike)
            try:
                return await self._openai.post(path, cast_to=httpx2.Response, body=dict(body))
            finally:
                _BUILDING.reset(token)
                alike.known.set()
        await alike.known.wait()
        if alike.url is None:  # it was never built
            return await self._openai.post(path, cast_to=httpx2.Response, body=dict(body))
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        request = httpx2.Request("POST", alike.url, headers=alike.headers, content=content, extensions=_NO_TIMEOUT)
        try:
            response = await self._http.send(request)
        except (httpx2.RequestError, httpx2.InvalidURL) as error:
            raise openai.APIConnectionError(request=request) from error
        if response.status_code >= 400:
            raise status_error(response)
        return response

    async def models(self, model: str | None = None) -> object:
        """The server's list of models, or its page of one. Raises openai.APIError; ValueError where it is no JSON."""
        path = "/models" if model is None else f"/models/{quote(model, safe='')}"
        body = body_in(await self._openai.get(path, cast_to=httpx2.Response))
        if body.fault is not None:
            raise ValueError(f"answered {body.fault}")
        return body.value

    async def upload(self, file: IO[bytes], name: str) -> Body:
        """The server's answer to a file of requests. Raises openai.APIError."""
        return body_in(
            await self._openai.post(
                "/files",
                cast_to=httpx2.Response,
                body={"purpose": "batch"},
                files=[("file", (name, file, "application/jsonl"))],
                options={"headers": {"Content-Type": "multipart/form-data"}},
            )
        )

    async def create_batch(self, file: str, path: str, metadata: Mapping[str, str]) -> Body:
        """The server's answer to a batch of the requests in a file. Raises openai.APIError."""
        body = {"input_file_id": file, "endpoint": path, "completion_window": "24h", "metadata": dict(metadata)}
        return body_in(await self._openai.post("/batches", cast_to=httpx2.Response, body=body))

    async def batch(self, id: str) -> Body:
        """What the server says of a batch. Raises openai.APIError."""
        return body_in(await self._openai.get(f"/batches/{quote(id, safe='')}", cast_to=httpx2.Response))

    async def list_batches(self, after: str | None) -> Body:
        """A page of the server's list of batches, the newest first. Raises openai.APIError."""
        path = "/batches?limit=100" + ("" if after is None else f"&after={quote(after, safe='')}")
        return body_in(await self._openai.get(path, cast_to=httpx2.Response))

    async def content(self, id: str, file: IO[bytes]) -> Body:
        """Save a file of the server, as it comes and with what secrets it holds. Raises openai.APIError."""
        with saved_to(file):
            body = body_in(await self._openai.get(f"/files/{quote(id, safe='')}/content", cast_to=httpx2.Response))
        if body.fault is not None:
            raise EngineError(f"answered {body.fault}")
        return body

    async def _seen(self, request: httpx2.Request) -> None:
        """A hook: the first request to a model as the `openai` client made it."""
        alike = _BUILDING.get()
        if alike is not None and alike.url is None:
            alike.url = request.url
            alike.headers = [(name, value) for name, value in request.headers.raw if name.lower() != b"content-length"]
            alike.known.set()

    async def close(self) -> None:
        """Close the connections; closing again does nothing."""
        if not self._openai.is_closed():
            await self._openai.close()


class _Alike:
    """What is alike in all requests of one kind to a model."""

    def __init__(self) -> None:
        self.known = asyncio.Event()
        self.url: httpx2.URL | None = None
        self.headers: list[tuple[bytes, bytes]] = []


_BUILDING: ContextVar[_Alike | None] = ContextVar("the first request to a model, while it is under way", default=None)
_NO_TIMEOUT = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"))}


def status_error(response: httpx2.Response) -> openai.APIStatusError:
    """The `openai` client's error for a response whose status is one."""
    found = body_in(response)
    body = response.text if found.value is None else found.value
    said = body.get("error", body) if isinstance(body, dict) else body
    return openai.APIStatusError(f"Error code: {response.status_code}", response=response, body=said)


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
