"""Which records of a step name others: whether these are there, of the right kind, of the same prompt or answer, and,
of pairs, in the same words. What a file's own records say of themselves is `Record.fault`'s part.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from srlm.methods import recognised
from srlm.records import Demonstration, Judgement, Message, Prompt, RankedSet, Record, Response, Step


class Origin(NamedTuple):
    """A record that others name."""

    kind: type[Record]
    of: tuple[str, ...]
    """Ids of what it is of, the nearest first: the prompt of an answer; the answer and the prompt of a judgement."""
    words: int
    """Hash of what it says."""


Origins = dict[str, Origin]
"""By id."""


class Naming(NamedTuple):
    """A field of a file's records that holds the id of another."""

    field: str
    kinds: tuple[type[Record], ...]
    source: str
    """The file that should hold it, for the message."""
    of: str | None = None
    """The field with the id of what both are of."""
    words: str | None = None
    """The field with the words of the named record, as turns of a conversation."""
    where: Literal["step", "turn", "data"] = "step"
    """`step`: among the step's own records; `turn`: also those of the same turn, and the data's; `data`: the data's."""


def _two(first: str, second: str, kind: type[Record], source: str, **more: Any) -> tuple[Naming, Naming]:
    return Naming(first, (kind,), source, **more), Naming(second, (kind,), source, **more)


_PROMPT = (Naming("prompt_id", (Prompt,), "prompts.jsonl"),)
_RESPONSE = (Naming("response_id", (Response,), "responses.jsonl"),)
_OF_DATA = (Naming("response_id", (Response,), "the data's ranked sets", where="data"),)
NAMINGS: Mapping[str, tuple[Naming, ...]] = {
    "responses.jsonl": _PROMPT,
    "anchors.jsonl": _PROMPT,
    "agreement.jsonl": _PROMPT,
    "changed_instructions.jsonl": _PROMPT,
    "types.jsonl": (Naming("of", (Prompt,), "prompts.jsonl"),),
    **dict.fromkeys(
        (
            "judgements.jsonl",
            "rewards.jsonl",
            "rewards_before.jsonl",
            "helpfulness.jsonl",
            "likelihoods.jsonl",
            "likelihoods_before.jsonl",
            "likelihoods_base.jsonl",
            "samples.jsonl",
            "revisions.jsonl",
        ),
        _RESPONSE,
    ),
    "grades.jsonl": (Naming("of", (Response,), "responses.jsonl"),),
    "choices.jsonl": _two("first_id", "second_id", Response, "responses.jsonl", of="prompt_id"),
    "pair_judgements.jsonl": (*_PROMPT, *_two("first_id", "second_id", Response, "responses.jsonl")),
    # Answers of this turn, or what people wrote.
    "pairs.jsonl": tuple(
        Naming(f"{role}_id", (Response, Demonstration), "responses.jsonl", "prompt_id", role, "turn")
        for role in ("chosen", "rejected")
    ),
    "judge_pairs.jsonl": tuple(
        Naming(f"{role}_id", (Judgement,), "judgements.jsonl", "prompt_id", role) for role in ("chosen", "rejected")
    ),
    "meta_judgements.jsonl": _two("first_id", "second_id", Judgement, "judgements.jsonl", of="response_id"),
    "ratings.jsonl": (Naming("judgement_id", (Judgement,), "judgements.jsonl", "response_id"),),
    "weak_labels.jsonl": _two(
        "first_id", "second_id", Response, "the data's ranked sets", of="prompt_id", where="data"
    ),
    **dict.fromkeys(
        ("eft_judgements.jsonl", "monitor.jsonl", "fit_judgements.jsonl", "fit_helpfulness.jsonl"), _OF_DATA
    ),
    "fit_grades.jsonl": (Naming("of", (Response,), "the data's ranked sets", where="data"),),
}
EACH = ("responses.jsonl", "judgements.jsonl", "rewards.jsonl", "samples.jsonl")
"""Files with as many records for each of what they name."""


class Unfit(NamedTuple):
    """What is wrong with the records of a file, in words."""

    file: str
    why: str


def unfit(step: Step, there: Mapping[str, Path], known: dict[int, Origins]) -> Iterator[Unfit]:
    """Records of a step that name what is not there, or does not fit.

    `known`: what was found in the steps before, by their turn (`Step.number`); this step's are added.
    """
    rows: dict[str, list[dict[str, Any]]] = {}
    own: Origins = {}
    for file, path in there.items():
        kind = recognised.kind_of(path) if path.suffix == ".jsonl" else None
        if kind is None:
            continue
        try:
            rows[file] = list(_rows(path))
            own |= dict(_origins(kind, rows[file]))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            rows.pop(file, None)  # it does not decode, and its own row says so
    for id, one in own.items():
        if one.kind is Judgement and (answer := own.get(one.of[0])) is not None:
            own[id] = one._replace(of=(*one.of, *answer.of))
    data = own if step.role == "data" else known.get(0, {})
    turn = known.setdefault(step.number, {})
    turn |= own
    scopes = {"step": own, "turn": data | turn, "data": data}
    for file in rows:
        namings = [one for one in NAMINGS.get(file, ()) if one.where != "step" or one.source in rows]
        for why in _file(rows[file], namings, scopes):
            yield Unfit(file, why)
    yield from _not_each(rows, own)


def _origins(kind: type[Record], rows: list[dict[str, Any]]) -> Iterator[tuple[str, Origin]]:
    """What other records may name, by id."""
    for row in rows:
        if kind is Prompt:
            yield row["id"], Origin(kind, (), hash(row["text"]))
        elif kind is Response:
            yield row["id"], Origin(kind, (row["prompt_id"],), hash(row["text"]))
        elif kind is Judgement:
            yield row["id"], Origin(kind, (row["response_id"],), hash(row["raw"]))
        elif kind is RankedSet:
            for one in row["responses"]:
                yield one["id"], Origin(Response, (row["prompt"]["id"],), hash(one["text"]))
        elif kind is Demonstration and row["kind"] == "ift":
            before = tuple(Message.model_validate(turn) for turn in row.get("before", ()))
            yield row["id"], Origin(kind, (Prompt.of(row["prompt"], "", before=before).id,), hash(row["response"]))


def _file(rows: list[dict[str, Any]], namings: Sequence[Naming], scopes: Mapping[str, Origins]) -> Iterator[str]:
    """What is wrong with a file's records, a kind of fault at a time; each record counts once."""
    found: Counter[str] = Counter()
    for row in rows:
        try:
            if (why := _row(row, namings, scopes)) is not None:
                found[why] += 1
        except (LookupError, TypeError):
            return  # it does not decode, and its own row says so
    for why, number in found.items():
        yield f"{number} of its records {why}"


def _row(row: Mapping[str, Any], namings: Sequence[Naming], scopes: Mapping[str, Origins]) -> str | None:
    named = []
    for one in namings:
        scope = scopes[one.where]
        origin = scope.get(row[one.field])
        if origin is None or origin.kind not in one.kinds:
            return f"name none of {one.source}"
        if one.of is not None:
            named.append(origin.of[:1])
            if row[one.of] not in origin.of:
                return f"have another {one.of} than what they name"
        if one.words is not None and (turns := row.get(one.words)) and hash(turns[0]["content"]) != origin.words:
            return "have other words than what they name"
    return "name two that are not of the same" if len(set(named)) > 1 else None


def _not_each(rows: Mapping[str, list[dict[str, Any]]], own: Origins) -> Iterator[Unfit]:
    """Files with more or fewer records for one prompt, or answer, than for another."""
    for file in (one for one in EACH if one in rows):
        ((field, kinds, source, *_),) = NAMINGS[file]
        wanted = {id for id, origin in own.items() if origin.kind in kinds}
        times = Counter(row.get(field) for row in rows[file])
        if source not in rows or not times.keys() <= wanted:
            continue  # said of each of them
        if file == "responses.jsonl" and "samples.jsonl" in rows:
            continue  # sampled in training, as often as there were steps
        if times and (len(times) < len(wanted) or len(set(times.values())) > 1):
            yield Unfit(file, f"not as many records for each of {source}")


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as lines:
        for line in lines:
            yield json.loads(line)
