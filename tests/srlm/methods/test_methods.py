"""The table of methods: what every entry says, and that the commands know a new one without further change."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from srlm.errors import SettingsError
from srlm.methods.base import (
    LAST,
    METHODS,
    Generation,
    Lengths,
    Optimisation,
    Prepared,
    find_method,
    method_of,
    run_folder,
)
from srlm.methods.positive_sft import positive_examples
from srlm.methods.run import Run
from srlm.methods.train import iteration_named, train
from srlm.records import PreferencePair, Prompt, Response, Step
from srlm.rewards.base import keep_rewards
from srlm.run_file import load
from srlm.store import files

ROOT = Path(__file__).resolve().parents[3]
TINY = ROOT / "tests/tiny.yaml"
HARDWARE = ROOT / "configs/hardware/1xh100.yaml"


@pytest.fixture
def by_length(monkeypatch: pytest.MonkeyPatch) -> str:
    """A method in the table that the trainer does not ship: docs/extending.md's, with other names for its models."""
    monkeypatch.setitem(METHODS, "by_length", "tests.srlm.methods.by_other_names")
    return "by_length"


def test_the_method_of_the_documentation_is_the_one_that_is_tested() -> None:
    found = re.search(r"```python\n(.*?)```", (ROOT / "docs/extending.md").read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    assert found[1] == (ROOT / "tests/srlm/methods/by_length.py").read_text(encoding="utf-8")


BESIDE = {"weak_to_strong": {"W0": "base", "weak": "baseline", "ceiling": "baseline"}}
"""Models of a method that are none of the loop's, with their roles."""


@pytest.mark.parametrize("name", METHODS)
def test_a_method_s_steps_are_in_the_order_in_which_they_are_made(name: str) -> None:
    settings = load(TINY, [f"method={name}"])
    method = find_method(name)
    every = method.steps(settings, 4)
    beside = BESIDE.get(name, {})
    assert {step.name: step.role for step in every if step.name in beside} == beside
    steps = [step for step in every if step.role != "intermediate" and step.name not in beside]
    assert [step.name for step in steps] == ["data", "M0", "SFT", "M1", "M2", "M3", "M4"]
    assert [step.role for step in steps] == ["data", "base", "baseline", *["iteration"] * 4]
    assert [step.number for step in steps] == [0, 0, 0, 1, 2, 3, 4]
    for place, step in enumerate(every):
        assert step.parent is None or step.parent in [before.name for before in every[:place]]
    assert method.steps(settings, LAST)[: len(every)] == every
    assert len({step.name for step in every}) == len(every)
    assert method.summary and method.paper


def test_a_model_of_positive_sft_comes_from_m0_and_one_of_the_loop_from_the_last() -> None:
    settings = load(TINY)
    names = ("self_rewarding", "positive_sft", "self_taught_evaluator", "autorater", "temporal")
    parents = {name: [step.parent for step in find_method(name).steps(settings, 3)][3:] for name in names}
    assert parents == {
        "self_rewarding": ["M0", "M1", "M2"],
        "positive_sft": ["M0", "M0", "M0"],
        "self_taught_evaluator": ["M0", "M0", "M0"],
        "autorater": ["M0", "M1", "M2"],
        "temporal": ["M0", "M1", "M1", "M2", "M2"],  # M2-future and M2, M3-future and M3
    }


def test_a_method_that_is_not_in_the_table_is_refused_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=rf"^{TINY}: method dpo: no such method; the methods are self_rewarding"):
        run_folder(load(TINY, ["method=dpo"]))
    with pytest.raises(SettingsError, match=rf"^{TINY}: unknown setting method\.min_reward"):
        run_folder(load(TINY, ["method.min_reward=4"]))


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        *((name, "reward.kind=rules") for name in ("rlhf", "constitutional", "self_taught_evaluator", "spin", "cream")),
        *(
            (name, "selection.flip=true")
            for name in ("rlhf", "self_rewarding_rl", "constitutional", "spin", "positive_sft")
        ),
    ],
)
def test_a_section_that_a_method_does_not_use_is_refused(name: str, setting: str) -> None:
    settings = load(TINY, [f"method={name}", setting])
    method = find_method(name)
    assert isinstance(method, Prepared)
    section = setting.partition(".")[0]
    with pytest.raises(SettingsError, match=rf"^{TINY}: {section}: method {name} does not use this section"):
        method.check(settings, 2)


def test_the_methods_are_listed_with_their_papers(srlm: Any, by_length: str) -> None:
    listed = srlm("methods")
    assert listed.exit_code == 0
    assert [line.split("  ")[0] for line in listed.stdout.splitlines()] == list(METHODS)
    assert list(METHODS)[:2] + list(METHODS)[-1:] == ["self_rewarding", "positive_sft", by_length]
    assert listed.stdout.splitlines()[0] == (
        "self_rewarding  each model judges its own answers; DPO on the best against the worst "
        "(Yuan et al. 2024, arXiv 2401.10020)"
    )


def test_a_name_after_to_is_one_of_the_method_s_own(by_length: str) -> None:
    settings = load(TINY, [f"method={by_length}", "iterations=3"])
    assert iteration_named(settings, "LENGTH-3").number == 3
    with pytest.raises(SettingsError, match="'M2' is not a model of the loop; use M1, length-2, length-3"):
        iteration_named(settings, "M2")


def test_what_positive_sft_takes_has_no_dpo_and_counts_every_answer() -> None:
    settings = load(TINY, ["method=positive_sft"])
    work = list(method_of(settings).work(settings, Lengths(10, 8, 8)))
    assert [one.name for one in work if isinstance(one, Generation)] == ["M2: candidates", "M2: judgements"]
    trained = [one for one in work if isinstance(one, Optimisation)]
    assert [one.name for one in trained] == [
        "SFT baseline", "M1: supervised fine-tuning", "M2: supervised fine-tuning"
    ]  # fmt: skip
    assert [one.examples for one in trained] == [40, 40 + 48, 40 + 48 + 24 * 2]
    assert not any(one.pairs for one in trained)


def test_an_added_method_is_trained_and_known_to_every_command(tmp_path: Path, by_length: str, srlm: Any) -> None:
    chosen = [f"runs={tmp_path}", f"method={by_length}", "method.sign=-1"]
    words = [word for one in chosen for word in ("--set", one)]
    made = srlm("train", "--run", TINY, "--to", "length-2", *words)
    assert (made.exit_code, made.stdout) == (0, f"tiny: length-2 is in {tmp_path}/tiny/length-2/model\n"), made
    run = Run(load(TINY, chosen))
    assert [checkpoint.name for checkpoint in run.folder.checkpoints()] == ["M0", "SFT", "M1", "length-2"]
    assert [checkpoint.name for checkpoint in run.folder.measured()] == ["SFT", "M1", "length-2"]
    pairs = files.read(tmp_path / "tiny/length-2/pairs.jsonl", PreferencePair)
    assert all(len(one.chosen[0].content) < len(one.rejected[0].content) for one in pairs)
    status = srlm("status", "--run", TINY, *words).stdout
    assert re.search(r"length-2 +\u2502 done +\u2502", status)
    assert "M2" not in status
    estimate = srlm("estimate", "--run", TINY, "--hardware", HARDWARE, *words).stdout
    assert "length-2: DPO" in estimate and "judgements" not in estimate
    doctor = srlm("doctor", "--run", TINY, *words)
    assert (doctor.exit_code, "problem" in doctor.stdout) == (0, False), doctor.stdout
    told = srlm("explain", pairs[0].id[:10], "--run", TINY, *words).stdout
    assert f"reward {pairs[0].chosen_score:.3f}, CHOSEN" in told
    assert "rule: method by_length; reward = characters; the longest against the shortest" in told
    changed = [word if word != "method.sign=-1" else "method.sign=-2" for word in words]
    refused = srlm("doctor", "--run", TINY, *changed)
    assert "method.sign: -1.0 -> -2.0" in refused.stdout
    assert "method.sign of by_length  (float, default 1.0)" in srlm("settings", "method.sign").stdout.splitlines()


def test_the_least_reward_is_high_enough_and_an_answer_that_was_cut_is_not_learnt(tmp_path: Path) -> None:
    """The paper's 5 of 5: with more than the least reward alone there would be no example at all."""
    run = Run(load(TINY, [f"runs={tmp_path}", "method=positive_sft"]))
    prompt, step = Prompt.of("a gold copy", "beads"), Step(name="M2", parent="M0", role="iteration", number=2)
    given = [(5.0, "stop"), (4.5, "stop"), (None, "stop"), (5.0, "length")]
    written = [
        Response.of(prompt.id, f"{draw} gold .", "M1", draw, "stop" if finish == "stop" else "length")
        for draw, (_, finish) in enumerate(given)
    ]
    files.write(run.path("M2", "prompts.jsonl"), [prompt])
    files.write(run.path("M2", "responses.jsonl"), written)
    keep_rewards(run.folder.step("M2"), "rules", written, [number for number, _ in given])
    assert [(one.prompt, one.response) for one in positive_examples(run, step)] == [("a gold copy", "0 gold .")]


def test_positive_sft_from_end_to_end(tmp_path: Path, srlm: Any) -> None:
    chosen = ("--set", f"runs={tmp_path}", "--set", "method=positive_sft", "--set", "method.min_reward=0")
    made = srlm("train", "--run", TINY, "--set", "iterations=3", *chosen)
    assert made.exit_code == 0, made
    manifests = {name: json.loads((tmp_path / "tiny" / name / "manifest.json").read_text()) for name in ("M2", "M3")}
    assert [one["checkpoint"]["parent"] for one in manifests.values()] == ["M0", "M0"]
    positive = [one["counts"]["positive examples"] for one in manifests.values()]
    # Every scored answer that ended by itself, and in M3 those of both iterations.
    ended = [
        sum(one.finish == "stop" for one in files.read(tmp_path / "tiny" / name / "responses.jsonl", Response))
        for name in manifests
    ]
    assert positive == [ended[0], ended[0] + ended[1]]
    # M3 learns the answers of M1 and of M2, and is another where either is.
    assert set(manifests["M2"]["inputs"]) == {"M0 weights", "M1 weights"}
    assert set(manifests["M3"]["inputs"]) == {"M0 weights", "M1 weights", "M2 weights"}
    assert manifests["M3"]["counts"]["sft: ift examples"] == 40 + positive[1]
    prompt = files.read(tmp_path / "tiny/M3/prompts.jsonl", Prompt)[0]
    told = srlm("explain", prompt.id, "--run", TINY, *chosen)
    assert "rule: method positive_sft; rubric beads (" in told.stdout
    assert "answers with 0 or more are trained on, pairs are not" in told.stdout
    for one in files.read(tmp_path / "tiny/M3/responses.jsonl", Response):
        if one.prompt_id == prompt.id:
            said = "trained on" if one.finish == "stop" else "not trained on, cut at the token limit"
            assert f"response {one.id}: {said}\n" in told.stdout


def test_two_methods_go_on_from_the_same_first_model(tmp_path: Path) -> None:
    train(Run(load(TINY, [f"runs={tmp_path}", "name=one"])), 1)
    for step in ("data", "M0", "SFT", "M1"):
        shutil.copytree(tmp_path / "one" / step, tmp_path / "other" / step)
    other = train(Run(load(TINY, [f"runs={tmp_path}", "name=other", "method=positive_sft"])), 2)
    loop = train(Run(load(TINY, [f"runs={tmp_path}", "name=one"])), 2)
    assert (other.parent, loop.parent) == ("M0", "M1")
    for file in ("prompts.jsonl", "responses.jsonl", "judgements.jsonl"):
        assert (tmp_path / "one/M2" / file).read_bytes() == (tmp_path / "other/M2" / file).read_bytes()
