"""A loop whose judge is behind a server that does harm, asked with a key and by an address with a login."""

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from srlm.records import Judgement
from srlm.store import files
from tests.canary import found_in, texts_below
from tests.hostile_server import MODES, hostile

LOGIN, QUERY, KEY = "canary.user:Canary_7Qx2-0aZ9", "Kanarie-88-Query+x", "sk-Kanari_5Yv1-3bW8"
ADDRESS = "http://${CANARY_LOGIN}@127.0.0.1:%s/v1?api_key=${CANARY_QUERY}"
STUCK = (
    *("echo-plain", "echo-percent", "echo-escaped-in-json", "echo-base64", "echo-hexadecimal", "echo-parts"),
    *("echo-letters-as-parts", "echo-reasoning", "echo-tokens", "echo-headers", "echo-arguments", "echo-choices"),
    *("content-object", "choices-null", "nan", "name-twice", "nested-100000", "million-digits", "web-page", "events"),
    *("error-400", "refusal-text", "logprobs-odd", "usage-text", "half-a-surrogate", "redirect-to-another-server"),
)
"""What the same question is always answered with."""
ONCE = ("error-500", "error-503-in-its-reason", "cut-in-the-body", "cut-at-once", "gzip-bomb", "length-too-long")
"""What is mended when the same question is asked again."""


def judge(body: dict[str, Any]) -> dict[str, Any]:
    """A score that follows from the text, as often as it is asked for."""
    points = sum(body["messages"][0]["content"].encode()) % 6
    message = {"role": "assistant", "content": f"score : {points}"}
    return {"choices": [{"index": n, "message": {**message}, "finish_reason": "stop"} for n in range(body.get("n", 1))]}


def test_a_loop_goes_on_past_a_hostile_judge_and_nothing_that_it_writes_holds_a_secret(
    tiny: Path, tmp_path: Path, srlm: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("CANARY_LOGIN", LOGIN), ("CANARY_QUERY", QUERY), ("OPENAI_API_KEY", KEY)):
        monkeypatch.setenv(name, value)
    modes = iter([*STUCK, *ONCE])
    met: dict[str, str | None] = {}

    def pick(words: str, number: int) -> str | None:
        if words in met:
            return met[words] if met[words] in STUCK else None
        met[words] = next(modes, None) if len(met) % 3 else None
        return met[words]

    with hostile(judge, pick) as server:
        port = server.url.rpartition(":")[2].partition("/")[0]
        engine = {"kind": "openai", "model": "tiny-judge", "base_url": ADDRESS % port, "concurrency": 1}
        chosen = [f"judge.engine.{name}={value}" for name, value in (engine | {"timeout": 5, "retries": 1}).items()]
        sets = [word for one in (*chosen, f"runs={tmp_path}") for word in ("--set", one)]
        said = srlm("train", "--run", tiny, *sets)
        assert not server.stolen
        asked = set(server.asked)
    assert said.exit_code == 0, said.stderr
    assert asked == {"honest", *STUCK, *ONCE}
    judgements = files.read(tmp_path / "tiny" / "M2" / "judgements.jsonl", Judgement)
    unscored = {one.response_id for one in judgements if one.score is None}
    lost = sum(MODES[mode].fate != "read" for mode in STUCK)
    # Some that are read say nothing but the key behind their score.
    assert len(judgements) == 96 and lost <= len(unscored) < len(STUCK)
    written = [*texts_below(tmp_path / "tiny"), ("stdout", said.stdout), ("stderr", said.stderr)]
    assert any("${CANARY_LOGIN}" in text for place, text in written if place == "settings.json")
    user, password = LOGIN.split(":")
    for place, text in written:
        assert "Traceback" not in text, place
        for secret in (user, password, QUERY, KEY, b64encode(LOGIN.encode()).decode()):
            assert not found_in(text, secret), (place, secret)
