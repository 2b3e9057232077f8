"""A chat server on this machine that does harm, one way a mode: real sockets, and every byte its own.

A request names its mode as `[[mode]]` in its last message; without one it is answered honestly. Each mode says back the
key that the request brought wherever it has room for it, so that whoever keeps a spelling of it is found out.
"""

import gzip
import json
import re
import socket
import socketserver
import threading
import zlib
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

Fate = Literal["read", "lost", "refused", "ends"]
"""What becomes of the one call: it is read all the same, or costs that item, or is refused alone, or ends the run."""
MARKED = re.compile(r"\[\[([\w.-]+)\]\]")


class Talk:
    """One request, and the connection it came by."""

    def __init__(self, connection: socket.socket, server: "Hostile", head: str, body: dict[str, Any]) -> None:
        self._connection, self.server, self.head, self.body = connection, server, head, body
        found = re.search(r"(?im)^(?:authorization: (?:bearer|basic)|api-key:) *(\S+)", head)
        self.key = found[1] if found else "no-key-was-sent"
        self.half = self.key[: len(self.key) // 2], self.key[len(self.key) // 2 :]

    def send(self, content: bytes) -> None:
        self._connection.sendall(content)

    def say(self, body: Any = b"", status: str = "200 OK", *headers: str, length: int | None = None) -> None:
        """A whole response; `body` is sent as JSON unless it is bytes."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", "Connection: close", "Retry-After-Ms: 1"]
        lines += [f"Content-Length: {len(content) if length is None else length}", *headers]
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1") + content)

    def honest(self, extra: str = "", **message: Any) -> dict[str, Any]:
        """The honest answer with words behind it, or with other parts of a message."""
        answer: dict[str, Any] = self.server.honest(self.body)
        own = answer["choices"][0]["message"]
        own["content"] += extra
        own.update(message)
        return answer

    def choice(self, **parts: Any) -> dict[str, Any]:
        """The honest answer with other parts of a choice."""
        answer = self.honest()
        answer["choices"][0].update(parts)
        return answer

    def wait(self) -> None:
        """Until the client is gone, or the server ends."""
        while not self.server.stopping.wait(0.01):
            try:
                if not self._connection.recv(1, socket.MSG_DONTWAIT):
                    return
            except BlockingIOError:
                continue

    def go_on(self, content: bytes, pause: float = 0.0) -> None:
        """The same again and again, for as long as somebody listens."""
        while not self.server.stopping.wait(pause):
            self.send(content)


class Mode(NamedTuple):
    """One way to do harm."""

    fate: Fate
    play: Callable[[Talk], None]


@dataclass
class Hostile:
    """A server that runs."""

    honest: Callable[[dict[str, Any]], dict[str, Any]]
    pick: Callable[[str, int], str | None]
    models: str | None = None
    """The mode in which it lists its models; None: honestly."""
    url: str = ""
    other: str = ""
    """Address of another server; whatever reaches it is in `stolen`."""
    asked: list[str] = field(default_factory=list)
    """The mode of each request, `honest` where it named none."""
    stolen: list[str] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)


def marked(words: str, number: int) -> str | None:
    """The mode that a request names."""
    found = MARKED.search(words)
    return found[1] if found else None


def plain(body: dict[str, Any]) -> dict[str, Any]:
    """An honest answer: a judge's score."""
    message = {"role": "assistant", "content": "Clear and correct.\nScore: 4"}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    return {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}


class _Server(socketserver.ThreadingTCPServer):
    request_queue_size = 128
    daemon_threads = True
    allow_reuse_address = True


@contextmanager
def hostile(
    honest: Callable[[dict[str, Any]], dict[str, Any]] = plain,
    pick: Callable[[str, int], str | None] = marked,
) -> Iterator[Hostile]:
    """A hostile server for as long as the `with` lasts; `pick` gives a request's mode, by its words and its number."""
    made = Hostile(honest, pick)
    counting = threading.Lock()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(ConnectionError):  # the client has hung up
                self.request.settimeout(10)
                head, content = _request(self.request)
                if not head.startswith("POST"):
                    talk = Talk(self.request, made, head, {})
                    if made.models is not None:
                        return MODES[made.models].play(talk)
                    return talk.say({"object": "list", "data": []})
                body = json.loads(content)
                words = body["messages"][-1]["content"]
                with counting:
                    name = made.pick(words, len(made.asked))
                    made.asked.append(name or "honest")
                talk = Talk(self.request, made, head, body)
                if name is None:
                    return talk.say(talk.honest())
                MODES[name].play(talk)

    class Thief(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            head, _ = _request(self.request)
            made.stolen.append(head)

    servers = [_Server(("127.0.0.1", 0), handler) for handler in (Handler, Thief)]
    made.url, made.other = (f"http://127.0.0.1:{server.server_address[1]}" for server in servers)
    made.url += "/v1"
    threads = [threading.Thread(target=server.serve_forever, args=(0.01,)) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield made
    finally:
        made.stopping.set()
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()


def _request(connection: socket.socket) -> tuple[str, bytes]:
    """The head and the body of a request."""
    raw = b""
    while b"\r\n\r\n" not in raw:
        if not (more := connection.recv(65536)):
            raise ConnectionResetError
        raw += more
    head, _, body = raw.partition(b"\r\n\r\n")
    length = re.search(rb"(?im)^content-length: *(\d+)", head)
    while length and len(body) < int(length[1]):
        body += connection.recv(65536)
    return head.decode("latin-1"), body


# Spellings of the key -------------------------------------------------------------------------------------------------

SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": lambda key: key,
    "upper-case": str.upper,
    "percent": lambda key: "".join(f"%{ord(letter):02X}" for letter in key),
    "percent-twice": lambda key: "".join(f"%25{ord(letter):02x}" for letter in key),
    "quoted": lambda key: quote(key, safe=""),
    "escaped": lambda key: "".join(f"\\u{ord(letter):04x}" for letter in key),
    "escaped-twice": lambda key: "".join(f"\\\\u{ord(letter):04x}" for letter in key),
    "bytes": lambda key: "".join(f"\\x{ord(letter):02x}" for letter in key),
    "octal": lambda key: "".join(f"\\{ord(letter):03o}" for letter in key),
    "base64": lambda key: b64encode(key.encode()).decode(),
    "base64-of-more": lambda key: b64encode(f"Bearer {key}, you said".encode()).decode(),
    "base64-of-a-login": lambda key: b64encode(f"u:{key}".encode()).decode(),
    "base64-of-urls": lambda key: urlsafe_b64encode(key.encode()).decode(),
    "hexadecimal": lambda key: key.encode().hex(),
    "hexadecimal-pairs": lambda key: key.encode().hex(":").upper(),
    "html-decimal": lambda key: "".join(f"&#{ord(letter)};" for letter in key),
    "html-hexadecimal": lambda key: "".join(f"&#x{ord(letter):x};" for letter in key),
    "spaced": " ".join,
    "lines": "\n".join,
    "zero-width": "\u200b".join,
    "full-width": lambda key: "".join(chr(ord(letter) + 0xFEE0) for letter in key),
    "code": lambda key: ' + "'.join(f'{key[place : place + 3]}"' for place in range(0, len(key), 3)),
    "marked-up": lambda key: "**".join(key),
}
"""Ways in which a server may write a key that it was sent."""


def _tokens(key: str, written: bool = True) -> list[dict[str, Any]]:
    """The log-probabilities of tokens that spell a key, as the tokens that were written or as others."""
    return [
        {
            "token": letter if written else "a", "logprob": -0.1, "bytes": [ord(letter) if written else 97],
            "top_logprobs": [
                {"token": "b", "logprob": -0.2, "bytes": [98]},
                {"token": letter, "logprob": -0.3, "bytes": [ord(letter)]},
            ],
        }
        for letter in key
    ]  # fmt: skip


def _tool(arguments: Any) -> dict[str, Any]:
    return {"tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": arguments}}]}


def _two_choices(talk: Talk) -> None:
    first, second = talk.honest(talk.half[0]), talk.honest()
    second["choices"][0]["message"]["content"] = talk.half[1]
    talk.say({**first, "choices": first["choices"] + second["choices"]})


def _spelt(spell: Callable[[str], str]) -> Callable[[Talk], None]:
    return lambda talk: talk.say(talk.honest(f"\nYour key: {spell(talk.key)}"))


ECHOES: dict[str, Callable[[Talk], None]] = {
    **{f"echo-{name}": _spelt(spell) for name, spell in SPELLINGS.items()},
    "echo-escaped-in-json": lambda talk: talk.say(
        json.dumps(talk.honest(" KEY")).replace("KEY", SPELLINGS["escaped"](talk.key)).encode()
    ),
    "echo-headers": lambda talk: talk.say(talk.honest(f"\n{talk.head}")),
    "echo-parts": lambda talk: talk.say(
        talk.honest(content=[{"type": "text", "text": text} for text in ("Score: 4 ", *talk.half)])
    ),
    "echo-letters-as-parts": lambda talk: talk.say(
        talk.honest(content=[{"type": "text", "text": text} for text in ("Score: 4 ", *talk.key)])
    ),
    "echo-reasoning": lambda talk: talk.say(talk.honest(reasoning_content=f"The key is {talk.key}.")),
    "echo-reasoning-and-text": lambda talk: talk.say(
        talk.honest(reasoning=f"I think {talk.half[0]}", content=f"{talk.half[1]} Score: 4")
    ),
    "echo-thinking-parts": lambda talk: talk.say(
        talk.honest(
            content=[
                {"type": "thinking", "thinking": [{"type": "text", "text": text} for text in talk.half]},
                {"type": "text", "text": "Score: 4"},
            ]
        )
    ),
    "echo-arguments": lambda talk: talk.say(talk.honest(**_tool(json.dumps({"key": talk.key})))),
    "echo-parted-arguments": lambda talk: talk.say(
        talk.honest(**_tool(json.dumps({"one": talk.half[0], "two": talk.half[1]})))
    ),
    "echo-escaped-arguments": lambda talk: talk.say(
        talk.honest(**_tool('{"key": "' + SPELLINGS["escaped"](talk.key) + '"}'))
    ),
    "echo-tokens": lambda talk: talk.say(talk.choice(logprobs={"content": _tokens(talk.key)})),
    "echo-other-tokens": lambda talk: talk.say(talk.choice(logprobs={"content": _tokens(talk.key, written=False)})),
    "echo-bytes-of-a-token": lambda talk: talk.say(
        talk.choice(logprobs={"content": [{"token": "a", "logprob": -0.1, "bytes": list(talk.key.encode())}]})
    ),
    "echo-names": lambda talk: talk.say(
        talk.choice(logprobs={"top_logprobs": [{letter: -1.0} for letter in talk.key]})
    ),
    "echo-one-name": lambda talk: talk.say(talk.choice(extra={talk.key: 1})),
    "echo-two-names": lambda talk: talk.say(talk.choice(extra={talk.half[0]: 1, talk.half[1]: 2})),
    "echo-choices": _two_choices,
    "echo-finish-reason": lambda talk: talk.say(talk.choice(finish_reason=talk.key)),
    "echo-usage": lambda talk: talk.say({**talk.honest(), "usage": {"prompt_tokens": talk.key, talk.key: 1}}),
    "echo-response-headers": lambda talk: talk.say(
        talk.honest(), "200 OK", f"Set-Cookie: key={talk.key}", f"X-Key: {talk.key}", f"Retry-After: {talk.key}"
    ),
    "echo-packed": lambda talk: talk.say(
        gzip.compress(json.dumps(talk.honest(f" {talk.key}")).encode()), "200 OK", "Content-Encoding: gzip"
    ),
}
"""Answers that are honest, but for the key in them."""


# Faults ---------------------------------------------------------------------------------------------------------------


def _bytes_of(key: str, *words: str) -> bytes:
    return " ".join((*words, key)).encode()


def _broken(talk: Talk, middle: str, end: str = "") -> None:
    """An honest answer with something in it that is no JSON, or no good one, and the key in two parts."""
    parts = json.dumps([{"type": "text", "text": half} for half in talk.half])
    text = json.dumps(talk.honest(content="PARTS")).replace('"PARTS"', parts)
    talk.say((text[:-1] + middle + "}" + end).encode())


def _nested(depth: int) -> str:
    return "[" * depth + "]" * depth


def _events(talk: Talk) -> bytes:
    chunks = [{"id": "1", "model": "m", "choices": [{"delta": {"content": letter}}]} for letter in talk.key]
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)


def _chunked(talk: Talk, *chunks: bytes) -> None:
    talk.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
    for chunk in chunks:
        talk.send(chunk)


def _as_chunks(content: bytes) -> bytes:
    return b"".join(b"1\r\n%c\r\n" % code for code in content) + b"0\r\n\r\n"


def _head(talk: Talk, *lines: str) -> None:
    talk.send("".join(f"{line}\r\n" for line in ("HTTP/1.1 200 OK", *lines)).encode("latin-1"))


def _end(talk: Talk) -> None:
    """The end of a head."""
    talk.send(b"\r\n")


def _cut(part: Callable[[int], int], body_alone: bool = False) -> Callable[[Talk], None]:
    """A response that ends before its end."""

    def play(talk: Talk) -> None:
        body = json.dumps(talk.honest(f" {talk.key}")).encode()
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        whole = head + body
        talk.send(whole[: len(head) + part(len(body)) if body_alone else part(len(whole))])

    return play


def _packed(talk: Talk, content: bytes, encoding: str) -> None:
    talk.say(content, "200 OK", f"Content-Encoding: {encoding}")


@cache
def _bomb(bits: int) -> bytes:
    """256 MiB of blanks, packed."""
    packer, block = zlib.compressobj(wbits=bits), b" " * (1 << 20)
    return b"".join([*(packer.compress(block) for _ in range(256)), packer.flush()])


def _redirect(talk: Talk, place: str, status: str = "307 Temporary Redirect") -> None:
    talk.say({"to": talk.key}, status, f"Location: {place}")


def _own_redirect(talk: Talk) -> None:
    """One that stays here, once."""
    if " /v1/chat/completions " in talk.head:
        return _redirect(talk, "/v1/elsewhere/chat/completions")
    talk.say(talk.honest())


def _slow_honest(talk: Talk) -> None:
    for _ in range(1000):
        talk.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    talk.say(talk.honest())


def _error(talk: Talk, status: str, text: str = "Oops:", **more: Any) -> None:
    talk.say({"error": {"message": f"{text} {talk.key}", "type": "error", **more}}, status)


def _wishing(wish: str) -> Callable[[Talk], None]:
    """Too many requests, and how long to wait."""
    head = f"HTTP/1.1 429 Slow\r\nContent-Length: 0\r\nConnection: close\r\nRetry-After: {wish}\r\n\r\n"
    return lambda talk: talk.send(head.encode())


def _after_head(*steps: Callable[[Talk], None]) -> Callable[[Talk], None]:
    """A response without a length, in these steps."""

    def play(talk: Talk) -> None:
        _head(talk)
        for step in steps:
            step(talk)

    return play


def _endless_chunks(talk: Talk) -> None:
    _chunked(talk)
    talk.go_on(b"10000\r\n" + b" " * 65536 + b"\r\n")


def _shape(change: Callable[[Talk], Any]) -> Callable[[Talk], None]:
    return lambda talk: talk.say(change(talk))


FAULTS: dict[str, Mode] = {
    # Shapes
    "choices-null": Mode("lost", _shape(lambda talk: {"choices": None, "key": talk.key})),
    "choices-empty": Mode("lost", _shape(lambda talk: {"choices": [], "key": talk.half})),
    "choices-object": Mode("lost", _shape(lambda talk: {"choices": {"0": talk.key}})),
    "choices-number": Mode("lost", _shape(lambda talk: {"choices": 7, "key": talk.key})),
    "choices-of-texts": Mode("lost", _shape(lambda talk: {"choices": list(talk.half)})),
    "choices-missing": Mode("lost", _shape(lambda talk: {"id": talk.key})),
    "choices-100000": Mode("lost", _shape(lambda talk: {"choices": [{"message": {"content": "4"}}] * 100_000})),
    "message-missing": Mode("lost", _shape(lambda talk: {"choices": [{"text": talk.key}]})),
    "message-null": Mode("lost", _shape(lambda talk: {"choices": [{"message": None, "text": talk.key}]})),
    "message-list": Mode("lost", _shape(lambda talk: {"choices": [{"message": list(talk.half)}]})),
    "content-number": Mode("lost", _shape(lambda talk: talk.honest(content=5))),
    "content-true": Mode("lost", _shape(lambda talk: talk.honest(content=True))),
    "content-object": Mode("lost", _shape(lambda talk: talk.honest(content={"text": talk.key}))),
    "content-numbers": Mode("lost", _shape(lambda talk: talk.honest(content=list(talk.key.encode())))),
    "content-odd-parts": Mode("lost", _shape(lambda talk: talk.honest(content=[{"type": 7, "text": [talk.key]}]))),
    "content-null": Mode("read", _shape(lambda talk: talk.honest(content=None))),
    "content-2-MiB": Mode("lost", _shape(lambda talk: talk.honest(content="long " * 400_000))),
    "refusal-object": Mode("lost", _shape(lambda talk: talk.honest(refusal={"why": talk.key}, content=None))),
    "refusal-text": Mode("lost", _shape(lambda talk: talk.honest(refusal=f"Not with {talk.key}.", content=None))),
    "finish-number": Mode("lost", _shape(lambda talk: talk.choice(finish_reason=7))),
    "usage-negative": Mode("read", _shape(lambda talk: {**talk.honest(), "usage": {"completion_tokens": -5}})),
    "usage-huge": Mode("read", _shape(lambda talk: {**talk.honest(), "usage": {"completion_tokens": 10**18}})),
    "usage-text": Mode("read", _shape(lambda talk: {**talk.honest(), "usage": {"completion_tokens": "many"}})),
    "usage-list": Mode("read", _shape(lambda talk: {**talk.honest(), "usage": [1, 2]})),
    "logprobs-text": Mode("read", _shape(lambda talk: talk.choice(logprobs="likely"))),
    "logprobs-odd": Mode("read", _shape(lambda talk: talk.choice(logprobs={"content": [{"top_logprobs": [7]}]}))),
    "logprobs-words": Mode(
        "read",
        _shape(lambda t: t.choice(logprobs={"content": [{"top_logprobs": [{"token": "m", "logprob": "high"}]}]})),
    ),
    "prompt-logprobs-odd": Mode("read", _shape(lambda talk: {**talk.honest(), "prompt_logprobs": [7, "a"]})),
    "no-object": Mode("lost", _shape(lambda talk: [talk.key])),
    "a-number": Mode("lost", lambda talk: talk.say(b"7")),
    "null": Mode("lost", lambda talk: talk.say(b"null")),
    "error-with-200": Mode("lost", lambda talk: _error(talk, "200 OK")),
    # Text
    "nan": Mode("lost", lambda talk: _broken(talk, ', "x": NaN')),
    "infinity": Mode("lost", lambda talk: _broken(talk, ', "x": -Infinity')),
    "number-beyond-floats": Mode("lost", lambda talk: _broken(talk, ', "x": 1e999')),
    "million-digits": Mode("lost", lambda talk: _broken(talk, f', "x": {"9" * 1_000_000}')),
    "name-twice": Mode("lost", lambda talk: _broken(talk, ', "id": "2", "id": "3"')),
    "nested-100": Mode("lost", lambda talk: _broken(talk, f', "x": {_nested(100)}')),
    "nested-100000": Mode("lost", lambda talk: _broken(talk, f', "x": {_nested(100_000)}')),
    "behind-the-end": Mode("lost", lambda talk: _broken(talk, "", " and more")),
    "half-a-surrogate": Mode("read", lambda talk: talk.say(json.dumps(talk.honest("\ud800")).encode())),
    "nul": Mode("read", _shape(lambda talk: talk.honest("\0"))),
    "byte-order-mark": Mode("read", lambda talk: talk.say(b"\xef\xbb\xbf" + json.dumps(talk.honest()).encode())),
    "utf-16": Mode("lost", lambda talk: talk.say(json.dumps(talk.honest(talk.key)).encode("utf-16"))),
    "latin-1": Mode("lost", lambda talk: talk.say(b'{"choices": "\xe9 ' + talk.key.encode() + b'"}')),
    "empty": Mode("lost", lambda talk: talk.say(b"")),
    "blanks": Mode("lost", lambda talk: talk.say(b" \r\n" * 1000)),
    "web-page": Mode("lost", lambda talk: talk.say(_bytes_of(talk.key, "<!doctype html><title>Welcome</title>"))),
    "long-web-page": Mode(
        "lost", lambda talk: talk.say(b"<html>" + b"<script x" * 9999 + _bytes_of(talk.key, "welcome"))
    ),
    "events": Mode("lost", lambda talk: talk.say(_events(talk), "200 OK")),
    "endless-events": Mode("lost", _after_head(_end, lambda talk: talk.go_on(_events(talk) * 100))),
    # Status
    "status-204": Mode("lost", lambda talk: talk.send(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")),
    "status-206": Mode("lost", lambda talk: talk.say(talk.honest(talk.key), "206 Partial Content")),
    "status-304": Mode("lost", lambda talk: talk.send(b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n")),
    "status-101": Mode(
        "lost", lambda talk: talk.send(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nkey")
    ),
    "status-999": Mode("lost", lambda talk: talk.say(talk.honest(), "999 Odd")),
    "thousand-continues": Mode("read", _slow_honest),
    "endless-continues": Mode("lost", lambda talk: talk.go_on(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)),
    "error-500": Mode("lost", lambda talk: _error(talk, "500 Oops")),
    "error-500-page": Mode("lost", lambda talk: talk.say(_bytes_of(talk.key, "<html>Down"), "500 Oops")),
    "error-500-utf-16": Mode("lost", lambda talk: talk.say(talk.key.encode("utf-16"), "500 Oops")),
    "error-503-in-its-reason": Mode("lost", lambda talk: talk.say(b"", f"503 {talk.key}")),
    "error-500-deep": Mode("lost", lambda talk: talk.say(_nested(100_000).encode(), "500 Oops")),
    "error-500-of-20-MiB": Mode("lost", lambda talk: talk.say(b'{"error": "' + b"x" * (20 << 20), "500 Oops")),
    "error-401": Mode("ends", lambda talk: _error(talk, "401 No", "Who is")),
    "error-400": Mode("refused", lambda talk: _error(talk, "400 Bad", "content policy: your key")),
    "error-400-in-parts": Mode(
        "refused",
        lambda talk: talk.say({"detail": [{"msg": half, "loc": ["flagged"]} for half in talk.half]}, "400 Bad"),
    ),
    "error-413-percent": Mode("refused", lambda talk: talk.say(_bytes_of(SPELLINGS["percent"](talk.key)), "413 Big")),
    **{
        f"error-429-{name}": Mode(
            "lost",
            _wishing(wish),
        )
        for name, wish in (
            ("for-ever", "1000000000"),
            ("nan", "nan"),
            ("negative", "-7"),
            ("infinity", "inf"),
            ("digits", "9" * 5000),
            ("date", "Fri, 31 Dec 99999999999999999999 23:59:59 GMT"),
        )
    },
    # Bytes on the wire
    "length-too-long": Mode("lost", lambda talk: talk.say(talk.honest(talk.key), length=10**6)),
    "length-too-short": Mode("lost", lambda talk: talk.say(talk.honest(talk.key), length=20)),
    "length-negative": Mode("lost", lambda talk: talk.say(talk.honest(talk.key), length=-1)),
    "length-huge": Mode("lost", lambda talk: talk.say(talk.honest(talk.key), length=10**30)),
    "two-lengths": Mode("lost", lambda talk: talk.say(talk.honest(talk.key), "200 OK", "Content-Length: 7")),
    "no-length": Mode("read", _after_head(_end, lambda talk: talk.send(json.dumps(talk.honest()).encode()))),
    "chunks-of-a-byte": Mode("read", lambda talk: _chunked(talk, _as_chunks(json.dumps(talk.honest()).encode()))),
    "chunks-of-garbage": Mode("lost", lambda talk: _chunked(talk, _bytes_of(talk.key, "zz\r\n"), b"\r\n\r\n")),
    "chunk-too-large": Mode("lost", lambda talk: _chunked(talk, b"FFFFFFFFFFFFFFFF\r\n", talk.key.encode())),
    "chunks-cut": Mode("lost", lambda talk: _chunked(talk, b'5\r\n{"cho\r\n')),
    "endless-chunks": Mode("lost", _endless_chunks),
    "trickle": Mode("lost", _after_head(_end, lambda talk: talk.go_on(b" ", 0.02))),
    "trickling-head": Mode("lost", lambda talk: talk.go_on(b"H", 0.02)),
    "silence": Mode("lost", Talk.wait),
    "cut-at-once": Mode("lost", lambda talk: None),
    "cut-in-the-status": Mode("lost", _cut(lambda size: 10)),
    "cut-in-the-head": Mode("lost", _cut(lambda size: 30)),
    "cut-before-the-body": Mode("lost", _cut(lambda size: 0, body_alone=True)),
    "cut-in-the-body": Mode("lost", _cut(lambda size: size // 2, body_alone=True)),
    "cut-before-the-end": Mode("lost", _cut(lambda size: size - 1, body_alone=True)),
    "no-http": Mode("lost", lambda talk: talk.send(_bytes_of(talk.key, "220 mail.example ESMTP\r\n"))),
    "http-0.9": Mode("lost", lambda talk: talk.send(json.dumps(talk.honest(talk.key)).encode())),
    "http-2": Mode("lost", lambda talk: talk.send(b"\0\0\x12\4\0\0\0\0\0\0\3\0\0\0d\0\4\0\1\0\0\0\2")),
    "a-million-headers": Mode(
        "lost", _after_head(lambda talk: talk.send(b"".join(b"X-%d: a\r\n" % n for n in range(10**6))))
    ),
    "header-of-2-MiB": Mode("lost", lambda talk: _head(talk, "X-Long: " + "a" * (2 << 20), "")),
    "endless-header": Mode("lost", _after_head(lambda talk: talk.go_on(b"X-Long: " + b"a" * 65536))),
    "header-with-the-key": Mode("lost", lambda talk: _head(talk, f"X Key\0{talk.key}", "")),
    "header-with-line-ends": Mode("lost", lambda talk: _head(talk, f"X-Key: a\rb\n {talk.key}\0", "")),
    # Packed
    "gzip-bomb": Mode("lost", lambda talk: _packed(talk, _bomb(31), "gzip")),
    "deflate-bomb": Mode("lost", lambda talk: _packed(talk, _bomb(15), "deflate")),
    "gzip-twice": Mode(
        "lost",
        lambda talk: _packed(talk, gzip.compress(gzip.compress(json.dumps(talk.honest()).encode())), "gzip, gzip"),
    ),
    "gzip-of-garbage": Mode("lost", lambda talk: _packed(talk, talk.key.encode(), "gzip")),
    "gzip-cut": Mode(
        "lost", lambda talk: _packed(talk, gzip.compress(json.dumps(talk.honest()).encode())[:60], "gzip")
    ),
    "brotli": Mode("lost", lambda talk: _packed(talk, talk.key.encode(), "br")),
    "zstandard": Mode("lost", lambda talk: _packed(talk, b"\x28\xb5\x2f\xfd" + talk.key.encode(), "zstd")),
    # Elsewhere
    "redirect-to-another-server": Mode(
        "lost", lambda talk: _redirect(talk, f"{talk.server.other}/v1/chat/completions")
    ),
    "redirect-301-to-another-server": Mode("lost", lambda talk: _redirect(talk, talk.server.other, "301 Moved")),
    "redirect-without-scheme": Mode("lost", lambda talk: _redirect(talk, talk.server.other.removeprefix("http:"))),
    "redirect-to-another-name": Mode(
        "lost", lambda talk: _redirect(talk, talk.server.url.replace("127.0.0.1", "localhost"))
    ),
    "redirect-to-https": Mode("lost", lambda talk: _redirect(talk, talk.server.url.replace("http:", "https:"))),
    "redirect-to-a-file": Mode("lost", lambda talk: _redirect(talk, "file:///etc/passwd")),
    "redirect-with-the-key": Mode("lost", lambda talk: _redirect(talk, f"http://{talk.key}@127.0.0.1:1/?k={talk.key}")),
    "redirect-to-nothing": Mode("lost", lambda talk: _redirect(talk, "http://[::1")),
    "redirect-for-ever": Mode("lost", lambda talk: _redirect(talk, "/v1/chat/completions")),
    "redirect-to-itself-by-get": Mode("lost", lambda talk: _redirect(talk, "/v1/chat/completions", "303 See Other")),
    "redirect-within": Mode("read", _own_redirect),
    "redirect-without-place": Mode("lost", lambda talk: talk.say(talk.honest(), "302 Found")),
    "cookies": Mode(
        "read", lambda talk: talk.say(talk.honest(), "200 OK", *[f"Set-Cookie: c{n}=a" for n in range(500)])
    ),
}
"""Everything else that a server may do wrong."""

MODES: dict[str, Mode] = {**{name: Mode("read", play) for name, play in ECHOES.items()}, **FAULTS}
