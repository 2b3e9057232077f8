"""Answers that are rewarded while their model is trained: who judges them, and what is kept."""

import shutil
from pathlib import Path

import pytest

from srlm.engines.base import Completion, Request
from srlm.engines.scripted import ScriptedEngine
from srlm.methods.run import Run
from srlm.methods.sampled import Answers, KeptRewards
from srlm.records import Checkpoint, Judgement, Prompt, Step
from srlm.rewards.open import open_reward
from srlm.run_file import load
from srlm.store import files
from srlm.training.online import Sampled

TINY = Path(__file__).resolve().parents[3] / "tests/tiny.yaml"
M2, M3 = (Step(name=f"M{t}", parent=f"M{t - 1}", role="iteration", number=t) for t in (2, 3))
CHOSEN = ("method=self_rewarding_rl", "online.judge=policy", "judge.draws=1", "judge.complete=false")


def test_the_model_in_training_judges_what_it_wrote_where_it_is_to(tmp_path: Path) -> None:
    """Its scores are the rewards, and an answer of which it says none has none. M_t, which is nowhere, is not asked."""
    run = Run(load(TINY, [f"runs={tmp_path}", *CHOSEN]))
    prompt = Prompt.of("a gold b red copy", "beads")
    start = Checkpoint(name="M1", parent="M0", path="M1/model", digest="0" * 64)
    sampled = [Sampled(0, Completion(text=text, finish="stop", tokens=3)) for text in ("1 gold .", "2 red .", "red")]

    def judge(request: Request, seed: int) -> str:
        said = request.messages[-1].content
        return "score : 4" if "1 gold ." in said else "score : 1" if "2 red ." in said else "no idea"

    scorer = KeptRewards(run, M2, start, Answers([prompt], {0: 5}), open_reward(run.settings))
    assert scorer.rewards(3, sampled, ScriptedEngine(judge, "M2")) == [4.0, 1.0, None]
    scorer.close()
    judgements = files.read(tmp_path / "tiny/M2/sampled/000003/judgements.jsonl", Judgement)
    assert [(one.judge, one.raw) for one in judgements] == [
        ("M2", "score : 4"), ("M2", "score : 1"), ("M2", "no idea")
    ]  # fmt: skip


def test_m_t_judges_where_the_model_in_training_is_not_to(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained / "runs/tiny", tmp_path / "tiny")
    run = Run(load(TINY, [f"runs={tmp_path}", *CHOSEN, "online.judge=parent", "judge.complete=true"]))
    (start,) = (one for one in run.folder.checkpoints() if one.name == "M2")
    answers = Answers([Prompt.of("a gold copy", "beads")], {0: 3})
    sampled = [Sampled(0, Completion(text="1 gold .", finish="stop", tokens=3))]

    def nobody(request: Request, seed: int) -> str:
        pytest.fail("the model in training was asked")

    scorer = KeptRewards(run, M3, start, answers, open_reward(run.settings))
    scorer.rewards(0, sampled, ScriptedEngine(nobody, "M3"))
    scorer.close()
    (judgement,) = files.read(tmp_path / "tiny/M3/sampled/000000/judgements.jsonl", Judgement)
    assert judgement.judge == "M2"
