"""Calls in batches, against a real HTTP server that plays the batch API: its faults, kills, and what is paid for."""

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from srlm.engines.openai.batches import divided
from srlm.engines.openai.calls import Answer, CallStore, Failure
from srlm.engines.openai.client import Client
from srlm.engines.openai.cost import Budget, spent_on
from srlm.engines.openai.endpoint import Endpoint
from srlm.errors import EngineError
from srlm.settings import EngineSettings, Price
from tests.batch_server import BatchServer, serving_batches
from tests.forks.command import Start
from tests.forty_calls import call, calls

KEY = "sk-a-key-nobody-may-see"
USAGE = {"prompt_tokens": 1000, "completion_tokens": 1}
DOLLAR_A_CALL = Price(input=1000, output=0)


def completion(text: str, model: str = "judge-2026") -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    return {"id": "1", "object": "chat.completion", "model": model, "choices": [choice], "usage": USAGE}


def echo(body: dict[str, Any]) -> tuple[int, Any]:
    return 200, completion(body["messages"][0]["content"] + "!")


def texts(said: list[Any]) -> list[Any]:
    return [one.choice["message"]["content"] if isinstance(one, Answer) else one for one in said]


WANTED = [f"question {n}!" for n in range(40)]


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.fixture
def server() -> Iterator[BatchServer]:
    with serving_batches(echo) as made:
        yield made


class Bench:
    """A store and whoever asks through it."""

    def __init__(self, path: Path, url: str) -> None:
        self.path, self.url = path, url
        self.opened: list[Client] = []

    def client(self, budget: Budget | None = None, **settings: Any) -> Client:
        given = {"service": "compatible", "base_url": self.url, "timeout": 20.0, "pause": 0.001, "tries": 4}
        endpoint = Endpoint(**{**given, "batch_api": True, **settings})
        self.opened.append(Client(endpoint, CallStore(self.path), budget or Budget()))
        return self.opened[-1]

    def close(self) -> None:
        for client in self.opened:
            client.close()
            assert client.store is not None
            client.store.close()


@pytest.fixture
def bench(tmp_path: Path, server: BatchServer) -> Iterator[Bench]:
    made = Bench(tmp_path / "calls.sqlite", server.url)
    yield made
    made.close()


def test_all_calls_of_a_run_are_one_batch_and_are_never_asked_again(server: BatchServer, bench: Bench) -> None:
    said = bench.client().ask([*calls(5), call(2)])
    assert texts(said) == [*WANTED[:5], WANTED[2]]
    assert isinstance(said[0], Answer) and said[0].batch == "batch-0"
    assert texts(bench.client().ask(calls(6))) == WANTED[:6]
    assert Counter(server.paid) == {f"question {n}": 1 for n in range(6)}
    assert [len(server.files[one["input_file_id"]].splitlines()) for one in server.batches] == [5, 1]
    # A client that sends each call by itself finds them in the same file.
    assert bench.client(batch_api=False).ask(calls(6))[:5] == said[:5]
    assert "POST /v1/chat/completions" not in server.requests


def test_a_key_is_in_no_file(server: BatchServer, bench: Bench) -> None:
    server.answer = lambda body: (200, completion(f"your key is {KEY}"))
    said = bench.client().ask(calls(2))
    bench.close()
    assert KEY not in str(texts(said))
    assert not [p for p in bench.path.parent.iterdir() if p.is_file() and KEY.encode() in p.read_bytes()]
    assert KEY.encode() not in server.files["file-0"]


def test_a_server_without_the_api_is_told(server: BatchServer, bench: Bench) -> None:
    server.there = False
    with pytest.raises(EngineError, match=r"has no batch API.*\(404\); set batch_api: false"):
        bench.client().ask(calls(3))
    assert server.paid == []
    # Nothing was submitted, so each call may now be sent by itself.
    assert texts(bench.client(batch_api=False).ask(calls(3))) == WANTED[:3]


def test_calls_that_failed_for_a_while_go_into_a_next_batch(server: BatchServer, bench: Bench) -> None:
    seen = Counter[str]()

    def reply(body: dict[str, Any]) -> tuple[int, Any]:
        text = body["messages"][0]["content"]
        seen[text] += 1
        busy = text in ("question 1", "question 3") and seen[text] == 1
        return (500, {"error": {"message": "overloaded"}}) if busy else echo(body)

    server.answer = reply
    assert texts(bench.client().ask(calls(5))) == WANTED[:5]
    assert [len(server.files[one["input_file_id"]].splitlines()) for one in server.batches] == [5, 2]


def test_a_refused_call_costs_that_call_alone(server: BatchServer, bench: Bench) -> None:
    filtered = {"error": {"message": "flagged", "code": "content_filter"}}
    server.answer = lambda body: (400, filtered) if body["messages"][0]["content"] == "question 1" else echo(body)
    said = bench.client().ask(calls(3))
    assert isinstance(said[1], Failure) and (said[1].kind, said[1].why) == ("refusal", "filtered")
    assert texts([said[0], said[2]]) == [WANTED[0], WANTED[2]]
    assert len(server.batches) == 1


def test_a_parameter_that_the_server_refuses_is_left_out_of_the_next_batch(server: BatchServer, bench: Bench) -> None:
    words = {"message": "Unsupported parameter", "param": "temperature", "code": "unsupported_parameter"}
    server.answer = lambda body: (400, {"error": words}) if "temperature" in body else echo(body)
    assert texts(bench.client().ask(calls(4))) == WANTED[:4]
    assert [len(server.files[one["input_file_id"]].splitlines()) for one in server.batches] == [4, 4]


@pytest.mark.parametrize("status", ["expired", "cancelled", "completed"])
def test_what_a_batch_left_unanswered_is_asked_again_and_the_rest_is_not(
    server: BatchServer, bench: Bench, status: str
) -> None:
    def ended(batch: dict[str, Any], output: list[bytes], errors: list[bytes]) -> None:
        if batch["id"] == "batch-0":
            batch["status"] = status
            lost = json.loads(output.pop())
            del output[2:]
            error = {"code": f"batch_{status}", "message": "not executed in time"}
            errors.append(json.dumps({**lost, "response": None, "error": error}).encode())

    server.ended = ended
    assert texts(bench.client().ask(calls(6))) == WANTED[:6]
    second = [
        json.loads(line)["body"]["messages"][0]["content"]
        for line in server.files[server.batches[1]["input_file_id"]].splitlines()
    ]
    assert sorted(second) == [f"question {n}" for n in (2, 3, 4, 5)]
    assert len(server.batches) == 2


def test_lines_of_a_hostile_file_harm_no_call(server: BatchServer, bench: Bench) -> None:
    def ended(batch: dict[str, Any], output: list[bytes], errors: list[bytes]) -> None:
        if batch["id"] != "batch-0":
            return
        zero, one = json.loads(output[0]), json.loads(output[1])
        twice = {**zero, "response": {"status_code": 200, "body": completion("another answer")}}
        other = {**one, "response": {"status_code": 200, "body": completion("wrong", model="cheap")}}
        alien = {**zero, "custom_id": "nobody's"}
        output[:] = [
            b"{", b"[]", b"\xff\xfe", b'{"custom_id": 7}', b'{"custom_id": "' + b"x" * (17 << 20) + b'"}',
            b'{"custom_id": ' + b"[" * 9999 + b"]" * 9999 + b"}", json.dumps(alien).encode(), output[0],
            json.dumps(twice).encode(), json.dumps(other).encode(), *output[2:],
        ]  # fmt: skip

    server.ended = ended
    said = bench.client().ask(calls(4))
    # "cheap" is the first other name that this server says, so it may be its own name for the model.
    assert texts(said) == [WANTED[0], "wrong", WANTED[2], WANTED[3]]
    assert len(server.batches) == 1


def test_lines_of_a_second_other_model_are_not_taken(server: BatchServer, bench: Bench) -> None:
    def ended(batch: dict[str, Any], output: list[bytes], errors: list[bytes]) -> None:
        for index, model in enumerate(("alias", "alias", "cheap") if batch["id"] == "batch-0" else ()):
            line = json.loads(output[index])
            line["response"]["body"]["model"] = model
            output[index] = json.dumps(line).encode()

    server.ended = ended
    assert texts(bench.client().ask(calls(3))) == WANTED[:3]
    assert len(server.batches) == 2 and len(server.files[server.batches[1]["input_file_id"]].splitlines()) == 1


def test_a_batch_that_is_refused_as_a_whole_ends_the_run_with_the_servers_words(
    server: BatchServer, bench: Bench
) -> None:
    def ended(batch: dict[str, Any], output: list[bytes], errors: list[bytes]) -> None:
        if batch["id"] == "batch-0":
            output.clear()
            batch |= {"status": "failed", "errors": {"data": [{"code": "x", "message": "enqueued token limit"}]}}

    server.ended = ended
    with pytest.raises(EngineError, match="refused batch batch-0: enqueued token limit"):
        bench.client().ask(calls(3))
    assert texts(bench.client().ask(calls(3))) == WANTED[:3]


def test_a_batch_whose_acknowledgement_was_lost_is_found_in_the_list(server: BatchServer, bench: Bench) -> None:
    lost: list[str] = []

    def lose(what: str) -> bool:
        if what == "POST /v1/batches" and not lost:
            lost.append(what)
            # The list has several pages, and batches of others in front of ours.
            server.batches += [{"id": f"other-{n}", "created_at": 4_000_000_000, "status": "x"} for n in range(5)]
            return True
        return False

    server.lose = lose
    assert texts(bench.client().ask(calls(3))) == WANTED[:3]
    assert server.requests.count("POST /v1/batches") == 1 and Counter(server.paid).most_common(1)[0][1] == 1


def test_answers_cost_half_and_a_cap_holds_before_anything_is_submitted(server: BatchServer, bench: Bench) -> None:
    # 1,000 tokens at 1,000 dollars a million: a dollar a call by itself, half in a batch.
    budget = Budget(DOLLAR_A_CALL)
    bench.client(budget).ask(calls(4))
    assert budget.spent == 2.0
    assert bench.client().store is not None
    with CallStore(bench.path) as store:
        assert spent_on(store, "judge", DOLLAR_A_CALL) == 2.0
    none = Budget(DOLLAR_A_CALL, most=0.0001)
    assert bench.client(none).ask([call(7), call(8)]) == [None, None]
    assert (len(server.batches), none.held_back, none.spent) == (1, 2, 0.0)


def test_a_batch_holds_no_more_calls_than_the_cap_has_room_for(server: BatchServer, bench: Bench) -> None:
    server.answer = lambda body: (200, {**completion("m"), "usage": {"prompt_tokens": 4, "completion_tokens": 1}})
    # "question N": 10 bytes, at most 4 tokens at 2.5 bytes each: half of .004 dollars a call at the batch price.
    budget = Budget(DOLLAR_A_CALL, most=0.0071)
    said = bench.client(budget).ask(calls(5))
    assert texts(said) == ["m", "m", "m", None, None]
    assert [len(server.files[one["input_file_id"]].splitlines()) for one in server.batches] == [3]
    assert budget.spent == pytest.approx(0.006)


def test_calls_are_divided_at_the_limits_of_the_api() -> None:
    assert list(divided([1] * 5, requests=2, room=100)) == [range(0, 2), range(2, 4), range(4, 5)]
    assert list(divided([60, 30, 20, 500, 1], requests=9, room=100)) == [
        range(0, 2), range(2, 3), range(3, 4), range(4, 5),
    ]  # fmt: skip
    assert list(divided([])) == []


def test_two_models_are_two_batches(server: BatchServer, bench: Bench) -> None:
    server.answer = lambda body: (200, completion("m", model=body["model"]))
    assert texts(bench.client().ask([call(0), call(1, model="other"), call(2)])) == ["m"] * 3
    assert sorted(len(server.files[one["input_file_id"]].splitlines()) for one in server.batches) == [1, 2]


def test_the_run_file_and_the_environment_switch_it_on(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not Endpoint.of(EngineSettings()).batch_api and not Endpoint.at(None).batch_api
    assert Endpoint.of(EngineSettings(batch_api=True)).batch_api
    monkeypatch.setenv("SRLM_BATCH_API", "1")
    assert Endpoint.of(EngineSettings()).batch_api and Endpoint.at("http://127.0.0.1:1/v1").batch_api


@pytest.mark.parametrize(
    "moment",
    [
        "GET /v1/models", "POST /v1/files", "POST /v1/batches", "GET /v1/batches/batch-0",
        "GET /v1/files/output_file_id-batch-0/content",
    ],
)  # fmt: skip
def test_a_process_killed_at_any_request_pays_for_nothing_twice(
    server: BatchServer, bench: Bench, start: Start, moment: str
) -> None:
    works: list[Any] = []
    killed: list[str] = []

    def before(what: str) -> None:
        # The server has done what it was asked; its answer finds nobody.
        if what == moment and not killed:
            killed.append(what)
            os.kill(works[0].pid, signal.SIGKILL)
            works[0].wait()

    server.before = before
    with server.lock:
        works.append(start("tests.forty_calls", server.url, str(bench.path), '{"batch_api": true, "pause": 0.001}'))
    works[0].communicate()
    assert (killed, works[0].returncode) == ([moment], -signal.SIGKILL)
    assert texts(bench.client().ask(calls(40))) == WANTED
    assert Counter(server.paid) == {f"question {n}": 1 for n in range(40)}
    assert len(server.batches) == 1
    assert texts(bench.client().ask(calls(40))) == WANTED
    with CallStore(bench.path) as store:
        assert store.submitted(server.url, [f"{one.key}@x" for one in calls(40)]) == []
