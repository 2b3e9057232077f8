"""Methods that train judges of pairs, on the tiny run: what they keep, what they say of it, and that a kill at any
write and a second start end in the same bytes."""

import json
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from srlm.contents import sha256_of
from srlm.errors import DataError, SettingsError, SrlmError, StoreError
from srlm.judge.balanced import balanced
from srlm.judge.changed_instructions import ChangedInstruction
from srlm.judge.pair_sampling import ShownPair
from srlm.methods.base import Generation, Lengths, Optimisation, method_of, run_folder
from srlm.methods.checks import check_files
from srlm.methods.explain_labels import explain_labels
from srlm.methods.inputs import inputs_of
from srlm.methods.run import Run
from srlm.methods.self_taught_evaluator import none_kept, pairs_of
from srlm.methods.start import seed_data
from srlm.methods.verify import verify
from srlm.methods.weak_to_strong import labelled_halves, teachers_labels
from srlm.records import Checkpoint, Demonstration, Input, PairJudgement, Prompt, RankedSet, Response, Step
from srlm.run_file import load
from srlm.store import files
from tests.forks.command import Forks
from tests.srlm.methods.test_kill import contents, start

CHECKOUT = Path(__file__).resolve().parents[3]
TINY = CHECKOUT / "tests/tiny.yaml"
LETTERS = CHECKOUT / "configs/methods/beads_pair_letter.txt"
OWN = [
    {"prompt": f"Which of {n} stones is red?", "responses": [f"Stone {n}.", "Hm.", "No."], "ranks": [0, 1, 1]}
    for n in range(12)
]
"""Rankings in our own format: two ordered pairs and a tie each."""
HELD = [{"prompt": f"Count to {n}, please!", "responses": ["One, two.", "Red."], "ranks": [0, 1]} for n in range(5)]
Known = tuple[str, str, int]


class Case(NamedTuple):
    """A method at work on the tiny run."""

    chosen: tuple[str, ...]
    last: str
    copied: tuple[str, ...]
    """Steps taken from the run of `self_rewarding`."""
    killed: Known
    """The place in the default suite."""
    further: tuple[Known, ...]


CASES = {
    "self_taught_evaluator": Case(
        ("method.changed_by=world", f"method.template={LETTERS}", "method.complete=true", "method.draws=3"),
        "M2",
        ("data", "M0", "SFT", "M1"),
        ("open", "M2/pair_judgements.jsonl.part", 2),
        (
            ("open", "M2/responses.jsonl.part", 2),
            ("rename", "M2/changed_instructions.jsonl", 1),
            ("open", "M2/worse_responses.jsonl.part", 2),
            ("rename", "M2/eft.jsonl", 1),
            ("open", "M2/training/checkpoint-4/trainer_state.json", 1),
            ("open", "M2/held_out_pairs.M1.0.jsonl.part", 1),
            ("rename", "M2/manifest.json", 1),
        ),
    ),
    "autorater": Case(
        (
            "method.sets={beads: run, own: {path: own.jsonl, format: own}}",
            "method.heldout={held: held.jsonl}",
            f"method.template={LETTERS}",
            "method.examples=40",
        ),
        "M2",
        ("data", "M0", "SFT", "M1"),
        ("rename", "M2/eft.jsonl", 1),
        (
            ("open", "M2/training/checkpoint-4/trainer_state.json", 1),
            ("open", "M2/held_out_pairs.1.jsonl.part", 1),
            ("rename", "M2/manifest.json", 1),
        ),
    ),
    "weak_to_strong": Case(
        (
            f"method.template={LETTERS}",
            "method.weak.scratch={width: 16, layers: 1, heads: 2, feed_forward: 32, max_positions: 128}",
        ),
        "M1",
        ("data", "M0", "SFT"),
        ("open", "M1/weak_labels.jsonl.part", 2),
        (
            ("rename", "W0/model", 1),
            ("open", "weak/training/checkpoint-4/trainer_state.json", 1),
            ("rename", "weak/manifest.json", 1),
            ("open", "ceiling/held_out_pairs.0.jsonl.part", 1),
            ("open", "M1/training/checkpoint-8/trainer_state.json", 1),
            ("rename", "M1/manifest.json", 1),
        ),
    ),
}


def words(method: str) -> list[str]:
    return [word for one in (f"method.name={method}", *CASES[method].chosen) for word in ("--set", one)]


def begun(made: Path, steps: tuple[str, ...], where: Path) -> Path:
    """A folder with people's judgements, and with steps that another run has made."""
    for name, rows in (("own.jsonl", OWN), ("held.jsonl", HELD)):
        (where / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    for step in steps:
        shutil.copytree(made / "runs/tiny" / step, where / "runs/tiny" / step)
    return where


@pytest.fixture(scope="module")
def runs(forks: Forks, trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """`runs(METHOD)` is a folder in which runs/tiny was trained by a method in peace; each is trained once."""
    made: dict[str, Path] = {}

    def run(method: str) -> Path:
        if method not in made:
            where = begun(trained, CASES[method].copied, tmp_path_factory.mktemp(method))
            status, said = start(forks, where, "srlm", "train", "--to", CASES[method].last, *words(method))
            assert status == 0, said
            made[method] = where
        return made[method]

    return run


def resumed(forks: Forks, where: Path, method: str, places: tuple[Known, ...]) -> dict[str, str]:
    """What the run holds that was killed at each place, and started once more."""
    training = ("train", "--to", CASES[method].last, *words(method))
    for place in places:
        status, said = start(forks, where, "srlm", *training, at=place)
        assert status == -signal.SIGKILL, f"never came to {place}: {said}"
    status, said = start(forks, where, "srlm", *training)
    assert status == 0, said
    return contents(where / "runs/tiny")


@pytest.mark.parametrize(
    "method", [pytest.param(one, marks=[pytest.mark.soak] * (one == "weak_to_strong")) for one in CASES]
)
def test_a_run_killed_in_the_method_s_own_stage_ends_with_the_same_bytes(
    method: str, forks: Forks, runs: Callable[[str], Path], tmp_path: Path
) -> None:
    case, whole = CASES[method], runs(method)
    earlier = ("data", "M0", "SFT", "W0", "weak", "ceiling") if method == "weak_to_strong" else case.copied
    begun(whole, earlier, tmp_path)
    found = resumed(forks, tmp_path, method, (case.killed,))
    expected = {name: one for name, one in contents(whole / "runs/tiny").items() if name.startswith(case.last)}
    assert len(expected) > 10
    assert {name: one for name, one in found.items() if name.startswith(case.last)} == expected


@pytest.mark.soak
@pytest.mark.parametrize("method", CASES)
def test_a_run_killed_in_every_stage_ends_with_the_same_bytes(
    method: str, forks: Forks, trained: Path, runs: Callable[[str], Path], tmp_path: Path
) -> None:
    expected = contents(runs(method) / "runs/tiny")
    begun(trained, CASES[method].copied, tmp_path)
    assert resumed(forks, tmp_path, method, CASES[method].further) == expected


def manifest(where: Path, step: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((where / "runs/tiny" / step / "manifest.json").read_text())
    return found


@pytest.mark.parametrize("method", CASES)
def test_a_finished_run_is_sound_and_explains_what_its_model_learnt(
    method: str, runs: Callable[[str], Path], srlm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = runs(method)
    monkeypatch.chdir(where)
    run = Run(load(TINY, [f"method.name={method}", *CASES[method].chosen, "model.date=2026-02-03"]))
    found = verify(run.folder)
    assert [row for row in found.rows if row.state not in ("ok", "not sealed")] == []
    last = where / "runs/tiny" / CASES[method].last
    options = ["--run", TINY, "--set", "model.date=2026-02-03", *words(method)]
    if method == "weak_to_strong":
        label = files.read(last / "weak_labels.jsonl", PairJudgement)[0]
        told = srlm("explain", label.id[:12], *options).stdout
        assert f"M1, label {label.id} by weak: {label.first_id} before {label.second_id}" in told
        assert f"probability {label.probability:.3f}" in told
        assert "people's rank 0" in told
    else:
        example = files.read(last / "eft.jsonl", Demonstration)[0]
        told = srlm("explain", example.id[:12], *options).stdout
        kept = f"right, made to give its letter, KEPT as example {example.id}"
        if method == "self_taught_evaluator":
            assert f"KEPT as example {example.id}" in told or kept in told
            assert told.count("\njudgement ") == 2 * 3
            assert "to the changed instruction" in told
        else:
            assert f"example {example.id}" in told and "what it is taught to say" in told
    assert f"rule: method {method}; template {LETTERS}" in told.replace("\n", "")
    assert srlm("explain", "0123456789abcdef", *options).exit_code == 2
    assert re.search(rf"{CASES[method].last} +\u2502 done +\u2502", srlm("status", *options).stdout)
    refused = srlm("train", *options, "--set", "method.heldout_pairs=3")
    assert refused.exit_code == 2
    assert re.search(r"made with other settings \(method\.heldout_pairs: \w+ -> 3\)", refused.stderr)


def test_a_self_taught_judge_learns_right_judgements_alone_each_place_equally_often(
    runs: Callable[[str], Path],
) -> None:
    where = runs("self_taught_evaluator")
    step = where / "runs/tiny/M2"
    made = manifest(where, "M2")
    assert made["checkpoint"]["parent"] == "M0"
    assert set(made["inputs"]) == {"M0 weights", "M1 weights"}
    counts = made["counts"]
    every = files.read(step / "pair_judgements.jsonl", PairJudgement)
    unread = sum(one.preference is None for one in every)
    log = (step.parent / "log.txt").read_text()
    assert re.search(rf"M2: judgements: done after [\d.]+ s; {unread} of {len(every)} without a verdict", log)
    assert re.search(r"M2: held-out pairs by M2: done after [\d.]+ s; \d+ of \d+ without a verdict", log)
    good = {one.prompt_id: one.id for one in files.read(step / "responses.jsonl", Response)}
    assert len(every) == counts["pairs"] * 2 * 3 == counts["judgements"]
    # The worse answers are to the changed instructions.
    asked = files.read(step / "prompts.jsonl", Prompt)
    changed = [
        one.prompt(prompt)
        for prompt, one in zip(asked, files.read(step / "changed_instructions.jsonl", ChangedInstruction), strict=True)
    ]
    worse = files.read(step / "worse_responses.jsonl", Response)
    assert [one.prompt_id for one in worse] == [one.id for one in changed if one is not None]
    examples = files.read(step / "eft.jsonl", Demonstration)
    source = {one.id: one for one in every}
    kept = [source[one.source_id] for one in examples]
    assert all(one.preference == float(one.first_id == good[one.prompt_id]) for one in kept)
    assert len({one.prompt_id for one in kept}) == len(kept) == counts["judgements kept"] > 0
    assert sum(one.preference == 1 for one in kept) == sum(one.preference == 0 for one in kept)
    assert counts["sft: eft examples"] == len(kept)
    assert counts["sft: ift examples"] == 40
    for one, example in zip(kept, examples, strict=True):
        assert example.response == one.raw == ("a" if one.preference == 1 else "b")
    # One pair a held-out set that people ordered, in both orders, by M1 and by M2.
    figures = counts["pairs on held-out sets"]
    assert figures["n"] + figures["unscored"] == 6
    assert counts["pairs on held-out sets, by M1"]["n"] + counts["pairs on held-out sets, by M1"]["unscored"] == 6


def test_an_autorater_learns_people_s_verdicts_and_is_measured_on_sets_by_name(runs: Callable[[str], Path]) -> None:
    """Of 12 own rankings 24 pairs are ordered and 12 tied; 40 examples are drawn of theirs and the EFT sets'."""
    where = runs("autorater")
    counts = manifest(where, "M2")["counts"]
    assert manifest(where, "M2")["checkpoint"]["parent"] == "M1"
    assert (counts["own: rankings"], counts["own: examples"], counts["own: dropped pairs: a tie"]) == (12, 24, 12)
    assert counts["beads: trained on"] + counts["own: trained on"] == 40
    assert counts["own: trained on"] > 0
    pairs = [one for one in files.read(where / "runs/tiny/M2/eft.jsonl", Demonstration) if "stones" in one.prompt]
    assert len(pairs) == counts["own: trained on"]
    for one in pairs:
        better_first = re.search(r"response a Stone", one.prompt) is not None
        assert one.response == ("a" if better_first else "b")
    for name, number in (("held-out sets", 6), ("held", 5)):
        for whose in ("", ", by M1"):
            figures = counts[f"pairs on {name}{whose}"]
            assert figures["n"] + figures["unscored"] == number
    inputs = json.loads((where / "runs/tiny/inputs.json").read_text())["inputs"]
    assert {"method.sets.own.path", "method.heldout.held.path", "method.template"} <= set(inputs)


def test_an_autorater_whose_judgements_changed_does_not_go_on(
    runs: Callable[[str], Path], tmp_path: Path, srlm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = tmp_path / "copy"
    shutil.copytree(runs("autorater"), where)
    with (where / "own.jsonl").open("a") as file:
        file.write(json.dumps(OWN[0] | {"prompt": "Another?"}) + "\n")
    monkeypatch.chdir(where)
    said = srlm("train", "--set", "iterations=3", "--run", TINY, "--set", "model.date=2026-02-03", *words("autorater"))
    assert said.exit_code == 2
    assert "was made from other inputs (method.sets.own.path own.jsonl" in said.stderr


def test_weak_ceiling_and_student_are_models_of_the_run_and_the_gap_is_in_the_manifest(
    runs: Callable[[str], Path],
) -> None:
    where = runs("weak_to_strong")
    run = Run(load(TINY, [f"runs={where}/runs", "method.name=weak_to_strong", *CASES["weak_to_strong"].chosen]))
    assert [one.name for one in run.folder.checkpoints()] == ["M0", "SFT", "W0", "weak", "ceiling", "M1"]
    assert [one.name for one in run.folder.measured()] == ["SFT", "weak", "ceiling", "M1"]
    assert {name: manifest(where, name)["checkpoint"]["parent"] for name in ("weak", "ceiling", "M1")} == {
        "weak": "W0", "ceiling": "M0", "M1": "M0"
    }  # fmt: skip
    assert set(manifest(where, "M1")["inputs"]) == {"M0 weights", "weak weights"}
    counts = manifest(where, "M1")["counts"]
    labels = files.read(where / "runs/tiny/M1/weak_labels.jsonl", PairJudgement)
    assert (
        counts["labels"] + counts["labels unscored"] == len(labels) == manifest(where, "ceiling")["counts"]["choices"]
    )
    assert counts["labels: mean"] == pytest.approx(sum(one.probability or 0 for one in labels) / len(labels))
    accuracies = {
        name: manifest(where, name)["counts"]["pairs on held-out sets"]["accuracy by half"]
        for name in ("weak", "ceiling", "M1")
    }
    found = {key.removeprefix("performance gap: "): one for key, one in counts.items() if key.startswith("performance")}
    assert (found["weak"], found["ceiling"], found["student"]) == tuple(
        accuracies[n] for n in ("weak", "ceiling", "M1")
    )
    gap = accuracies["ceiling"] - accuracies["weak"]
    expected = (accuracies["M1"] - accuracies["weak"]) / gap if gap > 0 else None
    assert found["PGR"] == (None if expected is None else pytest.approx(expected))
    assert (found["why"] is None) == (found["low"] is not None)


def test_the_halves_of_weak_and_strong_share_no_set_and_the_order_of_a_pair_tells_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """12 EFT sets: 6 prompts a half. Each pair is shown better first or second, as the seed draws it."""
    monkeypatch.chdir(tmp_path)
    run = Run(load(TINY, ["method.name=weak_to_strong"]))
    with run.held():
        sets, halves = seed_data(run).eft_sets, labelled_halves(run)
    ranks = {response.id: rank for one in sets for response, rank in zip(one.responses, one.ranks, strict=True)}
    prompts = [{pair.prompt.id for pair, _ in half} for half in halves]
    assert not prompts[0] & prompts[1]
    assert [len(one) for one in prompts] == [6, 6]
    for half in halves:
        assert {better for _, better in half} == {True, False}
        assert all(better == (ranks[pair.first.id] < ranks[pair.second.id]) for pair, better in half)


def test_the_worse_answer_is_the_one_to_the_changed_instruction(tmp_path: Path) -> None:
    """Of three prompts one has no changed instruction, and of one both answers are the same words."""
    run = Run(load(TINY, [f"runs={tmp_path}", "method=self_taught_evaluator"]))
    step = Step(name="M2", parent="M0", role="iteration", number=2)
    asker = Checkpoint(name="M1", parent="M0", path="M1/model", digest="0" * 64)
    prompts = [Prompt.of(f"Name a {what}.", "test") for what in ("fruit", "river", "town")]
    good = [
        Response.of(one.id, text, "M1", 0) for one, text in zip(prompts, ("A pear.", "The Po.", "Rome."), strict=True)
    ]
    changed = [
        ChangedInstruction.of(prompts[0].id, "M1", "Name a stone.", "Name a stone."),
        ChangedInstruction.of(prompts[1].id, "M1", "", None, "empty"),
        ChangedInstruction.of(prompts[2].id, "M1", "Name a city.", "Name a city."),
    ]
    asked = [prompt for one, before in zip(changed, prompts, strict=True) if (prompt := one.prompt(before)) is not None]
    assert [one.text for one in asked] == ["Name a stone.", "Name a city."]
    worse = [Response.of(one.id, text, "M1", 0) for one, text in zip(asked, ("Granite.", "Rome."), strict=True)]
    files.write(run.path("M2", "worse_responses.jsonl"), worse)
    pairs, counts = pairs_of(run, step, asker, prompts, good, changed)
    assert [(one.prompt.text, one.first.text, one.second.text) for one in pairs] == [
        ("Name a fruit.", "A pear.", "Granite.")
    ]
    assert (counts["pairs"], counts["pairs dropped: both answers are the same words"]) == (1, 1)


def test_weak_labels_are_what_the_teacher_says_and_not_what_people_said(tmp_path: Path, bead_model: Path) -> None:
    """Of two answers people preferred the first, and of two more the second; the teacher is a model that knows
    nothing, and its labels are its own probabilities of the letter."""
    run = Run(load(TINY, [f"runs={tmp_path}", "method.name=weak_to_strong", f"method.template={LETTERS}"]))
    teacher = Checkpoint(name="weak", parent="W0", path=str(bead_model), digest="0" * 64)
    shown = []
    for text, is_first in (("a gold copy", True), ("a red copy", False)):
        prompt = Prompt.of(text, "beads")
        first, second = (Response.of(prompt.id, answer, "human", n) for n, answer in enumerate(("1 gold .", "2 red .")))
        shown.append((ShownPair(prompt=prompt, first=first, second=second), is_first))
    labels, counts = teachers_labels(run, Step(name="M1", parent="M0", role="iteration", number=1), teacher, shown)
    said = files.read(run.path("M1", "weak_labels.jsonl"), PairJudgement)
    assert [one.judge for one in said] == ["weak", "weak"]
    assert labels == [(pair, one.probability) for (pair, _), one in zip(shown, said, strict=True)]
    assert all(0 < label < 1 for _, label in labels)
    assert (
        counts["labels: accuracy"]
        == sum(one.preference == float(is_first) for one, (_, is_first) in zip(said, shown, strict=True)) / 2
    )


def test_what_each_method_takes() -> None:
    work = {}
    for method, case in CASES.items():
        settings = load(TINY, [f"method.name={method}", *case.chosen])
        work[method] = list(method_of(settings).work(settings, Lengths(10, 8, 8)))
    generated = {
        method: {one.name: one.calls * one.draws for one in every if isinstance(one, Generation)}
        for method, every in work.items()
    }
    assert generated == {
        "self_taught_evaluator": {"M2: answers": 24, "M2: worse answers": 24, "M2: judgements": 24 * 2},  # by letter
        "autorater": {},
        "weak_to_strong": {"M1: labels": 36, "M2: labels": 36},  # half of 12 sets of 4 answers: 6 x 6 pairs
    }
    words = load(TINY, ["method.name=self_taught_evaluator", "method.draws=3", "prompts.count=24"])
    (judged,) = [
        one
        for one in method_of(words).work(words, Lengths(10, 8, 8))
        if isinstance(one, Generation) and one.name == "M2: judgements"
    ]
    assert (judged.calls, judged.draws, judged.writes) == (24 * 2, 3, 8)
    kept = load(TINY, ["method.name=self_taught_evaluator", "method.keep_eft=true", "method.seed_data=false"])
    examples = [one.examples for one in method_of(kept).work(kept, Lengths(10, 8, 8)) if isinstance(one, Optimisation)]
    assert examples == [40, 40 + 48, 48 + 24]  # 12 EFT sets of 4 answers
    own = load(TINY, ["method.name=autorater", "method.sets={own: run}"])
    examples = [one.examples for one in method_of(own).work(own, Lengths(10, 8, 8)) if isinstance(one, Optimisation)]
    assert examples == [40, 40 + 48, 12 * 6]  # 6 pairs of 4 answers
    trained = {
        method: {one.name: one.examples for one in every if isinstance(one, Optimisation)}
        for method, every in work.items()
    }
    assert trained["self_taught_evaluator"]["M2: supervised fine-tuning"] == 40 + 24
    assert trained["autorater"]["M2: supervised fine-tuning"] == 40
    assert trained["weak_to_strong"] == {
        "SFT baseline": 40, "weak: choices": 36, "ceiling: choices": 36, "M1: choices": 36, "M2: choices": 36
    }  # fmt: skip


@pytest.mark.parametrize(
    ("chosen", "kind", "said"),
    [
        pytest.param(
            ["method.name=self_taught_evaluator", "method.template=gone.txt"],
            SettingsError,
            "pairwise template: gone.txt is neither a readable file nor one of letter",
            id="no-template",
        ),
        pytest.param(
            [
                *("method.name=self_taught_evaluator", "method.changed_by=world"),
                f"method.changed_template={CHECKOUT}/srlm/judge/templates/changed_instruction.txt",
            ],
            SettingsError,
            "method.changed_template: with method.changed_by `world` a program changes the prompts",
            id="no-model-is-asked-for-a-change",
        ),
        pytest.param(["method.name=autorater"], SettingsError, "method.sets: names no set", id="no-set"),
        pytest.param(
            ["method.name=autorater", "method.sets={a: gone.jsonl}"],
            DataError,
            r"method\.sets\.a\.path: gone\.jsonl does not exist",
            id="no-file",
        ),
        pytest.param(
            ["method.name=autorater", "method.sets={a: run}", "method.heldout={b: run}"],
            SettingsError,
            r"method\.heldout\.b: `run` names the sets to train on",
            id="held-out-is-trained-on",
        ),
        pytest.param(
            ["method.name=autorater", f"method.sets={{a: {TINY}}}", f"method.heldout={{b: {TINY}}}"],
            SettingsError,
            r"method\.heldout\.b: is method\.sets\.a, which is trained on",
            id="one-file-twice",
        ),
        pytest.param(
            ["method.name=autorater", "method.sets={a: run}", "method.template=scores"],
            SettingsError,
            "method.template scores: asks for scores",
            id="autorater-scores",
        ),
        pytest.param(
            ["method.name=weak_to_strong", "method.template=brackets"],
            SettingsError,
            "method.template brackets: asks for verdict, and weak_to_strong trains the probability of one letter",
            id="weak-words",
        ),
        pytest.param(
            ["method.name=weak_to_strong", "data.skills=[pair_judge]"],
            SettingsError,
            "data.skills pair_judge: M1 of method weak_to_strong learns from weak labels alone and is shown no skill",
            id="a-skill-that-nobody-learns",
        ),
        pytest.param(
            ["method.name=weak_to_strong", "method.weak.base=no/such/folder"],
            SrlmError,
            "no/such/folder",
            id="no-weak-model",
        ),
    ],
)
def test_what_the_user_can_mend_is_said_before_anything_runs(
    chosen: list[str], kind: type[SrlmError], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(kind, match=said):
        check_files(load(TINY, chosen), 2)


@pytest.mark.parametrize("name", [f"{method}{model}" for method in CASES for model in ("", "-smollm2")])
def test_the_run_files_load(name: str) -> None:
    settings = load(CHECKOUT / f"configs/methods/{name}.yaml")
    assert (settings.name, settings.method.name) == (name, name.removesuffix("-smollm2"))
    method_of(settings)


def test_a_run_in_which_nothing_is_right_says_what_may_help(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, srlm: Any
) -> None:
    """The untrained model writes no verdict in words, and is not made to."""
    begun(trained, CASES["self_taught_evaluator"].copied, tmp_path)
    monkeypatch.chdir(tmp_path)
    chosen = ["method.name=self_taught_evaluator", "method.changed_by=world", "method.template=beads", "method.draws=1"]
    said = srlm("train", "--run", TINY, *(word for one in (*chosen, "prompts.count=4") for word in ("--set", one)))
    assert said.exit_code == 2
    assert "M2: no judgement can be trained on. Prompts judged: 4; with a right judgement only with" in said.stderr
    assert "in both orders: 0, none: 4. Judgements without a verdict: 8 of 8." in said.stderr
    assert "a verdict that the model can write (method.template, method.complete=true)" in said.stderr


def test_a_judge_that_prefers_one_place_alone_is_told_apart_from_one_that_is_never_right() -> None:
    """Three prompts, of each a judgement in both orders: the first place is preferred always."""
    every = [
        PairJudgement.of(prompt, f"{first} {prompt}", f"{second} {prompt}", "M1", 0, "[[A]]", 1.0)
        for prompt in ("p", "q", "r")
        for first, second in (("good", "bad"), ("bad", "good"))
    ]
    counts = balanced(every, {prompt: f"good {prompt}" for prompt in ("p", "q", "r")}, 1).counts
    said = none_kept("M2", counts)
    assert said.startswith(
        "M2: no judgement can be trained on. Prompts judged: 3; with a right judgement only with the better answer "
        "first: 3, only with it second: 0, in both orders: 0, none: 0. Judgements without a verdict: 0 of 6."
    )
    assert "this judge prefers one of them whatever the answers are" in said
    assert "method.complete" not in said


@pytest.mark.parametrize(
    ("method", "package", "file"),
    [
        pytest.param("self_taught_evaluator", "judge", "pair_brackets.txt", id="self_taught_evaluator"),
        pytest.param("autorater", "judge", "pairwise.txt", id="autorater"),
        pytest.param("weak_to_strong", "judge", "pairwise.txt", id="weak_to_strong"),
    ],
)
def test_a_template_that_comes_with_srlm_is_an_input(method: str, package: str, file: str) -> None:
    shipped = CHECKOUT / "srlm" / package / "templates" / file
    found = inputs_of(load(TINY, [f"method={method}"]), {}, sha256_of).inputs["method.template"]
    assert found == Input(name="(srlm's own)", files={file: sha256_of(shipped)})
    of_world = inputs_of(load(TINY, [f"method={method}", "method.template=beads"]), {}, sha256_of)
    assert list(of_world.inputs["method.template"].files) == ["pair_beads.txt"]


def test_another_version_s_template_does_not_go_on(tmp_path: Path) -> None:
    settings = load(TINY, [f"runs={tmp_path}", "method=self_taught_evaluator"])
    run = Run(settings)
    with run.held():
        files.write(run.path("M2", "prompts.jsonl"), [])
        run.check()
    record = tmp_path / "tiny/inputs.json"
    made = json.loads(record.read_text())
    assert {"method.template", "method.changed_template"} <= set(made["inputs"])
    for name in ("template", "changed_template"):
        other = json.loads(record.read_text())
        (file,) = other["inputs"][f"method.{name}"]["files"]
        other["inputs"][f"method.{name}"]["files"][file] = "0" * 64  # as an older srlm had it
        with pytest.raises(StoreError, match=rf"method\.{name} \(srlm's own\): {file} has changed"):
            run.folder.check_inputs({one: Input.model_validate(value) for one, value in other["inputs"].items()})


def test_answers_of_every_set_of_a_prompt_are_shown_beside_its_labels(tmp_path: Path) -> None:
    folder = run_folder(load(TINY, [f"runs={tmp_path}", "method=weak_to_strong"]))
    prompt = Prompt.of("Name a fruit.", "test")
    answers = [Response.of(prompt.id, text, "human", draw) for draw, text in enumerate(("A pear.", "No.", "A stone."))]
    files.write(
        folder.step("data") / "eft_sets.jsonl",
        [
            RankedSet.of(prompt, (answers[0], answers[1]), (0, 1)),
            RankedSet.of(prompt, (answers[0], answers[2]), (0, 1)),
        ],
    )
    label = PairJudgement.of(prompt.id, answers[2].id, answers[0].id, "weak", 0, "B", 0.0, 0.25)
    files.write(folder.step("M1") / "weak_labels.jsonl", [label])
    told = "\n".join(explain_labels(folder, label.id, "rule"))
    assert f"response {answers[1].id} by human: people's rank 1 in set 1 of 2\n  No." in told
    assert f"response {answers[2].id} by human: people's rank 1 in set 2 of 2\n  A stone." in told
    assert "prefers the first: 0, probability 0.250" in told
