"""The commands with judges as they are served today: they reason, refuse parameters and give no log-probabilities."""

import json
from pathlib import Path
from typing import Any

import pytest

from eval.cli import main
from tests.chat_server import Serve, reasoning

ROWS = [
    {"prompt": f"question {n}", "responses": [f"{'x' * n} zebra", f"{'x' * n} quagga"], "ranks": [0, 1]}
    for n in range(6)
]


def right(body: dict[str, Any]) -> str:
    """The verdict of a judge that is always right, in the form that it was asked for."""
    text = body["messages"][0]["content"]
    letter = "A" if text.index("zebra") < text.index("quagga") else "B"
    other = "B" if letter == "A" else "A"
    if "[[A>>B]]" in text:
        return f"Answer {other} is not what was asked.\n\nMy final verdict is: [[{letter}>>{other}]]"
    if '"winner"' in text:
        return f'```json\n{{"reason": "Answer {other} stops half way.", "winner": "{letter}"}}\n```'
    if "Score A:" in text:
        return "\n".join(f"Score {one}: {9 if one == letter else 2}" for one in "AB")
    return f"{letter}. It is complete, while answer {other} stops half way."


def figures(folder: Path, url: str, *more: str) -> dict[str, dict[str, Any]]:
    rows = folder / "rows.jsonl"
    rows.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    options = ["--ask", "pairs", "--resamples", "100", "--out", str(folder / "m.json"), "--base-url", url]
    with pytest.raises(SystemExit) as left:
        main(["agreement", "--rankings", str(rows), "--judge", "openai:thinker", *options, *more])
    assert not left.value.code
    found = json.loads((folder / "m.json").read_text())
    return {one["metric"]: one for one in found if one["model"] == "thinker" and one["baseline"] is None}


@pytest.mark.parametrize("template", ["letter", "five-steps", "json", "scores"])
def test_a_perfect_judge_is_read_as_perfect_in_every_form_of_verdict(
    serve: Serve, tmp_path: Path, template: str
) -> None:
    """The last letter that is written is always the wrong one."""
    server = serve(reasoning(right))
    found = figures(tmp_path, server.url, "--pair-template", template, "--votes", "2")
    assert found["pairwise_accuracy"]["value"] == 1.0
    assert (found["pairwise_accuracy"]["n"], found["pairwise_accuracy"]["unscored"]) == (6, 0)
    kept = [json.loads(line) for line in (tmp_path / "m/thinker-comparisons.jsonl").read_text().splitlines()]
    assert [one["votes"] for one in kept] == [[1.0, 1.0], [0.0, 0.0]] * 6


def test_log_probabilities_that_are_refused_become_votes_by_themselves(serve: Serve, tmp_path: Path) -> None:
    server = serve(reasoning(right))
    found = figures(tmp_path, server.url)
    assert found["accuracy_by_probability"]["value"] == 1.0
    kept = [json.loads(line) for line in (tmp_path / "m/thinker-comparisons.jsonl").read_text().splitlines()]
    assert {len(one["votes"]) for one in kept} == {3}


def test_a_judge_without_room_to_think_is_unscored_with_the_reason(serve: Serve, tmp_path: Path) -> None:
    server = serve(reasoning(right, thought=900))
    found = figures(tmp_path, server.url, "--thought-tokens", "800")
    assert (found["pairwise_accuracy"]["value"], found["pairwise_accuracy"]["unscored"]) == (None, 6)
    kept = [json.loads(line) for line in (tmp_path / "m/thinker-comparisons.jsonl").read_text().splitlines()]
    assert {one["unread"] for one in kept} == {"cut"}


def test_a_reasoning_judge_that_scores_is_given_room_for_its_thought(serve: Serve, tmp_path: Path) -> None:
    server = serve(reasoning(lambda body: f"Score: {5 if 'zebra' in body['messages'][0]['content'] else 1}"))
    found = figures(tmp_path, server.url, "--ask", "scores", "--draws", "1", "--reasoning-effort", "low")
    assert (found["pairwise_accuracy"]["value"], found["unscored"]["value"]) == (1.0, 0.0)
    answered = [body for body in server.asked if not {"max_tokens", "temperature"} & body.keys()]
    assert {body["max_completion_tokens"] for body in answered} == {256, 4096}
    assert {body["reasoning_effort"] for body in answered} == {"low"}


def test_comparisons_of_one_server_are_not_taken_for_another_servers(
    serve: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither where the address is an option, nor where it is a variable."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-any")
    servers = [serve(reasoning(right)) for _ in range(2)]
    figures(tmp_path, servers[0].url)
    options = ["--rankings", str(tmp_path / "rows.jsonl"), "--judge", "openai:thinker", "--ask", "pairs"]
    for given in (["--base-url", servers[1].url], []):
        monkeypatch.setenv("OPENAI_BASE_URL", servers[1].url)
        with pytest.raises(SystemExit) as left:
            main(["agreement", *options, "--out", str(tmp_path / "m.json"), *given])
        assert left.value.code == 2
        assert (
            f"was made with other inputs (server: '{servers[0].url}' -> '{servers[1].url}')" in capsys.readouterr().err
        )
    assert not servers[1].asked
