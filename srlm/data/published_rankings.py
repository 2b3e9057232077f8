"""The formats in which judges' test sets are published, and our own, a function each: rows in, rankings out.

Pairs are sets of two. What several people said is joined by `consensus`. Votes on conversations (MT-Bench,
arenas) are read by srlm/data/votes.py.
"""

import difflib
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field, ValidationError

from srlm.bounded.files import read_text
from srlm.data.conversations import Asked, asked, steer_turns
from srlm.data.human_ranking import HumanRanking
from srlm.data.lines import Cell, Row, rows
from srlm.errors import DataError
from srlm.records import Message, Prompt, RankedSet, Record, Response
from srlm.text.counts import counted

Account = Counter[str]
R = TypeVar("R", bound=Record)

_WRITTEN_MESSAGES = re.compile(r"""\s*\[\s*\{\s*['"](?:role|content|from|value)['"]\s*:""")
PAIR = {"first": (0, 1), "tie": (0, 0), "second": (1, 0)}


class OwnRow(Record):
    """A line of our own format."""

    prompt: str | tuple[Message, ...]
    """A text, or the messages of a conversation up to what is to be answered."""
    responses: tuple[str, ...]
    ranks: tuple[int, ...] | None = None
    """0 = best; equal numbers are a tie. Without: by `scores`, or the consensus of `annotators`."""
    scores: tuple[Annotated[float, Field(strict=True)], ...] | None = None
    """The higher, the better."""
    annotators: dict[str, tuple[int, ...]] | None = None
    reviews: tuple[str, ...] | None = None
    """A judgement of each response that a person wrote, worded, and ending with a score line, as the judge is to."""
    authors: tuple[str, ...] | None = None
    """Who wrote each response."""
    language: str | None = None
    category: str | None = None
    group: str | None = None
    """Rows of one group were sampled as one. Without: rows of one prompt were."""


def consensus(ranks: Sequence[Sequence[int]]) -> tuple[int, ...] | None:
    """What several people say together: of a pair the most common opinion, of more answers the order of mean ranks.

    None: two opinions of a pair are equally common.
    """
    if len(ranks[0]) > 2:
        return dense([sum(column) / len(ranks) for column in zip(*ranks, strict=True)])
    votes = Counter((first > second) - (first < second) for first, second in ranks).most_common(2)
    if len(votes) > 1 and votes[0][1] == votes[1][1]:
        return None
    return {-1: PAIR["first"], 0: PAIR["tie"], 1: PAIR["second"]}[votes[0][0]]


def dense(values: Sequence[float]) -> tuple[int, ...]:
    """Ranks from 0 for the lowest value; equal values share a rank."""
    ladder = {value: rank for rank, value in enumerate(sorted(set(values)))}
    return tuple(ladder[value] for value in values)


def own(found: Sequence[Row], account: Account) -> Iterator[HumanRanking]:
    """docs/rankings.md describes the columns."""
    for place, value in found:
        row = _valid(OwnRow, place, _known_columns(place, value, account))
        for name in ("authors", "scores", "reviews"):
            listed = getattr(row, name)
            if listed is not None and len(listed) != len(row.responses):
                raise DataError(f"{place}: {len(listed)} {name} of {counted(len(row.responses), 'responses')}")
        question = Asked(row.prompt) if isinstance(row.prompt, str) else asked(place, "prompt", row.prompt)
        annotators = row.annotators or {}
        if row.ranks is not None and row.scores is not None:
            raise DataError(f"{place}: `ranks` and `scores` both say which response is better; keep one of them")
        ranks = row.ranks if row.scores is None else dense([-score for score in row.scores])
        if ranks is None:
            if not annotators:
                raise DataError(f"{place}: no `ranks`, `scores` or `annotators`: these responses are not ranked")
            if len({len(own) for own in annotators.values()} | {len(row.responses)}) != 1 or len(row.responses) < 2:
                raise DataError(f"{place}: an annotator must rank all of at least two responses")
            ranks = consensus(list(annotators.values()))
        if ranks is None:
            account["dropped: no majority"] += 1
            continue
        yield ranking(
            place,
            question.text,
            row.responses,
            ranks,
            row.authors,
            annotators,
            row.category,
            group=row.group,
            before=question.before,
            reviews=row.reviews or (),
        )


def _known_columns(place: str, value: Mapping[str, Any], account: Account) -> dict[str, Any]:
    """The columns of our own format; others are counted, and one that may be a slip of the pen is refused."""
    known = OwnRow.model_fields
    for name in value.keys() - known.keys():
        near = [other for other in difflib.get_close_matches(name, known, n=1, cutoff=0.8) if other not in value]
        if near:
            raise DataError(f"{place}: unknown column `{name:.40}`; did you mean `{near[0]}`?")
        account["columns that are not read"] += 1
    return {name: one for name, one in value.items() if name in known}


def run(found: Sequence[Row], account: Account) -> Iterator[HumanRanking]:
    """A run's own ranked sets, `data/heldout_sets.jsonl`."""
    for place, value in found:
        ranked = _valid(RankedSet, place, value)
        yield HumanRanking(ranked=ranked, group=ranked.prompt.id)


def _valid(kind: type[R], place: str, value: Mapping[str, Any]) -> R:
    """A row as a record; DataError names the row and the column that is wrong."""
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        raise DataError(f"{place}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def judgebench(found: Sequence[Row], account: Account) -> Iterator[HumanRanking]:
    """JudgeBench (Tan et al. 2024): `label` says which response is right, `A>B` or `B>A`; `source` is the category."""
    labels = {"A>B": PAIR["first"], "B>A": PAIR["second"], "A=B": PAIR["tie"]}
    for place, value in found:
        if str(value["label"]) not in labels:
            raise DataError(f"{place}: `label` must be A>B, B>A or A=B, found {value['label']!r:.40}")
        answers = [text_in(place, value, name) for name in ("response_A", "response_B")]
        ranks = labels[value["label"]]
        yield ranking(place, text_in(place, value, "question"), answers, ranks, category=value.get("source"))


def alpaca_eval(found: Sequence[Row], account: Account) -> Iterator[HumanRanking]:
    """Annotations in AlpacaEval's form: `preference` from 1 (output_1) to 2 (output_2); 1.5, and people's 0, a tie.

    Several rows on the same outputs are several opinions: each `annotator_index` (people's) is an annotator. A row
    without a preference is left out; rows may be of any part of the 805 instructions.
    """
    opinions: dict[tuple[str, str, str], dict[str, tuple[int, ...]]] = {}
    first_row: dict[tuple[str, str, str], Row] = {}
    for place, value in found:
        told = from_cell(value["preference"])
        if told is None or told != told:
            account["dropped rows: no preference"] += 1
            continue
        preference = number_in(place, value, "preference")
        if preference != 0 and not 1 <= preference <= 2:
            raise DataError(f"{place}: `preference` must be 1 to 2, or 0 (a tie), found {preference:g}")
        said = text_in(place, value, "instruction")
        if value.get("input"):
            said += "\n\n" + text_in(place, value, "input")
        key = (said, text_in(place, value, "output_1"), text_in(place, value, "output_2"))
        own = PAIR["tie" if preference in (0, 1.5) else "first" if preference < 1.5 else "second"]
        account["opinions of an automatic annotator"] += "annotator" in value and "annotator_index" not in value
        person = str(value.get("annotator_index", value.get("annotator", "annotator")))
        people = opinions.setdefault(key, {})
        if person in people:
            other = "other" if people[person] != own else "equal"
            account[f"dropped rows: a second, {other} opinion of the same annotator"] += 1
        people.setdefault(person, own)
        first_row.setdefault(key, Row(place, value))
    for key, people in opinions.items():
        place, value = first_row[key]
        ranks = consensus(list(people.values()))
        if ranks is None:
            account["dropped: no majority"] += 1
            continue
        authors = [str(value.get(name, "unknown")) for name in ("generator_1", "generator_2")]
        several = people if len(people) > 1 else {}
        yield ranking(place, key[0], key[1:], ranks, authors, several, value.get("dataset"))


def llmbar(found: Sequence[Row], account: Account) -> Iterator[HumanRanking]:
    """LLMBar (Zeng et al. 2023), FairEval as LLMBar has it: `label` names the better output, 1 or 2."""
    for number, (place, value) in enumerate(found):
        label = from_cell(value["label"])
        if label not in (1, 2):
            raise DataError(f"{place}: `label` must be 1 or 2, found {value['label']!r:.40}")
        answers = (text_in(place, value, "output_1"), text_in(place, value, "output_2"))
        ranks = PAIR["first" if label == 1 else "second"]
        yield ranking(place, text_in(place, value, "input"), answers, ranks, key=number)


def pandalm(found: Sequence[Row], account: Account) -> Iterator[HumanRanking]:
    """PandaLM's test set (Wang et al. 2023): annotator1 to annotator3 say 1, 2 or 0, a tie."""
    opinions = {0: PAIR["tie"], 1: PAIR["first"], 2: PAIR["second"]}
    for place, value in found:
        people = {}
        for name in ("annotator1", "annotator2", "annotator3"):
            told = from_cell(value.get(name))
            if not isinstance(told, int | float) or told not in opinions:
                raise DataError(f"{place}: `{name}` must be 0 (a tie), 1 or 2, found {value.get(name)!r:.40}")
            people[name] = opinions[int(told)]
        ranks = consensus(list(people.values()))
        if ranks is None:
            account["dropped: no majority"] += 1
            continue
        said = text_in(place, value, "instruction")
        if value.get("input"):
            said += "\n\n" + text_in(place, value, "input")
        # A model's answer `True` or `4` went through YAML on its way into the published file.
        answers = [
            str(value[name]) if isinstance(value[name], int | float) else text_in(place, value, name)
            for name in ("response1", "response2")
        ]
        models = str(value.get("cmp_key", "")).split("_")
        yield ranking(
            place,
            said,
            answers,
            ranks,
            models if len(models) == 2 else None,
            people,
            value.get("motivation_app"),
            key=_key(place, value.get("idx")),
        )


def usr(found: Sequence[Row], account: Account) -> Iterator[HumanRanking]:
    """USR's Topical-Chat as UniEval publishes it (Mehri and Eskenazi 2020): ranks by the mean `overall` rating."""
    contexts: dict[tuple[str, str], list[Row]] = {}
    for row in found:
        fact = row.value.get("context")
        key = (text_in(row.place, row.value, "source"), fact if isinstance(fact, str) else "")
        contexts.setdefault(key, []).append(row)
    for (source, fact), group in contexts.items():
        ratings = [number_in(place, value["scores"], "overall") for place, value in group]
        yield from _rated(
            group[0].place,
            Asked(f"{source.strip()}\n\n[Fact to use] {fact.strip()}" if fact.strip() else source.strip()),
            [text_in(place, value, "system_output") for place, value in group],
            ratings,
            account,
            [str(value.get("system_id", "unknown")) for _, value in group],
        )


def helpsteer(found: Sequence[Row], account: Account) -> Iterator[HumanRanking]:
    """HelpSteer and HelpSteer2 (Wang et al. 2023, 2024): a prompt's responses, ranked by `helpfulness`."""
    prompts: dict[str, list[Row]] = {}
    for row in found:
        prompts.setdefault(text_in(row.place, row.value, "prompt"), []).append(row)
    for text, group in prompts.items():
        question = asked(group[0].place, "prompt", steer_turns(text))
        answers = [text_in(place, value, "response") for place, value in group]
        ratings = [number_in(place, value, "helpfulness") for place, value in group]
        yield from _rated(group[0].place, question, answers, ratings, account)


def rewardbench(found: Sequence[Row], account: Account) -> Iterator[HumanRanking]:
    """RewardBench (Lambert et al. 2024) and RewardBench 2: `chosen` before `rejected`, each a text or a list."""
    for place, value in found:
        hold_no_messages(place, value)
        sides = [value[name] if isinstance(value[name], list) else [value[name]] for name in ("chosen", "rejected")]
        answers = [text for side in sides for text in side]
        if not all(isinstance(text, str) for text in answers):
            raise DataError(f"{place}: `chosen` and `rejected` must be texts or lists of texts")
        ranks = [rank for rank, side in enumerate(sides) for _ in side]
        if len(answers) < 2 or not all(sides):
            account["dropped: no chosen, or no rejected answer"] += 1
            continue
        name = value.get("id")
        key = name if isinstance(name, str) else None
        # Ties are prompts in two forms, `ref:7` and `tied:7`: what is sampled is the pair of them.
        group = f"Ties {key.partition(':')[2]}" if key and value.get("subset") == "Ties" else None
        category = value.get("subset")
        yield ranking(place, text_in(place, value, "prompt"), answers, ranks, category=category, key=key, group=group)


def hold_no_messages(place: str, value: Mapping[str, Any]) -> None:
    """Raises DataError where `chosen` and `rejected` are lists of messages that a CSV writer has turned into text."""
    if all(isinstance(value[name], str) and _WRITTEN_MESSAGES.match(value[name]) for name in ("chosen", "rejected")):
        raise DataError(
            f"{place}: `chosen` and `rejected` are lists of messages written as text ({value['chosen']!r:.40}); "
            "save the data as JSON lines or Parquet, where a list stays a list"
        )


def faireval(folder: Path, account: Account) -> Iterator[HumanRanking]:
    """FairEval's repository (Wang et al. 2023): questions, two models' answers, people's verdicts, a line each."""
    if not (folder / "question.jsonl").is_file():
        raise DataError(f"{folder}: a folder without question.jsonl; only FairEval's is read as a folder: give a file")
    questions = {row.value.get("question_id"): row for row in rows(folder / "question.jsonl")}
    names = {"CHATGPT": "answer_gpt35.jsonl", "VICUNA13B": "answer_vicuna-13b.jsonl"}
    answers = {
        model: {row.value.get("question_id"): row for row in rows(folder / "answer" / name)}
        for model, name in names.items()
    }
    path = folder / "review" / "review_gpt35_vicuna-13b_human.txt"
    try:
        said = read_text(path).split()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None
    if len(said) != len(questions):
        raise DataError(f"{path}: {counted(len(said), 'verdicts')} on {counted(len(questions), 'questions')}")
    for (number, row), verdict in zip(questions.items(), said, strict=True):
        if verdict not in (*names, "TIE"):
            raise DataError(f"{path}: a verdict must be CHATGPT, VICUNA13B or TIE, found {verdict!r:.40}")
        if absent := [names[model] for model in names if number not in answers[model]]:
            raise DataError(f"{row.place}: question {number} has no answer in {' and '.join(absent)}")
        texts = [text_in(*answers[model][number], "text") for model in names]
        ranks = {"CHATGPT": PAIR["first"], "VICUNA13B": PAIR["second"], "TIE": PAIR["tie"]}[verdict]
        yield ranking(row.place, text_in(*row, "text"), texts, ranks, tuple(names), category=row.value.get("category"))


def _rated(
    place: str,
    question: Asked,
    answers: Sequence[str],
    ratings: Sequence[float],
    account: Account,
    authors: Sequence[str] | None = None,
) -> Iterator[HumanRanking]:
    if len(answers) < 2:
        account["dropped: a single answer"] += 1
    else:
        ranks = dense([-rating for rating in ratings])
        yield ranking(place, question.text, answers, ranks, authors, before=question.before)


def ranking(
    place: str,
    text: str,
    answers: Sequence[str],
    ranks: Sequence[int],
    authors: Sequence[str] | None = None,
    annotators: Mapping[str, Sequence[int]] | None = None,
    category: object = None,
    *,
    group: str | None = None,
    key: int | str | None = None,
    whole: bool = False,
    before: tuple[Message, ...] = (),
    reviews: tuple[str, ...] = (),
) -> HumanRanking:
    """Answers to `text` with their ranks, 0 = best; DataError names `place` where they do not fit together."""
    prompt = Prompt.of(text, "rankings", category if isinstance(category, str) else None, before)
    responses = tuple(
        Response.of(prompt.id, answer, authors[draw] if authors else "unknown", draw)
        for draw, answer in enumerate(answers)
    )
    try:
        return HumanRanking(
            ranked=RankedSet.of(prompt, responses, tuple(ranks), reviews),
            group=group or prompt.id,
            key=key,
            whole=whole,
            annotators={name: tuple(own) for name, own in (annotators or {}).items()},
        )
    except ValidationError as error:
        raise DataError(f"{place}: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from None


def text_in(place: str, value: Mapping[str, Any], name: str) -> str:
    """The text in a column; DataError where there is none."""
    found = value.get(name)
    if not isinstance(found, str):
        raise DataError(f"{place}: `{name}` must be text, found {found!r:.40}")
    return found


def _key(place: str, value: object) -> int:
    if isinstance(value, Cell) and value.isdecimal():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise DataError(f"{place}: `idx` must be a whole number, found {value!r:.40}")
    return value


def from_cell(value: object) -> object:
    """A column's value; of a CSV file the number that its text is, or None for an empty cell."""
    if not isinstance(value, Cell):
        return value
    try:
        return value.number
    except ValueError:
        return value


def id_in(place: str, value: Mapping[str, Any], name: str) -> str:
    """The text or whole number by which a column names something; DataError where it is neither."""
    found = value.get(name)
    if isinstance(found, bool) or not isinstance(found, str | int) or found == "":
        raise DataError(f"{place}: `{name}` must be text or a whole number, found {found!r:.40}")
    return str(found)


def number_in(place: str, value: object, name: str) -> float:
    """The finite number in a column; DataError where there is none (a number written as text is none, either)."""
    found = from_cell(value.get(name)) if isinstance(value, Mapping) else None
    if isinstance(found, bool) or not isinstance(found, int | float) or not fits(found):
        raise DataError(f"{place}: `{name}` must be a number, found {found!r:.40}")
    return float(found)


def fits(number: float) -> bool:
    """Whether a float holds it; JSON's whole numbers have no end."""
    return abs(number) <= sys.float_info.max
