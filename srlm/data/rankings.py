"""What people said of answers, in the formats it is published in: one reader, the same records.

A format is named, or told by the columns of the first row. A file is a JSON list, JSON lines, CSV or Parquet (text
also as gz or zst), or `hub:OWNER/NAME`. docs/rankings.md lists the columns of each, and our own.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple, get_args

from srlm.data import hub, preferences, trees, votes
from srlm.data import published_rankings as published
from srlm.data.columns import renamed
from srlm.data.human_ranking import HumanRanking
from srlm.data.languages import in_language
from srlm.data.lines import Row, every_row, hold_columns, locate
from srlm.data.thoughts import without_thoughts
from srlm.errors import DataError
from srlm.records import Record
from srlm.settings import RankingFormat

Account = Counter[str]
OTHERWISE = "sets whose answers another set ranks otherwise"
NAMES: tuple[str, ...] = get_args(RankingFormat)
"""All formats; Open Assistant's trees or rows have a reader of their own, and FairEval is a folder."""
LANGUAGES = ("language", "lang")
"""Columns that say a row's language."""


class Rankings(Record):
    """A file of rankings."""

    format: str
    sets: tuple[HumanRanking, ...]
    account: dict[str, int]
    """What was left out or changed, by reason."""


class Format(NamedTuple):
    """How one kind of file is told and read."""

    columns: tuple[str, ...]
    read: Callable[[Sequence[Row], Account], Iterator[HumanRanking]]
    fits: Callable[[Mapping[str, Any]], bool] = lambda value: True
    """What a row with these columns must also be."""


FORMATS = {
    "own": Format(("prompt", "responses"), published.own),
    "run": Format(("id", "prompt", "responses", "ranks", "reviews"), published.run),
    "preferences": Format(
        ("chosen", "rejected"), preferences.preferences, lambda value: not preferences.plain_pair(value)
    ),
    "ultrafeedback": Format(("instruction", "completions"), preferences.ultrafeedback),
    "helpsteer": Format(("prompt", "response", "helpfulness"), published.helpsteer),
    "helpsteer_preferences": Format(
        ("prompt", "response_1", "response_2", "preference_strength"), preferences.helpsteer_preferences
    ),
    "helpsteer3": Format(("context", "response1", "response2", "overall_preference"), preferences.helpsteer3),
    "nectar": Format(("prompt", "answers"), preferences.nectar),
    "llmbar": Format(("input", "output_1", "output_2", "label"), published.llmbar),
    "pandalm": Format(("instruction", "response1", "response2", "annotator1"), published.pandalm),
    "usr": Format(("source", "system_output", "scores"), published.usr),
    "mt_bench": Format(
        ("question_id", "model_a", "model_b", "winner", "conversation_a", "conversation_b"),
        votes.mt_bench,
        lambda value: not votes.is_arena(value),
    ),
    "arena": Format(("conversation_a", "conversation_b", "winner"), votes.arena, votes.is_arena),
    "arena_texts": Format(("prompt", "response_a", "response_b", *votes.ONE_HOT), votes.arena),
    "comparia": Format(("conversation_a", "conversation_b", "chosen_model_name", "both_equal"), votes.arena),
    "judgebench": Format(("question", "response_A", "response_B", "label"), published.judgebench),
    "alpaca_eval": Format(("instruction", "output_1", "output_2", "preference"), published.alpaca_eval),
    "rewardbench": Format(("prompt", "chosen", "rejected"), published.rewardbench, preferences.plain_pair),
}


def read(
    path: str,
    format: str | None = None,
    *,
    language: str | None = None,
    part: hub.Part = hub.WHOLE,
    option: str = "data.format",
    columns: Mapping[str, str] | None = None,
) -> Rankings:
    """The rankings of a file (`${NAME}` from the environment) or of `part` of `hub:OWNER/NAME`.

    With `language`, rows that say they are in another one are left out. A ranking that stands twice, to the letter, is
    read once and counted. Raises DataError, with the place, where it holds none; `option` is what names a format there.
    `columns`: the format's column -> the file's, where they differ.
    """
    if format is not None and format not in NAMES:
        raise DataError(f"{option} {format}: unknown format; known formats are {', '.join(NAMES)}")
    account: Account = Counter()
    rows: Sequence[Row] = ()
    if not path.startswith("hub:") and locate(path).is_dir():
        name = format or "faireval"
        if name != "faireval":
            raise DataError(f"{path}: a folder, but {name} needs a file; only faireval is a folder")
    else:
        rows = list(hub.rows(path, part)) if path.startswith("hub:") else every_row(locate(path))
        if not rows:
            raise DataError(f"{path}: contains no rows")
        if columns:
            rows = renamed(rows, columns, option.replace(".format", ".columns"))
        name = format or told(rows[0], option)
    if name == "oasst":
        every = trees.every_ranking(path, rows, language, account)
        found: Iterable[HumanRanking] = (HumanRanking(ranked=ranked, group=tree) for tree, ranked in every)
    elif name == "faireval":
        found = published.faireval(locate(path), account)
    else:
        hold_columns(rows, FORMATS[name].columns, name)
        found = FORMATS[name].read(rows_in_language(rows, language, account), account)
    sets: dict[str, HumanRanking] = {}
    for published_one in found:
        one = without_thoughts(published_one, account)
        if one is None:
            continue
        if one.ranked.id in sets:
            account["dropped: stands twice"] += 1
        sets.setdefault(one.ranked.id, one)
    account[OTHERWISE] += _ranked_otherwise(sets.values())
    if not sets:
        told_of = ", ".join(f"{name} {count}" for name, count in account.items() if count)
        raise DataError(f"{path}: no ranking of two or more answers" + (f" ({told_of})" if told_of else ""))
    return Rankings(format=name, sets=tuple(sets.values()), account={n: c for n, c in account.items() if c})


def _ranked_otherwise(sets: Iterable[HumanRanking]) -> int:
    """Sets whose answers to the same prompt are also another set's, in any order, with other ranks."""
    said: dict[tuple[str, frozenset[str]], set[frozenset[tuple[str, int]]]] = {}
    keys = []
    for one in sets:
        texts = [response.text for response in one.ranked.responses]
        key = (one.ranked.prompt.id, frozenset(texts))
        said.setdefault(key, set()).add(frozenset(zip(texts, one.ranked.ranks, strict=True)))
        keys.append(key)
    return sum(len(said[key]) > 1 for key in keys)


def told(row: Row, option: str = "data.format") -> str:
    """The format that has this row's columns. Raises DataError where none has, or several have."""
    fitting = fitting_formats(row)
    if len(fitting) == 1:
        return fitting[0]
    what = f"matches {' and '.join(fitting)}" if fitting else f"unknown format (columns {_keys(row)})"
    raise DataError(f"{row.place}: {what}; choose one with {option}: {', '.join(fitting or NAMES)}")


def fitting_formats(row: Row) -> list[str]:
    """Every format that has this row's columns."""
    if set(FORMATS["run"].columns) <= row.value.keys():
        return ["run"]
    if isinstance(row.value.get("prompt"), dict) or {"message_id", "text", "role"} <= row.value.keys():
        return ["oasst"]
    return [name for name, one in FORMATS.items() if set(one.columns) <= row.value.keys() and one.fits(row.value)]


def fitting_own(row: Row) -> list[str]:
    """The same of a row of somebody's own: pairs with the columns of RewardBench's are `preferences`."""
    found = fitting_formats(row)
    own = "subset" not in row.value and isinstance(row.value.get("chosen"), str)
    return ["preferences"] if found == ["rewardbench"] and own else found


def rows_in_language(rows: Sequence[Row], language: str | None, account: Account) -> Sequence[Row]:
    """Those that are in the language, or do not say; the others are counted. Raises DataError where none is left."""
    if language is None:
        return rows
    kept = [row for row in rows if all(in_language(row.value.get(name), language) for name in _said(row))]
    account["dropped: other language"] += len(rows) - len(kept)
    if not kept:
        there = Counter(str(row.value[name]) for row in rows for name in _said(row))
        listed = ", ".join(f"{name} {count}" for name, count in islice(there.most_common(), 10))
        raise DataError(f"{rows[0].place}: no row is in language {language}; data.language can be one of {listed}")
    return kept


def _said(row: Row) -> list[str]:
    """The columns in which a row says its language."""
    return [name for name in LANGUAGES if row.value.get(name) is not None]


def _keys(row: Row) -> str:
    return ", ".join(row.value) or "none"
