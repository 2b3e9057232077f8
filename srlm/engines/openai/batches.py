"""Calls sent as batches (`/files` and `/batches`): half the price, and an answer within a day.

OpenAI's API: https://platform.openai.com/docs/guides/batch. A batch is noted in the store before anything is sent,
under a token of ours that goes into its metadata. So a process that is killed at any point pays once: the next one
takes up a batch whose id is known, finds one by its token in the server's list, or knows that there is none. All lines
of the files that come back are untrusted: they may be missing, doubled, of another request, or no JSON.
"""

import asyncio
import json
import re
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import IO, Any, NamedTuple, TypeVar

import httpx2
import openai

from srlm.engines.openai.body import MOST, Body, body_of
from srlm.engines.openai.calls import CallStore, Submitted, SubmittedCall
from srlm.engines.openai.connection import Connection
from srlm.engines.openai.endpoint import Endpoint
from srlm.engines.openai.guarded import body_in
from srlm.engines.openai.servers import shown, words_of
from srlm.errors import EngineError
from srlm.terminal import logger
from srlm.text.counts import counted

log = logger(__name__)

T = TypeVar("T")

MOST_REQUESTS = 50_000
"""Requests of a batch."""
MOST_BYTES = 200_000_000
"""Bytes of a batch's file."""
MARK = "srlm"
"""Name of our token in a batch's metadata."""
ENDED = ("completed", "expired", "cancelled", "failed")
LONGEST_PAUSE = 60.0
"""Seconds between two looks at a batch, at most; the first looks follow each other faster."""
LONGEST = 2 * 86_400
"""Seconds after which a batch that does not end is given up for this run: twice its window."""
FILES_KEPT = 30 * 86_400
"""Seconds after which a server may have deleted a batch's answers."""
LISTED_BEFORE = 86_400
"""Seconds by which the server's clock may be behind ours."""
PAGES = 200
"""Pages of the server's list of batches that are read, each of 100."""
SWITCH = "set batch_api: false (or unset SRLM_BATCH_API) to send each request by itself"

_ID = re.compile(r"[\w.:-]{1,256}", re.ASCII)


class Line(NamedTuple):
    """What a batch's files say of one call."""

    one: SubmittedCall
    status: int
    """Of the answer to this call, as HTTP has it; 0: it was not asked."""
    body: Any
    """Its answer, or its error."""
    batch: str
    """Id of the batch."""


class Stopped(Exception):
    """The run is stopped; the batch goes on without us, and a later run takes it up."""


class Batches:
    """The batches of one server. `rest(seconds)` waits, and raises Stopped where the run is stopped."""

    def __init__(
        self, endpoint: Endpoint, store: CallStore, connection: Connection, rest: Callable[[float], Awaitable[None]]
    ) -> None:
        if endpoint.service == "azure":
            raise EngineError(f"the batch API is not supported with Azure; {SWITCH}")
        self._endpoint, self._store, self._connection, self._rest = endpoint, store, connection, rest
        self.where = f"{endpoint.address}/"

    def submitted_before(self, keys: Sequence[str]) -> list[Submitted]:
        """Batches of earlier processes, or of this one, that are to answer any of these calls (keys as stored)."""
        return self._store.submitted(self._endpoint.address, keys)

    def begin(self, calls: Sequence[SubmittedCall]) -> Submitted:
        """Note a batch that is to be submitted; from now on every run that asks one of its calls waits for it."""
        token = uuid.uuid4().hex
        return self._store.begin_batch(token, self._endpoint.address, calls)

    async def answers(self, batch: Submitted, each: Callable[[Line], None], bodies: dict[str, dict[str, Any]]) -> None:
        """Submit a batch, or take it up where it is, and tell `each` what came of its calls; it is then forgotten.

        `bodies`: custom id -> what is asked, for a batch that may not have been submitted. Raises EngineError where the
        server cannot be used, Stopped.
        """
        id = batch.id or await self._found_by_token(batch)
        if id is None:
            if not bodies:  # an earlier process noted it, and sent nothing: its calls are asked anew
                self._store.end_batch(batch.token)
                return
            id = await self._submit(batch, bodies)
        elif batch.id is None:
            self._store.note_batch(batch.token, id)
        ended = await self._ended(batch, id)
        fault = None if ended is None else await self._read(batch, id, ended, each)
        self._store.end_batch(batch.token)
        if fault is not None:
            raise fault

    async def _submit(self, batch: Submitted, bodies: dict[str, dict[str, Any]]) -> str:
        path = "/v1/completions" if any("prompt" in body for body in bodies.values()) else "/v1/chat/completions"
        with tempfile.TemporaryFile() as file:
            for custom, body in bodies.items():
                file.write(line_of(custom, path, body))

            async def upload() -> Body:
                file.seek(0)
                return await self._connection.upload(file, f"{batch.token}.jsonl")

            uploaded = await self._tried("the upload of a batch", upload)
        file_id = self._id_in(uploaded, "the upload of a batch")

        async def create() -> Body:
            return await self._connection.create_batch(file_id, path, {MARK: batch.token})

        async def made() -> str | None:
            return await self._found_by_token(batch)

        created = await self._tried("a batch", create, made)
        id = created if isinstance(created, str) else self._id_in(created, "a batch")
        self._store.note_batch(batch.token, id)
        log.info("%s: batch %s submitted: %s", self.where, shown(id), counted(len(bodies), "requests"))
        return id

    async def _tried(
        self, what: str, send: Callable[[], Awaitable[Body]], made: Callable[[], Awaitable[T | None]] | None = None
    ) -> Body | T:
        """What the server answers, asked again where waiting may mend it; `made`: what an earlier try may have left."""
        pause = self._endpoint.pause
        for number in range(1, self._endpoint.tries + 1):
            try:
                async with asyncio.timeout(self._endpoint.patience() * (10 if made is None else 1)):
                    return await send()
            except openai.APIStatusError as error:
                words, status = words_of(error), error.status_code
                if status in (404, 405, 501):
                    raise NotThere(
                        f"{self.where}: has no batch API, or not this part of it ({status}); {SWITCH}"
                    ) from None
                if status not in (408, 409, 429) and status < 500:
                    raise EngineError(f"{self.where}: refused {what} ({status}): {words}") from None
                told = f"failed ({status}): {words}"
            except TimeoutError:
                told = "no answer in time"
            except openai.APIConnectionError as error:
                told = f"cannot be reached ({shown(self._connection.secrets.hidden(str(error.__cause__ or error)))})"
            if number == self._endpoint.tries:
                break
            await self._rest(pause)
            pause = min(LONGEST_PAUSE, 2 * pause)
            if made is not None and (found := await made()) is not None:
                return found  # the answer was lost, not the request
        raise EngineError(f"{self.where}: {what}: {told}; run again later to resume")

    def _id_in(self, body: Any, what: str) -> str:
        value = body.value if isinstance(body, Body) else None
        id = value.get("id") if isinstance(value, dict) else None
        if not isinstance(id, str) or not _ID.fullmatch(id):
            said = body.fault or json.dumps(value, ensure_ascii=False)
            raise EngineError(f"{self.where}: answered {what} without an id: {shown(str(said))}; {SWITCH}")
        return id

    async def _found_by_token(self, batch: Submitted) -> str | None:
        """The batch in the server's list that carries our token; None: it was never made."""
        after: str | None = None
        for _ in range(PAGES):

            async def page(after: str | None = after) -> Body:
                return await self._connection.list_batches(after)

            value = (await self._tried("the list of batches", page)).value
            data = value.get("data") if isinstance(value, dict) else None
            if not isinstance(data, list):
                raise EngineError(f"{self.where}: the list of batches is none; run again later to resume")
            ones = [one for one in data if isinstance(one, dict) and _ID.fullmatch(str(one.get("id")))]
            for one in ones:
                metadata = one.get("metadata")
                if isinstance(metadata, dict) and metadata.get(MARK) == batch.token:
                    return str(one["id"])
            times = [one["created_at"] for one in ones if isinstance(one.get("created_at"), int)]
            if not ones or value.get("has_more") is not True or (times and min(times) < batch.made - LISTED_BEFORE):
                return None
            after = str(ones[-1]["id"])
        raise EngineError(f"{self.where}: its list of batches has no end; {SWITCH}")

    async def _ended(self, batch: Submitted, id: str) -> dict[str, Any] | None:
        """The batch once it has ended; None: the server has forgotten it. Raises EngineError where it failed as a
        whole: nothing was paid for then, and it is forgotten."""
        pause = self._endpoint.pause
        while True:

            async def look() -> Body:
                return await self._connection.batch(id)

            try:
                value = (await self._tried(f"batch {shown(id)}", look)).value
            except NotThere:
                if time.time() - batch.made > FILES_KEPT:
                    log.warning("%s: no longer knows batch %s; its calls are sent again", self.where, shown(id))
                    return None
                raise EngineError(
                    f"{self.where}: does not know batch {shown(id)}, which was submitted and may have been paid for; "
                    "use the key of the project that submitted it"
                ) from None
            if isinstance(value, dict) and value.get("status") in ENDED:
                if value["status"] == "failed":
                    self._store.end_batch(batch.token)
                    raise EngineError(f"{self.where}: refused batch {shown(id)}: {_why(value)}; {SWITCH}")
                return value
            if time.time() - batch.made > LONGEST:
                raise EngineError(f"{self.where}: batch {shown(id)} does not end; run again later to resume")
            await self._rest(pause)
            pause = min(LONGEST_PAUSE, 1.5 * pause)

    async def _read(
        self, batch: Submitted, id: str, ended: dict[str, Any], each: Callable[[Line], None]
    ) -> EngineError | None:
        """Tell `each` of every call of the batch once: what its files say first, or that they do not say anything.

        The first error that `each` raises is given back when all lines were read, for they are paid for.
        """
        fault: EngineError | None = None

        def tell(line: Line) -> None:
            nonlocal fault
            try:
                each(line)
            except EngineError as error:
                fault = fault or error

        wanted = {one.call.key: one for one in batch.calls}
        ours = frozenset(wanted)
        odd = Counter[str]()
        first: str | None = None
        failed: list[Line] = []
        for name in ("output_file_id", "error_file_id"):
            file_id = ended.get(name)
            if not isinstance(file_id, str) or not _ID.fullmatch(file_id):
                continue
            with tempfile.TemporaryFile() as file:
                if not await self._saved(batch, id, file_id, file):
                    continue
                for raw in _lines(file):
                    await asyncio.sleep(0)
                    said = None if raw is None else body_of(raw, {}, self._connection.secrets, MOST).value
                    custom = said.get("custom_id") if isinstance(said, dict) else None
                    if not isinstance(said, dict) or not isinstance(custom, str):
                        odd["could not be read" if raw is not None else "are too long"] += 1
                        continue
                    one = wanted.get(custom)
                    if one is None:
                        odd[
                            "are of a call that was answered already" if custom in ours else "are of no call of it"
                        ] += 1
                        continue
                    line = _line(one, said, id)
                    if line.status == 200 and isinstance(line.body, dict):
                        model = line.body.get("model")
                        if isinstance(model, str) and not model.startswith(one.call.model):
                            first = first or (None if self._endpoint.official else model)
                            if model != first:
                                odd["are of another model"] += 1
                                continue
                    del wanted[custom]
                    if line.status == 200:
                        tell(line)
                    else:
                        failed.append(line)
        for what, number in odd.items():
            log.warning("%s: batch %s: %s %s", self.where, shown(id), counted(number, "lines"), what)
        for line in failed:
            tell(line)
        if wanted:
            words = f"batch {shown(id)} {ended['status']} without an answer to it"
            log.warning("%s: batch %s %s: %s without an answer", self.where, shown(id), ended["status"],
                        counted(len(wanted), "calls"))  # fmt: skip
            for one in wanted.values():
                tell(Line(one, 0, {"message": words}, id))
        return fault

    async def _saved(self, batch: Submitted, id: str, file_id: str, file: IO[bytes]) -> bool:
        """Save a file of a batch, to be read from its beginning. False: the server may have deleted it by now."""

        async def fetch() -> Body:
            file.seek(0)
            file.truncate()
            return await self._connection.content(file_id, file)

        try:
            await self._tried(f"the file of batch {shown(id)}", fetch)
        except NotThere:
            if time.time() - batch.made <= FILES_KEPT:
                raise EngineError(
                    f"{self.where}: does not have the answers of batch {shown(id)}, which may have been paid for; run "
                    "again later to resume"
                ) from None
            return False
        file.seek(0)
        return True


class NotThere(EngineError):
    """The server answers 404."""


def line_of(custom: str, path: str, body: dict[str, Any]) -> bytes:
    """A request as a line of a batch's file."""
    line = {"custom_id": custom, "method": "POST", "url": path, "body": body}
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"


def divided(sizes: Sequence[int], requests: int = MOST_REQUESTS, room: int = MOST_BYTES) -> Iterator[range]:
    """Ranges of lines of these sizes in bytes, each of which fits into a batch; a longer line has one of its own."""
    start, total = 0, 0
    for index, size in enumerate(sizes):
        if index > start and (index - start == requests or total + size > room):
            yield range(start, index)
            start, total = index, 0
        total += size
    if start < len(sizes):
        yield range(start, len(sizes))


def as_error(line: Line) -> openai.APIStatusError:
    """A line's error as if the server had answered the call by itself."""
    body = line.body if isinstance(line.body, dict) else {"message": str(line.body)}
    said = body.get("error", body)
    content = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
    request = httpx2.Request("POST", "http://batch.invalid")
    response = httpx2.Response(
        line.status or 503, content=content, request=request, extensions={"srlm": Body(body, "", None)}
    )
    return openai.APIStatusError(f"Error code: {line.status}", response=response, body=said)


def as_response(line: Line) -> httpx2.Response:
    """A line's answer as if the server had answered the call by itself."""
    request = httpx2.Request("POST", "http://batch.invalid")
    response = httpx2.Response(200, request=request, extensions={"srlm": Body(line.body, "", None)})
    assert body_in(response).fault is None
    return response


def _line(one: SubmittedCall, said: dict[str, Any], id: str) -> Line:
    response, error = said.get("response"), said.get("error")
    if (
        isinstance(response, dict)
        and isinstance(response.get("status_code"), int)
        and 200 <= response["status_code"] < 600
    ):
        return Line(one, response["status_code"], response.get("body"), id)
    words = error if isinstance(error, dict) else {"message": "a line without an answer"}
    return Line(one, 0, words, id)


def _lines(file: IO[bytes]) -> Iterator[bytes | None]:
    """The lines of a file that are not empty; None for one that is longer than an answer may be."""
    while raw := file.readline(MOST + 1):
        if len(raw) > MOST:
            while raw and not raw.endswith(b"\n"):
                raw = file.readline(MOST)
            yield None
        elif raw.strip():
            yield raw


def _why(value: dict[str, Any]) -> str:
    errors = value.get("errors")
    data = errors.get("data") if isinstance(errors, dict) else errors
    said = [one.get("message") if isinstance(one, dict) else one for one in data[:3]] if isinstance(data, list) else []
    return shown("; ".join(str(one) for one in said) or "it does not say why")
