"""The harness as a library."""

import shutil
from pathlib import Path

import pytest

import eval as harness
from srlm.errors import SrlmError


@pytest.fixture(scope="module")
def two(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The tiny run twice, the second measured by another judge."""
    place = tmp_path_factory.mktemp("two")
    runs = place / "one", place / "other"
    for run in runs:
        shutil.copytree(trained / "runs/tiny", run)
    return runs


def test_every_name_is_there_and_documented() -> None:
    assert set(harness.__all__) <= set(dir(harness))
    assert [name for name in harness.__all__ if not getattr(harness, name).__doc__] == []
    with pytest.raises(AttributeError, match="has no attribute 'evalute'"):
        harness.evalute  # noqa: B018


def test_runs_are_measured_judged_and_compared(two: tuple[Path, Path]) -> None:
    one, other = two
    figures = harness.evaluate(one, ["head_to_head", "beads"], "length")
    assert {figure.benchmark for figure in figures} == {"head_to_head", "beads", "bead_skills", "bead_judge"}
    assert {figure.note.partition(";")[0] for figure in figures if figure.metric == "win"} == {"judge length"}
    found = {(figure.metric, figure.model, figure.baseline): figure for figure in figures}
    assert found["win", "M2", "M1"].n + found["win", "M2", "M1"].unscored == 8
    table = figures.to_pandas()
    assert list(table.columns) == list(harness.MetricValue.model_fields)
    assert len(table) == len(figures)
    assert list(harness.figures_of(one)) == list(figures)

    assert list(harness.figures_of(other)) == []
    harness.evaluate(other, ["beads"], set=["evaluation.confidence=0.9"])
    # The same models on the same prompts: no prompt differs.
    same = {figure.metric: figure for figure in harness.compare(one, other)}
    assert (same["beads/correct"].model, same["beads/correct"].baseline) == ("other/M2", "one/M2")
    assert (same["beads/correct"].value, same["beads/correct"].n) == (0.0, 8)


def test_what_cannot_be_measured_or_compared_is_refused(two: tuple[Path, Path], tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(SrlmError, match="blackjack: no such benchmark; the benchmarks are head_to_head"):
        harness.evaluate(two[0], ["blackjack"])
    with pytest.raises(SrlmError, match=r"has no finished checkpoint to evaluate; train it first: srlm\.train\('"):
        harness.evaluate(tiny, set=[f"runs={tmp_path}"])
    with pytest.raises(SrlmError, match="compare needs two runs of different names or more"):
        harness.compare(two[0], two[0])
    with pytest.raises(SrlmError, match="no such run file"):
        harness.compare(two[0], tmp_path / "nothing")
