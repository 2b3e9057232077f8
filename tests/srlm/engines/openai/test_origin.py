"""Whose answer an answer is: the server's address and the weights behind the name are part of the store's key."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from srlm.engines.openai.calls import APPLICATION, Answer, Call, CallStore
from srlm.engines.openai.client import Client
from srlm.engines.openai.endpoint import OFFICIAL, Endpoint
from srlm.engines.openai.origin import Origin, served_model
from srlm.errors import StoreError
from tests.chat_server import Serve, words

Open = Callable[..., Client]
NOWHERE = "http://127.0.0.1:9/v1"


def call(number: int = 0) -> Call:
    return Call(
        service="compatible", model="judge", messages=({"role": "user", "content": f"question {number}"},),
        settings={"max_tokens": 1, "temperature": 1}, template="t",
    )  # fmt: skip


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Open]:
    opened: list[Client] = []
    stores: list[CallStore] = []

    def start(url: str | None, replay: bool = False, **settings: Any) -> Client:
        given = {"service": "compatible" if url else "openai", "base_url": url, "pause": 0.001, "tries": 2, **settings}
        stores.append(CallStore(tmp_path / "calls.sqlite", replay))
        opened.append(Client(Endpoint(**given), stores[-1]))
        return opened[-1]

    yield start
    for one in opened:
        one.close()
    for store in stores:
        store.close()


def text(said: list[Any]) -> list[Any]:
    return [one.choice["message"]["content"] if isinstance(one, Answer) else one for one in said]


def test_another_address_is_asked_itself_and_the_first_ones_answers_stay(serve: Serve, client: Open) -> None:
    one, other = serve(lambda body, _: words("A")), serve(lambda body, _: words("B"))
    assert text(client(one.url).ask([call()])) == ["A"]
    assert text(client(other.url).ask([call()])) == ["B"]
    assert text(client(one.url).ask([call()])) == ["A"]
    assert text(client(one.url + "/").ask([call()])) == ["A"]  # the same address in another spelling
    assert (len(one.asked), len(other.asked)) == (1, 1)


def test_other_weights_behind_the_same_name_are_asked_again(serve: Serve, client: Open) -> None:
    server = serve(lambda body, number: words(f"answer {number}"))
    server.models = [{"id": "judge", "object": "model", "root": "org/first", "created": 1}]
    assert text(client(server.url).ask([call()])) == ["answer 0"]
    server.models = [{"id": "judge", "object": "model", "root": "org/first", "created": 2}]  # started again
    assert text(client(server.url).ask([call()])) == ["answer 0"]
    server.models = [{"id": "judge", "object": "model", "root": "org/second", "created": 3}]
    assert text(client(server.url).ask([call()])) == ["answer 1"]
    server.models = [{"id": "judge", "object": "model", "root": "org/first", "created": 4}]
    assert text(client(server.url).ask([call()])) == ["answer 0"]


def test_a_server_that_tells_its_weights_only_later_is_not_paid_again(serve: Serve, client: Open) -> None:
    server = serve(lambda body, number: words(f"answer {number}"))
    assert text(client(server.url).ask([call()])) == ["answer 0"]
    server.models = [{"id": "judge", "root": "org/first"}]
    assert text(client(server.url).ask([call()])) == ["answer 0"]


def test_what_was_answered_is_found_when_the_server_is_gone(serve: Serve, client: Open) -> None:
    server = serve(lambda body, number: words(f"answer {number}"))
    server.models = [{"id": "judge", "root": "org/first"}]
    assert text(client(server.url).ask([call()])) == ["answer 0"]
    server.models = None  # 503 from now on
    assert text(client(server.url).ask([call()])) == ["answer 0"]
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [401, 403, 429, 503])
def test_a_list_that_cannot_be_had_this_time_does_not_make_it_another_model(
    serve: Serve, client: Open, status: int
) -> None:
    server = serve(lambda body, number: words(f"answer {number}"))
    server.models = [{"id": "judge", "root": "org/first"}]
    assert text(client(server.url).ask([call()])) == ["answer 0"]
    server.models, server.no_models = None, status
    assert text(client(server.url).ask([call(), call(1)])) == ["answer 0", "answer 1"]
    server.models = [{"id": "judge", "root": "org/first"}]
    assert text(client(server.url).ask([call(1)])) == ["answer 1"]
    assert len(server.asked) == 2


def test_a_replay_needs_no_address_but_must_not_choose_between_two(serve: Serve, client: Open) -> None:
    one, other = serve(lambda body, _: words("A")), serve(lambda body, _: words("B"))
    client(one.url).ask([call()])
    assert text(client(NOWHERE, replay=True).ask([call()])) == ["A"]
    client(other.url).ask([call()])
    with pytest.raises(StoreError) as told:
        client(NOWHERE, replay=True).ask([call()])
    assert "answered by 2 servers" in str(told.value) and one.url in str(told.value) and other.url in str(told.value)
    assert text(client(one.url, replay=True).ask([call()])) == ["A"]


def test_a_replay_of_one_server_with_two_models_by_turns_takes_the_last(serve: Serve, client: Open) -> None:
    server = serve(lambda body, number: words(f"answer {number}"))
    for weights in ("org/first", "org/second"):
        server.models = [{"id": "judge", "root": weights}]
        client(server.url).ask([call()])
    assert text(client(NOWHERE, replay=True).ask([call()])) == ["answer 1"]
    assert text(client(server.url, replay=True).ask([call()])) == ["answer 1"]


def test_openai_base_url_is_where_it_is_asked_and_kept(
    serve: Serve, client: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(lambda body, _: words("A"))
    assert (Endpoint().address, Endpoint().official, Endpoint().noted) == (OFFICIAL, True, None)
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    endpoint = Endpoint()
    assert (endpoint.address, endpoint.official, endpoint.noted) == (server.url, False, server.url)
    assert (endpoint.provider, endpoint.limit) == ("compatible", "max_tokens")
    assert text(client(None).ask([call()])) == ["A"]  # on this machine: no key is needed
    monkeypatch.setenv("OPENAI_BASE_URL", serve(lambda body, _: words("B")).url)
    assert text(client(None).ask([call()])) == ["B"]


@pytest.mark.parametrize(
    ("url", "official"),
    [
        ("https://api.openai.com/v1", True),
        ("https://API.openai.com:443/v1/", True),
        ("http://api.openai.com/v1", False),
        ("https://api.openai.com.example.org/v1", False),
        ("https://example.org/api.openai.com/v1", False),
        ("https://eu.api.openai.com/v1", False),
    ],
)
def test_only_openais_own_address_is_official(url: str, official: bool) -> None:
    assert Endpoint(service="compatible", base_url=url).official is official


# Files of earlier versions --------------------------------------------------------------------------------------------

OLD_TABLE = (
    "CREATE TABLE calls (key TEXT PRIMARY KEY, request TEXT NOT NULL, answer TEXT, failure TEXT, "
    "changed TEXT NOT NULL) WITHOUT ROWID"
)


def old_store(path: Path, number: int) -> bytes:
    """A file as the version before this one wrote it: no origins, keys of the request alone."""
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(OLD_TABLE)
        db.execute(f"PRAGMA application_id = {APPLICATION}")
        db.execute("PRAGMA user_version = 1")
        for n in range(number):
            answer = {"choice": {"message": {"content": f"old {n}"}}, "prompt_tokens": 7, "completion_tokens": 1}
            line = json.dumps({**answer, "seconds": 0.5, "attempts": 1})
            db.execute(
                "INSERT INTO calls VALUES (?, ?, ?, NULL, '2026-01-01')", (call(n).key, call(n).model_dump_json(), line)
            )
    db.close()
    return path.read_bytes()


def test_answers_without_an_origin_belong_to_who_asks_first_and_to_nobody_else(
    serve: Serve, client: Open, tmp_path: Path
) -> None:
    old_store(tmp_path / "calls.sqlite", 3)
    one, other = serve(lambda body, _: words("A")), serve(lambda body, _: words("B"))
    one.models = [{"id": "judge", "root": "org/first"}]
    assert text(client(one.url).ask([call(n) for n in range(2)])) == ["old 0", "old 1"]
    assert text(client(other.url).ask([call(n) for n in range(3)])) == ["B"] * 3
    assert text(client(one.url).ask([call(n) for n in range(4)])) == ["old 0", "old 1", "old 2", "A"]
    assert (len(one.asked), len(other.asked)) == (1, 3)


def test_an_old_file_is_replayed_and_left_as_it_is(client: Open, tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    before = old_store(path, 3)
    assert text(client(NOWHERE, replay=True).ask([call(n) for n in range(3)])) == ["old 0", "old 1", "old 2"]
    assert path.read_bytes() == before


def test_no_row_of_an_old_file_is_lost_or_changed(serve: Serve, client: Open, tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    old_store(path, 3)
    rows = "SELECT * FROM calls WHERE key NOT LIKE '%@%' ORDER BY key"
    with sqlite3.connect(path) as db:
        before = db.execute(rows).fetchall()
    db.close()
    client(serve(lambda body, _: words("A")).url).ask([call(n) for n in range(9)])
    with sqlite3.connect(path) as db:
        assert db.execute(rows).fetchall() == before
        assert db.execute("SELECT count(*) FROM calls").fetchone() == (3 + 6,)
    db.close()


def test_an_address_holds_no_secret_in_any_file() -> None:
    secret = Endpoint(service="compatible", base_url="https://me:pass-word@Host.example:443/v1/?key=hidden")
    assert secret.address == secret.noted == "https://host.example/v1"
    assert "pass-word" not in Origin(address=secret.address).model_dump_json()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"data": [{"id": "judge", "root": "a/b"}]}, True),
        ({"data": [{"id": "judge", "meta": {"n_params": 8, "size": 3}}]}, True),  # llama.cpp
        ({"data": [{"id": "judge", "root": "judge", "created": 3, "owned_by": "me"}]}, False),
        ({"data": [{"id": "other", "root": "a/b"}]}, False),
        ({"data": "no list"}, False),
        ([], False),
        (None, False),
        ({"data": [None, 3, {"id": 3}]}, False),
    ],
)
def test_what_a_list_of_models_tells_of_the_weights(body: Any, told: bool) -> None:
    assert (served_model(body, "judge").weights is not None) is told
