"""From judgements to pairs of judgements: which answer, which comparisons, and what drops a pair."""

from collections.abc import Sequence

import pytest

from srlm.judge.meta_pairs import Contest, comparison_counts, contests, matches, pair_judgements, rate
from srlm.judge.rubric import Rubric
from srlm.records import Count, Judgement, JudgementRating, MetaJudgement, Prompt, Response, Unread

RUBRIC = Rubric(name="short", text="Judge. {prompt} <response>{response}</response> Score: <0-5>")
PROMPT = Prompt.of("Name a river.", "test")


def answer(number: int, prompt: Prompt = PROMPT) -> Response:
    return Response.of(prompt.id, f"answer {number}", "M1", number, "stop")


def judged(response: Response, *scores: float | None, words: str = "reason") -> list[Judgement]:
    return [
        Judgement.of(
            response.id,
            "M1",
            draw,
            f"{words} {draw}\nScore: {score}",
            score,
            unread="no score" if score is None else None,
        )
        for draw, score in enumerate(scores)
    ]


def test_judgements_of_the_same_words_count_once_where_the_first_was_drawn() -> None:
    response = answer(0)
    spoken = [("good", 4.0), ("poor", 1.0), ("good", 4.0)]
    drawn = [
        Judgement.of(response.id, "M1", draw, f"{words}\nScore: {score}", score)
        for draw, (words, score) in enumerate(spoken)
    ]
    (found,) = contests([PROMPT], [response], drawn).contests
    assert [one.draw for one in found.judgements] == [0, 1]


def contest(*scores: float, number: int = 0) -> Contest:
    prompt = Prompt.of(f"Question {number}", "test")
    response = answer(0, prompt)
    return Contest(prompt, response, tuple(judged(response, *scores)))


def rated(one: Contest, *elo: float | None) -> list[JudgementRating]:
    return [
        JudgementRating(judgement_id=judgement.id, response_id=one.response.id, elo=value)
        for judgement, value in zip(one.judgements, elo, strict=True)
    ]


def said(one: Contest, first: int, second: int, preference: float | None) -> MetaJudgement:
    ids = (one.judgements[first].id, one.judgements[second].id)
    unread: Unread | None = "no verdict" if preference is None else None
    return MetaJudgement.of(one.response.id, *ids, "M1", f"{first} {second} {preference}", preference, unread)


def paired(
    all_contests: Sequence[Contest], ratings: Sequence[JudgementRating], **rules: object
) -> tuple[list[tuple[str, str]], dict[str, Count]]:
    """Ids of chosen and rejected judgements, and the counts that are not means."""
    every: dict[str, object] = {"ties": "any", "longest": None, "max_score_share": 1.0, **rules}
    found = pair_judgements(all_contests, ratings, RUBRIC, **every)  # type: ignore[arg-type]
    counts = {key: value for key, value in found.counts.items() if "mean" not in key}
    return [(pair.chosen_id, pair.rejected_id) for pair in found.pairs], counts


# Contests -------------------------------------------------------------------------------------------------------------


def test_the_answer_whose_scores_vary_most_is_contested_and_among_equals_the_first() -> None:
    """Variances: 1, 4 = ((1 - 3)^2 + (5 - 3)^2) / 2, 4."""
    three = [answer(0), answer(1), answer(2)]
    judgements = [*judged(three[0], 2, 4), *judged(three[1], 1, 5), *judged(three[2], 5, 1)]
    found = contests([PROMPT], three, judgements)
    assert [one.response.id for one in found.contests] == [three[1].id]
    assert found.counts == {"contests": 1}


def test_only_judgements_with_a_score_that_were_not_cut_are_compared_and_equal_words_once() -> None:
    response = answer(0)
    same = [Judgement.of(response.id, "M1", draw, "good\nScore: 4", 4) for draw in (0, 1)]
    cut = Judgement.of(response.id, "M1", 2, "it was cu\nScore: 0", 0, completed=True, cut=True)
    unread = Judgement.of(response.id, "M1", 3, "no idea", None, unread="no score")
    other = Judgement.of(response.id, "M1", 4, "poor\nScore: 1", 1)
    (found,) = contests([PROMPT], [response], [*same, cut, unread, other]).contests
    assert [judgement.draw for judgement in found.judgements] == [0, 4]


@pytest.mark.parametrize(
    ("judgements", "why"),
    [
        pytest.param([(0, "a\nScore: 3", 3.0)], "prompts without an answer that has two scores", id="one-score"),
        pytest.param([(0, "a\nScore: 3", 3.0), (1, "b\nScore: 3", 3.0)], "prompts whose judgements agree", id="agree"),
        pytest.param(
            [(0, "a\nScore: 3", 3.0), (1, "a\nScore: 5", 5.0)],
            "prompts whose judgements differ in the score alone",
            id="score-alone",
        ),
    ],
)
def test_a_prompt_without_two_judgements_that_differ_is_counted_with_its_reason(
    judgements: list[tuple[int, str, float]], why: str
) -> None:
    response = answer(0)
    made = [Judgement.of(response.id, "M1", draw, raw, score) for draw, raw, score in judgements]
    assert contests([PROMPT], [response], made) == ([], {"contests": 0, why: 1})


def test_every_two_judgements_meet_in_both_orders_without_their_scores() -> None:
    one = contest(1, 4, 5)
    found = list(matches([one]))
    order = {judgement.id: judgement.draw for judgement in one.judgements}
    assert [(order[match.first.id], order[match.second.id]) for match in found] == [
        (0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1)
    ]  # fmt: skip
    assert found[0].item.model_dump(exclude_defaults=True) == {
        "prompt": "Question 0", "response": "answer 0", "first": "reason 0", "second": "reason 1"
    }  # fmt: skip


def test_judgements_that_differ_in_the_score_alone_do_not_meet() -> None:
    response = answer(0)
    made = [
        Judgement.of(response.id, "M1", draw, raw, score)
        for draw, (raw, score) in enumerate([("a\nScore: 1", 1), ("a\nScore: 5", 5), ("b\nScore: 3", 3)])
    ]
    (one,) = contests([PROMPT], [response], made).contests
    assert [(match.first.draw, match.second.draw) for match in matches([one])] == [(0, 2), (2, 0), (1, 2), (2, 1)]


# Ratings --------------------------------------------------------------------------------------------------------------


def test_the_weights_of_the_places_are_those_of_all_comparisons_together() -> None:
    """First wins: 3, second wins: 1, so w = (1/4, 3/4)."""
    one, other = contest(1, 5), contest(2, 4, number=1)
    told = [said(one, 0, 1, 1.0), said(one, 1, 0, 0.0), said(other, 0, 1, 1.0), said(other, 1, 0, 1.0)]
    found = rate([one, other], told, position_weights=True, ridge=0.01)
    assert found.weights == (0.25, 0.75)
    assert rate([one, other], told, position_weights=False, ridge=0.01).weights == (0.5, 0.5)
    first, second, third, fourth = (rating.elo for rating in found.ratings)
    assert first is not None and second is not None and first > 0 > second
    assert [third, fourth] == pytest.approx([0, 0], abs=1e-7)  # each won when shown first
    assert found.counts == {
        "contests without ratings": 0,
        "contests whose ratings need the ridge": 1,
        "weight of a win in the first place": 0.25,
        "weight of a win in the second place": 0.75,
    }


def test_without_a_ridge_one_that_wins_all_gives_no_ratings() -> None:
    one = contest(1, 5)
    found = rate([one], [said(one, 0, 1, 1.0), said(one, 1, 0, 0.0)], position_weights=True, ridge=0)
    assert (found.ratings, found.counts["contests without ratings"]) == ([], 1)


def test_unread_comparisons_and_ties_are_nobody_s_win() -> None:
    one = contest(1, 5)
    found = rate([one], [said(one, 0, 1, None), said(one, 1, 0, 0.5)], position_weights=True, ridge=0.01)
    assert (found.ratings, found.counts["contests without ratings"]) == ([], 1)


def test_the_manifest_tells_what_the_comparisons_are_like() -> None:
    """Read and decided 4 of 6: the first place wins 3; of two pairs read in both orders one is decided otherwise when
    turned; the higher score wins in 3 of 4."""
    one, other = contest(1, 5), contest(4, 2, number=1)
    third = contest(3, 0, number=2)
    told = [
        said(one, 0, 1, 0.0), said(one, 1, 0, 1.0),
        said(other, 0, 1, 1.0), said(other, 1, 0, 1.0),
        said(third, 0, 1, None), said(third, 1, 0, 0.5),
    ]  # fmt: skip
    every = {judgement.id: judgement for each in (one, other, third) for judgement in each.judgements}
    assert comparison_counts(told, every) == {
        "comparisons": 6,
        "comparisons unscored": 1,
        "comparisons unscored: no verdict": 1,
        "comparisons tied": 1,
        "share won in the first place": 0.75,
        "share of pairs decided otherwise when turned": 0.5,
        "share won by the higher score": 0.75,
    }


# Pairs ----------------------------------------------------------------------------------------------------------------


def test_the_highest_elo_is_chosen_and_the_lowest_rejected_whatever_the_scores() -> None:
    one = contest(1, 3, 5)
    found = pair_judgements([one], rated(one, 1.5, -0.5, -1.0), RUBRIC, ties="any", longest=None, max_score_share=0.4)
    (pair,) = found.pairs
    assert (pair.chosen[0].content, pair.rejected[0].content) == ("reason 0\nScore: 1", "reason 2\nScore: 5")
    assert (pair.chosen_score, pair.rejected_score, pair.margin) == (1.5, -1.0, 2.5)
    assert (pair.prompt_id, pair.chosen_id) == (one.prompt.id, one.judgements[0].id)
    assert pair.prompt[0].content == "Judge. Question 0 <response>answer 0</response> Score: <0-5>"
    assert pair.fault() is None
    assert found.counts["pairs by chosen score"] == {"1": 1}
    assert found.counts["chosen length mean"] == len("reason 0\nScore: 1")


def test_ratings_that_are_not_unique_drop_the_pair() -> None:
    one = contest(1, 3, 4, 5)
    middle, top = rated(one, 2.0, 0.0, 0.0, -2.0), rated(one, 1.0, 1.0, 0.0, -2.0)
    assert paired([one], middle) == (
        [],
        {"pairs": 0, "pairs dropped: ratings not unique": 1, "pairs by chosen score": {}},
    )
    assert paired([one], middle, ties="ends")[0] == [(one.judgements[0].id, one.judgements[3].id)]
    assert paired([one], top, ties="ends")[0] == []


def test_a_chosen_judgement_that_is_too_long_drops_the_pair_and_a_long_rejected_one_does_not() -> None:
    response = answer(0)
    long = Judgement.of(response.id, "M1", 0, "x" * 40 + "\nScore: 5", 5)
    short = Judgement.of(response.id, "M1", 1, "y\nScore: 2", 2)
    one = Contest(PROMPT, response, (long, short))
    dropped, counts = paired([one], rated(one, 1.0, -1.0), longest=48)
    assert (dropped, counts["pairs dropped: chosen longer than 48 characters"]) == ([], 1)
    assert len(paired([one], rated(one, 1.0, -1.0), longest=49)[0]) == 1
    assert len(paired([one], rated(one, -1.0, 1.0), longest=48)[0]) == 1


def test_equal_scores_drop_the_pair() -> None:
    one = contest(3, 3, 5)
    assert paired([one], rated(one, 1.0, -1.0, 0.2))[1] == {
        "pairs": 0, "pairs dropped: equal scores": 1, "pairs by chosen score": {}
    }  # fmt: skip


def test_a_chosen_score_that_already_is_forty_percent_of_the_pairs_drops_the_next() -> None:
    """Chosen 5, 5, 4, 5, 3, 5: the first is kept (0 of 0), the second not (1 of 1), 4 is (0 of 1), 5 not (1 of 2),
    3 is (0 of 2), and 5 again (1 of 3 is under .4)."""
    every = [contest(high, 0, number=number) for number, high in enumerate((5, 5, 4, 5, 3, 5))]
    ratings = [rating for one in every for rating in rated(one, 1.0, -1.0)]
    kept, counts = paired(every, ratings, max_score_share=0.4)
    assert [chosen for chosen, _ in kept] == [every[place].judgements[0].id for place in (0, 2, 4, 5)]
    assert counts == {
        "pairs": 4,
        "pairs dropped: chosen score too common": 2,
        "pairs by chosen score": {"3": 1, "4": 1, "5": 2},
    }


def test_a_contest_without_ratings_gives_no_pair_and_is_counted_elsewhere() -> None:
    one = contest(1, 5)
    assert paired([one], rated(one, None, None)) == ([], {"pairs": 0, "pairs by chosen score": {}})
