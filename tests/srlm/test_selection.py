"""Preference pairs: best against worst, what gives none, and when a judge has collapsed."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pytest

from srlm.errors import CollapseError
from srlm.judge import pairs
from srlm.records import Count, Judgement, Prompt, Response
from srlm.settings import JudgeSettings

PROMPT = Prompt.of("Why is the sky blue?", "test")
OTHER = Prompt.of("And the sea?", "test")


def answers(prompt: Prompt, *texts: str, finish: Literal["stop", "length"] = "stop") -> list[Response]:
    return [Response.of(prompt.id, text, "M1", draw, finish) for draw, text in enumerate(texts)]


def scored(responses: Sequence[Response], *scores: float | None) -> dict[str, float]:
    return {r.id: score for r, score in zip(responses, scores, strict=True) if score is not None}


def readings(responses: Sequence[Response], *scores: Sequence[float | None]) -> list[Judgement]:
    return [
        Judgement.of(response.id, "M1", draw, f"Score: {score}", score)
        for response, drawn in zip(responses, scores, strict=True)
        for draw, score in enumerate(drawn)
    ]


def test_a_reward_is_the_mean_of_the_readings_with_a_score() -> None:
    a, b, c = made = answers(PROMPT, "a", "b", "c")
    found = pairs.rewards(readings(made, [4, 5, 3], [2, None, 3], [None, None, None]))
    assert found == {a.id: 4.0, b.id: 2.5}  # (4 + 5 + 3) / 3, (2 + 3) / 2
    assert c.id not in found


def test_the_best_stands_against_the_worst() -> None:
    a, b, c, d = made = answers(PROMPT, "a", "bb", "ccc", "dddd")
    paired = pairs.pair([PROMPT], made, scored(made, 3, 4.5, 1, 2))
    (pair,) = paired.pairs
    assert (pair.prompt_id, pair.chosen_id, pair.rejected_id) == (PROMPT.id, b.id, c.id)
    assert (pair.chosen_score, pair.rejected_score, pair.margin) == (4.5, 1, 3.5)
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
    assert {a.id, d.id}.isdisjoint({pair.chosen_id, pair.rejected_id})


def test_among_equals_the_answer_drawn_first_is_taken() -> None:
    a, b, *_ = made = answers(PROMPT, "a", "b", "c", "d")
    ((pair,), _) = pairs.pair([PROMPT], made, scored(made, 5, 1, 5, 1))
    assert (pair.chosen_id, pair.rejected_id) == (a.id, b.id)


def test_an_answer_without_a_score_is_not_the_worst() -> None:
    a, b, _ = made = answers(PROMPT, "a", "b", "c")
    ((pair,), counts) = pairs.pair([PROMPT], made, pairs.rewards(readings(made, [4], [3], [None])))
    assert (pair.chosen_id, pair.rejected_id) == (a.id, b.id)
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
    paired = pairs.pair([PROMPT], made, scored(made, *scores))
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
    ((pair,), counts) = pairs.pair([PROMPT], made, scored(made, *scores))
    assert (pair.chosen_id, pair.rejected_id) == (made[chosen].id, made[rejected].id)
    assert pair.margin == float(scores[chosen] or 0) - float(scores[rejected] or 0) > 0
    assert counts["prompts whose best and worst are the same words"] == 1
    assert counts["prompts with the next pair instead"] == 1
    assert counts["pair yield"] == 1.0


def test_flipped_pairs_swap_both_answers_and_scores() -> None:
    a, b = made = answers(PROMPT, "a", "b")
    ((pair,), counts) = pairs.pair([PROMPT], made, scored(made, 5, 2), flipped=True)
    assert (pair.chosen_id, pair.rejected_id) == (b.id, a.id)
    assert (pair.chosen_score, pair.rejected_score, pair.margin) == (2, 5, -3)
    assert counts["margin mean"] == -3


def test_every_prompt_has_its_own_pair() -> None:
    first, second = answers(PROMPT, "a", "b"), answers(OTHER, "c", " ", finish="length")
    paired = pairs.pair([PROMPT, OTHER], [*second, *first], scored([*first, *second], 1, 2, 4, 0))
    assert [(pair.prompt_id, pair.margin) for pair in paired.pairs] == [(PROMPT.id, 1), (OTHER.id, 4)]
    assert (paired.counts["responses cut"], paired.counts["responses empty"]) == (2, 1)
    assert paired.counts["margin mean"] == 2.5


def test_half_the_prompts_with_a_pair_are_a_yield_of_one_half() -> None:
    first, second = answers(PROMPT, "a", "b"), answers(OTHER, "c", "d")
    paired = pairs.pair([PROMPT, OTHER], [*first, *second], scored([*first, *second], 1, 2, 4, 4))
    assert (paired.counts["pairs"], paired.counts["pair yield"]) == (1, 0.5)


def test_no_prompt_at_all_has_no_yield() -> None:
    assert pairs.pair([], [], {}).counts["pair yield"] is None


def test_random_rewards_are_whole_points_drawn_by_answer_and_seed() -> None:
    made = answers(PROMPT, *(str(number) for number in range(600)))
    one = pairs.random_rewards(made, seed=1)
    assert pairs.random_rewards(made[::-1], seed=1) == one
    assert pairs.random_rewards(made, seed=2) != one
    values = list(one.values())
    assert set(values) == {0.0, 1.0, 2.0, 3.0, 4.0, 5.0}
    assert all(60 < values.count(point) < 140 for point in range(6))  # 100 each, standard deviation 9


def test_the_words_of_an_answer_do_not_set_its_random_reward() -> None:
    assert pairs.random_rewards(answers(PROMPT, "Score: 5"), 1) != pairs.random_rewards(answers(OTHER, "Score: 5"), 1)


# Collapse -----------------------------------------------------------------------------------------------------------


def counts(*scores: float | None, found: float = 0.5) -> Mapping[str, Count]:
    made = answers(PROMPT, *(str(number) for number in range(len(scores))))
    return {"pair yield": found, **pairs.reading_counts(readings(made, *([score] for score in scores)))}


def judge(**changes: Any) -> JudgeSettings:
    return JudgeSettings.model_validate(changes)


def test_readings_are_counted_by_score() -> None:
    made = answers(PROMPT, "a", "b", "c")
    drawn = [*readings(made, [4, 4], [3.5, None], [0, 4])]
    drawn.append(Judgement.of(made[0].id, "M1", 2, "words\nScore: 4", 4, completed=True))
    assert pairs.reading_counts(drawn) == {
        "readings": 7,
        "readings unparsed": 1,
        "readings completed": 1,
        "readings by score": {"0": 1, "3.5": 1, "4": 4},
        "most common score": 4.0,
        "most common score share": 4 / 6,
        # two of six each once and one four times: 2 * log2(6) / 6 + 4 * log2(6 / 4) / 6
        "score entropy": pytest.approx(2 * math.log2(6) / 6 + 4 * math.log2(1.5) / 6),
        "share of fives": 0.0,
    }


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        pytest.param(counts(1, 2, 3, 4), None, id="healthy"),
        pytest.param(counts(*[5] * 20), "100% of its scores are 5 (judge.max_top_share 95%)", id="always-five"),
        pytest.param(counts(*[5] * 19, 4), None, id="95%-are-not-more-than-95%"),
        pytest.param(
            counts(*[5] * 39, 4), "98% of its scores are 5 (judge.max_top_share 95%)", id="all-but-one"
        ),
        pytest.param(counts(*[5] * 30, *[None] * 30), "100% of its scores are 5 (judge.max_top_share 95%)",
                     id="unparsed-readings-have-no-part-in-the-share"),
        pytest.param(counts(None, None), "none of its readings holds a score", id="nothing-parsed"),
        pytest.param(
            counts(1, 2, found=0.04), "only 4% of the prompts gave a pair (judge.min_pair_yield 5%)", id="few-pairs"
        ),
        pytest.param(counts(1, 2, found=0.05), None, id="just-enough-pairs"),
        pytest.param({"pair yield": 0.0}, "only 0% of the prompts gave a pair (judge.min_pair_yield 5%)",
                     id="scores-that-no-judge-gave"),
        pytest.param({"pair yield": None}, None, id="no-prompt"),
    ],
)  # fmt: skip
def test_collapse(found: Mapping[str, Count], reason: str | None) -> None:
    assert pairs.collapse(found, judge()) == reason


def test_a_collapsed_judge_stops_the_run_and_says_what_to_do() -> None:
    with pytest.raises(CollapseError, match=r"^M2: the judge collapsed: 100% .* --set judge\.on_collapse=continue$"):
        pairs.check_collapse(counts(5, 5), judge(), "M2")


def test_a_run_that_goes_on_is_warned() -> None:
    warning = pairs.check_collapse(counts(5, 5), judge(on_collapse="continue"), "M2")
    assert warning == "100% of its scores are 5 (judge.max_top_share 95%)"


def test_a_healthy_judge_gives_no_warning() -> None:
    assert pairs.check_collapse(counts(1, 2, 3), judge(), "M2") is None


def test_the_limits_are_settings() -> None:
    assert pairs.collapse(counts(5, 5, 5, 4), judge(max_top_share=0.7)) is not None
    assert pairs.collapse(counts(1, 2, found=0.3), judge(min_pair_yield=0.4)) is not None
