"""MT-Bench (Zheng et al. 2023, arXiv 2306.05685): its questions, reference answers and judge prompts, from given files.

`srlm.data.mt_bench` says where they lie. FastChat looks reference answers up under the judge's name, and so finds none
for a judge that wrote none; here a file is named, whoever judges.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from srlm.data.lines import Row, locate, rows
from srlm.data.mt_bench import find_file, folder_of, question_file, two_turns
from srlm.data.published_rankings import id_in, text_in
from srlm.errors import DataError
from srlm.records import Record, digest

from .mt_bench_prompts import PAIR, SINGLE, JudgePrompt

CATEGORIES = ("writing", "roleplay", "reasoning", "math", "coding", "extraction", "stem", "humanities")
"""In the order of the questions, ten each; also the paper's order."""
FIRST, EACH = 81, 10
"""Number of the first question, and questions of each category, as FastChat counts them."""
WITH_REFERENCE = ("math", "reasoning", "coding")
"""Categories that are judged beside a reference answer."""
TEMPERATURES = {"writing": 0.7, "roleplay": 0.7, "stem": 0.1, "humanities": 0.1} | dict.fromkeys(
    ("extraction", "math", "coding", "reasoning"), 0.0
)
"""At which questions of a category are answered."""
OTHER_TEMPERATURE = 0.7
"""Of any other category."""


class MtBenchQuestion(Record):
    """A question of two turns."""

    id: str
    category: str
    turns: tuple[str, str]
    temperature: float
    """At which it is answered."""

    @property
    def needs_reference(self) -> bool:
        """Whether it is judged beside a reference answer."""
        return self.category in WITH_REFERENCE


class MtBench(NamedTuple):
    """All that is needed to ask and to judge."""

    questions: Sequence[MtBenchQuestion]
    references: Mapping[str, tuple[str, str]]
    """Answers to both turns, by question."""
    prompts: Mapping[str, JudgePrompt]
    """By name."""

    @property
    def digest(self) -> str:
        """Id of what a judge is shown beside the answers."""
        asked = [[one.id, one.category, one.turns] for one in self.questions]
        prompts = [[name, one.digest] for name, one in sorted(self.prompts.items())]
        return digest("mt-bench", asked, sorted(self.references.items()), prompts)

    def reference(self, question: MtBenchQuestion) -> tuple[str, str] | None:
        """What its answers are judged beside; None where they are judged alone."""
        return self.references[question.id] if question.needs_reference else None


def categories_by_number() -> dict[str, str]:
    """Category of each of FastChat's questions, for judgments that come without the questions."""
    return {str(FIRST + EACH * at + n): name for at, name in enumerate(CATEGORIES) for n in range(EACH)}


def read_questions(files: str | None) -> list[MtBenchQuestion]:
    """The questions in their order. Raises DataError, with file and line, for anything else."""
    path = question_file(folder_of(files))
    found: dict[str, MtBenchQuestion] = {}
    for row in rows(path):
        one = _question(row)
        if found.setdefault(one.id, one) is not one:
            raise DataError(f"{row.place}: question {one.id} stands twice")
    if not found:
        raise DataError(f"{path}: contains no questions")
    return list(found.values())


def read(files: str | None, references: str = "gpt-4") -> MtBench:
    """Questions, references and prompts of a folder. `references`: a name in `reference_answer`, or a file.

    Raises DataError where one is missing, or does not hold what it should.
    """
    folder, questions = folder_of(files), read_questions(files)
    wanted = [one.id for one in questions if one.needs_reference]
    path = _reference_file(folder, references)
    answers = {id_in(row.place, row.value, "question_id"): both_turns(row) for row in rows(path)}
    if missing := [one for one in wanted if one not in answers]:
        raise DataError(
            f"{path}: no reference answer to {', '.join(missing)} ({', '.join(WITH_REFERENCE)} are judged beside one)"
        )
    place = find_file(folder, ("judge_prompts.jsonl", "mt_bench.judge_prompts.jsonl"), "judge prompts")
    prompts = {one.name: one for one in (JudgePrompt.of(row) for row in rows(place)) if one is not None}
    if lacking := [name for name in (*SINGLE, *PAIR) if name not in prompts]:
        raise DataError(f"{place}: no prompt {', '.join(lacking)}; found {', '.join(prompts) or 'none'}")
    return MtBench(questions, {one: answers[one] for one in wanted}, prompts)


def both_turns(row: Row) -> tuple[str, str]:
    """Both turns of an answer in FastChat's form."""
    choices = row.value.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    turns = first.get("turns") if isinstance(first, dict) else None
    if not isinstance(turns, list) or len(turns) != 2 or not all(isinstance(one, str) for one in turns):
        raise DataError(f"{row.place}: `choices` must hold an answer with two `turns`")
    return turns[0], turns[1]


def _question(row: Row) -> MtBenchQuestion:
    place, value = row
    turns = two_turns(row)
    category = text_in(place, value, "category")
    warmth = value.get("required_temperature", TEMPERATURES.get(category, OTHER_TEMPERATURE))
    if isinstance(warmth, bool) or not isinstance(warmth, int | float) or not 0 <= warmth <= 2:
        raise DataError(f"{place}: `required_temperature` must be 0 to 2, found {warmth!r:.40}")
    number = id_in(place, value, "question_id")
    return MtBenchQuestion(id=number, category=category, turns=turns, temperature=float(warmth))


def _reference_file(folder: Path, name: str) -> Path:
    if "/" in name or "\\" in name or ".jsonl" in name:  # a name may have points, as gpt-4.1 has
        named = locate(name)
        if not named.is_file():
            raise DataError(f"{named}: no such file of reference answers (evaluation.mt_bench.references)")
        return named
    what = f"reference answers of {name} (evaluation.mt_bench.references)"
    forms = [f"mt_bench/reference_answer/{name}.jsonl", f"reference_answer/{name}.jsonl"]
    return find_file(folder, [*forms, f"mt_bench.reference_answer.{name}.jsonl"], what)
