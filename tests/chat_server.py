"""A chat server on this machine, over real HTTP, that answers what a test tells it to."""

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Reply:
    """What the server says to one request."""

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    """Whether the connection breaks in the middle of the body."""


@dataclass
class Server:
    """A chat server whose answers `reply(body of the request, number of the request)` writes."""

    reply: Callable[[dict[str, Any], int], Reply]
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    models: list[dict[str, Any]] | None = field(default_factory=list)
    """What GET /v1/models lists; None: it fails."""
    no_models: int = 503
    """The status with which it then fails."""
    url: str = ""


def words(*texts: str, finish: str = "stop", **rest: Any) -> Reply:
    """A chat completion with these choices."""
    choices = [
        {"index": number, "finish_reason": finish, "message": {"role": "assistant", "content": text}}
        for number, text in enumerate(texts)
    ]
    return Reply({"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": choices, **rest})


def refusal(status: int, message: str, **headers: str) -> Reply:
    return Reply({"error": {"message": message, "type": "error", "code": None}}, status, headers)


OUT_OF_ROOM = (
    "Could not finish the message because max_tokens or model output limit was reached. Please try again with higher "
    "max_tokens."
)


def reasoning(
    write: Callable[[dict[str, Any]], str], thought: int = 500, refuses: bool = False
) -> Callable[[dict[str, Any], int], Reply]:
    """A reasoning model as providers serve them: it refuses `logprobs`, `temperature` and `max_tokens`, one an error,
    thinks for `thought` tokens that nobody is shown, and answers nothing, or refuses, where these are not to be had."""

    def reply(body: dict[str, Any], number: int) -> Reply:
        hints = {
            "max_tokens": " Use 'max_completion_tokens' instead.",
            "temperature": "",
            "logprobs": "",
            "top_logprobs": "",
        }
        for name, hint in hints.items():
            if name in body:
                message = f"Unsupported parameter: '{name}' is not supported with this model.{hint}"
                kind = {"type": "invalid_request_error", "param": name, "code": "unsupported_parameter"}
                return Reply({"error": {"message": message, **kind}}, 400)
        room = body["max_completion_tokens"]
        if refuses and room <= thought:
            return refusal(400, OUT_OF_ROOM)
        used = {"prompt_tokens": 100, "completion_tokens": min(room, thought + 1)}
        return words("", finish="length", usage=used) if room <= thought else words(write(body), usage=used)

    return reply


Serve = Callable[[Callable[[dict[str, Any], int], Reply]], Server]


class Patient(ThreadingHTTPServer):
    """Takes a burst of connections; of the usual five waiting ones, the sixth would be refused."""

    request_queue_size = 128
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed in the middle is part of a test; anything else is shown."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serving() -> Iterator[Serve]:
    """Starts servers, and ends them all when the `with` is left."""
    running: list[tuple[ThreadingHTTPServer, threading.Thread, Server]] = []

    def start(reply: Callable[[dict[str, Any], int], Reply]) -> Server:
        server = Server(reply)
        lock = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                found = {"object": "list", "data": server.models}
                self._send(refusal(server.no_models, "no list now") if server.models is None else Reply(found))

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with lock:
                    number = len(server.asked)
                    server.asked.append(body)
                    server.keys.append(self.headers["Authorization"])
                    server.paths.append(self.path)
                self._send(server.reply(body, number))

            def _send(self, reply: Reply) -> None:
                content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
                try:
                    self.send_response(reply.status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(content)))
                    for name, value in reply.headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(content[: len(content) // 2] if reply.cut else content)
                    self.close_connection = self.close_connection or reply.cut
                except ConnectionError:  # the client has lost patience
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                """Nothing to say."""

        http = Patient(("127.0.0.1", 0), Handler)
        server.url = f"http://127.0.0.1:{http.server_port}/v1"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        running.append((http, thread, server))
        return server

    try:
        yield start
    finally:
        for http, thread, server in running:
            server.stopping.set()
            http.shutdown()
            thread.join()
            http.server_close()
