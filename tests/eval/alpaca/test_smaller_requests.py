"""A request for fewer prompts takes nothing from what a larger one left: its files lie beside."""

import json
from pathlib import Path

import pytest

from tests.chat_server import Serve
from tests.eval.alpaca import test_bridge
from tests.eval.alpaca.place import NUMBER, OFFICIAL, Place, verdict

JUDGE = f"tiny_{OFFICIAL}"


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def preferences(folder: Path) -> list[float | None]:
    rows = json.loads((folder / "results" / "mine" / JUDGE / "annotations.json").read_text())
    return [row["preference"] for row in rows]


def test_a_limit_after_a_full_run_leaves_every_file_of_it(serve: Serve, place: Place) -> None:
    server = serve(verdict)
    judge = ("--judge", "openai:tiny", "--base-url", server.url)
    assert place.alpaca(*judge).status == 0
    before, sent = files_of(place.out / "results"), len(server.asked)
    said = place.alpaca(*judge, "--limit", 5)
    assert said.status == 0 and len(server.asked) == sent
    assert files_of(place.out / "results") == before
    beside = place.out / "on-5-prompts"
    assert f"mine: verdicts on more prompts are kept and stay; files in {beside}/results/mine/{JUDGE}" in said.out
    assert sum(one is not None for one in preferences(beside)) == 5
    assert json.loads((beside / "results/mine/model_outputs.json").read_text())[4]["generator"] == "mine"
    # Another five prompts are another folder; the same five are the same.
    place.alpaca(*judge, "--limit", 5, "--seed", 2)
    assert sorted(path.name for path in place.out.iterdir() if path.is_dir()) == [
        "on-5-prompts", "on-5-prompts-2", "results",
    ]  # fmt: skip
    kept = files_of(place.out)
    assert place.alpaca(*judge, "--limit", 5).status == 0
    assert {name for name, content in files_of(place.out).items() if kept.get(name) != content} <= {
        "calls.sqlite", "calls.sqlite-shm", "calls.sqlite-wal",
    }  # fmt: skip


def test_a_larger_request_takes_the_place_of_a_smaller_one(serve: Serve, place: Place) -> None:
    judge = ("--judge", "openai:tiny", "--base-url", serve(verdict).url)
    place.alpaca(*judge, "--limit", 5)
    assert sum(one is not None for one in preferences(place.out)) == 5
    place.alpaca(*judge)
    assert None not in preferences(place.out)
    assert [path.name for path in place.out.iterdir() if path.is_dir()] == ["results"]


def test_a_budget_or_a_server_that_fails_takes_nothing_either(serve: Serve, place: Place) -> None:
    server = serve(verdict)
    place.alpaca("--judge", "openai:tiny", "--base-url", server.url)
    before = files_of(place.out / "results")
    # Another file of calls knows no answer, and the budget buys few.
    given = ("--record", place.folder / "other.sqlite", "--price", 10, 30, "--max-cost", 0.02, "--concurrency", 1)
    said = place.alpaca("--judge", "openai:tiny", "--base-url", server.url, *given)
    assert said.status == 0, said.err
    assert files_of(place.out / "results") == before
    assert len([path for path in place.out.iterdir() if path.name.startswith("on-")]) == 1


def test_another_judge_of_few_prompts_leaves_the_outputs_of_all(serve: Serve, place: Place) -> None:
    server = serve(verdict)
    place.alpaca("--judge", "openai:tiny", "--base-url", server.url)
    place.alpaca("--judge", "openai:other", "--base-url", server.url, "--limit", 5)
    outputs = json.loads((place.out / "results/mine/model_outputs.json").read_text())
    assert [row["output"] for row in outputs] == [f"Mine is {n}." for n in range(NUMBER)]


def test_other_outputs_of_the_same_name_on_few_prompts_lie_beside(serve: Serve, place: Place) -> None:
    judge = ("--judge", "openai:tiny", "--base-url", serve(verdict).url)
    place.alpaca(*judge)
    before = files_of(place.out / "results")
    rows = json.loads(place.outputs.read_text())
    place.outputs.write_text(json.dumps([row | {"output": "Mine is new."} for row in rows]))
    place.alpaca(*judge, "--limit", 5)
    assert files_of(place.out / "results") == before
    place.alpaca(*judge)  # as many as before: the newer outputs take their place, as they always did
    outputs = json.loads((place.out / "results/mine/model_outputs.json").read_text())
    assert {row["output"] for row in outputs} == {"Mine is new."}


def test_a_kept_file_that_is_broken_is_replaced(serve: Serve, place: Place) -> None:
    judge = ("--judge", "openai:tiny", "--base-url", serve(verdict).url)
    place.alpaca(*judge)
    (place.results() / "annotations.json").write_text("[{")
    place.alpaca(*judge, "--limit", 5)
    assert sum(one is not None for one in preferences(place.out)) == 5


def test_bridge_with_a_limit_leaves_what_it_asked_before(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = test_bridge.alpaca_folder(tmp_path, monkeypatch)
    server = serve(test_bridge.judge)
    assert test_bridge.bridge(place, *test_bridge.live(place, server.url, "--limit", 20)).status == 0
    before = files_of(place / "asked" / "results")
    said = test_bridge.bridge(place, *test_bridge.live(place, server.url, "--limit", 10))
    assert said.status == 0, said.err
    assert files_of(place / "asked" / "results") == before
    assert "mine: verdicts on more prompts are kept and stay" in said.out
    assert len(files_of(place / "asked" / "on-10-prompts" / "results")) == 6 * 5
