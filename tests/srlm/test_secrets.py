"""Keys are found in every spelling, and nothing else is taken for one."""

import json
import time
from typing import Any

import pytest

from srlm.errors import EngineError, first_line
from srlm.secrets import Secrets
from srlm.secrets_in_json import hidden_in
from tests.hostile_server import SPELLINGS

KEY = "sk-Canary_7Qx2-0aZ9"


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_key_is_hidden_in_every_spelling_and_what_is_around_it_stays(name: str) -> None:
    hidden = Secrets([KEY]).hidden(f"before: {SPELLINGS[name](KEY)} :behind")
    assert hidden.startswith("before: ") and hidden.endswith(" :behind")
    assert "***" in hidden


@pytest.mark.parametrize(
    ("key", "text", "hidden"),
    [
        pytest.param("x", "x marks the spot", "x marks the spot", id="a-letter"),
        pytest.param("EMPTY", "An EMPTY answer.", "An EMPTY answer.", id="a-stand-in"),
        pytest.param("none", "none of them", "none of them", id="another"),
        pytest.param("no-key-required", "no key required", "no key required", id="one-of-words"),
        pytest.param("hunter2", "my hunter2, hunter22", "my ***, hunter22", id="short-as-a-word"),
        pytest.param("pass-1", "pass-1 and pass 1", "*** and pass 1", id="short-and-as-it-is"),
        pytest.param("1234", "1234 is 2 x 617", "1234 is 2 x 617", id="a-number"),
        pytest.param("secret", "a secret", "a secret", id="a-word"),
        pytest.param("-----", "-----", "-----", id="a-rule"),
        pytest.param("", "nothing", "nothing", id="empty"),
        pytest.param("abcd1234", "ABCD-1234 and xabcd1234x", "*** and x***x", id="eight-anywhere"),
        pytest.param(KEY, f"\\\\u0041 100% & {KEY}", "\\\\u0041 100% & ***", id="other-escapes-stay"),
    ],
)
def test_short_keys_and_stand_ins(key: str, text: str, hidden: str) -> None:
    assert Secrets([key]).hidden(text) == hidden


def test_a_key_that_only_texts_together_hold_is_hidden_in_each() -> None:
    value: Any = {"content": [{"type": "text", "text": text} for text in ("I say ", KEY[:5], KEY[5:], " bye")]}
    found = hidden_in(value, Secrets([KEY]))
    assert [part["text"] for part in found["content"]] == ["I say ", "***", "***", " bye"]


def test_codes_names_and_json_within_json_are_looked_at() -> None:
    value: Any = {
        "bytes": list(f"a{KEY}".encode()), KEY: 1, "arguments": json.dumps({"one": KEY[:9], "two": KEY[9:]}), "n": 7,
    }  # fmt: skip
    found = hidden_in(value, Secrets([KEY]))
    assert found["bytes"] == [97, *[42] * len(KEY)]
    assert found["***"] == 1 and found["n"] == 7
    assert found["arguments"] == '{"one": "***", "two": "***"}'


def test_a_value_without_a_secret_is_left_as_it_is() -> None:
    value = {"a": ["Score: 4", 42, None, {"b": "caf\u00e9 %20 \\u0041"}], "c": 1.5}
    before = json.dumps(value)
    assert json.dumps(hidden_in(value, Secrets([KEY, "EMPTY"]))) == before


@pytest.mark.parametrize("text", ["\\" * 10**6, "%25" * 300_000, "&#0" * 300_000, "sk " * 300_000, "\u0301" * 10**6])
def test_looking_takes_time_in_proportion_to_the_text(text: str) -> None:
    began = time.process_time()
    Secrets([KEY]).hidden(text + SPELLINGS["percent"](KEY))
    assert time.process_time() - began < 20  # the quadratic way would take hours


def test_an_error_shows_no_key_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("HTTPS_PROXY", "http://me:Proxy_Word_1@proxy.example:3128")
    assert str(EngineError(f"no {KEY}, no Proxy_Word_1")) == "no ***, no ***"
    assert first_line(ValueError(f"no {KEY}\nmore")) == "no ***"
