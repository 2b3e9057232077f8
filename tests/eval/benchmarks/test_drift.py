"""Figures of drift from what is said of each answer."""

import pytest

from eval.benchmarks.drift.measure import AnswerDrift, described
from srlm.run_file import load
from tests.eval.study.finished import TINY


def test_the_interval_of_a_divergence_ends_at_0_and_that_of_a_ratio_does_not() -> None:
    found = [
        AnswerDrift(response_id=str(n), tokens=4, kl=3.0 if n == 0 else 0.0, log_ratio=3.0 if n == 0 else 0.0)
        for n in range(16)
    ]
    kl, ratio = described(load(TINY), "M2", found)
    assert (kl.metric, ratio.metric) == ("kl", "log_ratio")
    # One answer of 16 has 3 nats on its 4 tokens: 3 / 64 a token.
    assert kl.value == ratio.value == pytest.approx(3 / 64)
    assert kl.low == 0.0
    assert ratio.low is not None and ratio.low < 0
    assert kl.high == ratio.high


def test_an_answer_of_no_tokens_and_one_without_a_number_are_counted() -> None:
    found = [
        AnswerDrift(response_id="0", tokens=0, kl=0.0, log_ratio=0.0),
        AnswerDrift(response_id="1", tokens=4, kl=None, log_ratio=1.0),
        AnswerDrift(response_id="2", tokens=4, kl=2.0, log_ratio=1.0),
    ]
    kl, ratio = described(load(TINY), "M2", found)
    assert (kl.value, kl.n, kl.unscored) == (0.5, 1, 2)
    assert (ratio.value, ratio.n, ratio.unscored) == (0.25, 2, 1)
