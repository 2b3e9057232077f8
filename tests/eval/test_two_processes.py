"""Two processes with one --out, of every command that asks: the second is refused before it asks anything.

The server holds the first process's requests until the second has ended: it is the barrier.
"""

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.chat_server import Reply, Serve, Server, words
from tests.eval.alpaca import test_bridge, test_judge_card
from tests.eval.alpaca.place import Place, verdict
from tests.forks.command import Start


class Gate:
    """A judge that answers nobody before the gate is open."""

    def __init__(self) -> None:
        self.asked, self.open = threading.Semaphore(0), threading.Event()

    def reply(self, body: dict[str, Any], number: int) -> Reply:
        self.asked.release()
        assert self.open.wait(120)
        return verdict(body) if "model_identifier" in json.dumps(body) else words("Score: 4")


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the processes are started with."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-key")
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")


@pytest.fixture
def server(serve: Serve, gate: Gate) -> Server:
    return serve(gate.reply)


def alpaca(folder: Path, *more: object) -> list[object]:
    place = folder / "alpaca-place"
    if not place.exists():
        place.mkdir()
        Place(place)
    given = ["--outputs", place / "outputs.json", "--alpaca-dir", place / "alpaca", "--no-length-control"]
    return ["alpaca", *given, "--resamples", 100, *more]


def asking(command: str, folder: Path, url: str) -> list[object]:
    """The words of a command that asks the server."""
    judge = ["--judge", "openai:tiny", "--base-url", url]
    rows = folder / "rows.jsonl"
    rows.write_text(
        "".join(json.dumps({"prompt": f"q {n}", "responses": ["a", "b"], "ranks": [0, 1]}) + "\n" for n in range(4))
    )
    match command:
        case "alpaca":
            return alpaca(folder, *judge, "--out", folder / "out")
        case "judge-card":
            results = folder / "alpaca" / "results"
            results = results if results.exists() else test_judge_card.results(folder)
            return ["judge-card", "--results", results, *judge, "--out", folder / "out", "--resamples", 100]
        case "canaries":
            return ["canaries", *judge, "--ask", "scores", "--out", folder / "out.json"]
        case _:
            return [command, "--rankings", rows, *judge, "--ask", "scores", "--out", folder / "out.json"]


@pytest.mark.parametrize("command", ["alpaca", "judge-card", "agreement", "audit", "canaries"])
def test_a_second_process_with_the_same_out_is_refused_before_it_asks(
    server: Server, gate: Gate, start: Start, tmp_path: Path, command: str
) -> None:
    given = list(map(str, asking(command, tmp_path, server.url)))
    with start("eval", *given, cwd=tmp_path) as first:
        assert gate.asked.acquire(timeout=120)
        second = start("eval", *given, cwd=tmp_path)
        out, told = second.communicate(timeout=120)
        gate.open.set()
        _, errors = first.communicate(timeout=120)
    assert second.returncode == 2, out + told
    assert told == (
        f"srlm: {tmp_path}/out: another process writes to this folder (process {first.pid}); wait for it or stop it\n"
    )
    assert out == ""
    assert first.returncode == 0, errors
    asked = [json.dumps(body, sort_keys=True) for body in server.asked]
    assert len(asked) == len(set(asked)) > 0
    assert not [path for path in tmp_path.rglob("*.lock") if path.name != "calls.sqlite.lock"]


def test_bridge_is_refused_before_it_asks_where_another_asks_for_its_folder(
    serve: Serve, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = test_bridge.alpaca_folder(tmp_path, monkeypatch)
    gate = Gate()
    server = serve(lambda body, number: (gate.reply(body, number), test_bridge.judge(body, number))[1])
    given = ["bridge", *map(str, test_bridge.live(place, server.url)), "--limit", "5", "--resamples", "100"]
    with start("eval", *given, "--out", "one.json", cwd=tmp_path) as first:
        assert gate.asked.acquire(timeout=120)
        ends = []
        for more in ((), ("--folder", "elsewhere", "--out", "one.json")):
            second = start("eval", *given, *more, cwd=tmp_path)
            ends.append((second.communicate(timeout=120)[1], second.returncode))
        gate.open.set()
        _, errors = first.communicate(timeout=120)
    assert [status for _, status in ends] == [2, 2]
    assert f"{place}/asked: another process writes to this folder (process {first.pid})" in ends[0][0]
    assert f"{tmp_path}/one.json: another process writes this file (process {first.pid})" in ends[1][0]
    assert first.returncode == 0, errors
    assert len(server.asked) == 6 * 5
    assert not (tmp_path / "elsewhere").exists()


def test_two_folders_may_share_one_file_of_calls_and_nothing_is_asked_twice(
    server: Server, gate: Gate, start: Start, tmp_path: Path
) -> None:
    """The second process begins while all calls are under way: it waits for the first one's answers."""
    judge = ["--judge", "openai:tiny", "--base-url", server.url, "--record", tmp_path / "calls.sqlite", "--draws", 1]
    given = [list(map(str, alpaca(tmp_path, *judge, "--out", tmp_path / name))) for name in ("one", "two")]
    first = start("eval", *given[0], cwd=tmp_path)
    for _ in range(11):  # of the twelve prompts one has equal outputs
        assert gate.asked.acquire(timeout=120)
    second = start("eval", *given[1], cwd=tmp_path)
    assert second.stdout is not None
    assert any("11 calls to tiny" in line for line in second.stdout)  # what it says before it asks
    gate.open.set()
    ended = [one.communicate(timeout=120) for one in (first, second)]
    assert [one.returncode for one in (first, second)] == [0, 0], ended
    assert len(server.asked) == 11
    kept = [next((tmp_path / name).rglob("annotations.jsonl")).read_text() for name in ("one", "two")]
    assert kept[0] == kept[1]


def test_a_killed_process_holds_nobody_up_and_what_it_paid_is_not_asked_again(
    serve: Serve, start: Start, tmp_path: Path
) -> None:
    gate = Gate()
    server = serve(lambda body, number: gate.reply(body, number) if number == 6 else verdict(body))
    given = list(
        map(
            str,
            alpaca(
                tmp_path,
                "--judge",
                "openai:tiny",
                "--base-url",
                server.url,
                "--out",
                tmp_path / "out",
                "--concurrency",
                1,
            ),
        )
    )
    first = start("eval", *given, cwd=tmp_path)
    assert gate.asked.acquire(timeout=120)
    first.kill()
    first.communicate()
    gate.open.set()
    second = start("eval", *given, cwd=tmp_path)
    _, errors = second.communicate(timeout=120)
    assert second.returncode == 0, errors
    assert len(server.asked) == 7 + 5  # six were kept, the seventh was under way


@pytest.mark.parametrize("command", ["alpaca", "agreement"])
def test_a_folder_that_cannot_be_written_is_told_before_anything_is_asked(
    server: Server, gate: Gate, start: Start, tmp_path: Path, command: str
) -> None:
    (tmp_path / "out").write_text("a file in its place")
    gate.open.set()
    told = start("eval", *map(str, asking(command, tmp_path, server.url)), cwd=tmp_path)
    _, errors = told.communicate(timeout=120)
    assert told.returncode == 2
    assert errors.startswith(f"srlm: {tmp_path}/out: cannot create it: File exists; choose another folder (--out)")
    assert server.asked == []


def test_an_out_inside_anothers_out_is_its_own(server: Server, gate: Gate, start: Start, tmp_path: Path) -> None:
    """Every folder that is written to has its own lock: what is inside it may be another's."""
    judge = ["--judge", "openai:tiny", "--base-url", server.url]
    outer = list(map(str, alpaca(tmp_path, *judge, "--out", tmp_path / "out")))
    inner = list(map(str, alpaca(tmp_path, *judge, "--out", tmp_path / "out" / "inside")))
    first = start("eval", *outer, cwd=tmp_path)
    assert gate.asked.acquire(timeout=120)
    gate.open.set()
    second = start("eval", *inner, cwd=tmp_path)
    assert [one.communicate(timeout=120)[1] and one.returncode for one in (first, second)] == [0, 0]
    rows = [
        json.loads(
            (folder / "results" / "mine" / "tiny_weighted_alpaca_eval_gpt4_turbo" / "annotations.json").read_text()
        )
        for folder in (tmp_path / "out", tmp_path / "out" / "inside")
    ]
    assert [len([row for row in own if row["preference"] is not None]) for own in rows] == [12, 12]


def test_files_that_are_only_written_are_one_processs_too(tmp_path: Path, start: Start) -> None:
    """`compare` asks nobody: it is refused all the same, for two that write one file at once may mix it."""
    from srlm.store.lock import hold_files

    with hold_files(tmp_path / "m.json"):
        second = start("eval", "judgments", "none.jsonl", "--out", "m.json", cwd=tmp_path)
        _, told = second.communicate(timeout=120)
    assert second.returncode == 2
    assert f"{tmp_path}/m.json: another process writes this file (process {os.getpid()})" in told
