"""Keys and passwords are no settings that are written."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from srlm.addresses import expanded, secrets_in, without_secrets, written_secret
from srlm.engines.openai.endpoint import Endpoint
from srlm.errors import EngineError, SettingsError
from srlm.run_file import load
from srlm.settings import EngineSettings
from srlm.store.folder import RunFolder, recorded

PASSWORD = "Canary_7Qx2-0aZ9"


@pytest.mark.parametrize(
    ("setting", "part"),
    [
        pytest.param(
            f"judge.engine.base_url=http://me:{PASSWORD}@h/v1", "judge.engine.base_url contains a name", id="login"
        ),
        pytest.param(f"judge.engine.base_url=http://{PASSWORD}@h/v1", "contains a name or a password", id="user-alone"),
        pytest.param(
            f"evaluation.base_url=http://h/v1?api_key={PASSWORD}", "contains a value of `api_key`", id="query"
        ),
        pytest.param(f"prompts.engine.base_url=http://h/v1?a=1&x={PASSWORD}", "a value of `a`", id="any-query"),
        pytest.param(
            f"model.base=https://me:{PASSWORD}@hub.example/model", "model.base contains a name", id="elsewhere"
        ),
        pytest.param(
            f"judge.engine.api_key_env=sk-{PASSWORD}", "must be the name of an environment variable", id="key"
        ),
        pytest.param("judge.engine.api_key_env=hf_abcdef0123456789xyz", "must be the name of", id="key-like-a-name"),
        pytest.param(f"launch.command=[env, WANDB={PASSWORD}, run]", "the environment variable MY_TOKEN", id="known"),
    ],
)
def test_a_secret_in_a_run_file_is_refused_and_not_shown(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, setting: str, part: str
) -> None:
    monkeypatch.setenv("MY_TOKEN", PASSWORD)
    with pytest.raises(SettingsError) as caught:
        load(tiny, [setting])
    assert part in str(caught.value)
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8000/v1", "https://h/v1?api-version=2024-10-21", "https://${A}:${B}@h/v1?key=${C}", "${URL}"],
)
def test_an_address_without_a_literal_secret_is_kept_as_it_is(tiny: Path, url: str) -> None:
    settings = load(tiny, [f"evaluation.base_url={url}"])
    assert settings.model_dump(mode="json")["evaluation"]["base_url"] == url


def test_the_login_of_an_address_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD_OF_MINE", "p@ss/word?1")
    monkeypatch.setenv("KEY_OF_MINE", "a&b=c")
    endpoint = Endpoint(service="compatible", base_url="http://me:${PASSWORD_OF_MINE}@h:80/v1?key=${KEY_OF_MINE}")
    assert endpoint.url == "http://me:p%40ss%2Fword%3F1@h:80/v1?key=a%26b%3Dc"
    assert endpoint.address == endpoint.noted == "http://h/v1"
    assert set(secrets_in(endpoint.url)) == {"a&b=c", "p%40ss%2Fword%3F1", "bWU6cEBzcy93b3JkPzE="}


def test_a_whole_address_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_URL", f"http://me:{PASSWORD}@h/v1")
    endpoint = Endpoint(service="compatible", base_url="${MY_URL}")
    assert (endpoint.url, endpoint.address) == (f"http://me:{PASSWORD}@h/v1", "http://h/v1")


def test_a_variable_that_is_not_set_is_named_when_the_server_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOT_SET", raising=False)
    assert without_secrets("http://${NOT_SET}@h/v1") == "http://h/v1"
    with pytest.raises(SettingsError, match="base_url http://h/v1: the environment variable NOT_SET is not set"):
        expanded("http://${NOT_SET}@h/v1")


def test_a_variable_that_is_not_set_stops_a_run_before_it_begins(
    tiny: Path, tmp_path: Path, srlm: Callable[..., Any]
) -> None:
    engine = "judge.engine={kind: openai, model: m, base_url: 'http://${NOT_SET}@h/v1'}"
    said = srlm("train", "--run", tiny, "--set", f"runs={tmp_path}", "--set", engine)
    assert said.exit_code == 2
    assert "base_url http://h/v1: the environment variable NOT_SET is not set" in said.stderr
    assert "M0" not in said.stderr


@pytest.mark.parametrize(
    ("url", "what"),
    [("http://h/v1", None), ("http://h/@x", None), ("http://:@h/", None), ("http://u:${P}@h/", "a name or a password"),
     ("http://h?a=", None), ("http://h?a=b#c", "a value of `a`"), ("http://h?v=1", None)],
)  # fmt: skip
def test_what_stands_literally_in_an_address(url: str, what: str | None) -> None:
    found = written_secret(url)
    assert (found or "").startswith(what) if what else found is None


def test_a_run_of_an_earlier_version_opens_and_its_settings_lose_the_password(tiny: Path, tmp_path: Path) -> None:
    settings = load(tiny, [f"runs={tmp_path}", "judge.engine={kind: openai, model: m, base_url: http://h/v1}"])
    path = tmp_path / "tiny" / "settings.json"
    path.parent.mkdir()
    old = settings.model_dump(mode="json")
    old["judge"]["engine"]["base_url"] = f"http://me:{PASSWORD}@h/v1"
    path.write_text(json.dumps(old))
    found = recorded(tmp_path / "tiny")
    assert found.judge.engine is not None and found.judge.engine.base_url == f"http://me:{PASSWORD}@h/v1"
    with RunFolder(found, ()).held():
        pass
    assert PASSWORD not in path.read_text()
    assert '"http://h/v1"' in path.read_text()


def test_a_key_in_the_place_of_its_name_is_not_shown() -> None:
    from srlm.engines.openai.servers import find_key

    with pytest.raises(EngineError) as caught:
        find_key(f"sk-{PASSWORD}", Endpoint.of(EngineSettings(base_url="http://127.0.0.1:1/v1")))
    assert PASSWORD not in str(caught.value)
