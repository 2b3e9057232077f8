"""What worse judges cost: a study's file read, its sums, its section of the page."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from eval.benchmarks.beads import study, worse_judges
from eval.cli import app
from eval.report import page
from srlm.errors import RecordError, StoreError
from tests.eval.report import small


def entry(m1: str, m3: str, judge: float | None) -> dict[str, Any]:
    return {
        "commit": "0123abc",
        "settings_digest": "0",
        "models": {"M1": {"right": m1, study.JUDGED: judge}, "M3": {"right": m3, "points": "5555"}},
    }


FOUND = {
    "self_rewarding, seed 1": entry("1000", "1111", 1.0),
    "self_rewarding, seed 2": entry("0000", "1110", 0.96),
    "wrong_30, seed 1": entry("1000", "1100", 0.8),
    "wrong_30, seed 2": entry("0000", "0000", None),
    "eft_500, seed 1": entry("0000", "1111", 0.7),
    "wrong_40, seed 1": {"models": {"M1": {"right": "0000"}}},  # not at M3 yet
    "random_scores, seed 1": entry("0000", "1111", 0.5),  # no judge that was taught worse
}


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "study.json"
    path.write_text(json.dumps(FOUND), encoding="utf-8")
    return path


def test_an_arms_gain_and_judge_are_means_over_its_seeds(written: Path) -> None:
    found = {words: (own.gain, own.judged) for words, own in worse_judges.read(written).rows}
    assert list(found) == ["12,000 exact EFT examples", "30% wrong verdicts in EFT", "500 EFT examples"]
    gain, judged = found["12,000 exact EFT examples"]
    assert (gain.value, gain.n, gain.unit) == ((3 + 3) / 8, 2, "seeds")
    assert gain.low is not None and gain.high is not None and 0 <= gain.low < 0.75 < gain.high <= 1
    assert (judged.value, judged.n, judged.unscored) == ((1.0 + 0.96) / 2, 2, 0)
    gain, judged = found["30% wrong verdicts in EFT"]
    assert (gain.value, gain.n) == ((1 + 0) / 8, 2)
    assert (judged.value, judged.n, judged.unscored) == (0.8, 1, 1)
    gain, _ = found["500 EFT examples"]
    assert (gain.value, gain.low, gain.high, gain.n) == (1, None, None, 1)  # all four prompts gained
    assert gain.method == "mean over seeds and prompts; no interval: all seeds and prompts alike"


def test_an_arm_is_held_against_the_loop_from_the_same_seeds(written: Path) -> None:
    found = {words: own.beyond for words, own in worse_judges.read(written).rows}
    worse_by, one = found["30% wrong verdicts in EFT"], found["500 EFT examples"]
    assert worse_by is not None and one is not None
    # The loop gains 0111 and 1110, the arm 0100 and 0000.
    assert (worse_by.value, worse_by.n) == ((-2 - 3) / 8, 2)
    assert worse_by.low is not None and worse_by.high is not None and worse_by.low < -0.625 < worse_by.high <= 0
    assert (one.value, one.n) == ((1 + 0 + 0 + 0) / 4, 1)
    assert "over prompts alone, one seed" in one.method
    assert found["12,000 exact EFT examples"] is None
    assert len(worse_judges.read(written).metrics) == 2 + 3 + 3


def test_an_arm_without_a_seed_of_the_loop_is_unknown_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "study.json"
    path.write_text(json.dumps({"eft_500, seed 1": FOUND["eft_500, seed 1"]}), encoding="utf-8")
    ((_, own),) = worse_judges.read(path).rows
    assert own.beyond is not None
    assert (own.beyond.value, own.beyond.n, own.beyond.note) == (None, 0, "no seed in common")


def test_the_chart_lists_every_seed_and_every_mean_unrounded(written: Path) -> None:
    chart = worse_judges.read(written).chart
    assert chart is not None
    rows = [row[:4] for row in chart.rows]
    assert rows[:3] == [
        ("12,000 exact EFT examples", "1", "1.0", "0.75"),
        ("12,000 exact EFT examples", "2", "0.96", "0.75"),
        ("12,000 exact EFT examples", "mean of 2", "0.98", "0.75"),
    ]
    assert len(rows) == 3 + 2 + 2  # the seed whose judge is not known has no place
    assert "<title>30% wrong verdicts in EFT, seed 1: gain +25.0 points, judge 80.0%</title>" in chart.svg
    assert 'aria-label="Gain from M1 to M3 against the judge at M1; the data stand below"' in chart.svg


def test_the_section_stands_in_the_page_and_its_figures_among_the_others(tmp_path: Path, written: Path) -> None:
    folder, kept = small.run(tmp_path), tmp_path / "kept"
    words = ["report", str(folder.path), "--study", str(written)]
    made = CliRunner().invoke(app, [*words, "--out", str(kept)])
    assert made.exit_code == 0, made.output
    html = (kept / "report.html").read_text(encoding="utf-8")
    table = re.search(r'<table data-name="What worse judges cost">.*?</table>', html, re.DOTALL)
    assert table is not None
    assert '<th scope="row">30% wrong verdicts in EFT</th><td class="number">2</td>' in table[0]
    assert '<data value="0.125">+12.5 points</data>' in table[0]
    assert '<a href="#study">' in html
    figures = json.loads((kept / "metrics.json").read_text(encoding="utf-8"))
    assert [(m["metric"], m["value"]) for m in figures if m["benchmark"] == study.BENCHMARK][:2] == [
        ("12,000 exact EFT examples: gain in right answers", 0.75),
        ("12,000 exact EFT examples: judge's balanced accuracy", 0.98),
    ]
    assert "12,000 exact EFT examples: gain in right answers" in (kept / "report.md").read_text(encoding="utf-8")
    assert CliRunner().invoke(app, [*words, "--check", str(kept)]).exit_code == 0
    alone = CliRunner().invoke(app, ["report", str(folder.path), "--check", str(kept)])
    assert alone.exit_code == 1 and "8 figures differ from this run's" in alone.output


def test_without_a_study_the_page_has_no_such_section(tmp_path: Path) -> None:
    folder = small.run(tmp_path)
    assert "What worse judges cost" not in page.write(folder.settings, folder, "x").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param("[", "not JSON", id="cut-off"),
        pytest.param("[]", "not a study: it has no entries", id="a-list"),
        pytest.param("{}", "not a study: it has no entries", id="empty"),
        pytest.param('{"loop": {"models": {}}}', "loop: an entry must be named `ARM, seed N`", id="name"),
        pytest.param('{"eft_500, seed 1": {}}', "eft_500, seed 1: not what study.py keeps: models", id="no-models"),
        pytest.param('{"eft_500, seed 1": 7}', "eft_500, seed 1: not what study.py keeps", id="a-number"),
        pytest.param(
            '{"eft_500, seed 1": {"models": {"M1": {"right": "01x"}}}}',
            "M1: `right` must be a line of digits, one per prompt: '01x'",
            id="letters",
        ),
        pytest.param(
            '{"eft_500, seed 1": {"models": {"M1": {"right": 0.5}}}}',
            "M1: `right` must be a line of digits",
            id="share",
        ),
        pytest.param(
            '{"eft_500, seed 1": {"models": {"M1": {"bead_judge/heldout_correct": "good"}}}}',
            "must be a number",
            id="word",
        ),
        pytest.param(
            '{"eft_500, seed 1": {"models": {"M1": {"right": "01"}, "M3": {"right": "011"}}}}',
            "runs with different prompts: eft_500, seed 1, M1 has 2 of them, eft_500, seed 1, M3 3",
            id="prompts",
        ),
    ],
)
def test_a_broken_study_is_named_with_its_entry(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "study.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(RecordError, match=re.escape(said)) as found:
        study.read(path)
    assert str(path) in str(found.value)


def test_a_study_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"study\.json: no such study"):
        study.read(tmp_path / "study.json")
