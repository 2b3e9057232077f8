"""An evaluation whose files changed since they were made: refused by whoever reads it, and listed by `verify`."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from eval import metrics
from eval.gate.regress import series
from eval.report import page
from eval.run import measure
from srlm.errors import RecordError, StoreError
from srlm.methods.verify import verify
from srlm.store import files
from srlm.store.folder import RunFolder
from tests.eval.test_run import ALL, HEAD_TO_HEAD, WORLD, bead_answer, bead_judge, beads, made, opener, refuse
from tests.file_damage import empty, halve, lines, turn_scores_round


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A run that was measured by a process that held it."""
    settings = beads(tmp_path)
    run = made(settings, WORLD)
    with run.held():
        measure(settings, run, ALL, opener(bead_answer, bead_judge))
    return run


def again(folder: RunFolder) -> None:
    """What `srlm-eval all` does with it; no model is asked."""
    with folder.held():
        measure(folder.settings, folder, ALL, refuse)


def other_text(path: Path) -> None:
    rows = [json.loads(line) for line in lines(path)]
    rows[0]["text"] += " more"
    path.write_text("".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows))


CHANGES = [
    pytest.param("M1/judgements.jsonl", turn_scores_round, id="scores-turned-round"),
    pytest.param("M1/judgements.jsonl", halve, id="judgements-cut-at-a-line-end"),
    pytest.param("M1/own_judgements.jsonl", empty, id="judgements-emptied"),
    pytest.param("M2/responses.jsonl", other_text, id="an-answer"),
    pytest.param("M2/responses.jsonl", halve, id="answers-lost"),
    pytest.param("M0/greedy.jsonl", empty, id="answers-emptied"),
    pytest.param("verdicts/M2-vs-M1.jsonl", lambda p: p.write_bytes(b"".join(lines(p)[::-1])), id="verdicts-reordered"),
    pytest.param("M1/judgements.jsonl.from.json", lambda p: p.write_text("{}"), id="a-note"),
    pytest.param("metrics.json", lambda p: p.write_text(p.read_text().replace("1.0", "0.9")), id="figures"),
    pytest.param("metrics.json", lambda p: p.write_text("[]"), id="no-figures"),
]


@pytest.mark.parametrize(("file", "change"), CHANGES)
def test_a_file_of_the_evaluation_that_has_changed_is_refused_and_listed(
    folder: RunFolder, file: str, change: Callable[[Path], object]
) -> None:
    again(folder)
    assert [row for row in verify(folder).rows if row.part in ("evaluation", "figures") and row.state != "ok"] == []
    path = folder.step("evaluation") / file
    change(path)
    with pytest.raises((RecordError, StoreError), match=path.name.replace(".", r"\.")):
        again(folder)
    assert ("evaluation", file, "changed") in [row[:3] for row in verify(folder).rows]


def test_the_report_and_the_gate_refuse_what_has_changed(folder: RunFolder) -> None:
    place = folder.step("evaluation")
    assert series(folder.settings)
    verdicts = place / "verdicts/M2-vs-M1.jsonl"
    before = verdicts.read_bytes()
    verdicts.write_bytes(b"".join(lines(verdicts)[:-1]))
    with pytest.raises(RecordError, match=r"M2-vs-M1\.jsonl: has changed since it was made, SHA-256"):
        series(folder.settings)
    verdicts.write_bytes(before)
    figures = place / "metrics.json"
    figures.write_text(figures.read_text().replace('"n": 4', '"n": 5'))
    with pytest.raises(RecordError, match=r"metrics\.json: has changed since it was made, .*restore the file, or del"):
        page.write(folder.settings, folder, "srlm-eval report")


@pytest.mark.parametrize(
    "file", ["evaluation/metrics.json", "evaluation/M1/own_judgements.jsonl", "evaluation/verdicts/M2-vs-M1.jsonl"]
)
def test_the_report_and_the_gate_refuse_a_run_of_which_a_file_is_gone(folder: RunFolder, file: str) -> None:
    (folder.path / file).unlink()
    again = "measure again (srlm-eval all, or the benchmark's own command)"
    said = re.escape(f"{folder.path}: {file} is gone; restore, or {again}")
    with pytest.raises(StoreError, match=said):
        page.write(folder.settings, folder, "srlm-eval report")
    with pytest.raises(StoreError, match=said):
        series(folder.settings)
    with folder.held():
        measure(folder.settings, folder, ALL, opener(bead_answer, bead_judge))
    assert page.write(folder.settings, folder, "srlm-eval report").exists()


def test_what_is_deleted_and_not_made_again_is_forgotten_where_no_figure_was_computed_from_it(
    folder: RunFolder,
) -> None:
    with folder.held():
        files.write_json(folder.step("evaluation") / "verdicts/by-another-judge.json", {})
    (folder.step("evaluation") / "verdicts/by-another-judge.json").unlink()
    (folder.step("evaluation") / "M1/judgements.jsonl").unlink()
    with pytest.raises(StoreError, match=r"M1/judgements\.jsonl, .*by-another-judge\.json are gone"):
        folder.refuse_gone()
    with folder.held():
        folder.forget_gone(metrics.computed_from(folder))
    with pytest.raises(StoreError, match=r"evaluation/M1/judgements\.jsonl is gone"):
        folder.refuse_gone()


def test_figures_say_what_they_were_computed_from(folder: RunFolder) -> None:
    noted = json.loads((folder.step("evaluation") / "metrics.json.from.json").read_text())
    assert noted["head_to_head"]["checkpoints"] == {"M0": "dM0", "M1": "dM1", "M2": "dM2", "SFT": "dSFT"}
    assert list(noted["head_to_head"]["files"]) == [
        "data/evaluation_prompts.jsonl",
        *(f"evaluation/{name}/responses.jsonl" for name in ("M1", "M2", "SFT")),
        *(f"evaluation/verdicts/{pair}.jsonl" for pair in ("M1-vs-SFT", "M2-vs-M1", "M2-vs-SFT")),
    ]
    assert "evaluation/M1/judgements.jsonl" in noted["judge_agreement"]["files"]


def test_figures_whose_records_were_made_anew_no_longer_follow(folder: RunFolder) -> None:
    place = folder.step("evaluation")
    for name in ("M2/responses.jsonl", "verdicts/M2-vs-M1.jsonl", "verdicts/M2-vs-SFT.jsonl"):
        for path in (place / name, place / f"{name}.from.json"):
            path.unlink()
    before = metrics.path_of(folder).read_bytes()
    with folder.held():
        measure(folder.settings, folder, HEAD_TO_HEAD[:1], opener(lambda model, prompt: "other words", bead_judge))
    assert metrics.path_of(folder).read_bytes() != before
    found = {row.name: row for row in verify(folder).rows if row.part == "figures"}
    assert found["head_to_head"].state == "ok"
    assert (found["beads"].state, found["beads"].why) == (
        "does not follow",
        "from evaluation/M2/responses.jsonl as they are now",
    )


def test_a_measurement_of_an_older_srlm_is_sealed_when_it_is_next_measured(tmp_path: Path) -> None:
    settings = beads(tmp_path)
    run = made(settings, WORLD)
    measure(settings, run, ALL, opener(bead_answer, bead_judge))  # nobody held the run: nothing is sealed
    path = run.step("evaluation") / "M1/judgements.jsonl"
    whole = path.read_bytes()
    turn_scores_round(path)
    again(run)  # the words may have been read so by an older parser
    assert "seals: " in (run.path / "log.txt").read_text()
    path.write_bytes(whole)
    with pytest.raises(RecordError, match=r"M1/judgements\.jsonl: has changed since it was made"):
        again(run)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(halve, r"judgements\.jsonl: 12 records found, but 12 items need 2 each", id="cut"),
        pytest.param(empty, r"judgements\.jsonl: 0 records found, but 12 items need 2 each", id="empty"),
        pytest.param(
            lambda path: path.write_bytes(b"".join(lines(path)[::-1])), "does not follow from what", id="reordered"
        ),
        pytest.param(
            lambda path: path.write_text(path.read_text().replace("well", "bad!")),
            "contradicts itself: its id is not that of its content",
            id="other-words",
        ),
    ],
)
def test_damage_that_shows_by_itself_is_refused_where_nothing_is_sealed(
    tmp_path: Path, change: Callable[[Path], object], said: str
) -> None:
    settings = beads(tmp_path)
    run = made(settings, WORLD)
    measure(settings, run, ALL, opener(bead_answer, bead_judge))
    change(run.step("evaluation") / "M1/judgements.jsonl")
    with pytest.raises(RecordError, match=said):
        again(run)
