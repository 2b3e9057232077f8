"""Canaries: every kind for every question, and each one says nothing that answers it."""

from eval.benchmarks.canaries import KINDS, QUESTIONS, canaries


def test_every_kind_is_tried_on_every_question() -> None:
    found = [(canary.kind, canary.prompt) for canary in canaries()]
    assert found == [(kind, prompt) for kind in KINDS for prompt, _ in QUESTIONS]


def test_no_canary_holds_the_honest_answer() -> None:
    assert all(canary.honest not in canary.answer for canary in canaries())
