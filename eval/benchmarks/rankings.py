"""What people said of answers, in the formats it is published in: one reader, the same records.

A format is named, or told by the columns of the first row. A file is a JSON list, JSON lines (plain or gz) or Parquet.
docs/rankings.md lists the columns of each, and our own.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from srlm.data import trees
from srlm.data.lines import Row, locate, objects
from srlm.errors import DataError
from srlm.records import Record

from ..records import HumanRanking
from . import published_rankings as published

Account = Counter[str]


class Rankings(Record):
    """A file of rankings."""

    format: str
    sets: tuple[HumanRanking, ...]
    account: dict[str, int]
    """What was left out, by reason."""


class Format(NamedTuple):
    """How one kind of file is told and read."""

    columns: tuple[str, ...]
    read: Callable[[Sequence[Row], Account], Iterator[HumanRanking]]


FORMATS = {
    "own": Format(("prompt", "responses"), published.own),
    "run": Format(("id", "prompt", "responses", "ranks", "reviews"), published.run),
    "llmbar": Format(("input", "output_1", "output_2", "label"), published.llmbar),
    "pandalm": Format(("instruction", "response1", "response2", "annotator1"), published.pandalm),
    "usr": Format(("source", "system_output", "scores"), published.usr),
    "mt_bench": Format(("question_id", "model_a", "model_b", "winner"), published.mt_bench),
    "rewardbench": Format(("prompt", "chosen", "rejected"), published.rewardbench),
    "helpsteer": Format(("prompt", "response", "helpfulness"), published.helpsteer),
}
NAMES = ("oasst", "faireval", *FORMATS)
"""All formats; Open Assistant's trees or rows have a reader of their own, and FairEval is a folder."""


def read(path: str, format: str | None = None) -> Rankings:
    """The rankings of a file (`${NAME}` from the environment). Raises DataError, with the place, where it holds none.

    A ranking that stands twice, to the letter, is read once and counted.
    """
    if format is not None and format not in NAMES:
        raise DataError(f"--format {format}: the formats are {', '.join(NAMES)}")
    account: Account = Counter()
    if path.startswith("hub:"):
        name = "oasst"
    elif (file := locate(path)).is_dir():
        name = format or "faireval"
        if name != "faireval":
            raise DataError(f"{path}: a folder; only faireval is one, {name} is a file")
    else:
        rows = _rows(file)
        name = format or told(rows[0])
    if name == "oasst":
        found: Iterable[HumanRanking] = (
            HumanRanking(ranked=ranked, group=tree) for tree, ranked in trees.every_ranking(path)
        )
    elif name == "faireval":
        found = published.faireval(locate(path), account)
    else:
        for row in rows:
            if absent := [column for column in FORMATS[name].columns if column not in row.value]:
                raise DataError(f"{row.place}: no {', '.join(absent)}, which {name} has; here are {_keys(row)}")
        found = FORMATS[name].read(rows, account)
    sets: dict[str, HumanRanking] = {}
    for one in found:
        if one.ranked.id in sets:
            account["dropped: stands twice"] += 1
        sets.setdefault(one.ranked.id, one)
    if not sets:
        told_of = ", ".join(f"{name} {count}" for name, count in account.items())
        raise DataError(f"{path}: no ranking of two or more answers" + (f" ({told_of})" if told_of else ""))
    return Rankings(format=name, sets=tuple(sets.values()), account=dict(account))


def told(row: Row) -> str:
    """The format that has this row's columns. Raises DataError where none has, or several have."""
    if set(FORMATS["run"].columns) <= row.value.keys():
        return "run"
    if isinstance(row.value.get("prompt"), dict) or {"message_id", "text", "role"} <= row.value.keys():
        return "oasst"
    fitting = [name for name, format in FORMATS.items() if set(format.columns) <= row.value.keys()]
    if len(fitting) == 1:
        return fitting[0]
    what = f"fits {' and '.join(fitting)}" if fitting else f"is of no known format (columns {_keys(row)})"
    raise DataError(f"{row.place}: {what}; name one with --format: {', '.join(fitting or NAMES)}")


def _rows(path: Path) -> list[Row]:
    try:
        with path.open("rb") as file:
            parquet = file.read(4) == b"PAR1"
    except OSError:
        parquet = False  # said, with the reason, by the reader of text
    rows = _parquet(path) if parquet else objects(path)
    if not rows:
        raise DataError(f"{path}: holds no rows")
    return rows


def _parquet(path: Path) -> list[Row]:
    import pyarrow
    from pyarrow import parquet

    try:
        values: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
    except (OSError, pyarrow.ArrowException) as error:
        raise DataError(f"{path}: cannot be read as Parquet: {next(iter(str(error).splitlines()), '')}") from None
    return [Row(f"{path}: row {number}", value) for number, value in enumerate(values, 1)]


def _keys(row: Row) -> str:
    return ", ".join(row.value) or "none"
