"""What in a record contradicts the rest of it, where nothing else vouches for the file."""

from typing import Any

import pytest

from eval.records import MetricValue, Verdict, verdict_id
from srlm.records import (
    OTHER_ID,
    Demonstration,
    Judgement,
    PreferencePair,
    Prompt,
    RankedSet,
    Record,
    Response,
    user,
)

PROMPT = Prompt.of("What is a bead?", "test", before=user("Hello"))
GOOD, BAD = (Response.of(PROMPT.id, text, "human", draw, "stop") for draw, text in enumerate(("A pearl.", "No.")))
JUDGEMENT = Judgement.of(GOOD.id, "M1", 0, "Clear.\nScore: 4", 4.0)
VERDICT = Verdict(
    id=verdict_id("a", "b", "j"), prompt_id="p", model_a="M2", model_b="M1", response_a_id="a", response_b_id="b",
    judge="j", preference_ab=1.0, preference_ba=1.0, outcome="win", probability_ab=0.9, raw_ab="A", raw_ba="B",
)  # fmt: skip
FIGURE = MetricValue(
    model="M1", benchmark="answers", metric="characters", value=3.0, low=2.0, high=4.0, n=8, unscored=0, method="mean"
)
SOUND: list[Record] = [
    PROMPT,
    GOOD,
    RankedSet.of(PROMPT, (GOOD, BAD), (0, 1)),
    Demonstration.of("ift", "ask", "answer", GOOD.id, user("Hello"), "a thought"),
    Demonstration.of("eft", "ask", "answer", GOOD.id),
    JUDGEMENT,
    Judgement.of(GOOD.id, "M1", 0, "no idea", None, unread="no score"),
    Judgement.of(GOOD.id, "M1", 0, "Hm\nScore: 3", 3.0, completed=True, cut=True),
    Judgement.of(GOOD.id, "reward-model", 0, "-7.25003", -7.2500312),  # a scale of its own
    PreferencePair.of(PROMPT, GOOD, BAD, 4.0, 1.5),
    VERDICT,
    FIGURE,
    FIGURE.model_copy(update={"value": 9.0}),  # outside its interval, as some estimators may have it
]


@pytest.mark.parametrize("record", SOUND, ids=lambda record: type(record).__name__)
def test_what_was_made_contradicts_nothing(record: Record) -> None:
    assert record.fault() is None
    assert type(record).model_validate_json(record.model_dump_json()).fault() is None


@pytest.mark.parametrize(
    ("record", "change", "said"),
    [
        (PROMPT, {"text": "other"}, OTHER_ID),
        (PROMPT, {"before": ()}, OTHER_ID),
        (GOOD, {"text": "other"}, OTHER_ID),
        (GOOD, {"draw": -1}, "draw -1 is negative"),
        (SOUND[2], {"ranks": (1, 0)}, OTHER_ID),
        (SOUND[2], {"responses": (GOOD, Response.of("other", "No.", "human", 1))}, "a response is of another prompt"),
        (SOUND[2], {"responses": (GOOD, BAD.model_copy(update={"text": "Yes."}))}, f"in it, {OTHER_ID}"),
        (SOUND[3], {"thought": None}, OTHER_ID),
        (SOUND[4], {"kind": "ift"}, OTHER_ID),
        (JUDGEMENT, {"raw": "Clear.\nScore: 5"}, OTHER_ID),
        (JUDGEMENT, {"score": 5.5}, "a score of 5.5 is not within 0 to 5"),
        (JUDGEMENT, {"score": -1.0}, "a score of -1 is not within 0 to 5"),
        (JUDGEMENT, {"unread": "cut"}, "it has a score and a reason why it has none (cut)"),
        (Judgement.of(GOOD.id, "M1", 0, " ", 4.0), {}, "a score of 4 without words"),
        (SOUND[7], {"score": None}, "it is marked as scored after it was cut, and has no score"),
        (SOUND[9], {"chosen_id": "other"}, OTHER_ID),
        (SOUND[9], {"chosen_score": 5.0}, "its margin is not the difference of its scores"),
        (VERDICT, {"response_a_id": "other"}, OTHER_ID),
        (VERDICT, {"probability_ab": 1.5}, "a probability of 1.5"),
        (VERDICT, {"votes_ba": (0.5, -2.0)}, "a probability of -2"),
        (VERDICT, {"unread_ab": "cut"}, "it has a preference and a reason why it has none (cut)"),
        (FIGURE, {"n": -1}, "n -1, unscored 0: neither can be negative"),
        (FIGURE, {"unscored": -2}, "n 8, unscored -2: neither can be negative"),
        (FIGURE, {"low": 5.0}, "an interval from 5.0 to 4.0"),
        (FIGURE, {"high": None}, "an interval from 2.0 to None"),
        (FIGURE, {"p": 1.25}, "a p of 1.25"),
    ],
)
def test_a_part_that_was_changed_contradicts_the_others(record: Record, change: dict[str, Any], said: str) -> None:
    assert record.model_copy(update=change).fault() == said
