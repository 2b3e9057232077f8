"""MT-Bench's judge prompts: what a judge is asked about an answer, or about two, byte for byte as FastChat asks it.

One thing differs on purpose: where an answer itself holds one of the prompt's frame marks (`[The End of Assistant's
Answer]`), a space disarms it, as in every judge's prompt here. FastChat lets such an answer close the frame.
"""

from collections.abc import Mapping
from string import Formatter
from typing import Literal

from srlm.data.lines import Row
from srlm.data.published_rankings import text_in
from srlm.errors import DataError
from srlm.records import Message, Record, digest
from srlm.text.marks import disarm_plain, marks_around

Kind = Literal["single", "pairwise"]
_FORMS: dict[Kind, str] = {"single": "[[rating]]", "pairwise": "[[A]]"}
_REFERENCE = ("ref_answer_1", "ref_answer_2")
_ONE_TURN = {"single": ("question", "answer"), "pairwise": ("question", "answer_a", "answer_b")}
_TWO_TURNS = {
    "single": ("question_1", "question_2", "answer_1", "answer_2"),
    "pairwise": ("question_1", "question_2", "answer_a_1", "answer_a_2", "answer_b_1", "answer_b_2"),
}
MULTI_TURN = "-multi-turn"
SINGLE = tuple(f"{name}{turn}" for name in ("single-v1", "single-math-v1") for turn in ("", MULTI_TURN))
PAIR = tuple(f"{name}{turn}" for name in ("pair-v2", "pair-math-v1") for turn in ("", MULTI_TURN))
SLOTS = {
    **{name: (*_TWO_TURNS["single"], *_REFERENCE) if name.endswith(MULTI_TURN) else (*_ONE_TURN["single"], *_REFERENCE)
       for name in SINGLE},
    **{name: (*_TWO_TURNS["pairwise"], *_REFERENCE) if name.endswith(MULTI_TURN)
       else (*_ONE_TURN["pairwise"], *_REFERENCE) for name in PAIR},
}  # fmt: skip
"""What each prompt can be filled with."""


def prompt_name(kind: Kind, turn: int, with_reference: bool) -> str:
    """Name of the prompt that asks about a turn: by the question's category, as FastChat picks it."""
    names = {"single": ("single-v1", "single-math-v1"), "pairwise": ("pair-v2", "pair-math-v1")}[kind]
    return names[with_reference] + (MULTI_TURN if turn == 2 else "")


class JudgePrompt(Record):
    """One of FastChat's judge prompts."""

    name: str
    system: str
    parts: tuple[tuple[str, str | None], ...]
    """Its text: each piece, and the slot that follows it."""

    @classmethod
    def of(cls, row: Row) -> "JudgePrompt | None":
        """From a line of judge_prompts.jsonl; None: it is not one of MT-Bench's. Raises DataError for a bad one."""
        place, value = row
        name = text_in(place, value, "name")
        if name not in SLOTS:
            return None
        kind: Kind = "single" if name in SINGLE else "pairwise"
        if value.get("output_format") != _FORMS[kind]:
            raise DataError(f"{place}: {name}: `output_format` must be {_FORMS[kind]}, as FastChat's is")
        text = text_in(place, value, "prompt_template")
        parts = _parts(place, name, text)
        return cls(name=name, system=text_in(place, value, "system_prompt"), parts=parts)

    @property
    def digest(self) -> str:
        """Id of its words."""
        return digest("judge prompt", self.name, self.system, self.parts)

    def user(self, values: Mapping[str, str]) -> str:
        """Its text with every slot filled; no text in a value fills another slot, or closes the frame around it."""
        between = [""]
        for text, slot in self.parts:
            between[-1] += text
            between += [] if slot is None else [""]
        marks = marks_around(between)
        return "".join(text + ("" if slot is None else disarm_plain(values[slot], marks)) for text, slot in self.parts)

    def messages(self, values: Mapping[str, str]) -> tuple[Message, ...]:
        """The conversation that a judge answers."""
        return (Message(role="system", content=self.system), Message(role="user", content=self.user(values)))


def _parts(place: str, name: str, template: str) -> tuple[tuple[str, str | None], ...]:
    """A template of Python's `str.format` with plain slots alone."""
    try:
        found = list(Formatter().parse(template))
    except ValueError as error:
        raise DataError(f"{place}: {name}: `prompt_template` cannot be read: {error}") from None
    slots = {slot for _, slot, _, _ in found if slot is not None}
    if strange := sorted(slots - set(SLOTS[name])):
        raise DataError(f"{place}: {name}: unknown slot {{{strange[0]}}}; it may have {', '.join(SLOTS[name])}")
    if any(form or turned for _, _, form, turned in found):
        raise DataError(f"{place}: {name}: a slot of `prompt_template` must be a name alone, as in {{question}}")
    beside = _REFERENCE[: 2 if name.endswith(MULTI_TURN) else 1] if "math" in name else ()
    needed = {*SLOTS[name]} - {*_REFERENCE} | {*beside}
    if lacking := sorted(needed - slots):
        raise DataError(f"{place}: {name}: `prompt_template` has no slot {{{lacking[0]}}}")
    return tuple((text, slot) for text, slot, _, _ in found)


def single_values(
    questions: tuple[str, str], answers: tuple[str, str], reference: tuple[str, str] | None, turn: int
) -> dict[str, str]:
    """What fills a prompt about one model's answer to a turn."""
    beside = {} if reference is None else dict(zip(_REFERENCE, reference, strict=True))
    if turn == 1:
        return {"question": questions[0], "answer": answers[0], **beside}
    both = zip(_TWO_TURNS["single"], (*questions, *answers), strict=True)
    return dict(both) | beside


def pair_values(
    questions: tuple[str, str],
    first: tuple[str, str],
    second: tuple[str, str],
    reference: tuple[str, str] | None,
    turn: int,
) -> dict[str, str]:
    """What fills a prompt about two models' answers to a turn, in the order shown."""
    beside = {} if reference is None else dict(zip(_REFERENCE, reference, strict=True))
    if turn == 1:
        return {"question": questions[0], "answer_a": first[0], "answer_b": second[0], **beside}
    both = zip(_TWO_TURNS["pairwise"], (*questions, *first, *second), strict=True)
    return dict(both) | beside
