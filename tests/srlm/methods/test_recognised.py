"""Kinds of records, told by what stands in a file."""

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import srlm
from srlm.data.self_instruct import PromptAttempt
from srlm.engines.base import Completion
from srlm.errors import RecordError
from srlm.judge.changed_instructions import ChangedInstruction
from srlm.judge.choices import AnswerPair, Choice
from srlm.judge.grades import Grade, Said
from srlm.judge.pairwise import Opinion
from srlm.judge.revision import Revision
from srlm.methods.recognised import KINDS, kind_of, refuse_faults
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
)
from srlm.rewards.rbr import RuleWeights
from srlm.store import files

ROWS: list[list[Record]] = [
    [Prompt.of("one", "test"), Prompt.of("two", "test")],
    [Response.of("p", "one", "M1", 0), Response.of("p", "two", "M1", 1)],
]


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("first", [b"", b"{", b"\xff", b"[" * 5000, b"\x00" * 512])
def test_a_file_whose_first_line_is_damaged_is_still_of_its_kind_and_is_refused(
    tmp_path: Path, rows: list[Record], first: bytes
) -> None:
    path = tmp_path / "any.jsonl"
    files.write(path, rows)
    assert kind_of(path) is type(rows[0])
    refuse_faults(path)
    path.write_bytes(first + b"\n" + path.read_bytes().split(b"\n", 1)[1])
    assert kind_of(path) is type(rows[0])
    with pytest.raises(RecordError, match=r"any\.jsonl:1: not a "):
        refuse_faults(path)


@pytest.mark.parametrize("content", [b"", b"{\n", b"[1]\n", b'{"id": "x", "size": 1}\n', b"7\n"])
def test_a_file_of_no_known_kind_has_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.jsonl"
    path.write_bytes(content)
    assert kind_of(path) is None
    refuse_faults(path)


def test_a_name_that_stands_twice_hides_no_kind(tmp_path: Path) -> None:
    path = tmp_path / "any.jsonl"
    path.write_text('{"id": "x", ' + Prompt.of("one", "test").model_dump_json()[1:].replace("one", "two") + "\n")
    assert kind_of(path) is Prompt
    with pytest.raises(RecordError, match="its id is not that of its content"):
        refuse_faults(path)


PROMPT = Prompt.of("What is a bead?", "test")
GOOD, BAD = (Response.of(PROMPT.id, text, "M1", draw) for draw, text in enumerate(("A pearl.", "No.")))
JUDGED = Judgement.of(GOOD.id, "M1", 0, "Score: 4", 4.0)
SAID = Completion(text="A small pearl.", finish="stop")
OPINION = Opinion(preference=1.0, probability=0.75, raw="A")
WITH_ID: list[Record] = [
    PROMPT,
    GOOD,
    RankedSet.of(PROMPT, (GOOD, BAD), (0, 1)),
    Demonstration.of("ift", "ask", "answer", GOOD.id),
    JUDGED,
    PairJudgement.of(PROMPT.id, GOOD.id, BAD.id, "M1", 0, "A", 1.0),
    MetaJudgement.of(GOOD.id, JUDGED.id, "other", "M1", "Winner: A", 1.0),
    PreferencePair.of(PROMPT, GOOD, BAD, 4.0, 1.0),
    PromptAttempt.of(0, 9, "A task.", "stop"),
    ChangedInstruction.of(PROMPT.id, "M1", " What is a pearl? ", "What is a pearl?"),
    Revision.of(GOOD.id, 0, "kind", "M1", SAID, SAID),
    Choice.of(AnswerPair(prompt=PROMPT, first=GOOD, second=BAD), "kind", "M1", OPINION, OPINION.turned),
    Grade.of_answer(GOOD.id, "polite", "M1", Said(0.5, "P(yes) 0.1, P(no) 0.1")),
    RuleWeights.of(
        "plain", "digest", {"polite": 0.5}, pairs=1, hinge_before=1.0, hinge=0.5, error_before=1.0, error=0.0,
        heldout_pairs=0, heldout_error_before=None, heldout_error=None,
    ),
]  # fmt: skip
"""One of each kind whose id follows from its content."""


def kinds_with_an_id(kind: type[Record] = Record) -> Iterator[type[Record]]:
    """All kinds of records in srlm that have one."""
    for one in kind.__subclasses__():
        named = one.model_fields.get("id")
        if named is not None and named.annotation is str and one.__module__.startswith("srlm."):
            yield one
        yield from kinds_with_an_id(one)


def test_no_kind_of_record_with_an_id_is_missing_from_the_table() -> None:
    for module in pkgutil.walk_packages(srlm.__path__, "srlm."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    assert set(kinds_with_an_id()) == {kind for kind in KINDS if "id" in kind.model_fields}
    assert {type(one) for one in WITH_ID} == set(kinds_with_an_id())


@pytest.mark.parametrize("record", WITH_ID, ids=lambda record: type(record).__name__)
def test_a_record_of_any_kind_is_refused_where_its_id_is_not_that_of_its_content(
    tmp_path: Path, record: Record
) -> None:
    path = tmp_path / "any.jsonl"
    files.write(path, [record])
    assert kind_of(path) is type(record)
    refuse_faults(path)
    files.write(path, [record.model_copy(update={"id": "0123456789abcdef"})])
    with pytest.raises(RecordError, match=f"this {type(record).__name__} contradicts itself: its id is not that of"):
        refuse_faults(path)


@pytest.mark.parametrize(
    ("record", "change", "said"),
    [
        (WITH_ID[9], {"text": "Another question?"}, "its text is not what was written"),
        (WITH_ID[9], {"refused": "cut"}, "it has a text and a reason why it has none, or neither"),
        (WITH_ID[9], {"text": None}, "it has a text and a reason why it has none, or neither"),
        (WITH_ID[10], {"text": None}, "its id is not that of its content"),
        (WITH_ID[11], {"shown": OPINION.model_copy(update={"probability": 1.5})}, "a probability of 1.5 is not within"),
        (WITH_ID[12], {"unread": "cut"}, "it has a probability and a reason why it has none (cut)"),
        (WITH_ID[12], {"yes": -1.0}, "a probability of -1 is not within 0 to 1"),
        (WITH_ID[13], {"weights": (0.75,)}, "its id is not that of its content"),
    ],
)
def test_what_in_a_record_of_a_method_contradicts_the_rest_of_it(
    record: Record, change: dict[str, object], said: str
) -> None:
    assert said in (record.model_copy(update=change).fault() or "")
