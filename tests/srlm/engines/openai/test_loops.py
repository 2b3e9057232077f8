"""One client, many runs: after a 429, from several threads, inside other event loops, and after it was closed."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from srlm.engines.openai.calls import Answer, Call, CallStore
from srlm.engines.openai.client import Client
from srlm.engines.openai.endpoint import Endpoint
from srlm.errors import EngineError
from tests.chat_server import Reply, Serve, refusal, words


def calls(numbers: range, run: str = "") -> list[Call]:
    return [
        Call(
            service="compatible", model="judge", messages=({"role": "user", "content": f"question {n}{run}"},),
            settings={"max_tokens": 1}, template="t",
        )
        for n in numbers
    ]  # fmt: skip


def first_refused() -> Callable[[dict[str, Any], int], Reply]:
    """A server that refuses each question once (429), and then answers it."""
    seen, lock = Counter[str](), threading.Lock()

    def reply(body: dict[str, Any], _: int) -> Reply:
        content = body["messages"][0]["content"]
        with lock:
            seen[content] += 1
            number = seen[content]
        return words(content) if number > 1 else refusal(429, "slow down", **{"Retry-After": "0.001"})

    return reply


Open = Callable[..., Client]


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Open]:
    opened: list[Client] = []
    stores: list[CallStore] = []

    def start(url: str, **settings: Any) -> Client:
        given = {"service": "compatible", "base_url": url, "timeout": 20.0, "pause": 0.001, **settings}
        stores.append(CallStore(tmp_path / "calls.sqlite"))
        opened.append(Client(Endpoint(**given), stores[-1]))
        return opened[-1]

    yield start
    for one in opened:
        one.close()
    for store in stores:
        store.close()


def texts(said: list[Any]) -> list[str]:
    return [one.choice["message"]["content"] for one in said if isinstance(one, Answer)]


def test_a_client_is_asked_again_and_again_after_refusals(serve: Serve, client: Open) -> None:
    asked = client(serve(first_refused()).url, concurrency=4)
    for run in range(4):
        assert texts(asked.ask(calls(range(9), f" of {run}"))) == [f"question {n} of {run}" for n in range(9)]
    assert asked.tally["answered"] == asked.tally["refused (429)"] == 36


def test_a_client_serves_code_that_runs_an_event_loop_itself_several_times(serve: Serve, client: Open) -> None:
    asked = client(serve(first_refused()).url, concurrency=4)

    async def within(run: int) -> list[str]:
        return texts(asked.ask(calls(range(9), f" of {run}")))

    for run in range(3):
        assert asyncio.run(within(run)) == [f"question {n} of {run}" for n in range(9)]


def test_several_threads_ask_one_client_at_once(serve: Serve, client: Open) -> None:
    server = serve(first_refused())
    asked = client(server.url, concurrency=4)
    ready = threading.Barrier(4, timeout=20)

    def run(number: int) -> list[str]:
        ready.wait()
        return texts(asked.ask(calls(range(20), f" of {number // 2}")))  # two and two ask the same

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(run, range(4)))
    assert found == [[f"question {n} of {number // 2}" for n in range(20)] for number in range(4)]
    assert set(Counter(body["messages"][0]["content"] for body in server.asked).values()) == {2}  # one 429, one answer


def test_two_clients_with_a_store_each_of_one_file_ask_nothing_twice(serve: Serve, client: Open) -> None:
    server = serve(first_refused())
    both = [client(server.url, concurrency=4) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda one: texts(one.ask(calls(range(40)))), both))
    assert found == [[f"question {n}" for n in range(40)]] * 2
    assert set(Counter(body["messages"][0]["content"] for body in server.asked).values()) == {2}
    assert sum(one.tally["answered"] for one in both) == 40


def test_closing_one_store_leaves_the_claims_of_another_on_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    first, second, third = (CallStore(path) for _ in range(3))
    key = calls(range(1))[0].key
    assert first.claim(key) and not second.claim(key)
    second.close()
    assert not third.claim(key)
    first.release(key)
    assert third.claim(key)
    first.close()
    third.close()


def test_a_closed_client_opens_again(serve: Serve, client: Open) -> None:
    asked = client(serve(first_refused()).url, concurrency=2)
    for run in range(2):
        assert len(texts(asked.ask(calls(range(5), f" of {run}")))) == 5
        asked.close()
        asked.close()


def test_a_run_that_ends_with_an_error_leaves_the_client_usable_for_another_thread(serve: Serve, client: Open) -> None:
    locked = [True]
    server = serve(lambda body, _: refusal(401, "not yet") if locked else words("m"))
    asked = client(server.url)
    for _ in range(2):
        with pytest.raises(EngineError, match="not yet"):
            asked.ask(calls(range(9)))
    locked.clear()
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: texts(asked.ask(calls(range(9))))).result() == ["m"] * 9


def test_closing_leaves_no_thread_behind(serve: Serve, client: Open) -> None:
    asked = client(serve(lambda body, _: words("m")).url)
    asked.ask(calls(range(3)))
    assert "openai client" in [thread.name for thread in threading.enumerate()]
    asked.close()
    assert "openai client" not in [thread.name for thread in threading.enumerate()]
