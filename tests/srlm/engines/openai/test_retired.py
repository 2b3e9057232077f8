"""Models that OpenAI has shut down, or will: who is refused, who is warned, and before anything is sent."""

import datetime
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from srlm.engines.openai.calls import Answer, Call, CallStore
from srlm.engines.openai.client import Client
from srlm.engines.openai.endpoint import Endpoint
from srlm.engines.openai.origin import served_model
from srlm.engines.openai.retired import notice, refuse_retired, retired_models
from srlm.errors import EngineError
from srlm.judge.open import asked_models
from srlm.methods.checks import check_files
from srlm.run_file import load
from tests.chat_server import Serve, words

ROOT = Path(__file__).parents[4]
TODAY = datetime.date(2026, 11, 26)


def endpoint(today: datetime.date = TODAY, **given: Any) -> Endpoint:
    return Endpoint(today=today, pause=0.001, tries=2, **given)


def call(model: str, service: str = "openai") -> Call:
    asked = ({"role": "user", "content": "Which?"},)
    return Call(service=service, model=model, messages=asked, settings={"max_tokens": 1}, template="t")


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-key")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


@pytest.mark.parametrize(
    ("model", "date", "instead"),
    [
        ("gpt-4-1106-preview", "2026-10-23", "gpt-4.1 (until 2027-01-14)"),
        ("gpt-4-0613", "2026-10-23", "gpt-4.1 (until 2027-01-14)"),
        ("gpt-4", "2026-10-23", "gpt-4.1 (until 2027-01-14)"),
        ("gpt-4-0314", "2026-03-26", "gpt-4.1 (until 2027-01-14)"),
        ("gpt-4-turbo-preview", "2026-03-26", "gpt-4.1 (until 2027-01-14)"),
        ("gpt-3.5-turbo-0613", "2024-09-13", "gpt-4.1-mini (until 2027-01-14)"),
        ("gpt-3.5-turbo", "2026-10-23", "gpt-4.1-mini (until 2027-01-14)"),
        ("o3-mini", "2026-10-23", "gpt-5.6-sol (a reasoning model: it may give no log-probabilities)"),
        ("ft:gpt-4-0613:org::id", "2026-10-23", "gpt-4.1 (until 2027-01-14)"),
    ],
)
def test_a_model_that_was_shut_down_is_refused_with_its_date_and_a_living_choice(
    model: str, date: str, instead: str
) -> None:
    with pytest.raises(EngineError) as told:
        refuse_retired(endpoint(), model)
    text = str(told.value)
    assert text.startswith(f"{model}: was shut down on {date} (https://developers.openai.com/")
    assert f"use {instead}" in text and "nothing was sent" in text and "--base-url" in text and "\n" not in text


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (datetime.date(2026, 11, 26), "will be shut down on 2027-01-14 (49 days left; "),
        (datetime.date(2027, 1, 13), "will be shut down on 2027-01-14 (1 day left; "),
    ],
)
def test_a_model_that_will_be_shut_down_is_warned_of_with_the_days_left(day: datetime.date, said: str) -> None:
    for model in ("gpt-4.1", "gpt-4o", "gpt-4.1-2025-04-14", "gpt-4o-2024-08-06"):
        found = notice(endpoint(day), model)
        assert found is not None and not found.refused and said in found.text


def test_from_its_date_on_a_model_is_refused_and_what_is_named_instead_lives() -> None:
    found = notice(endpoint(datetime.date(2027, 1, 14)), "gpt-4.1")
    assert found is not None and found.refused and "use gpt-6.1-sol" in found.text
    later = notice(endpoint(datetime.date(2027, 1, 14)), "gpt-4-1106-preview")
    assert later is not None and "use gpt-6.1-sol" in later.text  # gpt-4.1 is gone, too


def test_other_servers_of_the_same_name_are_not_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    own = endpoint(service="compatible", base_url="http://127.0.0.1:8000/v1")
    assert notice(own, "gpt-4-1106-preview") is None
    explicit = notice(endpoint(service="compatible", base_url="https://api.openai.com/v1"), "gpt-4-1106-preview")
    assert explicit is not None and explicit.refused
    azure = notice(endpoint(service="azure", base_url="https://x.openai.azure.com"), "gpt-4-0613")
    assert azure is not None and not azure.refused and "Azure has other dates" in azure.text
    assert notice(endpoint(), "gpt-6.1-sol") is None
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:8000/v1")
    assert notice(endpoint(), "gpt-4-1106-preview") is None


def test_who_is_still_served_may_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRLM_ASK_RETIRED", "1")
    found = notice(endpoint(), "gpt-4-1106-preview")
    assert found is not None and not found.refused
    assert "was shut down on 2026-10-23" in found.text and "it is asked nevertheless" in found.text


def test_the_list_says_where_its_dates_are_from() -> None:
    listed = retired_models()
    assert listed.source.startswith("https://") and listed.read == datetime.date(2026, 11, 26)
    assert len(listed.models) > 50
    for name, one in listed.models.items():
        assert one.instead and name not in one.instead
        assert one.notice is None or one.notice < one.date


# Asked ----------------------------------------------------------------------------------------------------------------

Ask = Callable[..., list[Any]]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    def start(given: Endpoint, model: str, replay: bool = False) -> list[Any]:
        with CallStore(tmp_path / "calls.sqlite", replay) as store:
            client = Client(given, store)
            try:
                return list(client.ask([call(model, given.service)]))
            finally:
                client.close()

    return start


def test_a_retired_model_is_refused_before_anything_is_sent(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # whatever is sent would fail there, in other words
    with pytest.raises(EngineError, match="gpt-4-1106-preview: was shut down on 2026-10-23"):
        ask(endpoint(), "gpt-4-1106-preview")


def test_what_a_retired_model_said_is_still_read(ask: Ask, tmp_path: Path) -> None:
    with CallStore(tmp_path / "calls.sqlite") as store:
        said = Answer(choice={"message": {"content": "m"}}, prompt_tokens=1, completion_tokens=1, seconds=1, attempts=1)
        store.put(call("gpt-4-1106-preview"), said)
    assert ask(endpoint(), "gpt-4-1106-preview") == ask(endpoint(), "gpt-4-1106-preview", replay=True) == [said]


@pytest.mark.parametrize(
    ("date", "refused"), [("2026-11-26", True), ("2026-11-27", False), (None, False), ("soon", False), (3, False)]
)
def test_a_servers_own_date_decides(
    serve: Serve, ask: Ask, caplog: pytest.LogCaptureFixture, date: Any, refused: bool
) -> None:
    server = serve(lambda body, _: words("m"))
    server.models = [{"id": "judge", "object": "model", "shutdown_date": date}]
    given = endpoint(service="compatible", base_url=server.url)
    with caplog.at_level(logging.WARNING):
        if refused:
            with pytest.raises(EngineError, match=f"judge: was shut down on {date} .GET {server.url}/models"):
                ask(given, "judge")
            assert server.asked == []
        else:
            assert len(ask(given, "judge")) == 1
    warned = "judge: will be shut down on 2026-11-27 (1 day left; " in caplog.text
    assert warned is (date == "2026-11-27")


def test_azures_deprecation_is_a_date_too() -> None:
    body = {"data": [{"id": "gpt-4", "deprecation": {"inference": 1_751_241_600}}]}
    assert served_model(body, "gpt-4").shutdown == datetime.date(2025, 6, 30)


# Before a run ---------------------------------------------------------------------------------------------------------


def test_training_does_not_begin_with_a_judge_that_is_gone_or_goes_meanwhile() -> None:
    judged = ("judge.engine.kind=openai", "judge.engine.model=gpt-4-0613")
    settings = load(ROOT / "configs/pocket.yaml", [*judged, "evaluation.judge=openai:gpt-4o"])
    assert [(one.setting, one.model) for one in asked_models(settings)] == [
        ("judge.engine", "gpt-4-0613"),
        ("evaluation.judge", "gpt-4o"),
    ]
    with pytest.raises(EngineError, match="gpt-4-0613: was shut down on 2026-10-23"):
        check_files(settings, 2, TODAY)
    check_files(settings, 2, datetime.date(2026, 10, 22))
    own = load(ROOT / "configs/pocket.yaml", [*judged, "judge.engine.base_url=http://127.0.0.1:8000/v1"])
    check_files(own, 2, TODAY)


def test_training_begins_whatever_became_of_the_judges_that_only_measure() -> None:
    judges = ("judge", "mt_bench.judge", "breakdown.judge")
    gone = [f"evaluation.{name}=openai:gpt-4-0613" for name in judges]
    unset = [f"evaluation.{name}=https://${{NOBODY_SET_THIS}}/v1" for name in ("base_url", "mt_bench.base_url")]
    settings = load(ROOT / "configs/pocket.yaml", gone)
    assert [one.setting for one in asked_models(settings)] == [f"evaluation.{name}" for name in judges]
    check_files(settings, 2, TODAY)
    check_files(load(ROOT / "configs/pocket.yaml", [*gone, *unset]), 2, TODAY)
