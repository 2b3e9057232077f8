"""The batch API of an OpenAI-compatible server, played on this machine over real HTTP.

Its files and batches live in this process: a client that is killed finds them again.
"""

import email
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.chat_server import Patient

Answer = Callable[[dict[str, Any]], tuple[int, Any]]


class BatchServer:
    """`answer(body of a request)` gives status and body of its line; `ended(batch)` may change a batch that ends, its
    output and error lines, as (batch, output, errors)."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.ended: Callable[[dict[str, Any], list[bytes], list[bytes]], None] = lambda batch, output, errors: None
        self.looks = 1
        """Looks at a batch until it has ended."""
        self.there = True
        self.lose: Callable[[str], bool] = lambda what: False
        """Whether the connection breaks after `what` (`POST /v1/batches`, ...) was done, before it is answered."""
        self.before: Callable[[str], None] = lambda what: None
        """Called before a request is answered."""
        self.files: dict[str, bytes] = {}
        self.batches: list[dict[str, Any]] = []
        self.paid: list[str] = []
        """The question of every request that was answered."""
        self.requests: list[str] = []
        self.looked: dict[str, int] = {}
        self.lock = threading.RLock()
        self.url = ""

    def respond(self, what: str, raw: bytes, kind: str) -> tuple[int, Any]:
        verb, _, path = what.partition(" ")
        path, _, query = path.partition("?")
        parts = path.strip("/").split("/")[1:]
        if parts == ["models"]:
            return 200, {"object": "list", "data": []}
        if parts == ["chat", "completions"]:
            body = json.loads(raw)
            self.paid.append(body["messages"][-1]["content"])
            return self.answer(body)
        if not self.there:
            return 404, {"detail": "Not Found"}
        match verb, parts:
            case "POST", ["files"]:
                message = email.message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + raw)
                (content,) = [one.get_payload(decode=True) for one in message.walk() if one.get_filename() is not None]
                assert isinstance(content, bytes)
                id = f"file-{len(self.files)}"
                self.files[id] = content
                return 200, {"id": id, "object": "file", "purpose": "batch"}
            case "POST", ["batches"]:
                body = json.loads(raw)
                id = f"batch-{len(self.batches)}"
                made = {"id": id, "object": "batch", "status": "validating", "created_at": 4_000_000_000, **body}
                self.batches.append(made)
                return 200, made
            case "GET", ["batches"]:
                page = [one for one in reversed(self.batches)]
                after = query.partition("after=")[2]
                ids = [one["id"] for one in page]
                page = page[ids.index(after) + 1 :] if after else page
                return 200, {"object": "list", "data": page[:2], "has_more": len(page) > 2}
            case "GET", ["batches", id]:
                return 200, self._looked_at(next(one for one in self.batches if one["id"] == id))
            case "GET", ["files", id, "content"]:
                return 200, self.files[id]
        return 404, {"error": {"message": f"no {what}"}}

    def _looked_at(self, batch: dict[str, Any]) -> dict[str, Any]:
        id = batch["id"]
        self.looked[id] = self.looked.get(id, 0) + 1
        if batch["status"] == "validating" and self.looked[id] >= self.looks:
            batch["status"] = "completed"
            output: list[bytes] = []
            errors: list[bytes] = []
            for line in self.files[batch["input_file_id"]].splitlines():
                one = json.loads(line)
                status, body = self.answer(one["body"])
                said = {"id": "r", "custom_id": one["custom_id"], "error": None,
                        "response": {"status_code": status, "request_id": "q", "body": body}}  # fmt: skip
                if status == 200:
                    self.paid.append(one["body"]["messages"][-1]["content"])
                (output if status == 200 else errors).append(json.dumps(said).encode())
            self.ended(batch, output, errors)
            for name, lines in (("output_file_id", output), ("error_file_id", errors)):
                if lines:
                    batch[name] = f"{name}-{id}"
                    self.files[batch[name]] = b"\n".join(lines) + b"\n"
        return batch


@contextmanager
def serving_batches(answer: Answer) -> Iterator[BatchServer]:
    """Runs such a server while the `with` lasts."""
    server = BatchServer(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def _serve(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            what = f"{self.command} {self.path}"
            plain = what.partition("?")[0]
            with server.lock:
                server.requests.append(plain)
                status, body = server.respond(what, raw, self.headers.get("Content-Type", ""))
            server.before(plain)
            if server.lose(plain):
                self.close_connection = True
                return
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nothing to say."""

    http = Patient(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{http.server_port}/v1"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
