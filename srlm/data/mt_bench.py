"""Where MT-Bench's questions lie (Zheng et al. 2023, arXiv 2306.05685), and their words: no judge may train on them.

They come from a folder in FastChat's layout, one with the same files side by side, or the installed fastchat package;
each file plain or packed. What else is in these files is the evaluation's part.
"""

import importlib.util
from collections.abc import Sequence
from pathlib import Path

from srlm.data.lines import Row, locate, rows
from srlm.errors import DataError
from srlm.records import Message, Prompt

WHERE = "set evaluation.mt_bench.files (--files) to a checkout of FastChat, or to a folder with its files"
_PLACES = ("", "data", "llm_judge/data", "fastchat/llm_judge/data")
_BENCH = ("mt_bench/{}", "{}", "mt_bench.{}")
_PACKED = ("", ".gz", ".zst")


def folder_of(files: str | None) -> Path:
    """The folder that a setting names; None: the installed package's. Raises DataError where there is none."""
    if files is not None:
        folder = locate(files)
        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder; {WHERE}")
        return folder
    package = importlib.util.find_spec("fastchat")
    places = package.submodule_search_locations if package is not None else None
    if not places:
        raise DataError(f"MT-Bench's questions are missing, and fastchat is not installed; {WHERE}")
    return Path(next(iter(places)))


def question_file(folder: Path) -> Path:
    """The file of questions in a folder. Raises DataError where it is missing."""
    return find_file(folder, [form.format("question.jsonl") for form in _BENCH], "questions")


def find_file(folder: Path, names: Sequence[str], what: str) -> Path:
    """The first file of these names in a folder, plain or packed. Raises DataError, with the places, for none."""
    for place in _PLACES:
        for name in names:
            for ending in _PACKED:
                path = folder / place / (name + ending)
                if path.is_file():
                    return path
    looked = ", ".join(str(Path(place) / names[0]) for place in _PLACES)
    raise DataError(f"{folder}: no {what}; looked for {looked} and {', '.join(names[1:])}; {WHERE}")


def two_turns(row: Row) -> tuple[str, str]:
    """What a question says in both turns. Raises DataError for anything else."""
    turns = row.value.get("turns")
    if not isinstance(turns, list) or len(turns) != 2 or not all(isinstance(one, str) and one.strip() for one in turns):
        raise DataError(f"{row.place}: `turns` must be two texts: questions of MT-Bench have two turns")
    return turns[0], turns[1]


def question_prompts(path: Path) -> list[Prompt]:
    """Each question's first turn, its second, and both as one conversation, for the search for overlaps."""
    found = []
    for first, second in map(two_turns, rows(path)):
        before = (Message(role="user", content=first),)
        found += [
            Prompt.of(first, "mt_bench"),
            Prompt.of(second, "mt_bench"),
            Prompt.of(second, "mt_bench", None, before),
        ]
    return found
