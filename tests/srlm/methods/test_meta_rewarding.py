"""Meta-Rewarding from end to end on the tiny run, killed and undisturbed, and known to every command."""

import json
import re
import shutil
import signal
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from srlm.errors import SettingsError
from srlm.judge.meta_pairs import comparison_counts
from srlm.methods.base import Generation, Lengths, Optimisation, method_of, run_folder
from srlm.methods.meta_rewarding import trains_judge
from srlm.methods.meta_settings import MetaRewardingSettings, by_iteration, selection_of
from srlm.methods.stages_meta import untrained_judge
from srlm.records import Judgement, JudgementRating, MetaJudgement, PreferencePair, Response, Step
from srlm.run_file import load
from srlm.selection import pair
from srlm.settings import SelectionSettings
from srlm.store import files
from tests.forks.command import Forks
from tests.srlm.methods.test_kill import contents, start

CHECKOUT = Path(__file__).resolve().parents[3]
TINY = CHECKOUT / "tests/tiny.yaml"
LETTERS = "form: letter\nlabels: a e\n---\nreview : {prompt} response : {response} a : {first} b : {second} yes\n"
"""A model that has learnt nothing writes no comparison, but its letters have probabilities."""
CHOSEN = (
    "name=meta", "method={name: meta_rewarding, template: letters.txt, ties: ends}", "prompts.count=16",
    "judge.draws=3", "judge.sampling.max_new_tokens=48", "model.date=2026-02-03",
)  # fmt: skip
WORDS = [word for one in CHOSEN for word in ("--set", one)]
PLACES = [
    ("open", "M2/meta_judgements.jsonl.part", 2),
    ("rename", "M2/meta_judgements.jsonl", 1),
    ("rename", "M2/ratings.jsonl", 1),
    ("rename", "M2/judge_pairs.jsonl", 1),
]


def begun(where: Path, trained: Path) -> Path:
    """A folder in which a run has its M1 and begins its first iteration."""
    (where / "letters.txt").write_text(LETTERS)
    for step in ("data", "M0", "SFT", "M1"):
        shutil.copytree(trained / "runs/tiny" / step, where / "runs/meta" / step)
    return where


class Made(NamedTuple):
    """The folder of a run to M2, and what stands in M2."""

    where: Path
    step: Path
    counts: dict[str, Any]


@pytest.fixture(scope="module")
def made(forks: Forks, trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    where = begun(tmp_path_factory.mktemp("meta"), trained)
    status, said = start(forks, where, "srlm", "train", *WORDS)
    assert status == 0, said
    step = where / "runs/meta/M2"
    return Made(where, step, json.loads((step / "manifest.json").read_text())["counts"])


def test_both_kinds_of_pair_are_trained_on_and_everything_is_counted(made: Made) -> None:
    said = files.read(made.step / "meta_judgements.jsonl", MetaJudgement)
    unread = sum(one.preference is None for one in said)
    log = (made.step.parent / "log.txt").read_text()
    assert re.search(rf"meta-judgements: done after [\d.]+ s; {unread} of {len(said)} without a verdict", log)
    judgements = {one.id: one for one in files.read(made.step / "judgements.jsonl", Judgement)}
    ratings = files.read(made.step / "ratings.jsonl", JudgementRating)
    pairs = files.read(made.step / "judge_pairs.jsonl", PreferencePair)
    counts = {key.removeprefix("judge: "): value for key, value in made.counts.items() if key.startswith("judge: ")}
    assert said and ratings
    # Every prompt is a contest or has a reason, every contest a pair, a reason or no ratings.
    assert counts["contests"] + sum(value for key, value in counts.items() if key.startswith("prompts ")) == 16
    dropped = sum(value for key, value in counts.items() if key.startswith("pairs dropped"))
    assert counts["contests"] == counts["pairs"] + dropped + counts["contests without ratings"]
    assert len({one.response_id for one in said}) == counts["contests"]
    assert {key: counts[key] for key in comparison_counts(said, judgements)} == comparison_counts(said, judgements)
    assert len(pairs) == counts["pairs"] == sum(counts["pairs by chosen score"].values())
    assert made.counts["pairs"] + len(pairs) == made.counts["dpo: pairs"] + made.counts["dpo: pairs left out"]
    # Each comparison stands beside the same two turned round; all are of one answer, and M1 made them.
    shown = {(one.first_id, one.second_id) for one in said}
    assert shown == {(second, first) for first, second in shown}
    assert {judgements[id].response_id for one in said for id in (one.first_id, one.second_id)} == {
        one.response_id for one in said
    }
    assert {one.judge for one in said} == {"M1"}
    elo = {one.judgement_id: one.elo for one in ratings}
    for one in pairs:
        assert (one.chosen_score, one.rejected_score) == (elo[one.chosen_id], elo[one.rejected_id])
        assert one.chosen[0].content == judgements[one.chosen_id].raw
        assert one.prompt[0].content.startswith("review : ")


def test_a_run_killed_in_its_own_stages_ends_with_the_same_bytes(
    forks: Forks, made: Made, trained: Path, tmp_path: Path
) -> None:
    where = begun(tmp_path, trained)
    for place in PLACES:
        status, said = start(forks, where, "srlm", "train", *WORDS, at=place)
        assert status == -signal.SIGKILL, f"never came to {place}: {said}"
    status, said = start(forks, where, "srlm", "train", *WORDS)
    assert status == 0, said
    expected = contents(made.where / "runs/meta")
    assert "M2/judge_pairs.jsonl" in expected
    assert contents(where / "runs/meta") == expected


def test_the_commands_know_the_method(made: Made, srlm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(made.where)
    said = files.read(made.step / "meta_judgements.jsonl", MetaJudgement)[0]
    told = srlm("explain", said.id, "--run", TINY, *WORDS)
    assert told.exit_code == 0, told
    assert "rule: method meta_rewarding; rubric beads (" in told.stdout
    assert re.search(
        rf"meta-judgement {said.id} by M1: judgement \d before judgement \d, winner judgement \d", told.stdout
    )
    assert re.search(r"judgement \d: Elo [+-]\d", told.stdout)
    pairs = files.read(made.step / "judge_pairs.jsonl", PreferencePair)
    for one in pairs[:1]:
        shown = srlm("explain", one.id, "--run", TINY, *WORDS).stdout
        assert re.search(rf"pair of judgements {one.id}: judgement \d CHOSEN, judgement \d REJECTED, Elo", shown)
    verified = srlm("verify", made.where / "runs/meta")
    assert (verified.exit_code, "does not follow" in verified.stdout) == (0, False), verified
    assert re.search(r"M2 +\u2502 done +\u2502", srlm("status", "--run", TINY, *WORDS).stdout)
    estimate = srlm("estimate", "--run", TINY, "--hardware", CHECKOUT / "configs/hardware/1xh100.yaml", *WORDS).stdout
    assert "M2: meta-judgements" in estimate
    doctor = srlm("doctor", "--run", TINY, *WORDS)
    assert (doctor.exit_code, "problem" in doctor.stdout) == (0, False), doctor.stdout
    (made.where / "letters.txt").write_text(LETTERS.replace(" yes\n", " no\n"))
    try:
        refused = srlm("train", "--run", TINY, *WORDS)
    finally:
        (made.where / "letters.txt").write_text(LETTERS)
    assert refused.exit_code == 2 and "method.template" in refused.stderr


def test_a_rating_of_a_judgement_that_is_not_there_does_not_follow(
    made: Made, srlm: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(made.where, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    path = Path("runs/meta/M2/ratings.jsonl")
    first, *rest = path.read_text().splitlines(keepends=True)
    path.write_text(re.sub(r'"judgement_id":"\w+"', '"judgement_id":"0123456789abcdef"', first) + "".join(rest))
    told = srlm("verify", "runs/meta", "--json")
    rows = [row for row in json.loads(told.stdout)["rows"] if row["name"] == "ratings.jsonl"]
    assert told.exit_code == 1
    assert ("does not follow", "1 of its records name none of judgements.jsonl") in [
        (row["state"], row["why"]) for row in rows
    ], rows


# Settings -------------------------------------------------------------------------------------------------------------


def iteration(number: int) -> Step:
    return Step(name=f"M{number}", parent=f"M{number - 1}", role="iteration", number=number)


def test_lists_have_a_value_an_iteration_and_the_last_one_stays() -> None:
    own, run = MetaRewardingSettings(), load(TINY, ["selection.flip=true"])
    found = [selection_of(run, own, iteration(number)) for number in (2, 3, 4, 5, 6)]
    assert [one.band for one in found] == [0.0, 0.32, 0.32, 0.4, 0.4]
    assert [one.max_chosen for one in found] == [2500, None, None, None, None]
    assert {(one.kind, one.flip) for one in found} == {("length_controlled", True)}
    assert [by_iteration(own.max_judgement, iteration(number)) for number in (2, 3, 4)] == [1100, 1000, 1000]
    assert [trains_judge(own, iteration(number)) for number in (2, 3, 4)] == [True, True, False]
    assert not trains_judge(MetaRewardingSettings(judge_iterations=0), iteration(2))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("selection.band=0.2", "set method.rho and method.max_answer"),
        ("selection.max_chosen=100", "set method.rho and method.max_answer"),
        ("reward.kind=random", "reward.kind random: method meta_rewarding compares the judgements"),
        ("judge.draws=1", "judge.draws 1: method meta_rewarding compares several judgements"),
        ("judge.engine={kind: openai, model: x}", "a server's are not its own"),
        ("method.rho=[0.5]", r"method\.rho"),
        ("method.rho=[]", r"method\.rho"),
    ],
)
def test_what_the_method_would_not_do_is_refused(given: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        run_folder(load(TINY, ["method.name=meta_rewarding", given]))


def test_a_missing_template_is_refused_before_the_first_step(srlm: Any, tmp_path: Path) -> None:
    refused = srlm(
        "train", "--run", TINY, "--set", f"runs={tmp_path}", "--set", "method={name: meta_rewarding, template: no.txt}"
    )
    assert refused.exit_code == 2
    assert "method.template: no.txt is neither a readable file nor one of meta_judge, meta_letter" in refused.stderr
    assert not (tmp_path / "tiny/M0").exists()


def test_a_pair_with_a_chosen_answer_over_the_limit_is_dropped_and_counted() -> None:
    from srlm.records import Prompt

    prompt = Prompt.of("Name a river.", "test")
    long, short = (Response.of(prompt.id, text, "M1", draw, "stop") for draw, text in enumerate(("x" * 11, "y")))
    reward = {long.id: 5.0, short.id: 1.0}
    for most, pairs in ((10, 0), (11, 1)):
        found = pair([prompt], [long, short], reward, SelectionSettings(max_chosen=most))
        assert len(found.pairs) == pairs
        assert found.counts.get("prompts whose chosen answer is too long", 0) == 1 - pairs


@pytest.mark.parametrize(("file", "draws"), [("meta_rewarding", 5), ("meta_rewarding-smollm2", 5)])
def test_the_run_files_are_runs_of_the_method(file: str, draws: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRLM_TREES", "trees.jsonl.gz")
    settings = load(CHECKOUT / f"configs/methods/{file}.yaml")
    method = method_of(settings)
    method.check(settings, settings.iterations)  # type: ignore[attr-defined]
    work = list(method.work(settings, Lengths(10, 8, 8)))
    compared = [one for one in work if isinstance(one, Generation) and "meta-judgements" in one.name]
    wanted = [settings.prompts.wanted(number) for number in range(2, settings.iterations + 1)]
    assert [one.calls for one in compared] == [number * draws * (draws - 1) for number in wanted]
    trained = [one for one in work if isinstance(one, Optimisation) and one.pairs]
    assert [one.examples for one in trained] == [2 * number for number in wanted]
    assert Counter(one.name for one in trained).most_common(1)[0][1] == 1


@pytest.mark.parametrize(("template", "writes"), [("meta_letter", 1), ("meta_judge", 8)])
def test_a_comparison_by_letter_writes_one_token_and_one_in_words_more(template: str, writes: int) -> None:
    settings = load(TINY, ["method.name=meta_rewarding", f"method.template={template}"])
    work = method_of(settings).work(settings, Lengths(10, 8, 8))
    compared = [one for one in work if isinstance(one, Generation) and "meta-judgements" in one.name]
    assert {one.writes for one in compared} == {writes}


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        pytest.param({"pairs": 1, "share won in the first place": 1.0}, None, id="a-pair"),
        pytest.param(
            {"pairs": 0, "share won in the first place": 0.0},
            "the judge is not trained: no pair of judgements (contests: 8, comparisons: 24); the meta-judge always "
            "prefers the judgement shown second, whatever it says (`judge: ...` in `srlm status` counts why)",
            id="the-second-place",
        ),
        pytest.param(
            {"pairs": 0, "share won in the first place": None},
            "the judge is not trained: no pair of judgements (contests: 8, comparisons: 24) (`judge: ...` in `srlm "
            "status` counts why)",
            id="no-winner",
        ),
    ],
)
def test_a_step_that_does_not_train_its_judge_says_so(counts: dict[str, Any], said: str | None) -> None:
    assert untrained_judge({"contests": 8, "comparisons": 24, **counts}) == said
