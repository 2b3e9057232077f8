"""Data of tasks from a folder on this machine, with no network: rows as on the Hub, or as llm-foundry prompts them.

Looked for, each also with `.gz` or `.zst` behind its name:

    TASK/SPLIT.jsonl        rows with the fields that the Hub's data set has (test, validation, train, dev)
    llm_foundry/NAME.jsonl  rows with `query`, `choices` and `gold`: the question is already written out

Some have another name where they are published; `NAMES` lists those.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from srlm.data.lines import Row, hold_columns, rows
from srlm.errors import DataError

from .right_choice import refuse_unanswerable

PACKED = ("", ".gz", ".zst")
NAMES: Mapping[tuple[str, str], str] = {
    ("nq_open", "validation"): "NQ-open.dev.jsonl",
    ("nq_open", "train"): "NQ-open.train.jsonl",
    ("ifeval", "train"): "input_data.jsonl",
}
"""Files by task and split, where they are called otherwise."""
FIELDS: Mapping[str, Mapping[str, type | tuple[type, ...]]] = {
    "arc_easy": {"question": str, "choices": dict, "answerKey": str},
    "arc_challenge": {"question": str, "choices": dict, "answerKey": str},
    "hellaswag": {"ctx_a": str, "ctx_b": str, "activity_label": str, "endings": list, "label": (str, int)},
    "social_iqa": {
        "context": str,
        "question": str,
        "answerA": str,
        "answerB": str,
        "answerC": str,
        "label": (str, int),
    },
    "piqa": {"goal": str, "sol1": str, "sol2": str, "label": int},
    "gsm8k": {"question": str, "answer": str},
    "mmlu": {"question": str, "choices": list, "answer": int, "subject": str},
    "openbookqa": {"question_stem": str, "choices": dict, "answerKey": str},
    "nq_open": {"question": str, "answer": list},
    "ifeval": {"key": int, "prompt": str, "instruction_id_list": list, "kwargs": list},
}
"""What each row of the Hub's data has, by task."""


class Prompted(NamedTuple):
    """A set of llm-foundry."""

    file: str
    choices: int
    """Of the original."""
    letters: bool = False
    """Whether the choices stand in the question, and the answer is a letter."""
    answer_line: bool = False
    """Whether `Answer:` follows the question, as in lm-eval's own task."""


PROMPTED: Mapping[str, Prompted] = {
    "arc_easy": Prompted("arc_easy", 4, answer_line=True),
    "arc_challenge": Prompted("arc_challenge", 4, answer_line=True),
    "piqa": Prompted("piqa", 2, answer_line=True),
    "openbookqa": Prompted("openbook_qa", 4),
    "social_iqa": Prompted("siqa", 3, letters=True),
    "commonsense_qa": Prompted("commonsense_qa", 5, letters=True),
    "boolq": Prompted("boolq", 2, answer_line=True),
    "copa": Prompted("copa", 2),
}
"""By lm-eval's name of the task."""


class Missing(NamedTuple):
    """A task without data in the folder."""

    task: str
    looked_for: tuple[str, ...]


def split_file(data: Path, task: str, split: str) -> Path | None:
    """The file of a split as on the Hub; None where there is none."""
    return _there(data / name for name in _names(task, split))


def prompted_file(data: Path, task: str) -> Path | None:
    """The file of a prompted set; None where there is none."""
    return _there([data / _prompted_name(task)]) if task in PROMPTED else None


def missing(task: str, split: str) -> Missing:
    """What was looked for where nothing was found."""
    return Missing(task, (*_names(task, split), *([_prompted_name(task)] if task in PROMPTED else [])))


def refuse(data: Path, found: Iterable[Missing]) -> None:
    """Raises DataError that names every file that was looked for."""
    said = [f"{one.task} ({' or '.join(one.looked_for)})" for one in found]
    if said:
        raise DataError(
            f"{data}: no data of {', '.join(said)}; add the files (.jsonl, .jsonl.gz or .jsonl.zst), or name the tasks "
            "to measure (--task NAME)"
        )


def hub_rows(path: Path, task: str) -> list[dict[str, Any]]:
    """Rows as on the Hub. Raises DataError, with the row's place, where one is not."""
    found = list(rows(path))
    fields = FIELDS.get(task, {})
    hold_columns(found, list(fields), f"a row of {task}")
    for place, value in found:
        for name, kind in fields.items():
            if not isinstance(value[name], kind) or isinstance(value[name], bool):
                raise DataError(f"{place}: `{name}` of {task} is a {type(value[name]).__name__}, not {_kinds(kind)}")
        refuse_unanswerable(place, task, value)
        if task == "mmlu":
            _refuse_answer(place, value["choices"], value["answer"], "answer")
    return _some(path, found)


def prompted_rows(path: Path) -> list[dict[str, Any]]:
    """Rows with `query`, `choices` and `gold`. Raises DataError, with the row's place, where one is not."""
    found = list(rows(path))
    hold_columns(found, ("query", "choices", "gold"), "a prompted row")
    for place, value in found:
        if not isinstance(value["query"], str):
            raise DataError(f"{place}: `query` is a {type(value['query']).__name__}, not a text")
        _refuse_answer(place, value["choices"], value["gold"], "gold")
    return [{name: value[name] for name in ("query", "choices", "gold")} for value in _some(path, found)]


def prompted_config(task: str) -> dict[str, Any]:
    """lm-eval's configuration of a prompted set: the question as it stands, the choices behind it."""
    how = PROMPTED[task]
    metrics = ("acc",) if how.letters else ("acc", "acc_norm")
    return {
        "task": task,
        "output_type": "multiple_choice",
        "test_split": "test",
        "doc_to_text": "{{query.strip()}}\nAnswer:" if how.answer_line else "{{query}}",
        "doc_to_choice": "choices",
        "doc_to_target": "gold",
        "num_fewshot": 0,
        "metric_list": [{"metric": name, "aggregation": "mean", "higher_is_better": True} for name in metrics],
        "metadata": {"version": "llm-foundry's text"},
    }


def loader(splits: Mapping[str, Sequence[Mapping[str, Any]]], path: Path) -> Callable[..., Any]:
    """What lm-eval calls for the data of a task (`custom_dataset`): these rows by split, read from `path`."""

    def load(**metadata: Any) -> Any:
        from datasets import Dataset, DatasetDict

        try:
            return DatasetDict(
                {name: Dataset.from_list([dict(row) for row in found]) for name, found in splits.items()}
            )
        except (ValueError, TypeError) as error:  # Arrow's errors are ValueErrors
            raise DataError(f"{path}: its rows are not alike: {error}") from None

    return load


def most_choices(found: Sequence[Mapping[str, Any]]) -> int:
    """The largest number of choices of a row."""
    return max((len(row["choices"]) for row in found), default=0)


def _names(task: str, split: str) -> list[str]:
    return [f"{task}/{name}" for name in (f"{split}.jsonl", NAMES.get((task, split))) if name]


def _prompted_name(task: str) -> str:
    return f"llm_foundry/{PROMPTED[task].file}.jsonl"


def _there(paths: Iterable[Path]) -> Path | None:
    named = (path.with_name(path.name + packed) for path in paths for packed in PACKED)
    return next((path for path in named if path.is_file()), None)


def _refuse_answer(place: str, choices: Any, answer: Any, field: str) -> None:
    if not isinstance(choices, list) or len(choices) < 2 or not all(isinstance(one, str) and one for one in choices):
        raise DataError(f"{place}: `choices` must be a list of two texts or more")
    if not isinstance(answer, int) or isinstance(answer, bool) or not 0 <= answer < len(choices):
        raise DataError(f"{place}: `{field}` must be 0 to {len(choices) - 1}, the place of the right choice")


def _some(path: Path, found: Sequence[Row]) -> list[dict[str, Any]]:
    if not found:
        raise DataError(f"{path}: contains no rows")
    return [value for _, value in found]


def _kinds(kind: type | tuple[type, ...]) -> str:
    return " or ".join(one.__name__ for one in (kind if isinstance(kind, tuple) else (kind,)))
