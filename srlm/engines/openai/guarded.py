"""The HTTP client beneath the `openai` client: every answer passes it, is bounded, and loses the secrets."""

import json
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from contextvars import ContextVar
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import IO, Any, cast

import httpx2
import openai

from srlm.addresses import without_secrets
from srlm.engines.openai.body import ACCEPTED, KEPT, MOST, Body, read_body
from srlm.secrets import Secrets

REDIRECTS = 3
"""How often a server may send to another page of its own."""
HEEDED = ("retry-after", "retry-after-ms")
"""Headers of an answer that anybody here reads."""
_BODY = "srlm"
MOST_FILE = 4 << 30
"""Bytes of a file that is saved: 50,000 answers of 80 kB."""
_SINK: ContextVar[IO[bytes] | None] = ContextVar("where the answer to a request is saved", default=None)
_ROOM: ContextVar[int] = ContextVar("bytes that the answer to a request may have", default=MOST)


class GuardedClient(openai.DefaultAsyncHttpxClient):
    """Sends requests; what comes back is read to its end or to a bound, and holds no secret and no cookie.

    A redirect to another host, port or scheme is not followed, for the key would go there. Errors are the base's.
    """

    def __init__(self, secrets: Secrets, **settings: Any) -> None:
        nobody = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
        super().__init__(cookies=nobody, follow_redirects=False, headers={"accept-encoding": ACCEPTED}, **settings)
        self._hides = secrets

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """See httpx2; the response has been read, and body_in has its content."""
        auth = {name: options[name] for name in ("auth",) if name in options}
        for _ in range(1 + REDIRECTS):
            response = await super().send(request, stream=True, follow_redirects=False, **auth)
            sink = _SINK.get()
            if sink is not None and response.status_code == 200:
                body = await _saved(response, sink)
            else:
                body = await read_body(response, self._hides, _ROOM.get())
            following = response.next_request
            if following is None or not _alike(request, following):
                break
            request = following
        return _rebuilt(response, body, self._hides)


@contextmanager
def room(size: int) -> Iterator[None]:
    """Answers to what is sent meanwhile may have so many bytes."""
    token = _ROOM.set(size)
    try:
        yield
    finally:
        _ROOM.reset(token)


@contextmanager
def saved_to(file: IO[bytes]) -> Iterator[None]:
    """Answers to what is sent meanwhile go to a file as they are, secrets and all: it must not outlive its reader."""
    token = _SINK.set(file)
    try:
        yield
    finally:
        _SINK.reset(token)


async def _saved(response: httpx2.Response, file: IO[bytes]) -> Body:
    size = 0
    try:
        async with aclosing(response.aiter_bytes()) as chunks:
            async for chunk in chunks:
                size += len(chunk)
                if size > MOST_FILE:
                    return Body(None, "", f"with more than {MOST_FILE >> 30} GiB")
                file.write(chunk)
    finally:
        await response.aclose()
    return Body({}, "", None)


def body_in(response: httpx2.Response) -> Body:
    """What a GuardedClient's response holds."""
    return cast(Body, response.extensions[_BODY])


def _alike(request: httpx2.Request, following: httpx2.Request) -> bool:
    """Whether a redirect stays with the server, and asks it the same."""
    here, there = request.url, following.url
    same = (here.scheme, here.host, here.port) == (there.scheme, there.host, there.port)
    return same and following.method == request.method and not there.userinfo


def _rebuilt(response: httpx2.Response, body: Body, secrets: Secrets) -> httpx2.Response:
    """A response of what may be seen of it: its status, the headers that are heeded, and its body if it is an error."""
    status, content = response.status_code, b""
    words = body.text if body.value is None else json.dumps(body.value, ensure_ascii=False)[:KEPT]
    if status < 400:
        if response.next_request is not None:
            place = secrets.hidden(without_secrets(str(response.next_request.url)))[:200]
            body = Body(None, words, f"with a redirect to {place}, which is not followed")
        elif status not in (200, 201):
            body = Body(None, words, f"with status {status}")
        status = 200  # the fault says the rest: the `openai` client would make an error of its own of it
    else:
        content = words.encode("utf-8", "replace")
    headers = {name: secrets.hidden(response.headers[name][:200]) for name in HEEDED if name in response.headers}
    return httpx2.Response(
        status,
        headers={**headers, "content-type": "application/json; charset=utf-8"},
        content=content,
        request=response.request,
        extensions={_BODY: body},
    )
