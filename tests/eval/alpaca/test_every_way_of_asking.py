"""Draws, both orders, missing answers, unread verdicts and a subset, together: nothing is lost after it is paid.

What alpaca_eval computes from our annotations.json is what we print, and the file has its order: a row a prompt.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from eval.data.alpaca_files import read_annotations
from eval.records import Annotation
from srlm.store import files
from tests.chat_server import Reply, Serve, words
from tests.eval.alpaca.place import NUMBER, OFFICIAL, PROMPTS, Place, verdict

RAW = ("win_rate", "standard_error", "n_wins", "n_wins_base", "n_draws", "n_total", "discrete_win_rate")
UNREAD = ("Question 3?", "Question 5?", "Question 8?")
NO_ANSWER = (4, 7)


def reply_unread(body: dict[str, Any], number: int) -> Reply:
    asked = body["messages"][-1]["content"]
    return words("neither of them") if any(question in asked for question in UNREAD) else verdict(body)


@pytest.mark.filterwarnings("ignore")  # alpaca-eval uses what setuptools has deprecated
@pytest.mark.parametrize("length_control", [False, True], ids=["raw", "lc"])
@pytest.mark.parametrize(
    ("draws", "both", "missing", "unread", "limit"),
    [
        (1, False, False, True, 7),
        (1, False, True, False, None),
        (1, True, False, False, 7),
        (1, True, True, True, None),
        (3, False, False, True, None),
        (3, False, True, True, 7),
        (3, True, False, False, None),
        (3, True, True, True, 7),
        (3, True, True, True, None),
    ],
)
def test_every_way_of_asking_ends_in_figures_and_alpaca_evals_own_are_the_same(
    serve: Serve, place: Place, draws: int, both: bool, missing: bool, unread: bool, limit: int | None,
    length_control: bool,
) -> None:  # fmt: skip
    from alpaca_eval.metrics import get_winrate

    server = serve(reply_unread if unread else verdict)
    if missing:
        rows = json.loads(place.outputs.read_text())
        place.outputs.write_text(json.dumps([row for n, row in enumerate(rows) if n not in NO_ANSWER][::-1]))
    ways = [*(["--draws", draws] if draws > 1 else []), *(["--both-orders"] if both else [])]
    if length_control:
        place.add_length_control()
        ways.append("--length-control")
    said = place.alpaca(
        "--judge", "openai:tiny", "--base-url", server.url, *ways, *(["--limit", limit] if limit else [])
    )
    assert said.status == 0, said.err
    manner = ("_both_orders" if both else "") + ("_3_draws" if draws > 1 else "")
    judge = f"tiny_{OFFICIAL}{manner}"
    rows = json.loads((place.results(judge) / "annotations.json").read_text())
    assert [row["instruction"] for row in rows] == [prompt.text for prompt in PROMPTS]
    assert {row["generator_2"] for row in rows} == {"mine"} and {row["generator_1"] for row in rows} == {
        "gpt4_1106_preview"
    }
    found, theirs = place.metrics(judge), get_winrate(rows)
    for name in RAW:
        assert found[name].value == pytest.approx(float(theirs[name]), abs=1e-9), name
    assert ("lc_win_rate" in found) == length_control
    silent = [row for row in rows if row["preference"] is None]
    assert len(rows) - len(silent) == found["win_rate"].n
    assert all(row["missing"] in ("not asked", "no output", "parse") for row in silent)
    assert {row["instruction"] for row in silent if row["missing"] == "no output"} == (
        {f"Question {n}?" for n in NO_ANSWER} if missing else set()
    )
    asked = len(files.read(place.results(judge) / "annotations.jsonl", Annotation))
    assert asked >= draws * (1 + both) * (found["n_total"].value or 0) - 2 * draws  # the equal outputs need one row
    back = read_annotations(place.results(judge) / "annotations.json", PROMPTS)
    assert {one.prompt_id: one.preference for one in back.annotations if one.preference is not None} == {
        prompt.id: pytest.approx(row["preference"] - 1)
        for prompt, row in zip(PROMPTS, rows, strict=True)
        if row["preference"] is not None
    }


def test_ways_of_asking_overwrite_and_resume_nothing_of_each_other(serve: Serve, place: Place) -> None:
    server = serve(verdict)
    judge = ("--judge", "openai:tiny", "--base-url", server.url)
    assert place.alpaca(*judge).status == 0
    plain = place.results()
    before = {path.name: path.read_bytes() for path in plain.iterdir()}
    assert place.alpaca(*judge, "--both-orders").status == 0
    assert place.alpaca(*judge, "--draws", 2).status == 0
    assert {path.name: path.read_bytes() for path in plain.iterdir()} == before
    folders = [plain, *(place.results(f"tiny_{OFFICIAL}_{way}") for way in ("both_orders", "2_draws"))]
    every = [files.read(folder / "annotations.jsonl", Annotation) for folder in folders]
    assert len({one.id for said in every for one in said}) == sum(map(len, every)) == 12 + 23 + 23
    notes = [place.metrics(folder.name)["win_rate"].note for folder in folders]
    assert "judge tiny (weighted_alpaca_eval_gpt4_turbo), against" in notes[0]
    assert "judge tiny (weighted_alpaca_eval_gpt4_turbo), both orders, against" in notes[1]
    assert "judge tiny (weighted_alpaca_eval_gpt4_turbo), 2 draws, against" in notes[2]
    # What was asked in one order is paid once: the second order and the second draw are all that is new.
    assert len(server.asked) == 33


def test_a_cap_that_ends_between_the_two_orders_is_told_and_breaks_nothing(serve: Serve, place: Place) -> None:
    server = serve(verdict)
    said = place.alpaca(
        "--judge", "openai:tiny", "--base-url", server.url, "--price", 10, 30, "--max-cost", 0.007, "--both-orders",
        "--concurrency", 1,
    )  # fmt: skip
    assert len(server.asked) == 1
    assert said.status == 2 and "nothing was judged within --max-cost" in said.err.splitlines()[-1]


def test_a_missing_file_of_the_regression_is_told_before_anything_is_paid(serve: Serve, place: Place) -> None:
    # tests/conftest.py sets HF_HUB_OFFLINE=1
    server = serve(verdict)
    said = place.alpaca("--judge", "openai:tiny", "--base-url", server.url, "--length-control")
    assert said.status == 2 and "df_gamed.csv" in said.err.splitlines()[-1]
    assert server.asked == []


def test_a_capped_run_resumed_writes_the_file_of_a_whole_one(serve: Serve, place: Place, tmp_path: Path) -> None:
    server = serve(verdict)
    judge = ("--judge", "openai:tiny", "--base-url", server.url, "--price", 10, 30, "--concurrency", 1)
    place.alpaca(*judge, "--max-cost", 0.02)
    rows = json.loads((place.results() / "annotations.json").read_text())
    assert len(rows) == NUMBER and 0 < sum(row.get("missing") == "not asked" for row in rows) < NUMBER
    place.alpaca(*judge)
    resumed = json.loads((place.results() / "annotations.json").read_text())
    assert [row["instruction"] for row in resumed] == [prompt.text for prompt in PROMPTS]
    assert all("missing" not in row for row in resumed)


def test_canaries_that_cannot_be_read_are_no_rate_and_break_nothing(serve: Serve, place: Place) -> None:
    server = serve(lambda body, number: words("neither of them"))
    said = place.alpaca("--judge", "openai:tiny", "--base-url", server.url, "--canaries")
    assert said.status == 0, said.err
    assert place.metrics()["win_rate"].n == 1  # the outputs that are equal
