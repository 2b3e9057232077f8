"""The records of one step as TRL reads them: JSON lines that `datasets.load_dataset("json", data_files=...)` takes.

pairs             {"prompt": [turns], "chosen": [turn], "rejected": [turn], ...}     DPOTrainer and its neighbours
demonstrations    {"prompt": [turns], "completion": [turn], ...}                     SFTTrainer
judgements        the same: what the judge was shown, and what it wrote

A turn is {"role": ..., "content": ...}. Beside these stand the scores and ids of the records, which TRL ignores.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from srlm import examples
from srlm.contents import sha256_of
from srlm.data.lines import locate
from srlm.errors import SrlmError
from srlm.export.sources import Source
from srlm.judge import rubric
from srlm.methods.recognised import kind_of
from srlm.records import (
    Demonstration,
    Judgement,
    Message,
    MetaJudgement,
    PairJudgement,
    PreferencePair,
    Prompt,
    RankedSet,
    Response,
)
from srlm.store import files
from srlm.store.folder import RunFolder
from srlm.text.counts import counted

Row = Mapping[str, Any]


class Table(NamedTuple):
    """One exported file."""

    file: str
    rows: int
    what: str
    """What a row is."""


class Data(NamedTuple):
    """What of a step was exported, and what was not."""

    tables: list[Table]
    missing: list[str]


def write_data(source: Source, target: Path) -> Data:
    """Write the records that made a model. Raises RecordError where a file is not what its step made."""
    found = Data([], [])
    step = source.folder.step(source.step.name)
    for name in sorted(source.manifest.outputs):
        path = step / name
        if "/" in name or path.suffix != ".jsonl":
            continue
        kind = kind_of(path) if path.is_file() else None
        records: Sequence[Any] = files.Kept(path, kind) if kind is not None else ()
        if kind is PreferencePair:
            _write(target, name, _pairs(records, name, found), "two answers to a prompt, the better one chosen", found)
        elif kind is Demonstration:
            _write(target, name, map(_demonstration, records), "a prompt and the answer that is taught", found)
        elif kind is Judgement:
            if (rows := _judgements(source, name, records, found)) is not None:
                _write(target, name, rows, "what the judge was shown, and its words", found)
        elif kind in (PairJudgement, MetaJudgement):
            found.missing.append(f"{name}: {counted(len(records), 'comparisons')}, which have no form in TRL")
    return found


def _write(target: Path, name: str, rows: Iterable[Row], what: str, found: Data) -> None:
    number = 0
    with (target / name).open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")
            number += 1
    if number:
        found.tables.append(Table(name, number, what))
    else:
        (target / name).unlink()


def _pairs(records: Sequence[Any], name: str, found: Data) -> Iterator[Row]:
    older = 0
    for pair in records:
        if not pair.prompt:
            older += 1
            continue
        thoughts = {"chosen_thought": pair.chosen_thought, "rejected_thought": pair.rejected_thought}
        yield {
            "prompt": _turns(pair.prompt),
            "chosen": _turns(pair.chosen),
            "rejected": _turns(pair.rejected),
            "chosen_score": pair.chosen_score,
            "rejected_score": pair.rejected_score,
            "label_weight": pair.label_weight,
            "chosen_cut": pair.chosen_finish == "length",
            "rejected_cut": pair.rejected_finish == "length",
            "id": pair.id,
            **{name: thought for name, thought in thoughts.items() if thought is not None},
        }
    if older:
        found.missing.append(f"{name}: {counted(older, 'pairs')} of an older srlm, which kept no messages with them")


def _demonstration(one: Any) -> Row:
    answer = Message(role="assistant", content=one.response)
    thought = {} if one.thought is None else {"thought": one.thought}
    return {"prompt": _turns(one.messages), "completion": _turns([answer]), "kind": one.kind, "id": one.id, **thought}


def _judgements(source: Source, name: str, records: Sequence[Any], found: Data) -> Iterator[Row] | None:
    """None: the judge's prompts cannot be made again, and `found` says why; or nothing is trained on them."""
    answered = _answered(source)
    if any(one.response_id not in answered for one in records):
        return None  # of held-out answers: they are measured on
    if (why := _wording_lost(source.folder)) is not None:
        found.missing.append(f"{name}: {counted(len(records), 'judgements')}: {why}")
        return None
    wording = rubric.load(source.folder.settings.judge.template)

    def rows() -> Iterator[Row]:
        for one in records:
            prompt, response = answered[one.response_id]
            thought = {} if one.thought is None else {"thought": one.thought}
            yield {
                "prompt": _turns(wording.request(prompt.transcript, response.text).messages),
                "completion": _turns([Message(role="assistant", content=one.raw)]),
                "score": one.score,
                "unread": one.unread,
                "judge": one.judge,
                "response_id": one.response_id,
                "id": one.id,
                **thought,
            }

    return rows()


def _answered(source: Source) -> dict[str, tuple[Prompt, Response]]:
    """Prompt and answer by the answer's id: of the step, and of the ranked sets for EFT."""
    step, data = source.folder.step(source.step.name), source.folder.step("data")
    prompts: dict[str, Prompt] = {one.id: one for one in _all(step, source.manifest.outputs, Prompt)}
    found = {
        one.id: (prompts[one.prompt_id], one)
        for one in _all(step, source.manifest.outputs, Response)
        if one.prompt_id in prompts
    }
    if (path := data / "eft_sets.jsonl").is_file():
        for ranked in files.Kept(path, RankedSet):
            found.update({one.id: (ranked.prompt, one) for one in ranked.responses})
    return found


def _all(step: Path, names: Iterable[str], kind: Callable[..., Any]) -> Iterator[Any]:
    for name in names:
        path = step / name
        if "/" not in name and path.suffix == ".jsonl" and path.is_file() and kind_of(path) is kind:
            yield from files.Kept(path, kind)


def _wording_lost(folder: RunFolder) -> str | None:
    """Why the judge's prompts cannot be made again; None: the rubric is the one that the run was made with."""
    template, inputs = folder.settings.judge.template, folder.inputs()
    recorded = None if inputs is None else inputs.inputs.get("judge.template")
    if recorded is None:
        return None  # of an older srlm; nothing says that it is another
    try:
        if template in rubric.SHIPPED:
            shipped = rubric.SHIPPED[template]
            with resources.as_file(resources.files(shipped.package).joinpath("templates")) as place:
                now = {sha256_of(path) for path in place.glob(shipped.file)}
        else:
            now = {sha256_of(examples.named(locate(template)))}
    except (SrlmError, OSError):
        return "their rubric is gone"
    return None if now == set(recorded.files.values()) else "their rubric has changed since the run was made"


def _turns(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": one.role, "content": one.content} for one in messages]
