"""What a finished step gives reason to doubt, in sentences with their numbers."""

from collections.abc import Mapping

import pytest

from srlm.methods.suspicions import suspicions
from srlm.records import Count, RunManifest

CUT = "90 of 100 candidates were cut at the token limit; raise candidates.sampling.max_new_tokens"


def manifest(counts: Mapping[str, Count]) -> RunManifest:
    return RunManifest(
        step="M2",
        settings_digest="d",
        seed=1,
        versions={},
        commit=None,
        checkpoint=None,
        inputs={},
        outputs={},
        counts=dict(counts),
    )


@pytest.mark.parametrize(
    ("counts", "about", "said"),
    [
        pytest.param({"responses": 100, "responses cut": 90}, "candidates", CUT, id="cut"),
        pytest.param(
            {"responses": 4, "responses cut": 0, "responses empty": 2},
            "candidates",
            "2 of 4 candidates are empty",
            id="empty",
        ),
        pytest.param(
            {"prompts": 10, "prompts with identical answers": 6},
            "candidates",
            "all answers are the same words for 6 of 10 prompts; raise candidates.sampling.temperature",
            id="identical",
        ),
        pytest.param(
            {
                "judgements": 200,
                "judgements unscored": 150,
                "judgements unscored: cut": 140,
                "judgements unscored: no score": 10,
            },
            "judge",
            "the judge: 150 of 200 judgements have no score (140 cut, 10 no score)",
            id="unread",
        ),
        pytest.param(
            {"eft: judgements": 1000, "eft: judgements unscored": 900},
            "judge",
            "EFT, the SFT baseline: 900 of 1,000 judgements have no score",
            id="unread-eft",
        ),
        pytest.param(
            {"judgements": 200, "judgements unscored": 0, "judgements completed": 200},
            "judge",
            "the judge: 200 of 200 judgements named no score, and were only completed with one (judge.complete): such "
            "scores follow the judge's words little",
            id="completed",
        ),
        pytest.param(
            {"ties": 0.93},
            "judge",
            "the judge: of two answers to the same prompt 93% have the same score, so few prompts give pairs",
            id="ties",
        ),
        pytest.param(
            {
                "held-out: pairs": 60,
                "held-out: pairwise accuracy, ties half": 0.52,
                "held-out: accuracy interval": {"low": 0.4, "high": 0.64},
            },
            "judge",
            "on held-out answers: 52% of 60 pairs are ordered as people did (a tie is half), 95% interval 40% to 64%: "
            "a judge at chance has 50%",
            id="at-chance",
        ),
        pytest.param(
            {
                "new prompts: wanted": 1000,
                "new prompts: got": 12,
                "new prompts: attempts": 10000,
                "new prompts: dropped: similar": 100,
                "new prompts: dropped: empty": 9888,
            },
            "new prompts",
            "10,000 attempts gave 12 of 1,000 new prompts (dropped: 9,888 empty, 100 similar)",
            id="few-prompts",
        ),
        pytest.param({"movement: warning": "no weight moved"}, "training", "no weight moved", id="movement"),
        pytest.param({"held-out: warning": "one score"}, "judge collapse", "one score", id="collapse"),
    ],
)
def test_garbage_is_a_sentence_with_its_numbers(counts: Mapping[str, Count], about: str, said: str) -> None:
    assert suspicions(manifest(counts)) == [(about, said)]


def test_a_healthy_step_gives_no_reason_for_doubt() -> None:
    healthy: dict[str, Count] = {
        "responses": 100,
        "responses cut": 49,
        "responses empty": 0,
        "prompts": 50,
        "prompts with identical answers": 24,
        "judgements": 300,
        "judgements unscored": 149,
        "judgements completed": 149,
        "ties": 0.89,
        "held-out: pairwise accuracy, ties half": 0.7,
        "held-out: accuracy interval": {"low": 0.51, "high": 0.89},
        "new prompts: wanted": 50,
        "new prompts: got": 25,
    }
    assert suspicions(manifest(healthy)) == []
    assert suspicions(manifest({})) == []


def test_a_judge_of_whom_nothing_can_be_read_is_named_once() -> None:
    counts: dict[str, Count] = {
        "judgements": 9,
        "judgements unscored": 9,
        "warning": "none of its judgements has a score",
    }
    assert [one.said for one in suspicions(manifest(counts))] == ["none of its judgements has a score"]
