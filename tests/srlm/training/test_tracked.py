"""The counts of finished steps in a tracker, as TensorBoard itself reads them back."""

from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from srlm.methods.run import Run
from srlm.run_file import load


def test_counts_of_finished_steps_reach_tensorboard_under_the_number_of_the_iteration(
    tiny: Path, tmp_path: Path
) -> None:
    run = Run(load(tiny, [f"runs={tmp_path}", "report_to=[tensorboard]"]))
    with run.folder.held():
        run.finish("M1", {"eft: judgements": 40, "rubric": "d2df"})
        run.finish(
            "M2", {"judgements": 96, "judgements by score": {"5": 7, "4": None}, "margin mean": 2.5, "ties": None}
        )
    found = EventAccumulator(str(tmp_path / "tiny/logs"))
    found.Reload()
    seen = {tag: [(one.step, one.value) for one in found.Scalars(tag)] for tag in found.Tags()["scalars"]}
    assert seen == {
        "train/eft: judgements": [(1, 40.0)],
        "train/judgements": [(2, 96.0)],
        "train/judgements by score/5": [(2, 7.0)],
        "train/margin mean": [(2, 2.5)],
    }
    assert found.Tags()["tensors"] == []  # no text: settings and environment stay here


def test_without_a_tracker_nothing_is_written(tiny: Path, tmp_path: Path) -> None:
    run = Run(load(tiny, [f"runs={tmp_path}"]))
    with run.folder.held():
        run.finish("M1", {"eft: judgements": 40})
    assert not (tmp_path / "tiny/logs").exists()
