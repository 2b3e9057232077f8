"""Every call to a server, kept in one SQLite file as its answer arrives: nothing is asked, or paid for, twice.

A call's key is the digest of the whole request, and an answer is kept under that key and its origin: the server's
address and the weights behind the model's name. A recording run differs from a live one in whose file it is; a replay
only reads, and a call it does not hold is an error. A failed call is kept with its kind and asked again by a later run.

Files of earlier versions hold answers without an origin. Those to a model belong to the address that first asks for one
of them again: nothing paid is lost, and no second server is credited with what a first one said.
"""

import fcntl
import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

from srlm.engines.openai.claims import Claims
from srlm.engines.openai.origin import Origin
from srlm.errors import StoreError
from srlm.records import Growing, Record, digest
from srlm.text.counts import counted

Missing = Literal["parse", "refusal", "api", "cut"]
"""Why a call gave nothing of use: words that say nothing, a refusal, a failed call, an answer cut at its limit."""
Refusal = Literal["filtered", "too long", "invalid"]
"""Why a server refused one request. `invalid`: its words do not say which; others may fare no better."""

APPLICATION = 0x73726C6D
"""SQLite's mark of whose file it is: `srlm`."""
VERSION = 1
PATIENCE = 30.0
"""Seconds to wait while another process writes."""

_TABLE = """
CREATE TABLE calls (
    key TEXT PRIMARY KEY,
    request TEXT NOT NULL,
    answer TEXT,   -- JSON of an Answer; NULL: none came
    failure TEXT,  -- JSON of a Failure: why the last attempt is of no use; NULL: it is
    changed TEXT NOT NULL
) WITHOUT ROWID
"""
_LATER_TABLES = """
CREATE TABLE IF NOT EXISTS origins (
    key TEXT NOT NULL,         -- what follows the @ in the key of an answer
    model TEXT NOT NULL,
    address TEXT NOT NULL,
    weights TEXT,              -- digest of what the server told of them; NULL: nothing
    refused TEXT,              -- JSON: parameters it did not take -> its words
    seen TEXT NOT NULL,
    PRIMARY KEY (key, model)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS adopted (
    model TEXT PRIMARY KEY,
    address TEXT NOT NULL      -- to which the answers without an origin belong
) WITHOUT ROWID;
"""
"""Beside the calls; files of earlier versions get them when they are next written to."""
_BATCH_TABLES = """
CREATE TABLE IF NOT EXISTS batches (
    token TEXT PRIMARY KEY,    -- ours, in the metadata of the batch
    address TEXT NOT NULL,
    id TEXT,                   -- the server's; NULL: not known to be submitted
    made REAL NOT NULL         -- seconds since 1970
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS batch_calls (
    token TEXT NOT NULL,
    place INTEGER NOT NULL,
    key TEXT NOT NULL,         -- as in `calls`
    submitted TEXT NOT NULL,   -- JSON of a SubmittedCall
    PRIMARY KEY (token, place)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS batch_keys ON batch_calls (key);
"""
"""Batches whose answers have not come in; made when the first one is submitted."""
_MARK_AND_TABLES = "SELECT application_id, (SELECT count(*) FROM sqlite_master) FROM pragma_application_id"
"""Both as they are at one moment."""
_MAKING = 1 << 60
"""The lock file's byte that is held while the table is made; the bytes before it are claims."""


class Call(Growing):
    """One request: all that decides its answer but who gives it. It holds no key and no server's address."""

    service: str
    """`openai`, `azure`, or `compatible` for any other server."""
    model: str
    messages: tuple[dict[str, str], ...]
    settings: dict[str, Any]
    """Sampling, log-probabilities and limits, as they are wanted; what a server refuses is not sent (Parameters)."""
    template: str
    """Digest of the template, and of the parser, that the messages were made with; empty: the messages say it all."""
    draw: int = 0
    """The same question asked for the `draw`-th time."""
    prompt: str | None = None
    """Text to be continued as it stands, by /completions; there are no messages then. None: a conversation."""
    LATER: ClassVar[tuple[str, ...]] = ("prompt",)

    @property
    def text(self) -> str:
        """All words that it sends."""
        return self.prompt if self.prompt is not None else "".join(one["content"] for one in self.messages)

    @property
    def wanted(self) -> str:
        """What answers it."""
        return "a chat completion" if self.prompt is None else "a text completion"

    @property
    def is_kept(self) -> bool:
        """Whether a store keeps its answer. Log-probabilities of a whole text take a hundred times the room of their
        sum, which is what whoever asks for them keeps."""
        return "echo" not in self.settings

    @cached_property
    def key(self) -> str:
        """Equal for equal questions, on every machine."""
        return digest("judge call", self.model_dump(mode="json"))

    @property
    def limit(self) -> int:
        """Most tokens that a choice of its answer may have; 0: it is not said."""
        return int(self.settings.get("max_tokens") or self.settings.get("max_completion_tokens") or 0)


class Answer(Record):
    """What a judge said."""

    choice: dict[str, Any]
    """The server's first choice, as it came."""
    prompt_tokens: int | None
    """None: the server does not say."""
    completion_tokens: int | None
    seconds: float
    """From the last sending to the answer."""
    attempts: int
    """Requests sent, this one and those that failed before it in the same run."""
    more: tuple[dict[str, Any], ...] = ()
    """Its further choices, where several were asked for."""
    prompt_logprobs: tuple[dict[str, Any] | None, ...] | None = None
    """vLLM's, where they were asked for."""
    batch: str | None = None
    """Id of the batch that brought it, at a batch's price. None: it was asked by itself."""


class Failure(Record):
    """Why a call has no answer."""

    kind: Missing
    words: str
    """The server's, without the key."""
    attempts: int
    why: Refusal | None = None
    """Why the server refused this call alone. None: it failed as often as it may, or could not be read."""
    raw: str = ""
    """The last answer where it was no chat completion, without the key, as much as is kept of it."""


class SubmittedCall(Record):
    """A call within a batch."""

    call: Call
    origin: Origin
    sent: dict[str, Any]
    """The settings as they were sent: what the server was known to refuse is renamed or left out."""

    @property
    def key(self) -> str:
        """Under which a store keeps its answer."""
        return f"{self.call.key}@{self.origin.key}"


class Submitted(Record):
    """A batch whose answers have not come in."""

    token: str
    id: str | None
    """The server's. None: whether it was submitted is not known."""
    made: float
    """Seconds since 1970."""
    calls: tuple[SubmittedCall, ...]


class CallStore:
    """The calls in one file. Several processes may use it at once; `with` closes it.

    Raises StoreError where the file cannot be used: another program's, broken, locked, not writable.
    """

    def __init__(self, path: Path, replay: bool = False) -> None:
        self.path, self.replay = path, replay
        self._claims: Claims | None = None
        self._guard = threading.RLock()
        """Held while SQLite is used: answers arrive in another thread than the one that opened the file."""
        if replay and not path.is_file():
            raise StoreError(f"{path}: no such file to replay; record one first with --record {path}")
        with self._store_errors():
            if replay:
                self._open(
                    f"{path.absolute().as_uri()}?mode=ro{'' if _beside(path, '-wal').exists() else '&immutable=1'}"
                )
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._open(path.absolute().as_uri())

    def _open(self, address: str) -> None:
        self._db = sqlite3.connect(address, uri=True, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
        try:
            if not self.replay and self._empty():
                self._make()
            self._check()
            tables = "SELECT count(*) FROM sqlite_master WHERE name IN ('origins', 'adopted')"
            self._later = self._db.execute(tables).fetchone() == (2,)
            if not self.replay:
                self._lock_file()
        except BaseException:
            self.close()
            raise

    def _empty(self) -> bool:
        """Whether nobody has written to the file yet."""
        # A file of no bytes is not read: SQLite would lock it meanwhile, and who is making it cannot wait for that.
        return not self.path.stat().st_size or self._db.execute(_MARK_AND_TABLES).fetchone() == (0, 0)

    def _make(self) -> None:
        """Make the table, one process at a time: SQLite gives up at once where two change the journal's mode."""
        file = self._lock_file()
        fcntl.lockf(file, fcntl.LOCK_EX, 1, _MAKING)
        try:
            if self._empty():  # nobody was quicker
                self._db.execute("PRAGMA journal_mode = WAL")
                with self._at_once():
                    self._db.execute(_TABLE)
                    self._db.execute(f"PRAGMA application_id = {APPLICATION}")
                    self._db.execute(f"PRAGMA user_version = {VERSION}")
        finally:
            fcntl.lockf(file, fcntl.LOCK_UN, 1, _MAKING)

    def _check(self) -> None:
        """That the file is ours."""
        (mark,) = self._db.execute("PRAGMA application_id").fetchone()
        if mark != APPLICATION:
            raise StoreError(f"{self.path}: not a file of judge calls; choose another file")
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version != VERSION:
            raise StoreError(
                f"{self.path}: judge calls of version {version}, but this program reads version {VERSION}; choose "
                "another file"
            )
        # A killed process loses nothing; only a power cut may lose the last answers, and waiting for the disk at each
        # answer would hold up all others.
        self._db.execute("PRAGMA synchronous = NORMAL")

    def _lock_file(self) -> int:
        """The open file whose bytes are locks."""
        if self._claims is None:
            self._claims = Claims.of_file(_beside(self.path, ".lock"))
        return self._claims.file

    def _make_later_tables(self) -> None:
        """Those that an earlier version's file lacks."""
        if not self._later:
            self._db.executescript(_LATER_TABLES)
            self._later = True

    # Judgement and writing --------------------------------------------------------------------------------------------

    def answers(
        self, keys: Iterable[str], origin: Origin | None = None, prefer: Origin | None = None
    ) -> dict[str, Answer]:
        """The answers among these calls that are known; where more calls can be made, only those that could be read.

        `origin` None: whoever gave them, and `prefer` where several servers did. Raises StoreError where several did,
        and that is none of them.
        """
        found = {}
        usable = "answer NOT NULL" + ("" if self.replay else " AND failure IS NULL")
        with self._store_errors():
            for key in keys:
                row = self._row("answer", key, origin, usable, prefer)
                if row is not None:
                    found[key] = _decoded(Answer, row, self.path)
        return found

    def failure(self, key: str, prefer: Origin | None = None) -> Failure | None:
        """How a call failed when it was last asked; see `answers`."""
        with self._store_errors():
            row = self._row("failure", key, None, "failure NOT NULL AND answer IS NULL", prefer)
        return None if row is None else _decoded(Failure, row, self.path)

    def _row(
        self, column: str, key: str, origin: Origin | None, usable: str, prefer: Origin | None = None
    ) -> str | None:
        """A call's answer or failure from its origin; None: there is none."""
        if origin is None:
            rows = self._db.execute(
                f"SELECT key, {column} FROM calls WHERE (key = ? OR (key > ? AND key < ?)) AND {usable} "
                "ORDER BY changed DESC",
                (key, f"{key}@", f"{key}A"),  # A follows @
            ).fetchall()
            if len(rows) > 1 and prefer is not None:
                rows = [row for row in rows if row[0] == f"{key}@{prefer.key}"] or rows
            places = sorted({self._address(row[0]) for row in rows}) if len(rows) > 1 else []
            if len(places) > 1:
                raise StoreError(
                    f"{self.path}: the same call was answered by {counted(len(places), 'servers')} "
                    f"({', '.join(places)}); name the "
                    "one that is meant with --base-url"
                )
            return rows[0][1] if rows else None
        # The second, where the server did not tell its weights at first; the last, of an earlier version.
        keys = (f"{key}@{origin.key}", f"{key}@{Origin(address=origin.address).key}" if origin.weights else "", key)
        found = dict(
            self._db.execute(f"SELECT key, {column} FROM calls WHERE key IN (?, ?, ?) AND {usable}", keys).fetchall()
        )
        for place in keys[:2]:
            if place in found:
                return str(found[place])
        return str(found[key]) if key in found and self._belongs(key, origin) else None

    def _belongs(self, key: str, origin: Origin) -> bool:
        """Whether an earlier version's answer is that address's; who asks first gets all to that model."""
        (model,) = self._db.execute(
            "SELECT json_extract(request, '$.model') FROM calls WHERE key = ?", (key,)
        ).fetchone()
        if not self.replay:
            self._make_later_tables()
            self._db.execute("INSERT OR IGNORE INTO adopted VALUES (?, ?)", (model or "", origin.address))
        elif not self._later:
            return True
        found = self._db.execute("SELECT address FROM adopted WHERE model = ?", (model or "",)).fetchone()
        return found is None or found[0] == origin.address

    def _address(self, key: str) -> str:
        """Who gave an answer, to be shown."""
        origin = key.partition("@")[2]
        if not origin:
            return "an address that was not recorded"
        row = (
            self._db.execute("SELECT address FROM origins WHERE key = ?", (origin,)).fetchone() if self._later else None
        )
        return str(row[0]) if row else origin

    def last_origin(self, address: str, model: str) -> Origin:
        """The model at an address as the server last told of it."""
        with self._store_errors():
            row = None
            if self._later:
                wanted = "SELECT weights FROM origins WHERE address = ? AND model = ? ORDER BY seen DESC"
                row = self._db.execute(wanted, (address, model)).fetchone()
        return Origin(address=address, weights=row[0] if row else None)

    def see(self, origin: Origin, model: str, refused: Mapping[str, str] | None = None) -> None:
        """Keep which server is asked, what it told of the model, and which parameters it refused, in its words."""
        words = json.dumps(refused, sort_keys=True) if refused else None
        with self._store_errors():
            self._make_later_tables()
            self._db.execute(
                "INSERT INTO origins VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (key, model) DO UPDATE SET "
                "seen = excluded.seen, refused = coalesce(excluded.refused, refused)",
                (origin.key, model, origin.address, origin.weights, words, _now()),
            )

    def refused(self, model: str, origin: Origin | None = None) -> dict[str, str]:
        """Parameters that a server did not take of this model -> its words, over all runs that wrote to the file.

        `origin` None: any server.
        """
        found: dict[str, str] = {}
        with self._store_errors():
            if self._later:
                for (words,) in self._db.execute(
                    "SELECT refused FROM origins WHERE model = ? AND refused NOT NULL AND key LIKE ? ORDER BY seen",
                    (model, origin.key if origin else "%"),
                ):
                    with suppress(ValueError):  # what cannot be read is learnt again
                        said = json.loads(words)
                        found |= {name: str(one) for name, one in said.items()} if isinstance(said, dict) else {}
        return found

    def every(self, model: str) -> Iterator[tuple[Call, Answer]]:
        """Every answer of a model that the file holds."""
        rows = "SELECT request, answer FROM calls WHERE answer NOT NULL AND json_extract(request, '$.model') = ?"
        with self._store_errors():
            for request, answer in self._db.execute(rows, (model,)):
                yield _decoded(Call, request, self.path), _decoded(Answer, answer, self.path)

    def put(
        self, call: Call, said: Answer | Failure, unread: Missing | None = None, origin: Origin | None = None
    ) -> None:
        """Keep what came of a call; an answer that could be read stays. `unread`: why this answer cannot be.

        `origin` None: it came from no server.
        """
        answer, failure = (said, None) if isinstance(said, Answer) else (None, said)
        if unread and answer:
            failure = Failure(kind=unread, words="the answer could not be read", attempts=answer.attempts)
        values = [None if one is None else one.model_dump_json(exclude_defaults=True) for one in (answer, failure)]
        key = call.key if origin is None else f"{call.key}@{origin.key}"
        with self._store_errors():
            self._db.execute(
                "INSERT INTO calls VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET "
                "answer = coalesce(excluded.answer, answer), failure = excluded.failure, changed = excluded.changed "
                "WHERE answer IS NULL OR failure IS NOT NULL",
                (key, call.model_dump_json(), *values, _now()),
            )

    # Batches --------------------------------------------------------------------------------------------------------

    def begin_batch(self, token: str, address: str, calls: Iterable[SubmittedCall]) -> Submitted:
        """Note a batch that is about to be submitted."""
        batch = Submitted(token=token, id=None, made=datetime.now(UTC).timestamp(), calls=tuple(calls))
        with self._store_errors():
            self._db.executescript(_BATCH_TABLES)
            with self._at_once():
                self._db.execute("INSERT INTO batches VALUES (?, ?, NULL, ?)", (token, address, batch.made))
                rows = (
                    (token, place, one.key, one.model_dump_json(exclude_defaults=True))
                    for place, one in enumerate(batch.calls)
                )
                self._db.executemany("INSERT INTO batch_calls VALUES (?, ?, ?, ?)", rows)
        return batch

    def note_batch(self, token: str, id: str) -> None:
        """Note under which id the server has a batch."""
        with self._store_errors():
            self._db.execute("UPDATE batches SET id = ? WHERE token = ?", (id, token))

    def end_batch(self, token: str) -> None:
        """Forget a batch: its answers are kept, or will never come."""
        with self._store_errors(), self._at_once():
            self._db.execute("DELETE FROM batches WHERE token = ?", (token,))
            self._db.execute("DELETE FROM batch_calls WHERE token = ?", (token,))

    def submitted(self, address: str, keys: Iterable[str]) -> list[Submitted]:
        """The batches at an address that are to answer any of these calls, the oldest first."""
        found: dict[str, Submitted] = {}
        with self._store_errors():
            if not self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'batch_calls'").fetchone():
                return []
            for key in keys:
                for (token,) in self._db.execute("SELECT token FROM batch_calls WHERE key = ?", (key,)).fetchall():
                    if token in found:
                        continue
                    row = "SELECT id, made FROM batches WHERE token = ? AND address = ?"
                    batch = self._db.execute(row, (token, address)).fetchone()
                    if batch is not None:
                        texts = self._db.execute(
                            "SELECT submitted FROM batch_calls WHERE token = ? ORDER BY place", (token,)
                        )
                        calls = tuple(_decoded(SubmittedCall, text, self.path) for (text,) in texts)
                        found[token] = Submitted(token=token, id=batch[0], made=batch[1], calls=calls)
        return sorted(found.values(), key=lambda one: one.made)

    # Who asks what --------------------------------------------------------------------------------------------------

    def claim(self, key: str) -> bool:
        """Whether the call may be asked now; False: another store, here or in another process, is asking it."""
        return self._claims is None or self._claims.claim(key)

    def release(self, key: str) -> None:
        """Give a claim back."""
        if self._claims is not None:
            self._claims.release(key)

    def close(self) -> None:
        self._db.close()
        if self._claims is not None:
            self._claims.close()
            self._claims = None

    def __enter__(self) -> "CallStore":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.close()

    @contextmanager
    def _at_once(self) -> Iterator[None]:
        """What is written meanwhile is in the file as a whole, or not at all."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise

    @contextmanager
    def _store_errors(self) -> Iterator[None]:
        """SQLite's errors, and the disk's, as StoreErrors that say what to do."""
        try:
            with self._guard:
                yield
        except sqlite3.DatabaseError as error:
            if "locked" in str(error):
                what = f"another process has locked it for {PATIENCE:g} s; stop that process, or choose another file"
            elif "readonly" in str(error) or "unable to open" in str(error):
                what = f"cannot be opened for writing ({error}); choose a file in a writable folder"
            elif "full" in str(error):
                what = "the disk is full; free some space and run the same command again to resume"
            else:
                what = f"not a usable file of judge calls ({error}); move it away, or choose another file"
            raise StoreError(f"{self.path}: {what}") from None
        except OSError as error:
            raise StoreError(f"{self.path}: cannot be used: {error.strerror or error}") from None


def lacking(store: CallStore, call: Call) -> StoreError:
    """A replayed store does not hold a call."""
    return StoreError(
        f"{store.path}: no recorded answer to a call of {call.model}; the file was recorded with other outputs, "
        "prompts or settings: record again with --record"
    )


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _decoded(kind: Any, text: str, path: Path) -> Any:
    with suppress(ValueError):
        return kind.model_validate_json(text)
    raise StoreError(
        f"{path}: contains a call that is not a {kind.__name__}; move the file away, or choose another file"
    )
