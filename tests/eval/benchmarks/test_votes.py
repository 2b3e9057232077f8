"""The noise of a judge's sampled verdicts, and what of it a figure shows."""

from collections.abc import Sequence
from math import sqrt

import pytest

from eval.benchmarks.head_to_head.measure import AnswerPair, compared, judged
from eval.records import Verdict
from eval.stats.intervals import Resampling
from eval.stats.votes import on_these_prompts, vote_noise
from srlm.engines.base import Completion, Request
from srlm.engines.scripted import ScriptedEngine
from srlm.judge.pairwise import ModelPairJudge
from srlm.records import Prompt, Response
from srlm.settings import PairSettings, Sampling


def test_the_noise_is_the_variance_of_the_votes_within_prompts() -> None:
    """One prompt votes 1, 1, 0 in one order (variance 1/3, of the mean 1/9) and alike in the other: (1/9 + 0) / 4."""
    assert vote_noise([[[1, 1, 0], [1, 1, 1]]]) == pytest.approx(sqrt(1 / 36))
    # A second prompt without any noise: half of that.
    assert vote_noise([[[1, 1, 0], [1, 1, 1]], [[0, 0, 0], [0, 0, 0]]]) == pytest.approx(sqrt(1 / 36) / 2)


def test_a_single_vote_and_votes_that_all_agree_tell_of_no_noise() -> None:
    assert vote_noise([[[1], [1]]]) is None
    assert vote_noise([]) is None
    assert on_these_prompts([[[1, 1], [1, 1]]], 0.95) is None


def test_the_interval_on_the_same_prompts_is_normal_and_stays_within_a_share() -> None:
    found = on_these_prompts([[[1, 1, 0], [1, 1, 1]]], 0.95)
    assert found is not None
    assert found.value == pytest.approx(5 / 6) and found.n == 1
    assert found.low == pytest.approx(5 / 6 - 1.959964 / 6, abs=1e-6)
    assert found.high == 1.0


class Votes(ScriptedEngine):
    """Prefers the longer answer in three of four verdicts."""

    def generate(self, requests: Sequence[Request], sampling: Sampling, seed: int) -> list[tuple[Completion, ...]]:
        found = []
        for request in requests:
            words = request.messages[0].content
            better = "A" if words.index("long answer") < words.index("[Answer B]") else "B"
            other = "B" if better == "A" else "A"
            found.append(tuple(Completion(text=text, finish="stop") for text in (better, better, other, better)))
        return found


def verdicts(votes: int | None) -> list[Verdict]:
    contests = []
    for number in range(6):
        prompt = Prompt.of(f"question {number}", "test")
        contests.append(
            AnswerPair(
                prompt,
                Response.of(prompt.id, "a long answer", "M2", 0),
                Response.of(prompt.id, "short", "M1", 0),
            )
        )
    engine = Votes(lambda request, seed: "A", "judge")
    return judged(ModelPairJudge(engine, PairSettings(votes=votes)), "M2", "M1", contests, 1)


def test_a_contest_keeps_every_vote_and_shows_their_mean_and_their_noise() -> None:
    said = verdicts(4)
    assert {one.outcome for one in said} == {"win"}
    assert {(one.probability_ab, one.probability_ba) for one in said} == {(0.75, 0.75)}
    assert said[0].votes_ab == (1.0, 1.0, 0.0, 1.0) == said[0].votes_ba
    found = {one.metric: one for one in compared("M2", "M1", said, Resampling(resamples=100, confidence=0.95, seed=1))}
    assert found["preference"].value == found["preference_asked_again"].value == 0.75
    # Variance of 1, 1, 0, 1 is 1/4, of their mean 1/16; two orders: 1/32; six prompts: 1/192.
    half = 1.959964 * sqrt(1 / 192)
    assert found["preference_asked_again"].low == pytest.approx(0.75 - half, abs=1e-6)
    assert "4 sampled verdicts for each order" in found["preference_asked_again"].note


def test_a_verdict_without_votes_is_written_as_it_always_was() -> None:
    one = verdicts(None)[0]
    written = one.model_dump_json()
    assert "votes" not in written and "unread" not in written
    assert Verdict.model_validate_json(written) == one
    voted = verdicts(4)[0]
    assert Verdict.model_validate_json(voted.model_dump_json()) == voted
