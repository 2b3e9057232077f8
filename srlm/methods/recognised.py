"""Which kind of record a file of JSON lines holds, by the fields of a line."""

import json
from pathlib import Path
from typing import Any

from srlm.data.self_instruct import PromptAttempt
from srlm.judge.changed_instructions import ChangedInstruction
from srlm.judge.choices import Choice
from srlm.judge.grades import Grade
from srlm.judge.revision import Revision
from srlm.records import (
    AnswerLikelihood,
    AnswerReward,
    Demonstration,
    Judgement,
    JudgementRating,
    MetaJudgement,
    PairJudgement,
    PreferencePair,
    Prompt,
    RankAgreement,
    RankedSet,
    Record,
    Response,
    Sample,
)
from srlm.rewards.rbr import RuleWeights
from srlm.store import files

KINDS: tuple[type[Record], ...] = (
    Prompt,
    Response,
    RankedSet,
    Demonstration,
    Judgement,
    PairJudgement,
    AnswerReward,
    AnswerLikelihood,
    RankAgreement,
    PreferencePair,
    MetaJudgement,
    JudgementRating,
    Sample,
    PromptAttempt,
    ChangedInstruction,
    Revision,
    Choice,
    Grade,
    RuleWeights,
)
"""All kinds that a step writes as JSON lines; a test finds those with an id that are missing."""


def kind_of(path: Path) -> type[Record] | None:
    """The only kind whose fields the first line has that decodes (one before it is damaged, and is still to be refused
    as of this kind); None: no line does, or the file is of another kind."""
    with path.open("rb") as file:
        row = next(filter(None, map(_value, file)), None)
    if not isinstance(row, dict):
        return None
    there = set(row)
    fitting = [
        kind
        for kind in KINDS
        if {name for name, field in kind.model_fields.items() if field.is_required()} <= there <= set(kind.model_fields)
    ]
    return fitting[0] if len(fitting) == 1 else None


def _value(line: bytes) -> Any:
    """None: it is not JSON. What else is wrong with it is found when it is decoded as a record."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def refuse_faults(path: Path) -> None:
    """Raise RecordError where a record in the file does not decode, or contradicts itself; of kinds that are known."""
    if path.suffix == ".jsonl" and (kind := kind_of(path)) is not None:
        for number, record in enumerate(files.read(path, kind), 1):
            files.refuse_fault(record, f"{path}:{number}")
