"""The page of a study: every figure with its sum, what is missing by name, and nothing that acts in a browser."""

import csv
import io
import json
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from typer.testing import CliRunner

from eval.cli import app
from eval.metrics import read as read_metrics
from eval.study import page, results
from eval.study.file import Study
from eval.study.results import SeedResults
from eval.study.training import finished
from srlm.errors import RecordError
from srlm.methods.base import run_folder
from srlm.methods.run import Run
from srlm.store import files, used
from srlm.usage import Usage
from tests.eval.report import hostile
from tests.eval.seen import Look, Scheme, deeds, links, look
from tests.eval.study.finished import figures, study, train

SECOND = "second"
GAINS = {"loop": (0.20, 0.24, 0.22, 0.22), SECOND: (0.30, 0.35, 0.31, None)}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Two methods on four seeds; the second one's last seed stopped with words that anybody may have written."""
    found = study(tmp_path_factory.mktemp("study"), f"loop {SECOND} third")
    for method, gains in GAINS.items():
        for seed, gain in zip(found.seeds, gains, strict=True):
            if gain is not None:
                train(found, method, seed, figures(0.4, 0.4 + gain), seconds=10.0 * seed)
    results.write(found, 4, SeedResults(stopped={SECOND: hostile.PAYLOADS[0]}))
    return found


@pytest.fixture(scope="module")
def written(filled: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return page.write(filled, f"srlm-eval methods {hostile.PAYLOADS[0]}", tmp_path_factory.mktemp("page"))


def test_figures_are_means_over_seeds_and_differences_are_paired(written: Path) -> None:
    found = {(one.model, one.baseline, one.metric): one for one in read_metrics(written.parent / "metrics.json")}
    gain = found["loop", None, "gain"]
    assert gain.value == pytest.approx(0.22)
    assert (gain.n, gain.unscored, gain.unit) == (4, 0, "seeds")
    assert found["loop", None, "outcome"].value == pytest.approx(0.62)
    # (.30 + .35 + .31) / 3 - and, on the same seeds, .10, .11 and .09 more than the loop
    assert found[SECOND, None, "gain"].value == pytest.approx(0.32)
    apart = found[SECOND, "loop", "gain"]
    assert apart.value == pytest.approx(0.10)
    assert (apart.n, apart.unscored) == (3, 1)
    # sd .01, t = 10 sqrt(3); p = 1 - sqrt(300 / 302), the only comparison that could be made
    assert apart.p_adjusted == pytest.approx(1 - (300 / 302) ** 0.5)
    # 1000 tokens times the seed, from M2 alone: (1000 + 2000 + 3000 + 4000) / 4
    assert found["loop", None, "generated"].value == 2500
    assert found["loop", None, "judged"].value == 300
    assert found["loop", None, "examples"].value == 21
    # 10.5, 20.5, 30.5 and 40.5 seconds
    assert found["loop", None, "seconds"].value == pytest.approx(25.5)
    assert found["loop", None, "processor_seconds"].value == pytest.approx(13.5)
    assert found["third", None, "gain"].value is None
    assert found["third", None, "gain"].note == "no value of seeds 1, 2, 3, 4: not trained"


def test_the_page_names_what_is_missing_and_what_was_tuned(filled: Study) -> None:
    content = page.gather(filled, "x")
    assert [(one.method, one.seed, one.why) for one in content["not_there"]] == [
        (SECOND, 4, f"stopped: {hostile.PAYLOADS[0]}"),
        *(("third", seed, "not trained") for seed in (1, 2, 3, 4)),
    ]
    assert content["findings"] == [
        "second gains more than loop: +10.0 points, p = .003 after Holm's correction, 3 seeds.",
        "Not tested, for too few seeds or equal values: third.",
    ]
    assert [(one.name, one.trials, one.seeds) for one in content["methods"]] == [
        ("loop", "0, on seeds 90-91", "4 of 4"),
        (SECOND, "1, on seeds 90-91", "3 of 4"),
        ("third", "2, on seeds 90-91", "0 of 4"),
    ]
    assert [one.title for one in content["pictures"]] == [
        "Gain against tokens generated",
        "Gain against tokens read and written to judge",
        "Gain against examples trained on",
        "Gain against processor seconds",
        "Gain against seconds",
    ]
    assert [row[0] for row in content["pictures"][0].rows] == ["loop", SECOND]
    assert content["pictures"][0].note == "n 3 to 4 seeds; up to 1 unscored; 95% intervals. Without a value: third."


def test_the_same_stands_in_the_markdown_and_the_spreadsheet(written: Path) -> None:
    said = written.with_suffix(".md").read_text()
    row = next(line for line in said.splitlines() if line.startswith("| loop |"))
    # Student's t with 3 degrees of freedom is 3.1824463; sd .0163299, error .0081650, half .0259845
    assert row.startswith("| loop | 4 of 4 |")
    assert "+22.0 points (+19.4 to +24.6 points)" in row
    # 10.5, 20.5, 30.5 and 40.5 seconds: sd 12.909944, error 6.454972, half 20.5427; seeds 1 to 4 times 1000 tokens
    assert "25.5 (5.0 to 46.0)" in row
    assert "2500 (446 to 4554)" in row
    assert "missing: no value of seeds 1, 2, 3, 4: not trained" in said
    rows = list(csv.DictReader(io.StringIO((written.parent / "metrics.csv").read_text())))
    assert len(rows) == len(json.loads((written.parent / "metrics.json").read_text())) == 10 * 3 + 10 * 2


def test_no_interval_of_a_cost_begins_below_0(tmp_path: Path) -> None:
    found = study(tmp_path, "loop slow", seeds="1-2")
    for seed in found.seeds:
        train(found, "loop", seed, figures(0.4, 0.5, kl=0.1 * seed), seconds=10.0 * seed)
        train(found, "slow", seed, figures(0.4, 0.5, kl=0.3), seconds=100.0 * seed**3)
    content = page.gather(found, "x")
    named = content["named"]
    # Of 10.5 and 20.5 seconds t with one degree of freedom gives 15.5 - 12.706 * 5, far below 0.
    assert (named["seconds", "loop"].low, named["generated", "loop"].low, named["kl", "loop"].low) == (0, 0, 0)
    assert named["seconds", "loop"].high == pytest.approx(15.5 + 12.7062 * 5, abs=1e-3)
    apart = next(one for one in content["paired"] if one.metric == "seconds")
    assert apart.low is not None and apart.low < 0  # a difference has no such end


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ("answers/characters", "second is higher than loop in change from M1, length, characters: +10.0"),
        ("answers/cut", "second is higher (worse) than loop in change from M1, cut at the token limit: +10.0 points"),
    ],
)
def test_a_higher_figure_is_not_called_a_gain_where_higher_is_not_better(
    tmp_path: Path, metric: str, said: str
) -> None:
    unit = 100 if metric == "answers/characters" else 1
    found = study(tmp_path, f"loop {SECOND}", seeds="1-3", note=f"outcome: {metric}")
    for seed in found.seeds:
        for method, more in (("loop", 0.0), (SECOND, 0.1 + seed / 1000 - 0.002)):
            train(found, method, seed, {"M1": {metric: 0.2 * unit}, "M2": {metric: (0.3 + more) * unit}})
    (finding,) = page.gather(found, "x")["findings"]
    assert finding.startswith(said)


def test_what_does_not_know_its_cost_says_so(tmp_path: Path) -> None:
    found = study(tmp_path, "loop", seeds="1-2")
    for seed in found.seeds:
        settings = train(found, "loop", seed, figures(0.4, 0.5))
        place = run_folder(settings).step("M2")
        if seed == 1:
            (place / used.NAME).unlink()
            (place / "timings.json").unlink()
        else:
            used.add(place, "candidates", {"generation": Usage(requests=4, unknown=4)}, used.StageUsage())
    content = page.gather(found, "x")
    generated, seconds = content["named"]["generated", "loop"], content["named"]["seconds", "loop"]
    assert generated.value is None
    assert generated.note == (
        "no value of seed 1: M2 has no usage.json: it was made before tokens were counted; "
        "seed 2: of 4 of 4 requests nobody said how many tokens they took"
    )
    assert (seconds.value, seconds.n, seconds.note) == (10.5, 1, "no value of seed 1: M2 has no timings.json")


def test_a_run_that_is_not_whole_is_not_compared(tmp_path: Path) -> None:
    found = study(tmp_path, "loop", seeds="1-3")
    for seed in found.seeds:
        settings = train(found, "loop", seed, figures(0.4, 0.5))
        folder = run_folder(settings)
        if seed == 1:
            (folder.step("M2") / "manifest.json").unlink()
        if seed == 2:
            shutil.rmtree(folder.step("evaluation"))
        if seed == 3:
            changed = json.loads((folder.path / "settings.json").read_text()) | {"seed": 77}
            files.write_json(folder.path / "settings.json", changed)
    first, second, third = page.gather(found, "x")["not_there"]
    assert (first.why, second.why) == ("not finished: M2 not made", "not measured")
    assert "was made with other settings (seed: 77 -> 3)" in third.why


def test_runs_that_are_not_there_are_listed_once_for_each_reason() -> None:
    missing = [
        *(page.NotThere(method, seed, "not trained") for method in ("loop", "spin") for seed in (7, 8)),
        page.NotThere("rest", 8, "not trained"),
        page.NotThere("loop", 6, "stopped: no pairs"),
    ]
    assert page.in_groups(missing) == [
        "not trained: seeds 7, 8 of loop, spin",
        "not trained: seed 8 of rest",
        "stopped: no pairs: seed 6 of loop",
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("wide", [390, 1280, 2000])
def test_the_page_is_whole_and_axe_finds_nothing(chromium: Browser, written: Path, wide: int, scheme: Scheme) -> None:
    assert look(chromium, written, wide, scheme) == Look(overflows=False, violations=[])


def test_words_of_a_stopped_run_are_shown_and_do_nothing(chromium: Browser, written: Path) -> None:
    tab = chromium.new_page()
    events = deeds(tab)
    tab.goto(written.as_uri())
    assert "<script>window.pwned=1;alert(1)</script>" in tab.inner_text("main")
    assert tab.evaluate("window.pwned") is None
    assert links(tab) == (7, [])
    tab.close()
    assert events == []


def test_a_page_is_the_same_from_what_is_kept_as_from_the_runs(filled: Study, written: Path, tmp_path: Path) -> None:
    """And a study of more seeds and methods says how many each method has."""
    kept = filled._replace(results=tmp_path / "results")
    for seed in filled.seeds:
        runs = {
            cell.method: result
            for cell in filled.cells(seed)
            if (result := finished(filled, cell, SeedResults())) is not None
        }
        results.write(kept, seed, SeedResults(runs=runs, stopped=results.read(filled, seed).stopped))
    elsewhere = filled.given.model_copy(update={"runs": str(tmp_path / "other")})
    page.write(kept._replace(given=elsewhere), "x", tmp_path / "page")
    for name in ("metrics.json", "metrics.csv"):
        assert (tmp_path / "page" / name).read_text() == (written.parent / name).read_text()
    more = page.gather(kept._replace(given=elsewhere, seeds=range(1, 7)), "x")
    assert [(one.name, one.seeds) for one in more["methods"]] == [
        ("loop", "4 of 6"), (SECOND, "3 of 6"), ("third", "0 of 6")
    ]  # fmt: skip
    assert more["named"]["gain", "loop"].note == "no value of seeds 5, 6: not trained"


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ("sft.learning_rate=0.5", "what is kept of it was made with other settings"),
        ("iterations=3", "what is kept of it was made with other settings"),
        ("evaluation.judge_draws=9", "what is kept of it was measured with other settings"),
        ("evaluation.judge=length", "what is kept of it was measured with other settings"),
    ],
)
def test_what_was_kept_of_other_settings_is_not_compared(tmp_path: Path, setting: str, why: str) -> None:
    found = study(tmp_path, "loop", seeds="1")
    (cell,) = found.cells(1)
    train(found, "loop", 1, figures(0.4, 0.5))
    result = finished(found, cell, SeedResults())
    assert result is not None
    results.write(found, 1, SeedResults(runs={"loop": result}))
    shutil.rmtree(tmp_path / "runs/loop-s1")
    assert page.gather(found, "x")["not_there"] == []
    changed = study(tmp_path, f"loop:{setting}", seeds="1")
    ((method, seed, said),) = page.gather(changed, "x")["not_there"]
    assert (method, seed, said) == ("loop", 1, why)


def test_a_run_that_was_measured_otherwise_is_to_be_measured_again(tmp_path: Path) -> None:
    train(study(tmp_path, "loop", seeds="1"), "loop", 1, figures(0.4, 0.5))
    again = study(tmp_path, "loop:evaluation.judge_draws=9", seeds="1")
    ((*_, said),) = page.gather(again, "x")["not_there"]
    assert said == "not measured"
    (cell,) = again.cells(1)
    with Run(cell.settings).held():
        pass  # a start that was stopped before it measured: the run's folder names the new settings now
    ((*_, said),) = page.gather(again, "x")["not_there"]
    assert said == "not measured"


def test_a_dry_run_tells_what_is_missing(tmp_path: Path) -> None:
    found = study(tmp_path, f"loop {SECOND} third", seeds="1-2")
    (cell, *_) = found.cells(1)
    train(found, "loop", 1, figures(0.4, 0.5))
    train(found, SECOND, 1, figures(0.4, 0.5))
    result = finished(found, cell, SeedResults())
    assert result is not None
    results.write(found, 1, SeedResults(runs={"loop": result}))
    shutil.rmtree(tmp_path / "runs/loop-s1")
    said = (
        CliRunner().invoke(app, ["methods", str(tmp_path / "study.yaml"), "--dry-run"], env={"COLUMNS": "200"}).output
    )
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in said.splitlines() if "-s" in line]
    assert rows == [
        ["loop-s1", "self_rewarding", "1", "nothing: its figures are kept", ""],
        [f"{SECOND}-s1", "self_rewarding", "1", "nothing", ""],
        ["third-s1", "self_rewarding", "1", "to be measured", "data, M0, SFT, M1, M2"],
        ["loop-s2", "self_rewarding", "2", "data, M0, SFT, M1, M2", ""],
        [f"{SECOND}-s2", "self_rewarding", "2", "to be measured", "data, M0, SFT, M1, M2"],
        ["third-s2", "self_rewarding", "2", "to be measured", "data, M0, SFT, M1, M2"],
    ]
    assert said.splitlines()[-1] == "4 runs of 6 to be trained or measured"


def test_an_M1_that_was_made_on_another_machine_is_told(tmp_path: Path) -> None:
    found = study(tmp_path, f"loop {SECOND}", seeds="1-3")
    for seed in found.seeds:
        runs = {}
        for cell in found.cells(seed):
            train(found, cell.method, seed, figures(0.4, 0.5))
            result = finished(found, cell, SeedResults())
            assert result is not None
            runs[cell.method] = result.model_copy(update={"first": "elsewhere" if seed == 2 else "here"})
        runs["loop"] = runs["loop"].model_copy(update={"first": "here"})
        results.write(found, seed, SeedResults(runs=runs))
    for folder in (tmp_path / "runs").glob("*-s*"):
        shutil.rmtree(folder)
    assert page.gather(found, "x")["other_start"] == [f"{SECOND} (seed 2)"]
    said = page.write(found, "x", tmp_path / "page").with_suffix(".md").read_text()
    assert f"M1 has other weights than the reference's for: {SECOND} (seed 2)." in said


def test_a_file_of_results_that_is_none_is_an_error_that_names_it(tmp_path: Path) -> None:
    found = study(tmp_path, "loop", seeds="1")
    found.results.mkdir(parents=True)
    (found.results / "s1.json").write_text('{"runs": {"loop": {"values": 3}}}')
    with pytest.raises(RecordError, match=r"results/s1\.json: not a SeedResults"):
        page.gather(found, "x")
