"""Many calls to one judge, against a real HTTP server that fails in every way a server fails."""

import json
import os
import signal
import socket
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from srlm.engines.openai.calls import Answer, CallStore, Failure, Missing, Refusal
from srlm.engines.openai.client import GIVE_UP, Client
from srlm.engines.openai.cost import Budget
from srlm.engines.openai.endpoint import Endpoint
from srlm.errors import EngineError, SrlmError, StoreError
from srlm.settings import Price
from tests.chat_server import Reply, Serve, Server, refusal, words
from tests.forks.command import Start
from tests.forty_calls import call, calls

KEY = "sk-a-key-nobody-may-see"
USAGE = {"prompt_tokens": 1000, "completion_tokens": 1, "total_tokens": 1001}


def asked(server: Server) -> Counter[str]:
    """How often each question reached the server."""
    return Counter(body["messages"][0]["content"] for body in server.asked)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


class Bench:
    """A store and whoever asks through it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.opened: list[Client] = []

    def client(self, url: str, budget: Budget | None = None, replay: bool = False, **settings: Any) -> Client:
        given = {"service": "compatible", "base_url": url, "timeout": 20.0, "pause": 0.001, "tries": 4, **settings}
        self.opened.append(Client(Endpoint(**given), CallStore(self.path, replay), budget or Budget()))
        return self.opened[-1]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "calls.sqlite")
    yield made
    for client in made.opened:
        client.close()


def texts(said: list[Any]) -> list[Any]:
    return [one.choice["message"]["content"] if isinstance(one, Answer) else one for one in said]


def test_answers_come_back_in_order_and_are_never_asked_for_again(serve: Serve, bench: Bench) -> None:
    server = serve(lambda body, _: words(body["messages"][0]["content"] + "!", usage=USAGE))
    first = bench.client(server.url)
    said = first.ask([*calls(5), call(2)])
    assert texts(said) == [f"question {n}!" for n in (0, 1, 2, 3, 4, 2)]
    again = bench.client(server.url)
    assert again.ask(calls(6))[:5] == said[:5]
    assert asked(server) == {f"question {n}": 1 for n in range(6)}
    assert (first.tally, again.tally) == ({"found": 0, "answered": 5}, {"found": 5, "answered": 1})
    answer = said[0]
    assert isinstance(answer, Answer)
    assert (answer.prompt_tokens, answer.completion_tokens, answer.attempts) == (1000, 1, 1)


def test_the_whole_request_is_sent_and_keyed(serve: Serve, bench: Bench) -> None:
    server = serve(lambda body, _: words("m"))
    one = call(0, settings={"max_tokens": 1, "logprobs": True, "top_logprobs": 5})
    bench.client(server.url).ask([one])
    assert server.asked == [
        {
            "model": "judge",
            "messages": [{"role": "user", "content": "question 0"}],
            "max_tokens": 1,
            "logprobs": True,
            "top_logprobs": 5,
        }
    ]
    assert server.keys == [f"Bearer {KEY}"]
    changed = [call(1), call(0, model="j"), call(0, template="u"), call(0, draw=1), call(0, service="openai"), call(0)]
    assert len({one.key, *(other.key for other in changed)}) == 7


@pytest.mark.parametrize(
    "fail",
    [
        pytest.param(refusal(429, "slow down", **{"Retry-After": "0.001"}), id="429-with-seconds"),
        pytest.param(refusal(429, "slow down", **{"retry-after-ms": "1"}), id="429-with-milliseconds"),
        pytest.param(refusal(429, "slow down"), id="429"),
        pytest.param(refusal(500, "oops"), id="500"),
        pytest.param(refusal(503, "busy"), id="503"),
        pytest.param(Reply({"choices": []}), id="no-choices"),
        pytest.param(Reply(b'{"choices": [{"message": {"content": NaN}}]}'), id="not-a-number"),
        pytest.param(Reply(b"<html>hello</html>"), id="no-json"),
        pytest.param(Reply(b"\xff\xfe"), id="no-text"),
        pytest.param(words("m", usage=USAGE), id="cut-off"),
    ],
)
def test_what_may_pass_is_tried_again_and_every_attempt_is_counted(serve: Serve, bench: Bench, fail: Reply) -> None:
    seen: Counter[str] = Counter()

    def reply(body: dict[str, Any], _: int) -> Reply:
        content = body["messages"][0]["content"]
        seen[content] += 1
        if seen[content] <= 2 and content in ("question 1", "question 3"):
            return Reply(fail.body, fail.status, fail.headers, cut=fail.body == words("m", usage=USAGE).body)
        return words("m", usage=USAGE)

    server = serve(reply)
    client = bench.client(server.url)
    said = client.ask(calls(5))
    assert texts(said) == ["m"] * 5
    assert [one.attempts for one in said if isinstance(one, Answer)] == [1, 3, 1, 3, 1]
    assert client.tally["answered"] == 5
    assert sum(client.tally.values()) == len(server.asked) == 9


def test_a_server_that_says_nothing_is_asked_again_after_the_time_out(serve: Serve, bench: Bench) -> None:
    def reply(body: dict[str, Any], number: int) -> Reply:
        if number == 0:
            server.stopping.wait(20)
        return words("m")

    server = serve(reply)
    client = bench.client(server.url, timeout=1.5, concurrency=1)
    assert texts(client.ask(calls(2))) == ["m", "m"]
    assert client.tally == {"found": 0, "hung": 1, "answered": 2}


def test_a_call_that_fails_as_often_as_it_may_is_kept_typed_and_asked_again_by_the_next_run(
    serve: Serve, bench: Bench
) -> None:
    broken = ["question 1"]

    def reply(body: dict[str, Any], _: int) -> Reply:
        content = body["messages"][0]["content"]
        return refusal(500, f"no luck with {KEY}") if content in broken else words("m")

    server = serve(reply)
    said = bench.client(server.url, concurrency=1).ask(calls(3))
    assert said[1] == Failure(kind="api", words="no luck with ***", attempts=4)
    assert texts(said)[::2] == ["m", "m"]
    broken.clear()
    assert texts(bench.client(server.url).ask(calls(3))) == ["m"] * 3
    assert asked(server) == {"question 0": 1, "question 1": 5, "question 2": 1}


@pytest.mark.parametrize(
    ("code", "kind", "why"),
    [
        ("content_filter", "refusal", "filtered"),
        ("context_length_exceeded", "api", "too long"),
        (None, "api", "invalid"),
    ],
    ids=["filter", "too-long", "no-clear-reason"],
)
def test_a_refusal_of_one_question_fails_that_one_alone_and_at_once(
    serve: Serve, bench: Bench, code: str | None, kind: Missing, why: Refusal
) -> None:
    def reply(body: dict[str, Any], _: int) -> Reply:
        if body["messages"][0]["content"] == "question 1":
            return Reply({"error": {"message": "not this", "type": "invalid_request_error", "code": code}}, 400)
        return words("m")

    server = serve(reply)
    said = bench.client(server.url).ask(calls(3))
    assert said[1] == Failure(kind=kind, words="not this", attempts=1, why=why)
    assert asked(server)["question 1"] == 1


@pytest.mark.parametrize(
    ("reply", "part"),
    [
        pytest.param(refusal(401, f"bad key {KEY}"), "refused the key (401): bad key ***; set ", id="401"),
        pytest.param(refusal(403, "not you"), "refused the key (403): not you", id="403"),
        pytest.param(refusal(404, "no such model"), "(404): no such model", id="404"),
        pytest.param(refusal(400, "no logprobs here"), "refused the request (400): no logprobs here", id="400"),
        pytest.param(
            Reply({"error": {"message": "pay first", "code": "insufficient_quota"}}, 429),
            "no quota left for this key: pay first",
            id="no-quota",
        ),
    ],
)
def test_what_waiting_cannot_mend_ends_the_run_with_the_servers_words(
    serve: Serve, bench: Bench, reply: Reply, part: str
) -> None:
    server = serve(lambda body, _: reply)
    with pytest.raises(EngineError) as told:
        bench.client(server.url, concurrency=2).ask(calls(50))
    assert part in str(told.value)
    assert KEY not in str(told.value)
    assert len(server.asked) <= 4  # those under way, and none after


def test_answers_under_way_when_a_run_ends_are_kept(serve: Serve, bench: Bench) -> None:
    refused = threading.Event()

    def reply(body: dict[str, Any], _: int) -> Reply:
        if body["messages"][0]["content"] == "question 1":
            refused.set()
            return refusal(401, "no longer")
        assert refused.wait(20)
        return words("m")

    server = serve(reply)
    with pytest.raises(EngineError, match="no longer"):
        bench.client(server.url, concurrency=2).ask(calls(9))
    with CallStore(bench.path) as store:
        assert call(0).key in store.answers(one.key for one in calls(9))


def test_a_server_that_never_answers_ends_the_run(serve: Serve, bench: Bench) -> None:
    server = serve(lambda body, _: refusal(500, "down"))
    with pytest.raises(EngineError, match=r"failed \(500\): down; .*run again later"):
        bench.client(server.url, concurrency=1).ask(calls(9))
    assert max(asked(server).values()) == 4


def test_a_server_that_stops_answering_ends_the_run(serve: Serve, bench: Bench) -> None:
    server = serve(lambda body, number: words("m") if number == 0 else refusal(500, "down"))
    with pytest.raises(EngineError, match=r"failed \(500\): down"):
        bench.client(server.url, concurrency=1, tries=1).ask(calls(100))
    assert len(server.asked) == 1 + GIVE_UP


def test_nobody_listening_is_told_at_once(bench: Bench) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        with pytest.raises(EngineError, match=r"cannot be reached .* and is base_url \(--base-url\) its address\?"):
            bench.client(url, pause=60).ask(calls(2))


def test_a_refused_burst_ends_at_what_the_server_takes(serve: Serve, bench: Bench) -> None:
    lock, under_way, most, refused = threading.Lock(), [0], [0], threading.Event()

    def reply(body: dict[str, Any], _: int) -> Reply:
        with lock:
            if under_way[0] == 4:
                refused.set()
                return refusal(429, "too many")
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
        assert refused.wait(20)  # the first four are under way until a fifth is refused
        with lock:
            under_way[0] -= 1
        return words("m")

    server = serve(reply)
    client = bench.client(server.url, concurrency=32)
    assert texts(client.ask(calls(40))) == ["m"] * 40
    assert most == [4]
    assert asked(server).total() == 40 + client.tally["refused (429)"]


def test_azure_is_asked_by_deployment_version_and_its_own_header(serve: Serve, bench: Bench) -> None:
    server = serve(lambda body, _: words("m"))
    endpoint = server.url.removesuffix("/v1")
    client = bench.client(endpoint, service="azure", api_version="2024-10-21")
    assert texts(client.ask([call(0, service="azure")])) == ["m"]
    assert server.paths == ["/openai/deployments/judge/chat/completions?api-version=2024-10-21"]
    with pytest.raises(EngineError, match="Azure needs --base-url"):
        bench.client(endpoint, service="azure").ask([call(1, service="azure")])


# Money ----------------------------------------------------------------------------------------------------------------


def test_a_run_stops_before_the_cap_and_a_later_one_goes_on(serve: Serve, bench: Bench) -> None:
    server = serve(lambda body, _: words("m", usage=USAGE))
    # An answer costs 1000 x 10 / 1e6 + 1 x 30 / 1e6 = 0.01003 dollars.
    budget = Budget(Price(input=10, output=30), 0.035)
    said = bench.client(server.url, budget, concurrency=1).ask(calls(9))
    assert [one is None for one in said] == [False] * 3 + [True] * 6
    assert budget.spent == pytest.approx(0.01003 * sum(one is not None for one in said))
    assert budget.held_back == sum(one is None for one in said) > 0
    more = Budget(Price(input=10, output=30), 10.0)
    assert texts(bench.client(server.url, more).ask(calls(9))) == ["m"] * 9
    assert max(asked(server).values()) == 1
    assert budget.spent + more.spent == pytest.approx(9 * 0.01003)


# The store ------------------------------------------------------------------------------------------------------------


def test_a_replay_asks_nobody_and_a_call_it_lacks_is_an_error(serve: Serve, bench: Bench) -> None:
    server = serve(lambda body, _: words("m"))
    recorded = bench.client(server.url).ask(calls(3))
    nowhere = "http://127.0.0.1:9/v1"
    before = bench.path.read_bytes()
    assert bench.client(nowhere, replay=True).ask(calls(3)) == recorded
    with pytest.raises(StoreError, match="no recorded answer to a call of judge"):
        bench.client(nowhere, replay=True).ask(calls(4))
    assert bench.path.read_bytes() == before


def test_a_replay_tells_the_failures_that_were_recorded(serve: Serve, bench: Bench) -> None:
    server = serve(lambda body, number: words("m") if number == 0 else refusal(500, "down"))
    recorded = bench.client(server.url, concurrency=1, tries=1).ask(calls(3))
    assert bench.client("http://127.0.0.1:9/v1", replay=True).ask(calls(3)) == recorded


def test_an_answer_that_could_not_be_read_is_asked_for_again_by_a_later_run_only(serve: Serve, bench: Bench) -> None:
    server = serve(lambda body, number: words("?" if number == 1 else "m"))

    def client() -> Client:
        endpoint = Endpoint(service="compatible", base_url=server.url, concurrency=1)

        def unread(answer: Answer) -> Missing | None:
            return "parse" if answer.choice["message"]["content"] == "?" else None

        bench.opened.append(Client(endpoint, CallStore(bench.path), Budget(), unread))
        return bench.opened[-1]

    assert texts(client().ask(calls(3))) == ["m", "?", "m"]
    assert texts(client().ask(calls(3))) == ["m", "m", "m"]
    assert asked(server) == {"question 0": 1, "question 1": 2, "question 2": 1}


def test_no_key_reaches_the_store_even_where_the_server_says_it_back(serve: Serve, bench: Bench) -> None:
    server = serve(lambda body, number: words(f"m {KEY}") if number else refusal(500, f"oops {KEY}"))
    bench.client(server.url).ask(calls(3))
    written = b"".join(path.read_bytes() for path in bench.path.parent.iterdir())
    assert b"question 2" in written
    assert KEY.encode() not in written


def test_half_a_surrogate_pair_is_kept_as_text_that_can_be_written(serve: Serve, bench: Bench) -> None:
    server = serve(lambda body, _: Reply(b'{"choices": [{"message": {"content": "a \\ud800 b"}}]}'))
    assert texts(bench.client(server.url).ask(calls(1))) == ["a ? b"]


def some(path: Path) -> Path:
    with CallStore(path) as store:
        for one in calls(100):
            store.put(one, Failure(kind="api", words="no " * 100, attempts=1))
    return path


@pytest.mark.parametrize(
    ("make", "part"),
    [
        pytest.param(lambda path: path.write_text("{}" * 999), "not a usable file of judge calls", id="no-database"),
        pytest.param(lambda path: path.mkdir(), "cannot be opened", id="a-folder"),
        pytest.param(
            lambda path: sqlite3.connect(path).executescript("CREATE TABLE a (b); PRAGMA application_id = 7"),
            "not a file of judge calls",
            id="another-programs",
        ),
        pytest.param(
            lambda path: (some(path), sqlite3.connect(path).executescript("PRAGMA user_version = 9")),
            "judge calls of version 9",
            id="a-later-version",
        ),
        pytest.param(
            lambda path: some(path).write_bytes(path.read_bytes()[:20000]),
            "not a usable file of judge calls",
            id="cut-short",
        ),
    ],
)
def test_a_file_that_is_no_store_is_told_and_left_as_it_is(
    tmp_path: Path, make: Callable[[Path], object], part: str
) -> None:
    path = tmp_path / "calls.sqlite"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(StoreError) as told:
        CallStore(path).answers(one.key for one in calls(100))
    assert str(told.value).startswith(f"{path}: ") and part in str(told.value)
    assert (path.read_bytes() if path.is_file() else None) == before


def test_a_missing_file_to_replay_is_told(tmp_path: Path) -> None:
    with pytest.raises(SrlmError, match="no such file to replay"):
        CallStore(tmp_path / "none.sqlite", replay=True)


FOUR_AT_ONCE = '{"concurrency": 4}'


def test_two_processes_share_a_store_and_ask_nothing_twice(serve: Serve, bench: Bench, start: Start) -> None:
    both = threading.Barrier(2, timeout=60)
    server = serve(lambda body, number: (both.wait() if number < 2 else None, words("m"))[1])
    working = [start("tests.forty_calls", server.url, str(bench.path), FOUR_AT_ONCE) for _ in range(2)]
    ended = [one.communicate() for one in working]
    assert [json.loads(out or repr(err)) for out, err in ended] == [["m"] * 40] * 2
    assert asked(server) == {f"question {n}": 1 for n in range(40)}


OPENS = """
import os, sys
from multiprocessing import Barrier
from pathlib import Path
from srlm.engines.openai.calls import CallStore
ready = Barrier(4)
for _ in range(2):
    os.fork()
for number in range(50):
    ready.wait(60)
    CallStore(Path(f"{number}.sqlite")).close()
os.write(1, b"opened all\\n")  # whole, though four write to one pipe
"""


def test_processes_may_make_one_store_at_the_same_moment(start: Start, tmp_path: Path) -> None:
    (tmp_path / "opens_fifty.py").write_text(OPENS)
    said, errors = start("opens_fifty", cwd=tmp_path).communicate()
    assert (said, errors) == ("opened all\n" * 4, "")
    for number in range(50):
        with CallStore(tmp_path / f"{number}.sqlite") as store:
            assert store.answers(["a"]) == {}


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=["kill-9", "ctrl-c", "sigterm"])
def test_a_stopped_run_has_kept_every_answer_that_arrived(
    serve: Serve, bench: Bench, start: Start, blow: signal.Signals
) -> None:
    wait = threading.Event()
    reached = threading.Semaphore(0)

    def reply(body: dict[str, Any], number: int) -> Reply:
        if 10 <= number < 14:
            reached.release()
            assert wait.wait(60)
        return words("m")

    server = serve(reply)
    work = start("tests.forty_calls", server.url, str(bench.path), FOUR_AT_ONCE)
    for _ in range(4):  # all four under way are held: ten answers have been sent
        assert reached.acquire(timeout=60)
    os.kill(work.pid, blow)
    if blow == signal.SIGKILL:
        work.wait()
    wait.set()
    work.communicate()
    assert work.returncode != 0
    with CallStore(bench.path) as store:
        kept = len(store.answers(one.key for one in calls(40)))
    # Killed: what was answered before. Ctrl-C, and SIGTERM with its handler: also the four that were under way.
    assert kept == (10 if blow == signal.SIGKILL else 14)
    client = bench.client(server.url)
    assert texts(client.ask(calls(40))) == ["m"] * 40
    assert client.tally == {"found": kept, "answered": 40 - kept}


def test_a_date_to_wait_for_is_understood() -> None:
    from srlm.engines.openai.window import retry_after

    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert 28 <= retry_after({"retry-after": soon}) <= 30
    assert retry_after({"retry-after": "7"}) == 7
    assert retry_after({"retry-after-ms": "1500", "retry-after": "7"}) == 1.5
    assert retry_after({"retry-after": "9999999"}) == 120
    assert [retry_after({"retry-after": text}) for text in ("", "soon", "nan", "-3", "inf")] == [0, 0, 0, 0, 0]


# One client for all ---------------------------------------------------------------------------------------------------


def test_answers_recorded_by_earlier_versions_are_found(tmp_path: Path) -> None:
    """The key and the line of an answer as srlm 0.1 wrote them before the store moved here."""
    assert call(0).key == "a74dca2841d7b7fe"
    with CallStore(tmp_path / "calls.sqlite") as store:
        line = {"choice": {"message": {"content": "m"}}, "prompt_tokens": 1, "completion_tokens": None}
        store._db.execute(
            "INSERT INTO calls VALUES (?, '{}', ?, NULL, '2026')",
            ("a74dca2841d7b7fe", json.dumps({**line, "seconds": 0.5, "attempts": 1})),
        )
        client = Client(Endpoint(service="compatible", base_url="http://127.0.0.1:9/v1"), store)
        assert texts(client.ask([call(0)])) == ["m"]
        client.close()


def test_one_client_asks_again_after_refusals_and_keeps_what_it_learnt(serve: Serve, bench: Bench) -> None:
    def reply(body: dict[str, Any], number: int) -> Reply:
        if number in (1, 5):
            return refusal(429, "slow down", **{"Retry-After": "0.001"})
        if "temperature" in body:
            error = {"message": "Unsupported parameter: 'temperature'", "code": "unsupported_parameter"}
            return Reply({"error": {**error, "param": "temperature"}}, 400)
        return words("m")

    server = serve(reply)
    client = bench.client(server.url, concurrency=1)
    assert texts(client.ask(calls(3))) == ["m"] * 3
    assert texts(client.ask(calls(6))) == ["m"] * 6  # in the same event loop
    assert client.tally == {"found": 3, "answered": 6, "refused (429)": 2, "parameter refused": 1}
    assert ["temperature" in body for body in server.asked] == [True, *[False] * 8]
    with CallStore(bench.path) as store:
        assert store.refused("judge") == {"temperature": "Unsupported parameter: 'temperature'"}
        assert store.refused("another") == {}
    assert texts(bench.client("http://127.0.0.1:9/v1", replay=True).ask(calls(6))) == ["m"] * 6  # keyed as wanted


def test_the_next_run_does_not_send_what_the_same_server_refused_before(
    serve: Serve, bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    def reply(body: dict[str, Any], _: int) -> Reply:
        if named := [name for name in ("max_tokens", "temperature") if name in body]:
            error = {"message": f"Unsupported parameter: '{named[0]}'", "code": "unsupported_parameter"}
            return Reply({"error": {**error, "param": named[0]}}, 400)
        return words("m")

    wanted = [call(n, settings={"temperature": 0.0, "max_tokens": 3}) for n in range(4)]
    server, other = serve(reply), serve(reply)
    first = bench.client(server.url, concurrency=1)
    assert texts(first.ask(wanted[:2])) == ["m"] * 2
    assert first.tally["parameter refused"] == 2
    caplog.clear()
    again = bench.client(server.url, concurrency=1)
    assert texts(again.ask(wanted)) == ["m"] * 4
    assert again.tally == {"found": 2, "answered": 2}
    assert [sorted(body) for body in server.asked[-2:]] == [["max_completion_tokens", "messages", "model"]] * 2
    assert "does not accept max_tokens, temperature, as an earlier run found" in caplog.text
    elsewhere = bench.client(other.url, concurrency=1)  # another server may take them
    elsewhere.ask([call(9, settings={"temperature": 0.0, "max_tokens": 3})])
    assert elsewhere.tally["parameter refused"] == 2


def test_what_one_model_refuses_another_of_the_same_server_may_take_and_it_is_said_once(
    serve: Serve, bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    def reply(body: dict[str, Any], _: int) -> Reply:
        if body["model"] == "thinks" and (named := [name for name in ("max_tokens", "temperature") if name in body]):
            error = {"message": f"Unsupported parameter: '{named[0]}' is not supported with this model."}
            return Reply({"error": {**error, "code": "unsupported_parameter", "param": named[0]}}, 400)
        return words("m")

    server = serve(reply)
    client = bench.client(server.url, concurrency=1)
    models = ("thinks", "plain", "thinks", "plain")
    assert texts(client.ask([call(n, model=model) for n, model in enumerate(models)])) == ["m"] * 4
    sent = [(body["model"], sorted({"max_tokens", "max_completion_tokens", "temperature"} & set(body)))
            for body in server.asked]  # fmt: skip
    assert sent == [
        ("thinks", ["max_tokens", "temperature"]),
        ("thinks", ["max_completion_tokens", "temperature"]),
        ("thinks", ["max_completion_tokens"]),
        ("plain", ["max_tokens", "temperature"]),
        ("thinks", ["max_completion_tokens"]),
        ("plain", ["max_tokens", "temperature"]),
    ]
    told = [record.getMessage() for record in caplog.records if "does not accept" in record.getMessage()]
    assert told == [
        f"thinks at {server.url}/: does not accept max_tokens; max_completion_tokens is sent instead",
        f"thinks at {server.url}/: does not accept temperature; it is left out: answers are sampled at the server's "
        "own temperature, not at the configured one",
    ]


def test_all_answers_of_a_request_for_several_are_kept(serve: Serve, bench: Bench) -> None:
    server = serve(lambda body, _: words(*["a", "b", "c"][: body["n"]]))
    several = call(0, settings={"max_tokens": 1, "n": 3})
    (said,) = bench.client(server.url).ask([several])
    (kept,) = bench.client("http://127.0.0.1:9/v1", replay=True).ask([several])
    assert kept == said
    assert isinstance(kept, Answer)
    assert [one["message"]["content"] for one in (kept.choice, *kept.more)] == ["a", "b", "c"]
