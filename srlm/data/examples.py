"""Rows of one's own as IFT examples and as prompts, in the two forms in which instruction data is written.

    alpaca      instruction and output; input and system if they exist
    messages    a conversation: a list of role and content (OpenAI, TRL), or from and value (ShareGPT)

The settings name the form, and the columns where they have other names; nothing is guessed while a run is made. A row
of a wrong form is refused with its place. One that is well-formed but teaches nothing is left out and counted.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from srlm.data import hub
from srlm.data.columns import renamed
from srlm.data.conversations import asked, fault_of, messages
from srlm.data.lines import Cell, Row, every_row, locate, names_of
from srlm.data.overlap import normalised
from srlm.data.ranked import first_turns
from srlm.data.rankings import fitting_own, rows_in_language
from srlm.data.thoughts import CUT, OPEN, parted
from srlm.errors import DataError
from srlm.records import Demonstration, Message, Prompt, Response
from srlm.settings import ExamplesSource, PromptsSource, RowFormat, Source

Account = Counter[str]
COLUMNS: Mapping[RowFormat, tuple[str, ...]] = {
    "alpaca": ("instruction", "input", "system", "output"),
    "messages": ("messages", "system"),
}
"""Columns that a form reads."""
PAIRS = (
    *(("instruction", "output"), ("instruction", "response"), ("instruction", "answer"), ("instruction", "completion")),
    *(("prompt", "completion"), ("prompt", "response"), ("prompt", "output"), ("prompt", "answer")),
    *(("question", "answer"), ("question", "response"), ("query", "response"), ("input", "output")),
)
"""Names under which data is published: prompt and answer."""
PROMPTS = ("instruction", "prompt", "question", "query")
CONVERSATIONS = ("messages", "conversations", "conversation")


class Example(NamedTuple):
    """An IFT example, and what it must not be parted from."""

    group: str
    prompt: Prompt
    demonstration: Demonstration


class Shape(NamedTuple):
    """A form, and the columns whose names differ: the form's -> the file's."""

    format: RowFormat
    columns: dict[str, str]

    @property
    def said(self) -> str:
        """As a run file has it."""
        columns = ", ".join(f"{ours}: {theirs}" for ours, theirs in self.columns.items())
        return f"format: {self.format}" + (f", columns: {{{columns}}}" if columns else "")


def shapes_of(row: Mapping[str, Any], with_answers: bool) -> list[Shape]:
    """Every form that a row may have, by the names under which data is published; for people to choose from."""
    found = [
        Shape("messages", {} if name == "messages" else {"messages": name})
        for name in CONVERSATIONS
        if isinstance(row.get(name), list)
    ]
    if with_answers:
        pairs = [pair for pair in PAIRS if set(pair) <= row.keys()]
    else:
        pairs = [(name, "") for name in PROMPTS if name in row]
    for prompt, answer in pairs:
        if prompt == "input" and "instruction" in row:
            continue
        names = {"instruction": prompt} | ({"output": answer} if answer else {})
        found.append(Shape("alpaca", {ours: theirs for ours, theirs in names.items() if ours != theirs}))
    return found


def examples(source: ExamplesSource, language: str | None, account: Account, setting: str) -> list[Example]:
    """The usable examples of a source, each prompt once, in its order; what is left out is counted.

    `setting` names the source. Raises DataError, with the place, for what cannot be read, and where nothing is usable.
    """
    found: dict[str, Example] = {}
    rows, form = _rows(source, source.format, True, setting)
    account["found"] = len(rows)
    for row in rows_in_language(rows, language, account):
        turns = _turns(row, form, source.columns, True, setting)
        for said in _answered(turns, source.turns, account):
            one = _example(said, account)
            if one is None:
                continue
            known = found.setdefault(normalised(one.prompt.transcript), one)
            if known is not one:
                same = known.demonstration.id == one.demonstration.id
                account["dropped: stands twice" if same else "dropped: duplicate prompt"] += 1
    if not found:
        told = ", ".join(f"{name} {count}" for name, count in account.items() if count)
        raise DataError(f"{source.path}: no usable example in {form} ({told})")
    account["usable"] = len(found)
    return [one._replace(group=first_turns(one.prompt, found)) for one in found.values()]


def prompts(source: PromptsSource, setting: str) -> list[Prompt]:
    """The prompts of a source in its order, each once. A row's `dataset` or `category` becomes the prompt's category.

    Raises DataError, with the place, for a row that holds none.
    """
    rows, form = _rows(source, source.format, False, setting)
    found: dict[str, Prompt] = {}
    for row in rows:
        place, value = row
        turns = _turns(row, form, source.columns, False, setting)
        column = source.columns.get("messages", "messages") if form == "messages" else "instruction"
        said = asked(place, column, turns)
        labels = [value[name] for name in ("category", "dataset") if isinstance(value.get(name), str)]
        prompt = Prompt.of(said.text, "file", str(labels[0]) if labels else None, said.before)
        if fault := fault_of(prompt):
            raise DataError(f"{place}: {fault}; write the prompt, or remove the row")
        found.setdefault(prompt.id, prompt)
    return list(found.values())


def rows_of(source: Source, setting: str) -> list[Row]:
    """Every row of a source, under the format's names. Raises DataError where there is none, or it cannot be read."""
    if source.path.startswith(hub.HUB):
        part = hub.Part(source.config, source.folder, source.split, source.revision)
        rows = list(hub.rows(source.path, part))
    else:
        path = locate(source.path)
        if path.is_dir():
            raise DataError(f"{path}: a folder; give a file in it, or hub:{source.path} to read it as datasets does")
        rows = every_row(path)
    if not rows:
        raise DataError(f"{source.path}: contains no rows")
    return renamed(rows, source.columns, f"{setting}.columns") if source.columns else rows


def _rows(source: Source, format: RowFormat | None, with_answers: bool, setting: str) -> tuple[list[Row], RowFormat]:
    rows = rows_of(source, setting)
    if format is None:
        shapes = shapes_of(rows[0].value, with_answers)
        raise DataError(
            f"{setting}.format is not set. {rows[0].place}: the columns are {names_of(rows[0].value, '`') or 'none'}; "
            + (
                "this could be " + ", or ".join(one.said for one in shapes)
                if shapes
                else _choices(rows[0], with_answers)
            )
        )
    if unknown := [name for name in source.columns if name not in COLUMNS[format]]:
        raise DataError(
            f"{setting}.columns: {names_of(unknown, '`')} is no column of {format}, which reads "
            f"{names_of(COLUMNS[format], '`')}"
        )
    return rows, format


def _choices(row: Row, with_answers: bool) -> str:
    if fitting := fitting_own(row):
        return f"these are ranked answers ({' or '.join(fitting)}): give them as data.sources.rankings"
    answer = ", output: ANSWER" if with_answers else ""
    return f"set format: alpaca, columns: {{instruction: PROMPT{answer}}} with your columns' names, or format: messages"


def _turns(row: Row, form: RowFormat, columns: Mapping[str, str], with_answer: bool, setting: str) -> list[Message]:
    """All turns of a row; a system message first."""
    place, value = row

    def named(column: str) -> str:
        return columns.get(column, column)

    def text(column: str, needed: bool) -> str:
        found = _value(column) if needed else value.get(column)
        if found is None:
            return ""
        if not isinstance(found, str):
            raise DataError(f"{place}: `{named(column)}` must be a text, found {found!r:.40}")
        return str(found)  # of CSV it is a cell

    def _value(column: str) -> object:
        if column not in value:
            there = names_of(map(named, value), "`") or "none"
            use = setting.rpartition(".")[2]
            raise DataError(
                f"{place}: no column `{named(column)}`; this row's are {there}; add it, remove the row, or name the "
                f"right column in {setting}.columns (srlm new: --column {use}.{column}=NAME)"
            )
        if value[column] is None:
            raise DataError(f"{place}: `{named(column)}` is null; write its text, or remove the row")
        return value[column]

    def listed(column: str) -> list[Message]:
        found = _value(column)
        if isinstance(found, Cell):
            raise DataError(
                f"{place}: `{named(column)}` must be a list of messages, and CSV holds none; save the data as JSON "
                "lines or Parquet"
            )
        return messages(place, named(column), found)

    system = text("system", False)
    first = [Message(role="system", content=system)] if system.strip() else []
    if form == "messages":
        turns = listed("messages")
    else:
        if value.get("history"):
            raise DataError(f"{place}: `history` holds earlier turns; write the conversation as `messages`")
        more = text("input", False)
        if isinstance(value.get("instruction"), list):  # TRL's prompt and completion may be lists of messages
            turns = listed("instruction")
            if more.strip():
                raise DataError(f"{place}: `{named('input')}` beside a list of messages; add it to the last message")
        else:
            said = text("instruction", True)
            turns = [Message(role="user", content=f"{said}\n\n{more}" if more.strip() else said)]
        if with_answer and isinstance(value.get("output"), list):
            turns += listed("output")
        elif with_answer:
            turns.append(Message(role="assistant", content=text("output", True)))
    if first and turns and turns[0].role == "system":
        raise DataError(f"{place}: a system message in `{named('system')}` and in the conversation; keep one")
    return [*first, *turns]


def _answered(turns: Sequence[Message], which: str, account: Account) -> Iterator[tuple[Prompt, str]]:
    """The prompts of a conversation that have an answer: the last one, or every one."""
    if not turns or turns[-1].role != "assistant":
        account["dropped: does not end with an answer"] += 1
        return
    ends = [number for number, turn in enumerate(turns) if turn.role == "assistant"]
    for end in ends if which == "all" else ends[-1:]:
        before = turns[:end]
        if not before or before[-1].role != "user":
            account["dropped: turns do not alternate"] += 1
            continue
        yield Prompt.of(before[-1].content, "file", before=tuple(before[:-1])), turns[end].content


def _example(said: tuple[Prompt, str], account: Account) -> Example | None:
    prompt, text = said
    if fault := fault_of(prompt):
        account[f"dropped: {fault}"] += 1
        return None
    part = parted(text)
    if not part.closed:
        account[OPEN] += 1
        return None
    if part.answer != text:
        account[CUT] += 1
    if not part.answer.strip():
        account["dropped: empty answer"] += 1
        return None
    source = Response.of(prompt.id, part.answer, "human", 0)
    made = Demonstration.of("ift", prompt.text, part.answer, source.id, prompt.before, part.thought)
    return Example("", prompt, made)
