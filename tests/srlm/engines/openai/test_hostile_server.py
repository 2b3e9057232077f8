"""Every way in which a server does harm costs one answer, at most, and leaves no key behind."""

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from srlm.engines.base import Request
from srlm.engines.openai.calls import CallStore
from srlm.engines.openai.client import Client
from srlm.engines.openai.endpoint import Endpoint
from srlm.engines.openai.engine import OpenAIEngine, unread
from srlm.errors import EngineError
from srlm.records import Message
from srlm.settings import Sampling
from tests.canary import found_in, texts_below
from tests.hostile_server import ECHOES, MODES, SPELLINGS, Hostile, hostile

KEY = "sk-Canary_7Qx2-0aZ9"
HONEST = "Clear and correct.\nScore: 4"
SAMPLING = Sampling(temperature=0.7, max_new_tokens=64)
TIMEOUT = 0.4
LIMIT = 60.0
"""Seconds that one mode may take on a busy machine: 2 tries of TIMEOUT, and their pauses."""
WORK = 6.0
"""Seconds of computing that one mode may take, the server's own included."""


@pytest.fixture(scope="module")
def server() -> Iterator[Hostile]:
    with hostile() as made:
        yield made


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def engine(server: Hostile, store: Path, **settings: object) -> OpenAIEngine:
    given = {"concurrency": 1, "timeout": TIMEOUT, "tries": 2, "pause": 0.001, **settings}
    kept = CallStore(store)
    endpoint = Endpoint.model_validate({"service": "compatible", "base_url": server.url, **given})
    return OpenAIEngine(Client(endpoint, kept, unread=unread), "m", closed=kept.close)


def ask(words: str) -> Request:
    return Request(messages=(Message(role="user", content=words),))


def test_there_are_at_least_70_modes_that_are_no_spelling_of_the_key() -> None:
    assert len(MODES) - len(ECHOES) >= 70


@pytest.mark.parametrize("mode", MODES)
def test_a_mode_costs_that_answer_at_most_and_no_key_is_left(
    server: Hostile, tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: str
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.handler.setLevel(logging.DEBUG)
    for name in ("httpx2", "httpcore2", "openai"):  # theirs are off for good, see test_connection
        logging.getLogger(name).setLevel(logging.WARNING)
    asking = engine(server, tmp_path / "calls.sqlite")
    began, worked = time.monotonic(), time.process_time()
    try:
        first, one, last = asking.generate([ask("before"), ask(f"[[{mode}]]"), ask("behind")], SAMPLING, seed=1)
        words = str([one, first, last])
        assert (first[0].text, last[0].text) == (HONEST, HONEST)
        assert (one[0].refused is None) == (MODES[mode].fate == "read")
    except EngineError as error:  # it did not answer at all, and a later run goes on; or no other call will fare better
        words = str(error)
        assert {"lost": "does not answer", "ends": "refused the key"}[MODES[mode].fate] in words
    finally:
        asking.close()
    assert time.monotonic() - began < LIMIT
    assert time.process_time() - worked < WORK
    assert not server.stolen
    kept = list(texts_below(tmp_path))
    assert any("before" in text for _, text in kept)
    for place, text in [("said", words), ("logged", caplog.text), *kept]:
        assert not found_in(text, KEY), place
    assert not any("Traceback" in text for text in (words, caplog.text))


PROBED = (
    *("echo-plain", "no-object", "a-number", "nan", "nested-100000", "million-digits", "utf-16", "web-page", "silence"),
    *("endless-events", "status-204", "error-500-of-20-MiB", "error-400-in-parts", "trickle", "cut-in-the-body"),
    *("a-million-headers", "gzip-bomb", "redirect-to-another-server", "redirect-for-ever", "no-http", "cookies"),
)


@pytest.mark.parametrize("mode", PROBED)
def test_a_list_of_models_that_does_harm_hinders_nothing(
    server: Hostile, tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: str
) -> None:
    server.models = mode
    asking = engine(server, tmp_path / "calls.sqlite")
    try:
        ((drawn,),) = asking.generate([ask("x")], SAMPLING, seed=1)
    finally:
        asking.close()
        server.models = None
    assert drawn.text == HONEST
    assert not server.stolen
    for place, text in [("logged", caplog.text), *texts_below(tmp_path)]:
        assert not found_in(text, KEY), place


def test_a_key_that_is_refused_half_way_ends_the_run_and_what_was_answered_is_kept(tmp_path: Path) -> None:
    with hostile(pick=lambda words, number: None if number < 3 else "error-401") as server:
        asking = engine(server, tmp_path / "calls.sqlite")
        with pytest.raises(EngineError, match=r"refused the key \(401\): Who is \*\*\*") as caught:
            asking.generate([ask(f"{number}") for number in range(9)], SAMPLING, seed=1)
        asking.close()
    assert not found_in(str(caught.value), KEY)
    with CallStore(tmp_path / "calls.sqlite") as store:
        assert len(list(store.every("m"))) == 3


def test_a_key_that_an_earlier_version_recorded_is_not_handed_on(server: Hostile, tmp_path: Path) -> None:
    asking = engine(server, tmp_path / "calls.sqlite")
    asking.generate([ask("x")], SAMPLING, seed=1)
    asking.close()
    with closing(sqlite3.connect(tmp_path / "calls.sqlite")) as store:
        answer = "replace(answer, 'correct', ?)"
        store.execute(f"UPDATE calls SET answer = {answer}", (SPELLINGS["percent"](KEY),))
        store.commit()
    again = engine(server, tmp_path / "calls.sqlite")
    ((drawn,),) = again.generate([ask("x")], SAMPLING, seed=1)
    again.close()
    assert drawn.text.startswith("Clear and ") and drawn.text.endswith(".\nScore: 4")
    assert drawn.text != HONEST and not found_in(drawn.text, KEY)


def test_what_could_not_be_read_is_kept_as_far_as_there_is_room(server: Hostile, tmp_path: Path) -> None:
    asking = engine(server, tmp_path / "calls.sqlite")
    asking.generate([ask("before"), ask("[[web-page]]"), ask("[[long-web-page]]")], SAMPLING, seed=1)
    asking.close()
    kept = [text for place, text in texts_below(tmp_path) if place.endswith("calls") and '"raw"' in text]
    assert any('"raw":"<!doctype html><title>Welcome</title> ***"' in text for text in kept)
    assert 10_000 < max(map(len, kept)) < 20_000


def test_a_base_url_that_serves_a_web_page_is_told_as_such(server: Hostile, tmp_path: Path) -> None:
    asking = engine(server, tmp_path / "calls.sqlite")
    with pytest.raises(
        EngineError, match=r"m at http://.*/v1/: answered with a web page, and not with a chat"
    ) as caught:
        asking.generate([ask("[[web-page]]")], SAMPLING, seed=1)
    asking.close()
    assert str(caught.value).endswith("; does base_url end in /v1?")
