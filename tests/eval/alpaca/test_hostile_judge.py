"""`srlm-eval alpaca` with a judge behind a server that does harm: single items are missing, and no key is left."""

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import pytest

from eval.cli import main
from tests.canary import found_in, texts_below
from tests.eval.alpaca.place import verdict
from tests.hostile_server import ECHOES, MODES, hostile

KEY = "sk-Canary_7Qx2-0aZ9"
HONEST = 30
LOST = (
    *("choices-null", "choices-of-texts", "message-missing", "content-object", "nan", "million-digits", "name-twice"),
    *("nested-100000", "web-page", "events", "status-206", "error-500", "gzip-bomb", "redirect-to-another-server"),
    *("redirect-with-the-key", "error-503-in-its-reason"),
)
"""Fewer than after which a run stops asking; each is tried six times."""
ALONE = ("error-400", "error-400-in-parts", "refusal-object", "logprobs-words", "logprobs-odd", "content-numbers")
"""Refused, or answered in a way that this judge cannot read."""


def write(folder: Path, questions: list[str]) -> None:
    baseline = folder / "alpaca" / "results" / "gpt4_1106_preview"
    baseline.mkdir(parents=True)
    for path, name in ((baseline / "model_outputs.json", "gpt4_1106_preview"), (folder / "mine.json", "mine")):
        rows: list[dict[str, Any]] = [
            {"instruction": text, "dataset": "made_up", "generator": name, "output": f"{name} {number}"}
            for number, text in enumerate(questions)
        ]
        path.write_text(json.dumps(rows))


def test_harm_costs_single_items_and_no_key_is_in_anything_written_or_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    modes = [*ECHOES, *LOST, *ALONE]
    assert {MODES[mode].fate for mode in LOST} == {"lost"} and len(LOST) < 20
    questions = [f"Question {number}?" for number in range(HONEST)] + [f"Say it: [[{mode}]]" for mode in modes]
    write(tmp_path, questions)
    out, err = io.StringIO(), io.StringIO()
    with hostile(lambda body: verdict(body).body) as server:
        given = ["--outputs", tmp_path / "mine.json", "--out", tmp_path / "out", "--alpaca-dir", tmp_path / "alpaca"]
        asking = ["--judge", "openai:tiny", "--base-url", server.url, "--timeout", 5, "--no-length-control"]
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as left:
            main([str(word) for word in ("alpaca", *given, *asking, "--resamples", 100)])
        asked = set(server.asked)
        assert not server.stolen
    assert not left.value.code, err.getvalue()
    assert asked == {"honest", *modes}
    files = list((tmp_path / "out").rglob("annotations.json"))
    rows = {row["instruction"]: row for path in files for row in json.loads(path.read_text())}
    for number in range(HONEST):
        assert rows[questions[number]]["preference"] is not None
    (figures,) = (tmp_path / "out").rglob("metrics.json")
    rate = next(one for one in json.loads(figures.read_text()) if one["metric"] == "win_rate")
    assert rate["n"] + rate["unscored"] == len(questions)
    assert rate["unscored"] >= len(LOST)
    for place, text in [("out", out.getvalue()), ("err", err.getvalue()), *texts_below(tmp_path / "out")]:
        assert not found_in(text, KEY), place
        assert "Traceback" not in text
