"""Constitutional AI in the small: what each model is trained on, what is refused, and what a kill leaves."""

import json
import re
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from srlm.errors import DataError, SettingsError, StoreError
from srlm.judge.choices import AnswerPair, Choice
from srlm.judge.pairwise import Opinion
from srlm.judge.revision import Revision, last_revisions
from srlm.methods.base import METHODS, Generation, Lengths, Optimisation, find_method, method_of
from srlm.methods.checks import check_files
from srlm.methods.constitutional import labelled, two_by_two
from srlm.methods.run import Run
from srlm.methods.train import train
from srlm.records import Demonstration, PreferencePair, Prompt, Response
from srlm.run_file import load
from srlm.settings import Settings
from srlm.store import files
from tests.forks.command import Forks
from tests.srlm.methods.test_kill import contents, start

ROOT = Path(__file__).resolve().parents[3]
TINY = ROOT / "tests/tiny.yaml"
OWN = (
    "model.date=2026-02-03",  # as runs that are killed have it
    "method.name=constitutional",
    "method.principles=beads",
    "method.revisions=2",
    "method.critique_tokens=24",
    "method.reasons=true",
    "method.reason_tokens=8",
    "candidates.sampling.max_new_tokens=12",
)
"""Own settings, as overrides of the tiny run."""
CHOSEN = [word for one in OWN for word in ("--set", one)]


def settings(runs: Path, *overrides: str) -> Settings:
    return load(TINY, [f"runs={runs}", *OWN, *overrides])


@pytest.fixture(scope="module")
def finished(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run to M3, from the M1 of the tiny run."""
    runs = tmp_path_factory.mktemp("constitutional")
    for step in ("data", "M0", "SFT", "M1"):
        shutil.copytree(trained / "runs/tiny" / step, runs / "tiny" / step)
    train(Run(settings(runs)), 3)
    return runs / "tiny"


def counts(run: Path, step: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / step / "manifest.json").read_text())["counts"]
    return found


def test_m2_is_made_from_m0_by_the_last_revisions_and_the_seed_data(finished: Path) -> None:
    responses = files.read(finished / "M2/responses.jsonl", Response)
    revisions = files.read(finished / "M2/revisions.jsonl", Revision)
    assert len(revisions) == 2 * len(responses) == 2 * 48
    assert [one.response_id for one in revisions[::2]] == [one.id for one in responses]
    last, found = last_revisions(revisions), counts(finished, "M2")
    assert found["answers revised"] == len(last) > 0
    assert found["answers"] == found["answers revised"] + found["answers never revised"] == 48
    reviews = len(files.read(finished / "M1/eft.jsonl", Demonstration))
    assert (found["sft: ift examples"], found["sft: eft examples"]) == (40 + len(last), reviews)
    manifest = json.loads((finished / "M2/manifest.json").read_text())
    assert manifest["checkpoint"]["parent"] == "M0"
    assert manifest["outputs"]["revisions.jsonl"]["records"] == 96


def test_m3_is_made_from_m2_by_pairs_whose_label_is_the_clamped_probability(finished: Path) -> None:
    log = (finished / "log.txt").read_text()
    assert re.search(r"M3: choices: done after [\d.]+ s; \d+ of \d+ without a verdict", log)
    choices = {one.first_id: one for one in files.read(finished / "M3/choices.jsonl", Choice)}
    pairs = files.read(finished / "M3/pairs.jsonl", PreferencePair)
    assert pairs and counts(finished, "M3")["dpo: pairs"] == len(pairs)
    for pair in pairs:
        choice = choices.get(pair.chosen_id) or choices[pair.rejected_id]
        both = [one.preference if one.probability is None else one.probability for one in (choice.shown, choice.turned)]
        p = sum(min(0.6, max(0.4, one)) for one in both if one is not None) / 2
        assert pair.chosen_score == pair.label_weight == pytest.approx(max(p, 1 - p))
        assert (pair.chosen_id == choice.first_id) == (p > 0.5)
        assert choice.judge == "M2"
    assert json.loads((finished / "M3/manifest.json").read_text())["checkpoint"]["parent"] == "M2"


def test_the_principles_are_an_input_of_the_run_and_their_digest_is_in_the_manifests(
    finished: Path, tmp_path: Path
) -> None:
    recorded = json.loads((finished / "inputs.json").read_text())["inputs"]["method.principles"]
    assert (recorded["name"], list(recorded["files"])) == ("(srlm's own)", ["principles.yaml"])
    assert counts(finished, "M2")["principles"] == counts(finished, "M3")["principles"]
    own = tmp_path / "own.yaml"
    shutil.copy(ROOT / "srlm/worlds/beads/templates/principles.yaml", own)
    shutil.copytree(finished, tmp_path / "tiny")
    shutil.rmtree(tmp_path / "tiny/M3")
    with pytest.raises(StoreError, match=r"method\.principles: 'beads' -> "):
        train(Run(settings(tmp_path, f"method.principles={own}")), 3)
    shutil.rmtree(tmp_path / "tiny/M2")
    for name in ("settings.json", "inputs.json"):
        (tmp_path / "tiny" / name).unlink()
    with Run(settings(tmp_path, f"method.principles={own}")).held():
        pass
    own.write_text(own.read_text().replace("review", "response"))
    with pytest.raises(StoreError, match=r"made from other inputs \(method\.principles .*own\.yaml has changed"):
        train(Run(settings(tmp_path, f"method.principles={own}")), 3)


def test_explain_shows_the_rounds_of_an_answer_and_the_choices_of_a_prompt(finished: Path, srlm: Any) -> None:
    words = ["--run", TINY, "--set", f"runs={finished.parent}", *CHOSEN]
    revision = next(one for one in files.read(finished / "M2/revisions.jsonl", Revision) if one.text)
    told = srlm("explain", revision.id, *words)
    assert told.exit_code == 0, told
    assert f"round {revision.round}, principle {revision.principle}, critique:" in told.stdout
    assert revision.text is not None and revision.text in told.stdout
    choice = files.read(finished / "M3/choices.jsonl", Choice)[0]
    told = srlm("explain", choice.id, *words)
    assert f"choice {choice.id} by M2, principle {choice.principle}" in told.stdout
    assert "clamped to 0.4 .. 0.6" in told.stdout


def test_what_it_takes_counts_every_round_and_both_orders() -> None:
    own = load(TINY, [*OWN, "iterations=3", "candidates.count=5"])
    work = {one.name: one for one in method_of(own).work(own, Lengths(10, 8, 8))}
    critiques, revisions, choices = (
        work[f"M{n}: {w}"] for n, w in ((2, "critiques"), (2, "revisions"), (3, "choices"))
    )
    assert isinstance(critiques, Generation) and isinstance(revisions, Generation) and isinstance(choices, Generation)
    # 24 prompts, 5 answers, 2 rounds; two pairs of five answers, each in both orders.
    assert critiques.calls == revisions.calls == 24 * 5 * 2
    assert choices.calls == 24 * 2 * 2
    trained = work["M2: supervised fine-tuning"], work["M3: DPO"]
    assert [one.examples for one in trained if isinstance(one, Optimisation)] == [40 + 48 + 24 * 5, 24 * 2]


def test_how_many_iterations_are_supervised_and_from_which_model_is_a_setting() -> None:
    def parents(*overrides: str) -> list[str | None]:
        own = load(TINY, [*OWN, *overrides])
        return [step.parent for step in find_method("constitutional").steps(own, 4)[4:]]

    assert METHODS["constitutional"] == "srlm.methods.constitutional"
    assert parents() == ["M0", "M2", "M3"]
    assert parents("method.supervised=2") == ["M0", "M0", "M3"]
    assert parents("method.supervised=0") == ["M1", "M2", "M3"]
    assert parents("method.train_from=model") == ["M1", "M2", "M3"]


@pytest.mark.parametrize(
    ("overrides", "text", "said"),
    [
        pytest.param((), "choice", "no principle has critique and revision, which M2 needs", id="nothing-to-revise-by"),
        pytest.param((), "revise", "no principle has choice, which M3 needs", id="nothing-to-choose-by"),
        pytest.param(("method.principles=gone.yaml",), "both", "gone.yaml is neither a readable file", id="no-file"),
    ],
)
def test_what_cannot_serve_is_refused_before_anything_runs(
    overrides: tuple[str, ...], text: str, said: str, tmp_path: Path
) -> None:
    fields = {
        "choice": "choice: w",
        "revise": "critique: c, revision: r",
        "both": "critique: c, revision: r, choice: w",
    }
    frames = (ROOT / "srlm/worlds/beads/templates/principles.yaml").read_text().split("principles:\n")[0]
    own = tmp_path / "own.yaml"
    own.write_text(f"{frames}principles: [{{name: x, {fields[text]}}}]\n")
    with pytest.raises(SettingsError, match=said):
        check_files(settings(tmp_path, f"method.principles={own}", *overrides), 3)


def test_a_model_that_revises_nothing_stops_the_run_with_the_reasons(finished: Path, tmp_path: Path) -> None:
    for step in ("data", "M0", "SFT", "M1"):
        shutil.copytree(finished / step, tmp_path / "tiny" / step)
    with pytest.raises(DataError, match=r"M2: none of 48 answers was revised \(.*unrevised: cut \d+"):
        train(Run(settings(tmp_path, "candidates.sampling.max_new_tokens=1")), 2)


def test_pairs_are_two_by_two_in_the_order_in_which_answers_were_drawn_and_labels_decide() -> None:
    prompt = Prompt.of("q", "test")
    responses = [Response.of(prompt.id, text, "M1", draw) for draw, text in enumerate("abccde")]
    pairs, alike = two_by_two([prompt], responses)
    assert [(one.first.text, one.second.text) for one in pairs] == [("a", "b"), ("d", "e")]
    assert alike == 1

    def said(pair: AnswerPair, p: float) -> Choice:
        opinion = Opinion(preference=float(p > 0.5), probability=p, raw="")
        return Choice.of(pair, "x", "M1", opinion, opinion)

    found = labelled(pairs, [said(pairs[0], 0.3), said(pairs[1], 0.5)], 1.0, True)
    (made,) = found.pairs
    assert (made.chosen[0].content, made.rejected[0].content) == ("b", "a")
    assert made.chosen_score == made.label_weight == 0.7
    assert made.rejected_score == pytest.approx(0.3)
    assert (found.counts["pairs"], found.counts["pairs with an even label"]) == (1, 1)
    assert labelled(pairs, [said(pairs[0], 0.3), said(pairs[1], 0.5)], 1.0, False).pairs[0].label_weight == 1.0


@pytest.mark.parametrize("name", ["constitutional", "constitutional-smollm2"])
def test_the_run_files_can_be_used(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRLM_TREES", "trees.jsonl")
    found = load(ROOT / f"configs/methods/{name}.yaml")
    assert (found.name, found.iterations) == (name, 3)
    method_of(found)
    check_files(found, found.iterations)


KILLS = [("open", "M2/revisions.jsonl.part", 2), ("rename", "M3/choices.jsonl", 1)]
MORE_KILLS = [
    ("rename", "M2/revisions.jsonl", 1),
    ("rename", "M2/manifest.json", 1),
    ("open", "M3/choices.jsonl.part", 2),
    ("rename", "M3/pairs.jsonl", 1),
    ("rename", "M3/training.json", 1),
]


def killed_and_resumed(forks: Forks, finished: Path, where: Path, places: list[tuple[str, str, int]]) -> None:
    for step in ("data", "M0", "SFT", "M1"):
        shutil.copytree(finished / step, where / "runs/tiny" / step)
    for place in places:
        status, said = start(forks, where, "srlm", "train", "--set", "iterations=3", *CHOSEN, at=place)
        assert status == -signal.SIGKILL, f"never came to {place}: {said}"
    status, said = start(forks, where, "srlm", "train", "--set", "iterations=3", *CHOSEN)
    assert status == 0, said
    for step in ("M2", "M3"):
        assert contents(where / "runs/tiny" / step) == contents(finished / step)


def test_a_run_killed_within_its_own_stages_ends_with_the_same_bytes(
    forks: Forks, finished: Path, tmp_path: Path
) -> None:
    killed_and_resumed(forks, finished, tmp_path, KILLS)


@pytest.mark.soak
def test_a_run_killed_at_every_other_place_ends_with_the_same_bytes(
    forks: Forks, finished: Path, tmp_path: Path
) -> None:
    killed_and_resumed(forks, finished, tmp_path, MORE_KILLS)
