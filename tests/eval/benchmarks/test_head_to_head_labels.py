"""Human labels of a head-to-head: wins minus losses of the judge, of people, and of both together."""

import json
from pathlib import Path

import pytest

from eval.benchmarks.head_to_head.people import corrected
from eval.data.labels import read
from eval.records import Verdict, verdict_id
from srlm.methods.base import run_folder
from srlm.records import Checkpoint, Prompt, RunManifest
from srlm.settings import Settings
from srlm.store import files


def judged(folder: Path, wins: int, n: int) -> Settings:
    """A run whose M1 wins the first `wins` of `n` prompts against SFT and loses the others."""
    settings = Settings.model_validate({"name": "r", "runs": str(folder), "model": {"base": "scratch"},
                                        "pretraining": {}, "data": {"kind": "beads"}})  # fmt: skip
    place = run_folder(settings)
    prompts = [Prompt.of(f"question {number}", "test") for number in range(n)]
    files.write(place.step("data") / "evaluation_prompts.jsonl", prompts)
    for name in ("SFT", "M1"):
        checkpoint = Checkpoint(name=name, parent=None, path=f"{name}/model", digest="d")
        place.finish(
            RunManifest(step=name, settings_digest="s", seed=1, versions={}, commit=None, checkpoint=checkpoint,
                        inputs={}, outputs={}, counts={})
        )  # fmt: skip
    said = [
        Verdict(
            id=verdict_id(f"a{number}", f"b{number}", "judge"),
            prompt_id=prompt.id,
            model_a="M1",
            model_b="SFT",
            response_a_id=f"a{number}",
            response_b_id=f"b{number}",
            judge="judge",
            preference_ab=float(number < wins),
            preference_ba=float(number < wins),
            outcome="win" if number < wins else "lose",
            raw_ab="",
            raw_ba="",
        )
        for number, prompt in enumerate(prompts)
    ]
    files.write(place.step("evaluation") / "verdicts" / "M1-vs-SFT.jsonl", said)
    return settings


def test_wins_minus_losses_are_corrected_by_people_who_see_it_otherwise(tmp_path: Path) -> None:
    settings = judged(tmp_path, wins=80, n=100)
    folder = run_folder(settings)
    # Every fifth prompt is labelled. People take back half of the judge's wins, and none of its losses.
    rows = [
        {"instruction": f"question {number}", "label": "win" if number < 80 and number % 10 else "lose", "model": "M1"}
        for number in range(0, 100, 5)
    ]
    path = tmp_path / "labels.jsonl"
    files.write_text(path, "".join(json.dumps(row) + "\n" for row in [*rows, {"id": "nowhere", "label": "win"}]))
    alone, people, both = corrected(settings, folder, read(path))
    assert (alone.metric, alone.n, people.metric, people.n) == (
        "win_minus_lose_judge_alone", 100, "win_minus_lose_labels_alone", 20,
    )  # fmt: skip
    assert alone.value == pytest.approx(0.6) and people.value == pytest.approx(-0.2)
    assert both.metric == "win_minus_lose_corrected" and (both.model, both.baseline) == ("M1", "SFT")
    assert (
        both.value == pytest.approx(people.value) and both.low is not None and both.low < -0.2
    )  # equal shares of wins
    assert "1 not used (no unit of this name)" in both.note


def test_a_label_that_does_not_say_whose_it_is_is_of_the_only_pair(tmp_path: Path) -> None:
    settings = judged(tmp_path, wins=50, n=60)
    path = tmp_path / "labels.csv"
    path.write_text("instruction,label\n" + "".join(f"question {number},tie\n" for number in range(10)))
    assert corrected(settings, run_folder(settings), read(path))[2].n == 10
