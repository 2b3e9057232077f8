"""Preference pairs: best against worst, length-controlled, flipped, and what gives none."""

from collections.abc import Sequence
from typing import Literal

import pytest

from srlm.records import Prompt, Response
from srlm.selection import pair, rule
from srlm.settings import SelectionSettings

PROMPT = Prompt.of("Why is the sky blue?", "test")
OTHER = Prompt.of("And the sea?", "test")


def answers(prompt: Prompt, *texts: str, finish: Literal["stop", "length"] = "stop") -> list[Response]:
    return [Response.of(prompt.id, text, "M1", draw, finish) for draw, text in enumerate(texts)]


def scored(responses: Sequence[Response], *scores: float | None) -> dict[str, float]:
    return {r.id: score for r, score in zip(responses, scores, strict=True) if score is not None}


def test_the_best_stands_against_the_worst() -> None:
    a, b, c, d = made = answers(PROMPT, "a", "bb", "ccc", "dddd")
    paired = pair([PROMPT], made, scored(made, 3, 4.5, 1, 2))
    (found,) = paired.pairs
    assert (found.prompt_id, found.chosen_id, found.rejected_id) == (PROMPT.id, b.id, c.id)
    assert (found.chosen_score, found.rejected_score, found.margin) == (4.5, 1, 3.5)
    assert paired.counts == {
        "prompts": 1,
        "responses": 4,
        "responses cut": 0,
        "responses empty": 0,
        "responses scored": 4,
        "pairs": 1,
        "pair yield": 1.0,
        "ties": 0.0,
        "margin mean": 3.5,
        "chosen length mean": 2.0,
        "rejected length mean": 3.0,
    }
    assert {a.id, d.id}.isdisjoint({found.chosen_id, found.rejected_id})


def test_among_equals_the_answer_drawn_first_is_taken() -> None:
    a, b, *_ = made = answers(PROMPT, "a", "b", "c", "d")
    ((found,), _) = pair([PROMPT], made, scored(made, 5, 1, 5, 1))
    assert (found.chosen_id, found.rejected_id) == (a.id, b.id)


def test_an_answer_without_a_score_is_not_the_worst() -> None:
    a, b, _ = made = answers(PROMPT, "a", "b", "c")
    ((found,), counts) = pair([PROMPT], made, scored(made, 4, 3, None))
    assert (found.chosen_id, found.rejected_id) == (a.id, b.id)
    assert (counts["responses"], counts["responses scored"]) == (3, 2)


@pytest.mark.parametrize(
    ("texts", "scores", "reason"),
    [
        pytest.param("abcd", [3, 3, 3, 3], "prompts with equal scores", id="all-equal"),
        pytest.param("abcd", [3, None, 3, None], "prompts with equal scores", id="all-that-were-read-are-equal"),
        pytest.param("abcd", [3, None, None, None], "prompts with fewer than two scored answers", id="one-scored"),
        pytest.param("abcd", [None] * 4, "prompts with fewer than two scored answers", id="none-scored"),
        pytest.param("", [], "prompts with fewer than two scored answers", id="no-answer"),
        pytest.param("aa", [5, 1], "prompts whose best and worst are the same words", id="same-words"),
        pytest.param("aaa", [5, 3, 1], "prompts whose best and worst are the same words", id="all-the-same-words"),
        pytest.param("aab", [5, 1, None], "prompts whose best and worst are the same words", id="the-other-was-unread"),
    ],
)
def test_a_prompt_without_a_pair_is_counted_by_its_reason(texts: str, scores: list[float | None], reason: str) -> None:
    made = answers(PROMPT, *texts)
    paired = pair([PROMPT], made, scored(made, *scores))
    assert paired.pairs == []
    assert paired.counts[reason] == 1
    assert paired.counts["pair yield"] == 0.0
    assert paired.counts["margin mean"] is None


@pytest.mark.parametrize(
    ("texts", "scores", "chosen", "rejected"),
    [
        pytest.param("aba", [5, 3, 1], 0, 1, id="the-best-with-the-next-worst"),
        pytest.param("abca", [5, 4, 2, 1], 0, 2, id="the-next-worst-of-two"),
        pytest.param("aaba", [5, 3, 4, 1], 0, 2, id="the-next-worst-has-the-same-words-too"),
        pytest.param("aab", [5, 1, 5], 2, 1, id="nothing-else-is-worse-so-the-next-best-with-the-worst"),
        pytest.param("abab", [5, 4, 1, 1], 0, 3, id="among-equally-bad-ones-the-one-with-other-words"),
    ],
)
def test_where_best_and_worst_are_the_same_words_the_next_pair_is_taken_and_counted(
    texts: str, scores: list[float | None], chosen: int, rejected: int
) -> None:
    made = answers(PROMPT, *texts)
    ((found,), counts) = pair([PROMPT], made, scored(made, *scores))
    assert (found.chosen_id, found.rejected_id) == (made[chosen].id, made[rejected].id)
    assert found.margin == float(scores[chosen] or 0) - float(scores[rejected] or 0) > 0
    assert counts["prompts whose best and worst are the same words"] == 1
    assert counts["prompts with the next pair instead"] == 1
    assert counts["pair yield"] == 1.0


def test_prompts_whose_answers_are_all_the_same_words_are_counted() -> None:
    other = Prompt.of("another question", "test")
    made, apart = answers(PROMPT, *"aaa"), answers(other, *"ab")
    found = pair([PROMPT, other], [*made, *apart], scored([*made, *apart], 1, 2, 3, 1, 2))
    assert found.counts["prompts with identical answers"] == 1
    assert "prompts with identical answers" not in pair([other], apart, scored(apart, 1, 2)).counts


def test_flipped_pairs_swap_both_answers_and_scores() -> None:
    a, b = made = answers(PROMPT, "a", "b")
    ((found,), counts) = pair([PROMPT], made, scored(made, 5, 2), SelectionSettings(flip=True))
    assert (found.chosen_id, found.rejected_id) == (b.id, a.id)
    assert (found.chosen_score, found.rejected_score, found.margin) == (2, 5, -3)
    assert counts["margin mean"] == -3


def test_every_prompt_has_its_own_pair() -> None:
    first, second = answers(PROMPT, "a", "b"), answers(OTHER, "c", " ", finish="length")
    paired = pair([PROMPT, OTHER], [*second, *first], scored([*first, *second], 1, 2, 4, 0))
    assert [(found.prompt_id, found.margin) for found in paired.pairs] == [(PROMPT.id, 1), (OTHER.id, 4)]
    assert (paired.counts["responses cut"], paired.counts["responses empty"]) == (2, 1)
    assert paired.counts["margin mean"] == 2.5


def test_half_the_prompts_with_a_pair_are_a_yield_of_one_half() -> None:
    first, second = answers(PROMPT, "a", "b"), answers(OTHER, "c", "d")
    paired = pair([PROMPT, OTHER], [*first, *second], scored([*first, *second], 1, 2, 4, 4))
    assert (paired.counts["pairs"], paired.counts["pair yield"]) == (1, 0.5)


def test_no_prompt_at_all_has_no_yield() -> None:
    assert pair([], [], {}).counts["pair yield"] is None


# Length control (Meta-Rewarding, section 2.2) -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answered", "band", "chosen", "rejected"),
    [
        # Rewards 1 to 5: with a band of .25 the best are those from 4 on, the worst those up to 2.
        pytest.param({"aaaa": 5, "aa": 4, "a": 3.9, "bbb": 1, "bbbb": 2, "bbbbb": 2.1}, 0.25, "aa", "bbbb", id="bands"),
        pytest.param({"aaaa": 5, "aa": 4, "bbb": 1, "bbbb": 2}, 0.0, "aaaa", "bbb", id="without-band-best-and-worst"),
        pytest.param({"aaaa": 5, "aa": 5, "bbb": 1, "bbbb": 1}, 0.0, "aa", "bbbb", id="among-equals-length-decides"),
        pytest.param({"a": 5, "b": 5, "c": 1, "d": 1}, 0.3, "a", "c", id="among-equally-long-ones-the-first-drawn"),
        pytest.param({"aaa": 2, "b": 1}, 0.49, "aaa", "b", id="two-answers-are-apart-however-wide-the-band"),
        pytest.param({"aa": 5, "a": 4, "": 1}, 0.4, "a", "", id="an-empty-answer-is-short"),
    ],
)
def test_the_shortest_of_the_best_stands_against_the_longest_of_the_worst(
    answered: dict[str, float], band: float, chosen: str, rejected: str
) -> None:
    made = answers(PROMPT, *answered)
    settings = SelectionSettings(kind="length_controlled", band=band)
    ((found,), _) = pair([PROMPT], made, scored(made, *answered.values()), settings)
    assert [turn.content for turn in (*found.chosen, *found.rejected)] == [chosen, rejected]
    assert (found.chosen_score, found.rejected_score) == (answered[chosen], answered[rejected])


def test_where_the_shortest_and_the_longest_are_the_same_words_the_next_pair_is_taken() -> None:
    made = answers(PROMPT, "aa", "aaa", "aa", "b")
    settings = SelectionSettings(kind="length_controlled", band=0.3)
    ((found,), counts) = pair([PROMPT], made, scored(made, 5, 4.5, 1, 1), settings)
    assert (found.chosen_id, found.rejected_id) == (made[0].id, made[3].id)
    assert counts["prompts with the next pair instead"] == 1


def test_length_control_takes_no_pair_of_equal_rewards_and_can_be_flipped() -> None:
    made = answers(PROMPT, "aa", "b")
    settings = SelectionSettings(kind="length_controlled", flip=True)
    assert pair([PROMPT], made, scored(made, 3, 3), settings).counts["prompts with equal scores"] == 1
    ((found,), _) = pair([PROMPT], made, scored(made, 5, 1), settings)
    assert (found.chosen_id, found.rejected_id, found.margin) == (made[1].id, made[0].id, -4)


def test_the_rule_is_told_in_words() -> None:
    assert rule(SelectionSettings()) == "best against worst, equal rewards give no pair"
    assert rule(SelectionSettings(kind="length_controlled", flip=True)) == (
        "the shortest of the best against the longest of the worst, equal rewards give no pair, chosen and rejected "
        "swapped"
    )
