"""What judgements amount to: mean scores, how they spread, and when a judge has collapsed."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pytest

from srlm.errors import CollapseError
from srlm.judge import scores
from srlm.records import Count, Judgement, Prompt, Response
from srlm.settings import JudgeSettings

PROMPT = Prompt.of("Why is the sky blue?", "test")


def answers(prompt: Prompt, *texts: str, finish: Literal["stop", "length"] = "stop") -> list[Response]:
    return [Response.of(prompt.id, text, "M1", draw, finish) for draw, text in enumerate(texts)]


def judgements(responses: Sequence[Response], *given: Sequence[float | None]) -> list[Judgement]:
    return [
        Judgement.of(response.id, "M1", draw, f"Score: {score}", score)
        for response, drawn in zip(responses, given, strict=True)
        for draw, score in enumerate(drawn)
    ]


def test_a_reward_is_the_mean_of_the_judgements_with_a_score() -> None:
    a, b, c = made = answers(PROMPT, "a", "b", "c")
    found = scores.rewards(judgements(made, [4, 5, 3], [2, None, 3], [None, None, None]))
    assert found == {a.id: 4.0, b.id: 2.5}  # (4 + 5 + 3) / 3, (2 + 3) / 2
    assert c.id not in found


# Collapse -----------------------------------------------------------------------------------------------------------


def counts(*points: float | None, found: float = 0.5) -> Mapping[str, Count]:
    made = answers(PROMPT, *(str(number) for number in range(len(points))))
    return {"pair yield": found, **scores.judgement_counts(judgements(made, *([score] for score in points)))}


def judge(**changes: Any) -> JudgeSettings:
    return JudgeSettings.model_validate(changes)


def test_judgements_are_counted_by_score() -> None:
    made = answers(PROMPT, "a", "b", "c")
    drawn = [*judgements(made, [4, 4], [3.5, None], [0, 4])]
    drawn.append(Judgement.of(made[0].id, "M1", 2, "words\nScore: 4", 4, completed=True))
    assert scores.judgement_counts(drawn) == {
        "judgements": 7,
        "judgements unscored": 1,
        "judgements completed": 1,
        "judgements by score": {"0": 1, "3.5": 1, "4": 4},
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
                     id="unparsed-judgements-have-no-part-in-the-share"),
        pytest.param(counts(None, None), "none of its judgements has a score", id="nothing-parsed"),
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
    assert scores.collapse(found, judge()) == reason


def test_a_collapsed_judge_stops_the_run_and_says_what_to_do() -> None:
    with pytest.raises(CollapseError, match=r"^M2: the judge collapsed: 100% .* --set judge\.on_collapse=continue$"):
        scores.check_collapse(counts(5, 5), judge(), "M2")


def test_a_run_that_goes_on_is_warned() -> None:
    warning = scores.check_collapse(counts(5, 5), judge(on_collapse="continue"), "M2")
    assert warning == "100% of its scores are 5 (judge.max_top_share 95%)"


def test_a_healthy_judge_gives_no_warning() -> None:
    assert scores.check_collapse(counts(1, 2, 3), judge(), "M2") is None


def test_the_limits_are_settings() -> None:
    assert scores.collapse(counts(5, 5, 5, 4), judge(max_top_share=0.7)) is not None
    assert scores.collapse(counts(1, 2, found=0.3), judge(min_pair_yield=0.4)) is not None
