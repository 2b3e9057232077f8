"""The scripts beside the pocket run: faults that can still be planted, and the study's sums."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


sys.path.append(str(CHECKOUT / "benchmarks/pocket"))  # as when they are run: they share a file


def script(name: str) -> ModuleType:
    found = importlib.util.spec_from_file_location(f"pocket_{name}", CHECKOUT / "benchmarks/pocket" / f"{name}.py")
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[found.name] = module
    found.loader.exec_module(module)
    return module


@pytest.mark.parametrize("fault", script("mutants").EVERY, ids=lambda fault: fault.name.replace(" ", "-"))
def test_the_words_a_fault_replaces_stand_in_the_code_exactly_once(fault: Any) -> None:
    text = (CHECKOUT / fault.file).read_text(encoding="utf-8")
    assert text.count(fault.right) == 1
    compile(text.replace(fault.right, fault.wrong), fault.file, "exec")


def test_faults_are_told_apart_by_their_names_and_name_tests_that_are_there() -> None:
    every = script("mutants").EVERY
    assert len({fault.name for fault in every}) == len(every)
    named = {word for fault in every for word in fault.tests if word.startswith("tests/")}
    assert [word for word in sorted(named) if not (CHECKOUT / word).exists()] == []


def test_every_method_beside_the_loop_has_a_fault_of_its_own() -> None:
    from srlm.methods.base import METHODS

    methods = [fault.name.partition(": ")[0] for fault in script("method_faults").METHOD_FAULTS]
    assert set(methods) == set(METHODS) - {"self_rewarding"}


def test_a_gain_is_a_mean_over_seeds_and_prompts_with_both_drawn_anew() -> None:
    study = script("study")
    found = {
        "self_rewarding, seed 1": {"models": {"M1": {"right": "0000"}, "M2": {"right": "1100"}}},
        "self_rewarding, seed 2": {"models": {"M1": {"right": "1000"}, "M2": {"right": "1111"}}},
        "self_rewarding, seed 3": {"models": {"M1": {"right": "1000"}}},
    }
    gain = study.gain(found, "self_rewarding", "M2", "M1")
    assert gain.value == (2 + 3) / 8
    assert gain.low < gain.value < gain.high <= 1
    assert study.by_seed(found, "self_rewarding", "M2", "M1") == {1: 0.5, 2: 0.75}
    assert study.gain(found, "random_scores", "M2", "M1") is None


def test_every_arm_of_the_study_is_a_run_that_can_be_read() -> None:
    from srlm.run_file import load

    study = script("study")
    for name, arm in study.EVERY.items():
        settings = load(CHECKOUT / "configs/pocket.yaml", [f"name={name}", *arm.settings])
        assert settings.data.kind == "beads"


def test_the_plot_shows_every_seed_and_each_judges_mean(tmp_path: Path) -> None:
    study = script("study")

    def models(judge: float, m1: str, m3: str) -> dict[str, Any]:
        return {"models": {"M1": {"right": m1, "bead_judge/heldout_correct": judge}, "M3": {"right": m3}}}

    found = {
        "self_rewarding, seed 1": models(0.98, "1000", "1111"),
        "wrong_30, seed 1": models(0.80, "1000", "1100"),
        "wrong_30, seed 2": models(0.70, "0000", "0000"),
    }
    zero, each, _, means, words = study.chart(found)["layer"]
    assert zero["encoding"]["y"]["datum"] == 0
    assert [(p["judge"], p["gain"]) for p in each["data"]["values"]] == [(0.80, 0.25), (0.70, 0.0), (0.98, 0.75)]
    assert [(p["judge"], p["value"]) for p in means["data"]["values"]] == [(0.75, 0.125), (0.98, 0.75)]
    assert [p["name"] for p in words["data"]["values"]] == ["30%", ""]
    study.plot(found, tmp_path / "gain.svg")
    drawn = (tmp_path / "gain.svg").read_text(encoding="utf-8")
    assert drawn.startswith("<svg")
    assert "wrong verdicts in EFT" in drawn
