"""spin, cream, temporal, length_regularised and rest from M1 to M3 as processes: what they keep, and kills in them."""

import json
import math
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from srlm.errors import StoreError
from srlm.methods.run import Run
from srlm.methods.verify import verify
from srlm.records import AnswerLikelihood, AnswerReward, FileFact, PreferencePair, RankAgreement, Response
from srlm.run_file import load
from srlm.store import files
from tests.forks.command import Forks
from tests.srlm.methods.test_kill import KILLED, contents

TINY = Path(__file__).resolve().parents[3] / "tests/tiny.yaml"
SMALL = (
    *("name=small", "model.date=2026-02-03", "prompts.count=6", "candidates.count=3", "judge.draws=1"),
    *("judge.monitor_sets=0", "dpo.max_steps=2", "dpo.save_steps=1", "sft.max_steps=2", "sft.save_steps=1"),
)
METHODS = {
    "spin": ("method.betas=[0.1, 5.0]", "method.learning_rates=[1e-3]", "method.prompts=9"),
    "cream": (),
    "temporal": (),
    "length_regularised": (
        *("method.alpha=0.3", "dpo.nll_weight=0", "dpo.eft_replay=0", "dpo.batch_size=8", "dpo.micro_batch_size=8"),
    ),
    "rest": ("method.thresholds=[-1, 0]", "method.replay=seeds"),
}
KILLS = {
    "spin": [
        ("rename", "M3/pairs.jsonl", 1),
        ("open", "M2/responses.jsonl.part", 1),
        ("rename", "M3/manifest.json", 1),
    ],
    "cream": [
        ("open", "M3/likelihoods_before.jsonl.part", 1),
        ("rename", "M2/likelihoods.jsonl", 1),
        ("rename", "M2/rewards_before.jsonl", 1),
        ("rename", "M2/agreement.jsonl", 1),
        ("rename", "M2/pairs.jsonl", 1),
        ("open", "M3/training/checkpoint-1/trainer_state.json", 1),
    ],
    "temporal": [
        ("rename", "M3/prompts.jsonl", 1),
        ("rename", "M2-future/pairs.jsonl", 1),
        ("rename", "M2-future/manifest.json", 1),
        ("rename", "M2/judgements.jsonl", 1),
        ("open", "M3-future/anchors.jsonl.part", 1),
        ("open", "M3-future/training/checkpoint-1/trainer_state.json", 1),
        ("rename", "M3/pairs.jsonl", 1),
    ],
    "rest": [
        ("rename", "M3-grow/manifest.json", 1),
        ("open", "M2-grow/responses.jsonl.part", 1),
        ("rename", "M2-grow/judgements.jsonl", 1),
        ("open", "M2-improve-1/training/checkpoint-1/trainer_state.json", 1),
        ("rename", "M2-improve-1/manifest.json", 1),
        ("rename", "M3/training.json", 1),
    ],
}
"""Places in the stages that a method has of its own; the first is tried every time."""
Trained = Callable[[str], Path]


def words(method: str) -> list[str]:
    return [*SMALL, f"method={method}", *METHODS[method]]


def start(forks: Forks, where: Path, method: str, at: tuple[str, str, int] = ("", "", 0)) -> int:
    """Train to M3; the exit status of one process that ends at a place, or at its own end."""
    event, end, occurrence = at
    chosen = [word for one in words(method) for word in ("--set", one)]
    arguments = ["train", "--run", str(TINY), "--set", "iterations=3", *chosen]
    done = forks.run(str(KILLED), "9", event, end, str(occurrence), "srlm", *arguments, cwd=where)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


def from_m1(trained: Path, where: Path) -> None:
    """The steps up to M1, as another run of the same settings has made them."""
    for step in ("data", "M0", "SFT", "M1"):
        shutil.copytree(trained / "runs/tiny" / step, where / "runs/small" / step)


@pytest.fixture(scope="module")
def undisturbed(forks: Forks, trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """The run of a method that was trained to M3 in peace."""
    made: dict[str, Path] = {}

    def run(method: str) -> Path:
        if method not in made:
            where = tmp_path_factory.mktemp(method)
            from_m1(trained, where)
            assert start(forks, where, method) == 0
            made[method] = where / "runs/small"
        return made[method]

    return run


def opened(run: Path, method: str) -> Run:
    return Run(load(TINY, [*words(method), f"runs={run.parent}"]))


def manifest(run: Path, step: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / step / "manifest.json").read_text())
    return found


def explained(srlm: Any, run: Path, method: str, id: str) -> str:
    """What `srlm explain` says of a record."""
    chosen = [word for one in (*words(method), f"runs={run.parent}") for word in ("--set", one)]
    said = srlm("explain", id, "--run", TINY, *chosen)
    assert said.exit_code == 0, said
    text: str = said.stdout
    return text


def pairs_of(run: Path, step: str) -> list[PreferencePair]:
    return files.read(run / step / "pairs.jsonl", PreferencePair)


@pytest.mark.parametrize(
    "method", [pytest.param(one, marks=[pytest.mark.soak] * (one in ("temporal", "rest"))) for one in KILLS]
)
def test_a_run_that_is_killed_in_the_methods_own_stage_ends_with_the_same_bytes(
    forks: Forks, trained: Path, undisturbed: Trained, tmp_path: Path, method: str
) -> None:
    from_m1(trained, tmp_path)
    assert start(forks, tmp_path, method, KILLS[method][0]) == -signal.SIGKILL
    assert start(forks, tmp_path, method) == 0
    assert contents(tmp_path / "runs/small") == contents(undisturbed(method))


@pytest.mark.soak
@pytest.mark.parametrize("method", KILLS)
def test_so_does_one_that_is_killed_in_every_one_of_them(
    forks: Forks, trained: Path, undisturbed: Trained, tmp_path: Path, method: str
) -> None:
    from_m1(trained, tmp_path)
    # In the order of the steps: M2-future, M2, M3-future, M3.
    places = sorted(KILLS[method], key=lambda place: (place[1][:2], "-" not in place[1].partition("/")[0]))
    for place in places:
        assert start(forks, tmp_path, method, place) == -signal.SIGKILL, place
    assert start(forks, tmp_path, method) == 0
    assert contents(tmp_path / "runs/small") == contents(undisturbed(method))


@pytest.mark.parametrize("method", ["spin", "cream", "temporal", "rest"])
def test_all_that_a_run_has_made_follows_from_what_it_was_made_from(undisturbed: Trained, method: str) -> None:
    found = verify(opened(undisturbed(method), method).folder)
    assert [row for row in found.rows if row.state != "ok"] == []


def test_spin_sets_people_against_the_model_and_keeps_the_pairs_of_the_turn_before(
    undisturbed: Trained, srlm: Any
) -> None:
    run = undisturbed("spin")
    asked = {row["id"]: row for row in map(json.loads, (run / "data/ift.jsonl").read_text().splitlines())}
    for step, author in (("M2", "M1"), ("M3", "M2")):
        own = {one.id: one for one in files.read(run / step / "responses.jsonl", Response)}
        assert len(own) == 9
        for one in pairs_of(run, step):
            assert (one.chosen[0].content, one.prompt[0].content) == (
                asked[one.chosen_id]["response"],
                asked[one.chosen_id]["prompt"],
            )
            assert (own[one.rejected_id].text, own[one.rejected_id].author) == (one.rejected[0].content, author)
    counts = [manifest(run, step)["counts"] for step in ("M2", "M3")]
    assert [one["pairs"] for one in counts] == [len(pairs_of(run, step)) for step in ("M2", "M3")]
    assert [one["pairs of the iteration before"] for one in counts] == [0, counts[0]["pairs"]]
    assert counts[1]["dpo: pairs"] + counts[1]["dpo: pairs left out"] == counts[0]["pairs"] + counts[1]["pairs"]
    # M1 wrote half of the pairs of M3: should it be made anew, M3 no longer follows.
    assert set(manifest(run, "M3")["inputs"]) == {"M2 weights", "M1 weights"}
    first = pairs_of(run, "M2")[0]
    assert f"CHOSEN, of elsewhere: {first.chosen_id}" in explained(srlm, run, "spin", first.id)


def test_cream_ranks_by_likelihood_and_weights_labels_by_agreement(undisturbed: Trained, srlm: Any) -> None:
    run = undisturbed("cream")
    for step, models in (("M2", ["M1", "M0"]), ("M3", ["M2", "M0", "M1"])):
        names = ["likelihoods", "likelihoods_base", "likelihoods_before"][: len(models)]
        mine, base, *older = (files.read(run / step / f"{name}.jsonl", AnswerLikelihood) for name in names)
        assert [rows[0].model for rows in (mine, base, *older)] == models
        now = files.read(run / step / "rewards.jsonl", AnswerReward)
        before = files.read(run / step / "rewards_before.jsonl", AnswerReward)
        for place, (one, other) in enumerate(zip(mine, base, strict=True)):
            assert one.log_probability is not None and other.log_probability is not None
            worded = one.tokens > 0  # an answer of no word is as likely by every model
            assert now[place].reward == (one.log_probability - other.log_probability if worded else None)
            earlier = older[0][place].log_probability if older and worded else None
            if earlier is not None:
                assert before[place].reward == earlier - other.log_probability
            else:
                alone = other.log_probability / other.tokens if worded and not older else None
                assert before[place].reward == alone
        rates = [one.consistency for one in files.read(run / step / "agreement.jsonl", RankAgreement)]
        told = [rate for rate in rates if rate is not None]
        assert manifest(run, step)["counts"]["consistency mean"] == pytest.approx(sum(told) / len(told))
        assert {one.label_weight for one in pairs_of(run, step)} == {manifest(run, step)["counts"]["consistency mean"]}
    assert set(manifest(run, "M3")["inputs"]) == {"M2 weights", "M1 weights", "M0 weights"}
    said = explained(srlm, run, "cream", pairs_of(run, "M3")[0].id)
    assert "agreement of the two rankings, of 3 answers: tau" in said
    assert "(M1 against M0)" in said
    for step in ("M2", "M3"):
        made = pairs_of(run, step)[0]
        said = explained(srlm, run, "cream", made.id)
        assert (f", label weight {made.label_weight:.3f}" in said) == (made.label_weight != 1)


def test_temporal_takes_the_chosen_from_the_future_and_the_rejected_from_m1(undisturbed: Trained, srlm: Any) -> None:
    run = undisturbed("temporal")
    authors = {
        response.id: response.author
        for step in ("M2-future", "M2", "M3-future", "M3")
        for name in ("responses.jsonl", "anchors.jsonl")
        if (run / step / name).exists()
        for response in files.read(run / step / name, Response)
    }
    assert not (run / "M2-future/anchors.jsonl").exists()  # in the first turn M1 is the anchor itself
    expected = {"M2-future": {"M1"}, "M2": {"M1", "M2-future"}, "M3-future": {"M2"}, "M3": {"M2", "M3-future"}}
    for step, writers in expected.items():
        made = pairs_of(run, step)
        assert made and {authors[one.chosen_id] for one in made} <= writers
        assert {authors[one.rejected_id] for one in made} == {"M1"}
        assert all(one.margin > 0 for one in made)
    of_future = sum(authors[one.chosen_id] == "M3-future" for one in pairs_of(run, "M3"))
    assert manifest(run, "M3")["counts"]["pairs with a chosen answer of the future model"] == of_future
    # Both are trained from M_t, and neither the future model nor what it wrote may change beneath M_t+1.
    assert [manifest(run, step)["checkpoint"]["parent"] for step in ("M3-future", "M3")] == ["M2", "M2"]
    assert set(manifest(run, "M3")["inputs"]) == {"M2 weights", "M3-future weights", "M1 weights"}
    assert [one.name for one in opened(run, "temporal").folder.measured()] == ["SFT", "M1", "M2", "M3"]
    last = pairs_of(run, "M3")[0]
    assert f"REJECTED, of elsewhere: {last.rejected_id}" in explained(srlm, run, "temporal", last.id)


def test_rest_grows_once_a_turn_and_improves_with_a_judge_that_stays(undisturbed: Trained, srlm: Any) -> None:
    run = undisturbed("rest")
    parents = {
        step: manifest(run, step)["checkpoint"]["parent"] for step in ("M2-improve-1", "M2", "M3-improve-1", "M3")
    }
    assert parents == {"M2-improve-1": "M1", "M2": "M2-improve-1", "M3-improve-1": "M2", "M3": "M3-improve-1"}
    grown = manifest(run, "M3-grow")
    assert grown["checkpoint"] is None
    assert set(grown["inputs"]) == {"M2 weights", "M1 weights"}
    judged = [json.loads(line) for line in (run / "M3-grow/judgements.jsonl").read_text().splitlines()]
    assert {row["judge"] for row in judged} == {"M1"}
    written = files.read(run / "M3-grow/responses.jsonl", Response)
    assert {one.author for one in written} == {"M2"}
    points = {row["response_id"]: row["score"] for row in judged}
    for step, tau in (("M3-improve-1", -1), ("M3", 0)):
        above = sum(points[one.id] is not None and points[one.id] > tau and one.finish != "length" for one in written)
        assert manifest(run, step)["counts"]["answers above it"] == above
        assert manifest(run, step)["counts"]["sft: ift examples"] == 40 + above
    said = explained(srlm, run, "rest", written[0].id)
    assert f"response {written[0].id}: in " in said and " of 2 Improve steps" in said


def test_the_length_margin_reaches_the_loss(undisturbed: Trained) -> None:
    """Before the first step pi = ref: the loss of a pair is -log sigmoid(.3 * tokens apart), and the batch holds all.

    A word of the bead world is a token, and so are a new line and the end of an answer that was not cut.
    """
    run = undisturbed("length_regularised")
    lengths = [
        [len(re.findall(r"\S+|\n", turn.content)) + (finish != "length") for turn, finish in answers]
        for one in pairs_of(run, "M2")
        for answers in [((one.chosen[0], one.chosen_finish), (one.rejected[0], one.rejected_finish))]
    ]
    losses = [math.log1p(math.exp(-0.3 * (better - worse))) for better, worse in lengths if better and worse]
    first = json.loads((run / "M2/training.json").read_text())[0]
    assert first["rewards/margins"] == 0
    assert first["loss"] == pytest.approx(sum(losses) / len(losses), abs=1e-5)
    assert abs(first["loss"] - math.log(2)) > 1e-3


def test_a_model_that_another_was_made_from_may_not_change_beneath_it(undisturbed: Trained, tmp_path: Path) -> None:
    """The future model of a turn is no parent of M3, but M3's pairs hold its words."""
    shutil.copytree(undisturbed("temporal"), tmp_path / "small")
    run = opened(tmp_path / "small", "temporal")
    kept = run.folder.manifest("M3")
    assert kept is not None
    inputs = {**kept.inputs, "M3-future weights": FileFact(sha256="0" * 64)}
    with run.folder.held():
        run.folder.check_steps()
        run.folder.finish(kept.model_copy(update={"inputs": inputs}))
        with pytest.raises(StoreError, match="M3 was made from a different M3-future than the current one"):
            run.folder.check_steps()
    found = [tuple(row) for row in verify(run.folder).rows if row.state != "ok"]
    assert found == [("M3", "weights", "does not follow", "it was made from another M3-future")]
