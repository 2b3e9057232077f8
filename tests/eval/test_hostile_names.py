"""Names that anybody may have given to models, judges, files and measures, in what `srlm-eval` prints and writes."""

import csv
import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from eval.cli import main
from eval.data.alpaca_eval import ANNOTATOR
from eval.data.verdicts import read_leaderboard
from eval.gate import verdicts
from eval.report import page
from srlm.store.files import read_json
from tests.chat_server import Reply, Serve, words
from tests.eval.alpaca import test_bridge, test_judge_card
from tests.eval.alpaca.place import Place, verdict
from tests.eval.report import hostile, small
from tests.hostile_words import HARMLESS, NAMES, STEERING, Said, asking, steering
from tests.srlm.test_terminal import on_a_terminal

QUESTIONS = [f"Question {number}?" for number in range(6)]
LONG = "long" * 2500
MIXED = "mistral[/INST]v2 :smile: " + "".join(STEERING[::5])


@pytest.fixture
def ask(capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    """`srlm-eval` in `tmp_path`."""
    monkeypatch.chdir(tmp_path)
    return asking(main, capfd)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """alpaca_eval's results, with a folder for each of NAMES and for a name without end."""
    chance = random.Random(1)
    data = tmp_path / "alpaca"
    data.mkdir()
    (data / "prompts.jsonl").write_text("".join(json.dumps({"instruction": q}) + "\n" for q in QUESTIONS))
    for number, name in enumerate((*NAMES, LONG)):
        annotate(data / "results" / f"m{number:03}" / ANNOTATOR / "annotations.json", name, chance)
    return data / "results"


def annotate(path: Path, name: str, chance: random.Random, **changes: Any) -> Path:
    rows = [
        {
            "instruction": question, "output_1": "The baseline's answer.", "generator_1": "base", "output_2": "A word.",
            "generator_2": name, "annotator": "judge" + MIXED, "preference": 1 + round(chance.random(), 6), **changes,
        }
        for question in QUESTIONS
    ]  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows))
    return path


def test_a_leaderboard_of_hostile_names(ask: Callable[..., Said], results: Path) -> None:
    said = ask("leaderboard", "--results", results, "--no-length-control", "--csv", "board.csv", "--out", "board.json")
    assert said.status == 0, said.err
    table = said.out.split("\n\n")[0].splitlines()
    assert len(table) == 1 + len(NAMES) + 1
    first = {line[: len(name)] for line in table for name in HARMLESS if line.startswith(name)}
    assert first == set(HARMLESS)
    assert any(line.startswith(f"{LONG[:106]}\u2026{LONG[-53:]}  ") for line in table)
    # Whole in the files; in the CSV no name is a formula, and our own commands read it back as it was.
    assert {row["model"] for row in read_json(Path("board.json"))} == {*NAMES, LONG}
    assert set(read_leaderboard(Path("board.csv"))) == {name.strip() for name in (*NAMES, LONG)}
    assert "\n'=1+1," in Path("board.csv").read_text() and "\n'@SUM(1)," in Path("board.csv").read_text()


def test_broken_folders_and_judges_of_hostile_names(ask: Callable[..., Said], results: Path) -> None:
    for name in STEERING:
        if "\x00" not in name and "/" not in name:
            (results / name / ANNOTATOR).mkdir(parents=True)
            (results / name / ANNOTATOR / "annotations.json").write_text("[{}]" if len(name) % 2 else name)
    said = ask("leaderboard", "--results", results, "--no-length-control")
    assert said.status == 1
    assert "left out, for their annotations cannot be used: " in said.out
    for name in STEERING[:5]:
        assert ask("leaderboard", "--results", results, "--judge", name.replace("\x00", "")).status == 2


def test_a_comparison_of_hostile_names(ask: Callable[..., Said], results: Path, tmp_path: Path) -> None:
    chosen = [annotate(tmp_path / f"{n}.json", name, random.Random(n)) for n, name in enumerate((*NAMES[::12], LONG))]
    said = ask("compare", *chosen, "--alpaca-dir", results.parent, "--no-length-control", "--resamples", 100)
    assert said.status == 0, said.err
    assert f"{NAMES[-1]}" in said.out or NAMES[60] in said.out


@pytest.mark.parametrize("command", ["leaderboard", "compare"])
def test_on_a_real_terminal(results: Path, tmp_path: Path, command: str) -> None:
    files = [annotate(tmp_path / f"{n}.json", name, random.Random(n)) for n, name in enumerate(NAMES[:4])]
    given = (
        [*map(str, files), "--alpaca-dir", str(results.parent)] if command == "compare" else ["--results", str(results)]
    )
    said = on_a_terminal("-m", "eval", command, *given, "--no-length-control", "--resamples", "100")
    assert "Traceback" not in said and "a?[31mred?[0m" in said
    assert not steering(said, drawn=True)
    assert "\x1b[31m" not in said


def test_published_judgments_of_hostile_names(ask: Callable[..., Said], tmp_path: Path) -> None:
    scores = [
        {"question_id": 81 + n, "model": name, "judge": ["j" + MIXED, "single-v1"], "score": 7 - n, "turn": 1}
        for name in (*NAMES, LONG)
        for n in range(2)
    ]
    (tmp_path / "single.jsonl").write_text("".join(json.dumps(row) + "\n" for row in scores))
    said = ask("judgments", "single.jsonl", "--resamples", 100)
    assert said.status == 0, said.err
    assert len(said.out.split("\n\n")[1].splitlines()) >= 1 + 2 * len(NAMES)
    games = [{"user_prompt": "...", "judgment": "...", "score": score} for score in ("B>A", "A>B")]
    hard = [
        {"question_id": str(n), "model": name, "judge": "j" + MIXED, "games": games} for name in NAMES for n in range(2)
    ]
    (tmp_path / "hard.jsonl").write_text("".join(json.dumps(row) + "\n" for row in hard))
    said = ask("arena-hard", "hard.jsonl", "--resamples", 100)
    assert said.status == 0, said.err


def test_judges_and_rankings_of_hostile_names(
    ask: Callable[..., Said], serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-nothing")
    rankings = tmp_path / ("r" + MIXED.replace("/", "").replace("\x00", "") + ".jsonl")
    rows = [{"prompt": f"q{n} {MIXED}", "responses": ["a", "b"], "ranks": [0, 1], "group": MIXED} for n in range(4)]
    rankings.write_text("".join(json.dumps(row) + "\n" for row in rows))
    url = serve(lambda body, number: words("score: 3" if number % 2 else MIXED)).url
    for command in ("agreement", "audit"):
        given = ("--rankings", rankings, "--judge", f"openai:{MIXED}", "--judge", "length", "--base-url", url)
        said = ask(command, *given, "--draws", 1, "--out", f"{command}.json", "--resamples", 100)
        assert said.status == 0, said.err
        assert "mistral[/INST]v2 :smile: a?[31mred?[0m" in said.out


SPOKEN = MIXED.replace("\x00", "")


def test_canaries_by_a_judge_of_a_hostile_name(
    ask: Callable[..., Said], serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-nothing")
    url = serve(lambda body, number: words("score: 3" if number % 2 else MIXED)).url
    judge = ("--judge", f"openai:{SPOKEN}", "--base-url", url)
    said = ask("canaries", *judge, "--ask", "scores", "--draws", 1, "--out", "canaries.json")
    assert said.status == 0, said.err
    assert "mistral[/INST]v2 :smile: a?[31mred?[0m" in said.out


def test_alpaca_of_models_and_a_judge_of_hostile_names(
    ask: Callable[..., Said], serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-nothing")
    place = Place(tmp_path)
    url = serve(verdict).url
    rows = json.loads(place.outputs.read_text())
    for number, name in enumerate((MIXED, LONG, "../../up", "..", "/etc", *NAMES[3::12])):
        place.outputs.write_text(json.dumps([row | {"generator": name} for row in rows]))
        given = ("--outputs", place.outputs, "--alpaca-dir", place.data, "--no-length-control", "--resamples", 100)
        judge = ("--judge", f"openai:{SPOKEN if number == 0 else 'tiny'}", "--base-url", url)
        said = ask("alpaca", *given, *judge, "--out", f"out{number}")
        assert said.status == 0, said.err
        assert "Traceback" not in said.err
        for path in (tmp_path / f"out{number}").rglob("*"):
            assert not steering(path.name)
    assert {path.name for path in tmp_path.iterdir()} <= {"alpaca", "outputs.json", *(f"out{n}" for n in range(20))}


def test_a_judge_card_of_models_of_hostile_names(
    ask: Callable[..., Said], serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-nothing")
    results = test_judge_card.results(tmp_path)
    hostile_names = dict(zip(sorted(test_judge_card.GOOD), (MIXED, NAMES[0], LONG), strict=False))
    for path in results.rglob("*.json"):
        rows = json.loads(path.read_text())
        for row in rows:
            for field in ("generator", "generator_2"):
                if row.get(field) in hostile_names:
                    row[field] = hostile_names[row[field]]
        path.write_text(json.dumps(rows))
    url = serve(verdict).url
    given = ("--results", results, "--judge", f"openai:{SPOKEN}", "--base-url", url, "--resamples", 100)
    said = ask("judge-card", *given, "--out", "card")
    assert said.status == 0, said.err
    assert "Traceback" not in said.err


def test_a_bridge_by_a_judge_of_a_hostile_name_from_a_model_of_another(
    ask: Callable[..., Said], serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = test_bridge.alpaca_folder(tmp_path, monkeypatch)
    mine = place / "results" / "mine" / "model_outputs.json"
    mine.write_text(json.dumps([row | {"generator": MIXED} for row in json.loads(mine.read_text())]))
    given = [SPOKEN.join(("openai:", "")) if word == "openai:tiny" else word for word in test_bridge.live(
        place, serve(test_bridge.judge).url
    )]  # fmt: skip
    said = ask("bridge", *given, "--limit", 5, "--resamples", 100, "--out", "bridge.json")
    assert said.status == 0, said.err
    assert "mistral[/INST]v2 :smile: a?[31mred?[0m" in said.out + said.err


def test_a_head_to_head_by_judges_of_hostile_names(ask: Callable[..., Said], tmp_path: Path) -> None:
    folder = small.run(tmp_path)
    run = {"name": "small", "runs": str(folder.path.parent), "model": {"base": "scratch"}, "pretraining": {}}
    run["data"] = {"kind": "oasst", "path": "trees.jsonl"}
    for name in (*NAMES, LONG):
        for judge in (name, f"openai:{name}"):
            (tmp_path / "run.yaml").write_text(json.dumps(run | {"evaluation": {"judge": judge}}))
            said = ask("h2h", "--run", "run.yaml")
            assert said.status == 2 and "Traceback" not in said.err


def test_what_a_server_says_in_its_refusal(
    ask: Callable[..., Said], serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-nothing")
    (tmp_path / "r.jsonl").write_text('{"prompt": "q", "responses": ["a", "b"], "ranks": [0, 1]}\n')
    refused = Reply({"error": {"message": MIXED, "type": MIXED, "code": MIXED}}, status=400)
    url = serve(lambda body, number: refused).url
    said = ask("agreement", "--rankings", "r.jsonl", "--judge", "openai:m", "--base-url", url, "--out", "o.json")
    assert said.status == 2 or "mistral[/INST]v2" in said.err


def test_the_gate_with_measures_of_hostile_names(
    ask: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.eval.gate.test_regress import answered

    (tmp_path / "run.yaml").write_text("name: r\nmodel: {base: scratch}\npretraining: {}\ndata: {kind: beads}\n")
    answered(30)
    values: list[str] = []
    measures: list[str] = []
    for number, name in enumerate(name.replace("=", "").replace("\x00", "") for name in NAMES):
        rows = [{"prompt": f"p{n}", "value": float((n + number) % 2)} for n in range(20)]
        (tmp_path / f"{number}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        values += ["--values", f"{name}={number}.jsonl"]
        measures += ["--measure", f"{name}=0.1"]
    reason = "because " + MIXED.replace("\x00", "")
    update = ("--update-baseline", "--reason", reason, *measures)
    said = ask("regress", "--run", "run.yaml", "--against", "base.json", *values, *update)
    assert said.status == 0, said.err
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    said = ask("regress", "--run", "run.yaml", "--against", "base.json", *values, "--junit", "verdicts.xml")
    assert said.status == 0, said.err
    suite = ElementTree.parse(tmp_path / "verdicts.xml").getroot()
    assert len(suite) == len(NAMES) and suite[0].attrib["name"] == "a?[31mred?[0m"
    summary = (tmp_path / "summary.md").read_text()
    assert not steering(summary)
    rows_of_table = [line for line in summary.splitlines() if line.startswith("| ")]
    assert len(rows_of_table) == 2 + len(NAMES)
    cells = {line.replace("\\|", "").count("|") for line in rows_of_table}
    assert cells == {len(verdicts.HEADER) + 1}
    assert "mistral\\[/INST\\]v2" in summary and "\\<b\\>x\\</b\\>" in summary and "\\[linkhttps\\://" in summary


def test_reports_of_hostile_runs(ask: Callable[..., Said], tmp_path: Path) -> None:
    hostile_run = hostile.run(tmp_path, NAMES)
    page.write(hostile_run.settings, hostile_run, "srlm-eval report " + MIXED)
    folders = [small.run(tmp_path, name, text=MIXED) for name in ("one", "two")]
    for folder in folders:
        path = folder.step("evaluation") / "metrics.json"
        rows = json.loads(path.read_text())
        named = [rows[0] | {"model": name, "baseline": name, "note": name, "metric": name} for name in NAMES]
        path.write_text(json.dumps([*rows, *named]))
    said = ask("report", *(folder.path for folder in folders), "--out", "both")
    assert said.status == 0, said.err
    for place in (hostile_run.path, tmp_path / "both"):
        text = (place / "report.md").read_text()
        assert not steering(text) and "mistral\\[/INST\\]v2" in text and "\\`code\\`" in text
        with (place / "metrics.csv").open(encoding="utf-8", newline="") as file:
            cells = {cell for row in csv.reader(file) for cell in row}
        assert "'=1+1" in cells and "'@SUM(1)" in cells and not [one for one in cells if re.match(r"\s*[=+@]", one)]
