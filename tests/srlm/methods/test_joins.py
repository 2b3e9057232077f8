"""Records that name others: what they name is there, is of the right kind, and fits."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from srlm.methods.joins import Origins, unfit
from srlm.records import (
    Demonstration,
    Judgement,
    MetaJudgement,
    PairJudgement,
    PreferencePair,
    Prompt,
    RankedSet,
    Record,
    Response,
    Step,
    user,
)
from srlm.store import files

ASKED, OTHER = Prompt.of("What is a bead?", "test"), Prompt.of("What is a bag?", "test")
GOOD, BAD = (Response.of(ASKED.id, text, "M1", draw) for draw, text in enumerate(("A pearl.", "No.")))
STRANGE = Response.of(OTHER.id, "A sack.", "M1", 0)
HIGH, LOW = (Judgement.of(GOOD.id, "M1", draw, f"Score: {draw}", float(draw)) for draw in (5, 1))
OF_BAD = Judgement.of(BAD.id, "M1", 0, "Score: 2", 2.0)
PAIR = PreferencePair.of(ASKED, GOOD, BAD, 4.0, 1.0)
PEOPLE = Demonstration.of("ift", ASKED.text, "A pearl, say people.", "source")
BY_PEOPLE = PreferencePair.of(
    ASKED, Response(id=PEOPLE.id, prompt_id=ASKED.id, text=PEOPLE.response, author="human", draw=0), BAD, 1.0, 0.0
)
RANKED = RankedSet.of(ASKED, (GOOD, BAD), (0, 1))
OF_JUDGEMENTS = PreferencePair.of_judgements(ASKED.id, user("Judge!"), HIGH, LOW, 0.5, -0.5)
LABEL = PairJudgement.of(ASKED.id, GOOD.id, BAD.id, "weak", 0, "A", 1.0)
M2, M3 = (Step(name=f"M{t}", parent=f"M{t - 1}", role="iteration", number=t) for t in (2, 3))
FUTURE = Step(name="M3-future", parent="M2", role="intermediate", number=3)
DATA = Step(name="data", role="data")
ANSWERED: dict[str, list[Record]] = {"prompts": [ASKED], "responses": [GOOD, BAD]}
JUDGED: dict[str, list[Record]] = {**ANSWERED, "judgements": [HIGH, LOW, OF_BAD, OF_BAD]}


def said(place: Path, *steps: tuple[Step, Mapping[str, Sequence[Record]]]) -> list[tuple[str, str]]:
    """What is unfit in the last of these steps; all before it are sound."""
    known: dict[int, Origins] = {}
    found: list[tuple[str, str]] = []
    for step, records in steps:
        assert not found
        there = {f"{name}.jsonl": place / step.name / f"{name}.jsonl" for name in records}
        for name, rows in records.items():
            (place / step.name).mkdir(exist_ok=True)
            files.write(place / step.name / f"{name}.jsonl", rows)
        found = [(one.file, one.why) for one in unfit(step, there, known)]
    return found


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([(M2, {**ANSWERED, "pairs": [PAIR]})], id="answers-of-the-step"),
        pytest.param(
            [(DATA, {"ift": [PEOPLE]}), (M2, {**ANSWERED, "pairs": [BY_PEOPLE]})], id="people-against-the-model"
        ),
        pytest.param([(DATA, {"eft_sets": [RANKED]}), (M2, {"pairs": [PAIR]})], id="answers-that-people-ranked"),
        pytest.param([(FUTURE, ANSWERED), (M3, {"prompts": [ASKED], "pairs": [PAIR]})], id="answers-of-the-same-turn"),
        pytest.param([(M2, {**JUDGED, "judge_pairs": [OF_JUDGEMENTS]})], id="judgements"),
        pytest.param([(DATA, {"eft_sets": [RANKED]}), (M2, {"weak_labels": [LABEL]})], id="labels-of-the-datas-pairs"),
    ],
)
def test_what_the_methods_make_pairs_of_fits(tmp_path: Path, steps: list[Any]) -> None:
    assert said(tmp_path, *steps) == []


GONE, SWAPPED = {"chosen_id": "0123456789abcdef"}, {"chosen": PAIR.rejected}


@pytest.mark.parametrize(
    ("pair", "change", "why"),
    [
        pytest.param(PAIR, GONE, "name none of responses.jsonl", id="nothing"),
        pytest.param(PAIR, {"chosen_id": HIGH.id}, "name none of responses.jsonl", id="a-judgement"),
        pytest.param(PAIR, {"chosen_id": ASKED.id}, "name none of responses.jsonl", id="a-prompt"),
        pytest.param(PAIR, {"chosen_id": STRANGE.id}, "have another prompt_id than what they name", id="other-prompt"),
        pytest.param(PAIR, {"chosen_id": BAD.id}, "have other words than what they name", id="the-other-answer"),
        pytest.param(PAIR, SWAPPED, "have other words than what they name", id="other-words"),
    ],
)
def test_a_pair_of_answers_names_two_answers_to_its_prompt_in_their_words(
    tmp_path: Path, pair: PreferencePair, change: dict[str, Any], why: str
) -> None:
    answers = [GOOD, BAD, STRANGE, Response.of(OTHER.id, "A purse.", "M1", 1)]
    judgements = [HIGH, *(Judgement.of(one.id, "M1", 0, "Score: 2", 2.0) for one in answers[1:])]
    step: dict[str, Sequence[Record]] = {"prompts": [ASKED, OTHER], "responses": answers, "judgements": judgements}
    wrong = pair.model_copy(update=change)
    assert said(tmp_path, (M2, {**step, "pairs": [pair, wrong, wrong]})) == [("pairs.jsonl", f"2 of its records {why}")]


def test_a_pair_names_no_answer_of_an_earlier_turn(tmp_path: Path) -> None:
    later: dict[str, list[Record]] = {
        "prompts": [ASKED],
        "responses": [STRANGE.model_copy(update={"prompt_id": ASKED.id})],
    }
    found = said(tmp_path, (M2, {**ANSWERED, "pairs": [PAIR]}), (M3, {**later, "pairs": [PAIR]}))
    assert found == [("pairs.jsonl", "1 of its records name none of responses.jsonl")]


def test_a_pair_of_judgements_names_two_judgements_of_one_answer(tmp_path: Path) -> None:
    answers = OF_JUDGEMENTS.model_copy(update={"chosen_id": GOOD.id})
    mixed = PreferencePair.of_judgements(ASKED.id, user("Judge!"), HIGH, OF_BAD, 0.5, -0.5)
    other = OF_JUDGEMENTS.model_copy(update={"prompt_id": OTHER.id})
    found = said(tmp_path, (M2, {**JUDGED, "judge_pairs": [OF_JUDGEMENTS, answers, mixed, other]}))
    assert found == [
        ("judge_pairs.jsonl", "1 of its records name none of judgements.jsonl"),
        ("judge_pairs.jsonl", "1 of its records name two that are not of the same"),
        ("judge_pairs.jsonl", "1 of its records have another prompt_id than what they name"),
    ]


def test_a_meta_judgement_names_two_judgements_of_its_answer(tmp_path: Path) -> None:
    sound = MetaJudgement.of(GOOD.id, HIGH.id, LOW.id, "M1", "Winner: A", 1.0)
    other = MetaJudgement.of(GOOD.id, HIGH.id, OF_BAD.id, "M1", "Winner: A", 1.0)
    found = said(tmp_path, (M2, {**JUDGED, "meta_judgements": [sound, other]}))
    assert found == [("meta_judgements.jsonl", "1 of its records have another response_id than what they name")]


def test_labels_are_of_pairs_of_the_data(tmp_path: Path) -> None:
    other = PairJudgement.of(OTHER.id, GOOD.id, BAD.id, "weak", 0, "A", 1.0)
    gone = PairJudgement.of(ASKED.id, GOOD.id, STRANGE.id, "weak", 0, "A", 1.0)
    found = said(tmp_path, (DATA, {"eft_sets": [RANKED]}), (M2, {"weak_labels": [LABEL, other, gone]}))
    assert found == [
        ("weak_labels.jsonl", "1 of its records have another prompt_id than what they name"),
        ("weak_labels.jsonl", "1 of its records name none of the data's ranked sets"),
    ]


def test_as_many_judgements_of_each_answer(tmp_path: Path) -> None:
    found = said(tmp_path, (M2, {**ANSWERED, "judgements": [HIGH, LOW, OF_BAD]}))
    assert found == [("judgements.jsonl", "not as many records for each of responses.jsonl")]
