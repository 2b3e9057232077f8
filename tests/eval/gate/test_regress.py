"""The gate: its statistics on numbers worked out by hand, and its command on runs made of a few lines."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy import stats

from eval.cli import main
from eval.gate.regress import GateRow
from eval.gate.verdicts import levels, notes
from eval.records import Baseline, BaselineMeasure, BaselineRun
from eval.stats.bounded import SHARE, SIGNED
from eval.stats.regression import Loss, Values, loss, verdicts
from srlm.methods.base import run_folder
from srlm.records import Checkpoint, Judgement, Prompt, RankedSet, Response, RunManifest
from srlm.settings import ModelSettings, Settings, Training
from srlm.store import files
from srlm.worlds.beads import program
from srlm.worlds.beads.settings import BeadsData

HALF = [1.0, 0.0] * 20


def test_one_run_against_one_has_the_score_interval_of_paired_prompts() -> None:
    before, now = [1.0, 1.0, 1.0, 0.0], [0.0, 1.0, 0.0, 0.0]
    found = loss([Values(before)], Values(now), margin=0.1)
    # Differences -1, 0, -1, 0: mean -.5, a quarter of the way from -1 to 1; their variance is a third of that of yes or
    # no, 3/16; they say 4 * 4 * 3/16 = 3, and phi = (3/3 + 1.5) / (3 + 1.5) = 5/9: 4 prompts count as 7.2.
    assert (found.baseline, found.now, found.difference) == (0.75, 0.25, -0.5)
    count, at, margin = 7.2, 0.25, 0.45
    assert found.p == pytest.approx(stats.norm.cdf((at - margin) / math.sqrt(margin * (1 - margin) / count)))
    assert found.p == pytest.approx(0.14036, abs=1e-5)
    # Wilson's upper end .60679 and Jeffreys's lower one .05114 of so many, on -1..1.
    assert found.high == pytest.approx(2 * 0.60679 - 1, abs=1e-5)
    assert found.low == pytest.approx(2 * 0.05114 - 1, abs=1e-5)
    assert (
        found.method == "score interval over 4 prompts; the baseline is one run, so training's own variation is unknown"
    )


def test_a_quantity_without_a_range_has_a_t_interval_and_a_p_that_agrees_with_it() -> None:
    before = [float(n % 7) for n in range(28)]
    now = [value - 2 + (place % 2) for place, value in enumerate(before)]
    found = loss([Values(before)], Values(now), margin=1.0)
    # Differences -2 and -1, half and half: mean -1.5, standard deviation sqrt(.25 * 28 / 27).
    error = math.sqrt(0.25 * 28 / 27 / 28)
    assert found.low == pytest.approx(-1.5 - stats.t.ppf(0.975, 27) * error)
    assert found.p == pytest.approx(stats.t.cdf(-0.5 / error, 27))
    assert found.method.startswith("t over 28 prompts;")


def test_few_prompts_of_a_quantity_without_a_range_say_nothing() -> None:
    found = loss([Values([10.0] * 14)], Values([3.0, *[10.0] * 13]), margin=0.0)
    assert (found.low, found.p, verdicts([found])[0].said) == (None, None, "unread")
    assert found.method == "no interval: fewer than 15 prompts of a quantity without a range"
    runs = [Values([10.0 + run] * 14) for run in range(6)]
    assert loss(runs, Values([3.0, *[10.0] * 13]), margin=0.0).p is None  # nor do six runs make up for it


@pytest.mark.parametrize(("now", "said"), [(10.0, "not shown"), (9.0, "regression")])
def test_prompts_that_all_differ_alike_have_no_interval_without_a_range(now: float, said: str) -> None:
    found = loss([Values([10.0] * 20)], Values([now] * 20), margin=0.5)
    assert (found.low, found.high, found.shown) == (None, None, False)
    assert found.p == (0.5**20 if now < 9.5 else 1)  # each of 20 lost more than the margin
    assert verdicts([found])[0].said == said
    assert "all 20 prompts differ alike, so nothing shows its width" in found.method


@pytest.mark.parametrize(("n", "half", "said"), [(40, 0.0588, "not shown"), (100, 0.0238, "no worse")])
def test_prompts_that_all_agree_with_the_baseline_exclude_as_much_as_so_many_can(
    n: int, half: float, said: str
) -> None:
    same = Values([1.0, 0.0] * (n // 2))
    found = loss([same], same, margin=0.05)
    # They count as n (n + 1.5) / 1.5 prompts at a half: 1,107 and 6,767. By the rule of three it would be 3 / n.
    assert found.difference == 0
    assert found.low == pytest.approx(-half, abs=1e-4)
    assert found.high == pytest.approx(half, abs=1e-4)
    assert verdicts([found])[0].said == said


def test_one_run_against_many_is_crawford_and_howells_t_test_where_runs_differ_more_than_prompts() -> None:
    runs = [Values([share] * 10) for share in (0.2, 0.4, 0.6, 0.8)]
    found = loss(runs, Values([0.1] * 10), margin=0.0, bounds=SHARE)
    # Mean .5, standard deviation of the four sqrt(.2/3); every prompt alike, so prompts have no spread at all.
    error = math.sqrt(0.2 / 3) * math.sqrt(1 + 1 / 4)
    assert found.difference == pytest.approx(-0.4)
    assert found.p == pytest.approx(stats.t.cdf(-0.4 / error, 3))
    assert found.method == "t over 4 runs"


def test_prompts_decide_where_the_runs_happen_to_be_alike() -> None:
    found = loss([Values(HALF)] * 3, Values([1.0] * 40), margin=0.0)
    assert found.difference == 0.5
    assert found.method == "score interval over 40 prompts (the 3 runs differ by less)"


def test_a_measure_that_may_not_rise_is_turned_round() -> None:
    found = loss([Values(HALF)], Values([1.0] * 40), margin=0.0, lower_is_worse=False)
    assert found.difference == -0.5


def test_weights_make_it_a_pooled_share() -> None:
    before = Values([1.0, 0.0, 0.5], [3.0, 1.0, 4.0])
    now = Values([0.0, 1.0, 0.5], [3.0, 1.0, 4.0])
    found = loss([before], now, margin=0.0)
    assert (found.baseline, found.now) == ((3 + 0 + 2) / 8, (0 + 1 + 2) / 8)


def test_a_prompt_without_a_value_in_one_run_is_left_out_of_all_and_counted() -> None:
    found = loss([Values([1.0, None, 1.0, 0.0])], Values([1.0, 1.0, None, 0.0]), margin=0.0)
    assert (found.n, found.unscored, found.difference) == (2, 2, 0.0)


def test_a_prompt_without_a_unit_in_one_run_weighs_nothing_there_and_is_not_unscored() -> None:
    before, now = Values([1.0, None, 0.0], [2.0, 0.0, 2.0]), Values([1.0, 1.0, None], [1.0, 1.0, 0.0])
    found = loss([before], now, margin=0.0)
    assert (found.n, found.unscored, found.baseline, found.now) == (3, 0, 0.5, 1.0)


def test_fewer_than_two_prompts_say_nothing() -> None:
    found = loss([Values([1.0, None])], Values([1.0, 1.0]), margin=0.0)
    assert (found.p, found.n) == (None, 1)
    assert verdicts([found])[0].said == "unread"


@pytest.mark.parametrize(
    ("now", "said"),
    [
        pytest.param([1.0] * 2 + [None] * 98, "unread", id="fell-silent"),
        pytest.param([None] * 100, "unread", id="says-nothing"),
        pytest.param([1.0] * 60 + [None] * 40, "unread", id="could-hide-a-loss"),
        pytest.param([1.0] * 99 + [None], "no worse", id="one-cannot-hide-it"),
        pytest.param([0.0] * 50 + [None] * 50, "regression", id="lost-whatever-is-missing"),
    ],
)
def test_missing_values_are_as_bad_as_they_can_be_before_a_run_is_cleared(now: list[float | None], said: str) -> None:
    assert verdicts([loss([Values([1.0] * 100)], Values(now), margin=0.05)])[0].said == said


def test_missing_values_bound_the_difference_both_ways() -> None:
    found = loss([Values([1.0, 1.0, 0.0, None])], Values([1.0, None, 0.0, 1.0]), margin=0.05)
    # Scored on two prompts, where nothing changed. Worst: 0 now against 1 then; the last was 1 then. Best: 1, and 0.
    assert (found.difference, found.worst, found.best) == (0, -1 / 4, 1 / 4)
    assert found.method.endswith("2 prompts have a value on one side only: with them the difference lies between "
                                 "-0.250 and +0.250")  # fmt: skip


def test_wins_minus_losses_that_are_missing_may_be_losses() -> None:
    found = loss([Values([1.0, 0.0, 0.0, 0.0])], Values([1.0, 0.0, 0.0, None]), margin=0.05, bounds=SIGNED)
    assert found.worst == -1 / 4


def test_a_prompt_missing_in_every_run_hides_nothing() -> None:
    found = loss([Values([*HALF * 3, None])], Values([*HALF * 3, None]), margin=0.05)
    assert (found.worst, found.hidden, verdicts([found])[0].said) == (None, None, "no worse")


def test_a_loss_that_would_be_seen_is_larger_where_more_measures_are_tested() -> None:
    alone, among = (loss([Values(HALF)], Values(HALF[::-1]), margin=0.05, family=n) for n in (1, 8))
    assert alone.visible is not None and among.visible is not None
    # Differences -1 and 1, half and half, vary as yes and no do: 40 prompts count as 40, on a range of 2.
    error = 2 * math.sqrt(0.25 / 40)
    assert alone.visible == pytest.approx(0.05 + error * (stats.norm.ppf(0.95) + stats.norm.ppf(0.8)))
    assert among.visible == pytest.approx(0.05 + error * (stats.norm.isf(0.05 / 8) + stats.norm.ppf(0.8)))


def test_shares_without_any_spread_still_have_an_interval() -> None:
    steady = [Values([1.0] * 5)] * 3
    few = loss(steady, Values([0.9] * 5), margin=0.05, bounds=SHARE)
    assert few.low is not None and few.high is not None and few.low < -0.4 < 0.2 < few.high
    assert verdicts([few])[0].said == "not shown"
    many = loss([Values([1.0] * 200)] * 3, Values([0.9] * 200), margin=0.05, bounds=SHARE)
    assert verdicts([many])[0].said == "regression"


@pytest.mark.parametrize(
    ("now", "margin", "said"),
    [
        pytest.param([0.0] * 40, 0.05, "regression", id="far-below"),
        pytest.param(HALF, 0.05, "not shown", id="the-same-on-40-prompts"),
        pytest.param(HALF, 0.1, "no worse", id="the-same-within-a-tenth"),
        pytest.param([0.0] * 10 + HALF[10:], 0.05, "not shown", id="below-by-chance-or-not"),
    ],
)
def test_what_is_said_of_a_measure(now: list[float], margin: float, said: str) -> None:
    assert verdicts([loss([Values(HALF)], Values(now), margin)])[0].said == said


def measured(p: float) -> Loss:
    return Loss(
        baseline=1, now=0, difference=-1, low=-2, high=0, p=p, shown=False, visible=1, n=9, unscored=0, runs=1,
        method="",
    )  # fmt: skip


def test_holms_correction_goes_over_the_measures() -> None:
    found = verdicts([measured(0.02), measured(0.04), measured(0.5)])
    assert [one.p_adjusted for one in found] == [0.06, 0.08, 0.5]  # 3 x .02, 2 x .04, 1 x .5
    assert [one.said for one in found] == ["not shown"] * 3
    assert verdicts([measured(0.01), measured(0.5)])[0].said == "regression"


def test_unchanged_code_is_called_a_regression_no_more_often_than_alpha() -> None:
    draws = np.random.default_rng(7)
    called = 0
    for _ in range(400):
        skill = draws.normal(0.7, 0.04, size=9)  # each run is trained to a skill of its own
        hard = draws.normal(0, 0.2, size=100)  # and the same prompts are hard for all
        runs = [Values((draws.random(100) < one + hard).astype(float).tolist()) for one in skill]
        called += verdicts([loss(runs[:8], runs[8], margin=0.0)])[0].said == "regression"
    # At margin 0 the bound is alpha, 20 of 400; the larger of two errors makes it less. 32 is 3 standard errors above.
    assert called <= 32


def gate_row(p: float, high: float) -> Loss:
    return measured(p).model_copy(update={"low": -1.0, "high": high})


def test_an_interval_beyond_the_margin_without_a_verdict_is_explained() -> None:
    losses = [gate_row(0.02, -0.2), gate_row(0.5, 0.1), gate_row(0.5, 0.1)]
    measure = BaselineMeasure(metric="m", margin=0.1, prompts=("a",), runs=(BaselineRun(
        seed=1, settings_digest="", commit=None, values=(1.0,)),))  # fmt: skip
    rows = [GateRow(measure, one, verdict) for one, verdict in zip(losses, verdicts(losses), strict=True)]
    first, second, _ = notes(rows, Baseline(reason="r", commit=None, made="2026-01-31", measures=(measure,)))[1:]
    assert rows[0].verdict.p_adjusted == pytest.approx(0.06)  # 3 x .02
    assert first.endswith(
        "its own interval lies beyond the margin, which among 3 measures may be chance: Holm's correction does not "
        "call it"
    )
    assert "interval lies" not in second
    assert levels(rows) == (
        "Intervals are two-sided 95%, of each measure alone; a regression is a loss beyond the margin by a one-sided "
        "test at 5%, with Holm's correction over 3 measures"
    )


def test_a_regression_whose_two_sided_interval_reaches_the_margin_is_explained() -> None:
    losses = [gate_row(0.04, -0.05)]
    measure = BaselineMeasure(metric="m", margin=0.1, prompts=("a",), runs=(BaselineRun(
        seed=1, settings_digest="", commit=None, values=(1.0,)),))  # fmt: skip
    row = GateRow(measure, losses[0], verdicts(losses)[0])
    line = notes([row], Baseline(reason="r", commit=None, made="2026-01-31", measures=(measure,)))[1]
    assert line.endswith("; its two-sided interval reaches the margin, the one-sided test excludes it")


# The command -----------------------------------------------------------------------------------------------------

PROMPTS = [
    Prompt.of(program.BeadRow(tuple(map(program.Bead, "abc", colours)), "copy").text(), "beads")
    for colours in zip(
        program.COLOURS * 4, program.COLOURS[1:] * 4 + program.COLOURS[:4], program.COLOURS[2:] * 5, strict=True
    )
]


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """`gate("--against", file, ...)` is `python -m eval regress --run run.yaml ...` in `tmp_path`; its status."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    Path("run.yaml").write_text("name: r\nmodel: {base: scratch}\npretraining: {}\ndata: {kind: beads}\n")

    def call(*words: object) -> int:
        with pytest.raises(SystemExit) as left:
            main(["regress", "--run", "run.yaml", *map(str, words)])
        return int(left.value.code or 0)

    return call


def answered(right: int, name: str = "r", prompts: list[Prompt] | None = None, **changes: Any) -> None:
    """A run whose M1 answers the first `right` prompts correctly and the others not at all."""
    asked = PROMPTS if prompts is None else prompts
    settings = Settings(
        name=name, model=ModelSettings(base="scratch"), pretraining=Training(), data=BeadsData(), **changes
    )
    folder = run_folder(settings)
    files.write(folder.step("data") / "evaluation_prompts.jsonl", asked)
    checkpoint = Checkpoint(name="M1", parent=None, path="M1/model", digest="d")
    folder.finish(
        RunManifest(
            step="M1", settings_digest="s", seed=1, versions={}, commit="c0ffee", checkpoint=checkpoint, inputs={},
            outputs={}, counts={},
        )
    )  # fmt: skip
    texts = [
        " ".join(f"{i} {b.colour}" for i, b in enumerate(program.targets(row), 1)) + " ." if place < right else "sure"
        for place, prompt in enumerate(asked)
        if (row := program.parse_prompt(prompt.text)) is not None
    ]
    files.write(
        folder.step("evaluation") / "M1" / "responses.jsonl",
        [Response.of(prompt.id, text, "M1", 0, "stop") for prompt, text in zip(asked, texts, strict=True)],
    )


MEASURE = ("--measure", "M1/beads/correct=0.1")
UPDATE = ("--against", "base.json", "--update-baseline", "--reason", "as it should be")


def test_the_prompts_of_these_tests_differ() -> None:
    assert len({prompt.id for prompt in PROMPTS}) == len(PROMPTS) == 40


def test_a_run_that_has_lost_fails_the_gate_and_one_that_has_not_passes(
    gate: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    answered(30)
    assert gate(*UPDATE, *MEASURE) == 0
    assert gate("--against", "base.json") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "no regression in 1 measure (1 of them shown to be no worse)"
    answered(10)
    assert gate("--against", "base.json", "--junit", "out/verdicts.xml") == 1
    said = capsys.readouterr().out.splitlines()
    assert said[1].split()[:3] == ["M1/beads/correct", f"{30 / 40:.3f}", f"{10 / 40:.3f}"]
    assert said[1].endswith("regression")
    assert said[-1] == "regression in 1 of 1 measure: M1/beads/correct"
    suite = ElementTree.parse("out/verdicts.xml").getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("1", "1", "0")
    assert suite[0].get("name") == "M1/beads/correct"


def test_a_summary_for_github_is_written_where_it_asks_for_one(
    gate: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    answered(30)
    gate(*UPDATE, *MEASURE)
    Path("summary.md").write_text("# Before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    assert gate("--against", "base.json") == 0
    lines = Path("summary.md").read_text().splitlines()
    assert lines[:2] == ["# Before", "### no regression in 1 measure (1 of them shown to be no worse)"]
    assert any(line.startswith("| M1/beads/correct | 0.750 | 0.750 |") for line in lines)


def test_a_baseline_of_several_seeds_holds_each_run(gate: Callable[..., int]) -> None:
    for seed, right in ((1, 30), (2, 32), (3, 31)):
        answered(right, f"r-s{seed}", seed=seed)
    assert gate(*UPDATE, *MEASURE, "--seeds", "1-3") == 0
    baseline = files.read_one(Path("base.json"), Baseline)
    assert baseline.reason == "as it should be"
    assert [run.seed for run in baseline.measures[0].runs] == [1, 2, 3]
    assert {(run.commit, run.settings_digest) for run in baseline.measures[0].runs} == {("c0ffee", "s")}
    assert [sum(v or 0 for v in run.values) for run in baseline.measures[0].runs] == [30, 32, 31]


def test_a_new_baseline_watches_what_the_old_one_did(gate: Callable[..., int]) -> None:
    answered(30)
    gate(*UPDATE, "--measure", "M1/beads/oracle_score=0.2")
    answered(20)
    assert gate("--against", "base.json", "--update-baseline", "--reason", "slower but simpler") == 0
    baseline = files.read_one(Path("base.json"), Baseline)
    assert [(one.name, one.margin) for one in baseline.measures] == [("M1/beads/oracle_score", 0.2)]
    assert gate("--against", "base.json") == 0


def test_a_first_baseline_may_watch_all_that_benchmarks_name_a_margin_for(gate: Callable[..., int]) -> None:
    answered(30)
    assert gate(*UPDATE, "--measure", "all") == 0
    baseline = files.read_one(Path("base.json"), Baseline)
    assert [(one.name, one.margin, one.worse) for one in baseline.measures] == [
        ("M1/beads/correct", 0.05, "lower"),
        ("M1/beads/oracle_score", 0.2, "lower"),
    ]


def test_a_baseline_holds_what_a_measure_is_of_as_fields(gate: Callable[..., int]) -> None:
    answered(30)
    gate(*UPDATE, *MEASURE)
    (measure,) = json.loads(Path("base.json").read_text())["measures"]
    fields = {name: measure[name] for name in ("model", "baseline", "benchmark", "metric")}
    assert fields == {"model": "M1", "baseline": None, "benchmark": "beads", "metric": "correct"}


def test_a_baseline_that_names_its_measures_holds_runs_as_before(gate: Callable[..., int]) -> None:
    answered(30)
    gate(*UPDATE, *MEASURE)
    kept = json.loads(Path("base.json").read_text())
    for measure in kept["measures"]:
        for field in ("model", "baseline", "benchmark", "metric"):
            del measure[field]
        measure["name"] = "M1/beads/correct"
    Path("old.json").write_text(json.dumps(kept))
    assert gate("--against", "old.json") == 0
    answered(10)
    assert gate("--against", "old.json") == 1


def test_a_measure_of_ones_own_is_a_file_of_values(gate: Callable[..., int]) -> None:
    answered(30)
    own = [{"prompt": f"p{i}", "value": float(i % 2)} for i in range(40)]
    Path("own.jsonl").write_text("".join(json.dumps(line) + "\n" for line in own))
    assert gate(*UPDATE, "--measure", "mine=0.1", "--values", "mine=own.jsonl") == 0
    assert gate("--against", "base.json", "--values", "mine=own.jsonl") == 0
    Path("own.jsonl").write_text("".join(json.dumps(line | {"value": 0.0}) + "\n" for line in own))
    assert gate("--against", "base.json", "--values", "mine=own.jsonl") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(("--against", "nowhere.json"), "no such baseline", id="no-baseline"),
        pytest.param(("--against", "run.yaml"), "not a Baseline", id="no-baseline-at-all"),
        pytest.param(("--against", "m3.json"), "M3/beads/correct: the run has no such measure", id="not-measured"),
        pytest.param((*UPDATE, "--measure", "M1/beads/right=1"), "has no measure M1/beads/right", id="unknown"),
        pytest.param((*UPDATE, "--measure", "M1/beads/correct"), "write it as NAME=MARGIN", id="no-margin"),
        pytest.param((*UPDATE, "--measure", "M1/beads/correct=1:up"), "not 'up'", id="no-direction"),
        pytest.param((*UPDATE, "--measure", "M1/beads/correct=-1"), "a margin of at least 0", id="negative-margin"),
        pytest.param((*UPDATE, "--measure", "M1/beads/correct=nan"), "a margin of at least 0", id="no-number"),
        pytest.param(UPDATE, "a first baseline needs measures: ", id="first-without-measures"),
        pytest.param(("--against", "b", "--update-baseline"), "needs --reason", id="no-reason"),
        pytest.param((*UPDATE, *MEASURE, "--seeds", "all"), "write it as 1-10", id="seeds"),
        pytest.param((*UPDATE, *MEASURE, "--values", "mine"), "write it as NAME=FILE", id="values"),
        pytest.param(
            (*UPDATE, *MEASURE, "--values", "mine=twice.jsonl"), "duplicate prompt in a series", id="a-prompt-twice"
        ),
    ],
)
def test_what_cannot_be_judged_is_status_2_and_one_line(
    gate: Callable[..., int], capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    answered(30)
    gate("--against", "base2.json", "--update-baseline", "--reason", "r", *MEASURE)
    text = Path("base2.json").read_text()
    Path("m3.json").write_text(text.replace('"model":"M1"', '"model":"M3"'))
    Path("twice.jsonl").write_text('{"prompt":"a","value":1}\n' * 2)
    capsys.readouterr()
    assert gate(*words) == 2
    told = capsys.readouterr().err.strip()
    assert said in told
    assert len(told.splitlines()) == 1
    assert not Path("base.json").exists()


def test_a_run_on_other_prompts_cannot_be_judged(gate: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    answered(30)
    gate(*UPDATE, *MEASURE)
    answered(30, prompts=PROMPTS[:-1])
    assert gate("--against", "base.json") == 2
    assert "evaluated on other prompts than the baseline (1 are missing, 0 are new)" in capsys.readouterr().err


@pytest.mark.parametrize("kept", [slice(0, 39), slice(None, None, -1)], ids=["one-lost", "another-order"])
def test_answers_that_are_not_those_to_the_runs_prompts_cannot_be_judged(
    gate: Callable[..., int], capsys: pytest.CaptureFixture[str], kept: slice
) -> None:
    answered(30)
    gate(*UPDATE, *MEASURE)
    path = Path("runs/r/evaluation/M1/responses.jsonl")
    files.write(path, files.read(path, Response)[kept])
    assert gate("--against", "base.json") == 2
    said = capsys.readouterr().err
    assert f"{path}: its {len(range(40)[kept])} records are not 1 for each of 40 in the run's order" in said


def test_judgements_that_are_not_those_of_the_runs_answers_cannot_be_judged(
    gate: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    answered(30)
    prompt, place = PROMPTS[0], Path("runs/r/evaluation/M1")
    responses = [Response.of(prompt.id, f"answer {number}", "human", number) for number in range(3)]
    files.write(Path("runs/r/data/heldout_sets.jsonl"), [RankedSet.of(prompt, tuple(responses), (0, 1, 2))])
    said = [Judgement.of(r.id, "M1", draw, "Score: 3", 3.0) for r in responses for draw in range(2)]
    files.write(place / "judgements.jsonl", said)
    watched = ("--measure", "M1/judge_agreement/parsed=0.05")
    assert gate(*UPDATE, *watched) == 0
    for wrong in (said[:5], [*said[2:], *said[:2]]):
        files.write(place / "judgements.jsonl", wrong)
        assert gate("--against", "base.json") == 2
        assert f"judgements.jsonl: its {len(wrong)} records are not" in capsys.readouterr().err


def test_the_order_of_the_prompts_does_not_matter(gate: Callable[..., int]) -> None:
    answered(30)
    gate(*UPDATE, *MEASURE)
    prompts = files.read(Path("runs/r/data/evaluation_prompts.jsonl"), Prompt)
    responses = files.read(Path("runs/r/evaluation/M1/responses.jsonl"), Response)
    files.write(Path("runs/r/data/evaluation_prompts.jsonl"), prompts[::-1])
    files.write(Path("runs/r/evaluation/M1/responses.jsonl"), responses[::-1])
    assert gate("--against", "base.json") == 0


def test_a_judge_that_fell_silent_does_not_pass_the_gate(
    gate: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """98 of 100 values are gone; the two that are left are as good as ever."""
    answered(40)

    def mine(values: list[float | None]) -> str:
        files.write_text(
            Path("mine.jsonl"),
            "".join(json.dumps({"prompt": f"p{n}", "value": value}) + "\n" for n, value in enumerate(values)),
        )
        return "mine=mine.jsonl"

    assert gate(*UPDATE, "--values", mine([1.0] * 100), "--measure", "mine=0.05") == 0
    assert gate("--against", "base.json", "--values", mine([1.0] * 100)) == 0
    capsys.readouterr()
    assert gate("--against", "base.json", "--values", mine([1.0, 1.0, *[None] * 98]), "--junit", "v.xml") == 2
    said = capsys.readouterr().out
    assert said.splitlines()[-1] == "could not judge 1 of 1 measure: mine"
    assert "98 prompts have a value on one side only: with them the difference lies between -0.980 and +0.000" in said
    assert ElementTree.parse("v.xml").getroot().get("errors") == "1"
