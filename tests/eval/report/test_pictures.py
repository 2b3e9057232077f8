"""What pictures of a run claim, and which quantities share an axis."""

from pathlib import Path

import pytest

from eval.benchmarks.ranked_by import ranked_by
from eval.figures.charts import Chart
from eval.report import training
from eval.report.page import data_of
from srlm.settings import ModelSettings, OasstData, Settings
from srlm.settings.data import RankedData
from srlm.store import files
from srlm.store.folder import RunFolder
from srlm.worlds.beads.settings import BeadsData
from tests.eval.report import small


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (BeadsData(), "ranked by the bead world's rule, not by people"),
        (OasstData(path="trees.jsonl"), "ranked by people (OpenAssistant)"),
        (RankedData(path="sets.jsonl"), "ranked as the data set has it"),
    ],
    ids=["world", "oasst", "ranked"],
)
def test_people_ranked_only_what_people_ranked(data: BeadsData | OasstData | RankedData, said: str) -> None:
    assert ranked_by(Settings(name="x", model=ModelSettings(base="scratch"), data=data)) == said


def histories(folder: RunFolder, **logged: list[dict[str, float]]) -> list[Chart]:
    """The pictures of the losses of a run whose steps logged this, and no other."""
    for step in ("M0", "SFT", "M1", "M2"):
        files.write_json(folder.step(step) / "training.json", logged.get(step, []))
    return training.histories(data_of(folder.settings, folder))


def test_losses_margins_and_accuracies_have_pictures_of_their_own(tmp_path: Path) -> None:
    drawn = histories(
        small.run(tmp_path),
        SFT=[{"step": step, "loss": 4.0 - step / 10} for step in (1, 10, 20)],
        M1=[{"step": 1, "loss": 0.01, "reward": 3.5}],
        M2=[{"step": step, "loss": 0.7, "rewards/margins": 0.1, "rewards/accuracies": 0.75} for step in (1, 10)],
    )
    assert [(chart.title, [row[0] for row in chart.rows]) for chart in drawn] == [
        ("Training loss: next token", ["SFT", "SFT", "SFT"]),
        ("Training loss: online RL", ["M1"]),
        ("Training loss: preference pairs", ["M2", "M2"]),
        ("Online RL: mean reward of sampled answers", ["M1"]),
        ("DPO: reward margin, chosen minus rejected", ["M2", "M2"]),
        ("DPO: share of pairs in which the chosen answer has the higher reward", ["M2", "M2"]),
    ]
    assert "100%" not in drawn[4].svg and ">100%<" in drawn[5].svg
    assert {chart.note for chart in drawn} == {"As the trainer logged it."}


def test_of_a_long_history_the_note_says_which_steps_are_drawn(tmp_path: Path) -> None:
    (chart,) = histories(small.run(tmp_path), SFT=[{"step": step, "loss": 1.0} for step in range(150)])
    assert chart.note == "As the trainer logged it; of SFT every third."
    assert [row[1] for row in chart.rows[:3]] == ["0", "3", "6"]
