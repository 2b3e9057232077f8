"""Votes on two models' conversations: MT-Bench's experts', and Chatbot Arena's users' in all their published forms.

A conversation of several turns was held with each model by itself: the user said the same to both, the models did not.
So its prompt is what the user said, and each answer is the rest of its conversation, with the speakers' names.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from srlm.bounded import json_text
from srlm.data.conversations import ROLES
from srlm.data.human_ranking import HumanRanking
from srlm.data.lines import Row
from srlm.data.published_rankings import PAIR, Account, consensus, from_cell, id_in, ranking, text_in
from srlm.errors import DataError
from srlm.text.counts import counted

WINNERS = {
    "model_a": "first",
    "model_b": "second",
    **dict.fromkeys(("tie", "tie (bothbad)", "both_bad", "bothbad"), "tie"),
}
"""`tie (bothbad)` is the arena's first spelling, `both_bad` that of its 140k votes."""
ONE_HOT = ("winner_model_a", "winner_model_b")
"""Columns of the 55k votes (and of the Kaggle competition on them), with `winner_tie`."""
ARENA_SIGNS = ("anony", "tstamp", "timestamp", "conv_metadata", "evaluation_session_id", "openai_moderation")
"""Columns that an arena's votes have and MT-Bench's have not; `turn` is a number of turns there, not which one."""
MACHINES = ("gpt4_pair", "gpt-4", "gpt4-pair")
"""How MT-Bench's files name GPT-4 where `judge` is a text; elsewhere it is a list, the model and its prompt."""


def mt_bench(found: Sequence[Row], account: Account) -> Iterator[HumanRanking]:
    """MT-Bench's human votes (Zheng et al. 2023): all votes on two models' answers to a question and turn together.

    Left out: a model's votes, and votes of one person that contradict each other after the first.
    """
    votes: dict[tuple[str, ...], dict[str, tuple[int, ...]]] = {}
    first_row: dict[tuple[str, ...], tuple[Row, bool]] = {}
    people = [row for row in found if not is_machine(row.value.get("judge"))]
    if not people:
        raise DataError(
            f"{found[0].place}: every vote is a model's ({found[0].value.get('judge')}); these are a judge's "
            "judgements: give them as --judge file:PATH, and people's votes as --rankings"
        )
    account["dropped votes: a model's"] += len(found) - len(people)
    for row in people:
        place, value = row
        models = (text_in(place, value, "model_a"), text_in(place, value, "model_b"))
        turned = models[0] > models[1]
        key = (id_in(place, value, "question_id"), *sorted(models), str(turn_of(row)))
        said = winner_of(row)
        if said is None:
            account["dropped votes: no winner"] += 1
            continue
        own = PAIR[said][::-1] if turned else PAIR[said]
        people_of, person = votes.setdefault(key, {}), str(value.get("judge", place))
        if person in people_of:
            other = "other" if people_of[person] != own else "equal"
            account[f"dropped votes: a second, {other} vote of the same person"] += 1
        people_of.setdefault(person, own)
        first_row.setdefault(key, (row, turned))
    for key, by_person in votes.items():
        row, turned = first_row[key]
        ranks = consensus(list(by_person.values()))
        if ranks is None:
            account["dropped: no majority"] += 1
            continue
        turn = int(key[3])
        spoken = []
        for name in ("conversation_a", "conversation_b"):
            one = _spoken(row, name)
            if one.fault or len(one.turns) < 2 * turn:
                wrong = one.fault or f"found {len(one.turns)}"
                raise DataError(
                    f"{row.place}: `{name}` must be a list of at least {counted(2 * turn, 'turns')}: {wrong}"
                )
            spoken.append(one.turns[: 2 * turn])
        if turned:
            spoken.reverse()
        yield _ranking(row, spoken, ranks, key[1:3], by_person, group=f"question {key[0]}", key=f"{key[0]}/{turn}")


def is_machine(judge: object) -> bool:
    """Whether `judge` of an MT-Bench vote is a model."""
    return isinstance(judge, list) or judge in MACHINES


def turn_of(row: Row) -> int:
    """Which turn an MT-Bench row is about."""
    turn = from_cell(row.value.get("turn", 1))
    if turn not in (1, 2):
        raise DataError(f"{row.place}: `turn` must be 1 or 2, found {turn!r:.40}; votes of an arena are format arena")
    return int(turn)


def winner_of(row: Row) -> str | None:
    """`first`, `second` or `tie`; None: nobody said. Raises DataError for any other word."""
    value = row.value
    if "winner" not in value and "both_equal" in value:  # ComparIA
        if value["both_equal"]:
            return "tie"
        names = {str(value.get("model_a_name")): "first", str(value.get("model_b_name")): "second"}
        chosen = value.get("chosen_model_name")
        return names.get(chosen) if isinstance(chosen, str) else None
    if "winner" not in value:
        return _one_hot(row)
    said = value["winner"]
    if said is None or said == "":
        return None
    if not isinstance(said, str) or said not in WINNERS:
        raise DataError(f"{row.place}: `winner` must be model_a, model_b or tie, found {said!r:.40}")
    return WINNERS[said]


def _one_hot(row: Row) -> str | None:
    flags = {"first": "winner_model_a", "second": "winner_model_b", "tie": "winner_tie"}
    said = []
    for word, name in flags.items():
        flag = row.value.get(name, 0)
        if str(flag) not in ("0", "1", "0.0", "1.0", "True", "False"):
            raise DataError(f"{row.place}: `{name}` must be 0 or 1, found {flag!r:.40}")
        if str(flag) in ("1", "1.0", "True"):
            said.append(word)
    if len(said) > 1:
        raise DataError(f"{row.place}: {' and '.join(flags[word] for word in said)} are both 1")
    return said[0] if said else None


def is_arena(value: Mapping[str, Any]) -> bool:
    """A row with two conversations and a `winner` is an arena's, not MT-Bench's."""
    return "turn" not in value or any(name in value for name in ARENA_SIGNS)


def arena(found: Sequence[Row], account: Account) -> Iterator[HumanRanking]:
    """Chatbot Arena's votes: the 33k, 100k and 140k (conversations), the 55k (texts, one column a winner), ComparIA's.

    A tie in which both are bad is a tie, and counted. Left out: votes without a winner, conversations that differ in
    what the user said, that do not alternate, or that hold an image.
    """
    for row in found:
        said = winner_of(row)
        if said is None:
            account["dropped: no winner"] += 1
            continue
        spoken = _both(row)
        fault = _fault(spoken)
        if fault is not None:
            account[f"dropped: {fault}"] += 1
            continue
        account["ties in which both are bad"] += "bad" in str(row.value.get("winner"))
        models = [str(row.value.get(f"model_{x}", row.value.get(f"model_{x}_name", "unknown"))) for x in "ab"]
        session = row.value.get("evaluation_session_id")  # its votes are on longer and longer parts of one conversation
        group = f"session {session}" if isinstance(session, str) else None
        yield _ranking(row, [one.turns for one in spoken], PAIR[said], models, group=group)


def _fault(spoken: Sequence["Spoken"]) -> str | None:
    first, second = spoken
    if first.fault or second.fault:
        return first.fault or second.fault
    if len(first.turns) % 2 or len(second.turns) % 2:
        return "does not end with an answer"
    if first.turns[::2] != second.turns[::2]:
        return "the user said other things to the two models"
    if any("\ud800" <= letter <= "\udfff" for text in (*first.turns, *second.turns) for letter in text):
        return "half a character, which no text file can hold"
    return None


class Spoken(NamedTuple):
    """One conversation."""

    turns: list[str]
    """User and assistant by turns."""
    fault: str | None = None
    """Why it cannot be used, where it is a conversation and cannot."""


def _both(row: Row) -> list[Spoken]:
    if "conversation_a" in row.value:
        return [_spoken(row, name) for name in ("conversation_a", "conversation_b")]
    prompt, *answers = (text_in(row.place, row.value, name) for name in ("prompt", "response_a", "response_b"))
    lists = [_listed(text) for text in (prompt, *answers)]
    if all(one is None for one in lists):
        return [Spoken([prompt, answer]) for answer in answers]
    asked, found = lists[0], []
    for said in lists[1:]:
        if asked is None or said is None or len(asked) != len(said):
            raise DataError(f"{row.place}: `prompt`, `response_a` and `response_b` must be lists of equally many turns")
        found.append(Spoken([text for turn in zip(asked, said, strict=True) for text in turn]))
    return found


def _listed(text: str) -> list[str] | None:
    """The turns of a column that holds a JSON list of texts (null: nothing was said); None where it is plain text."""
    if not text.startswith("["):
        return None
    try:
        turns = json_text.decode(text, strict=False)
    except json_text.NotJson:
        return None
    if not isinstance(turns, list) or not all(turn is None or isinstance(turn, str) for turn in turns):
        return None
    return [turn or "" for turn in turns]


def _spoken(row: Row, name: str) -> Spoken:
    """A column's conversation, a list of messages or (some copies) that list as JSON text.

    Raises DataError where it is neither.
    """
    value = row.value.get(name)
    if isinstance(value, str):
        try:
            value = json_text.decode(value, strict=False)
        except json_text.NotJson:
            value = None
    if not isinstance(value, list) or not value:
        raise DataError(f"{row.place}: `{name}` must be a list of at least 2 turns with `content`")
    turns, fault = [], None
    for place, turn in enumerate(value):
        content, role = (turn.get("content"), turn.get("role")) if isinstance(turn, dict) else (None, None)
        texts = [part.get("text") if isinstance(part, dict) else None for part in _parts(content)]
        if not isinstance(role, str) or role not in ROLES or not texts:
            raise DataError(f"{row.place}: `{name}`: turn {place + 1} must be a message with `role` and `content`")
        if None in texts:
            fault = fault or "an image in the conversation"
        elif ROLES[role] != ("user", "assistant")[place % 2]:
            fault = fault or "turns do not alternate"
        turns.append("".join(str(text) for text in texts))
    return Spoken(turns, fault)


def _parts(content: object) -> list[object]:
    """A content as the parts of the 140k votes; none where it is no content."""
    return [{"text": content}] if isinstance(content, str) else content if isinstance(content, list) else []


def _ranking(
    row: Row,
    spoken: Sequence[list[str]],
    ranks: tuple[int, ...],
    models: Sequence[str],
    people: Mapping[str, Sequence[int]] | None = None,
    group: str | None = None,
    key: str | None = None,
) -> HumanRanking:
    said = "\n\n".join(spoken[0][::2])
    answers = ["\n\n".join(_labelled(one[1:])) for one in spoken]
    whole = len(spoken[0]) > 2
    return ranking(row.place, said, answers, ranks, models, people, group=group, key=key, whole=whole)


def _labelled(turns: Sequence[str]) -> list[str]:
    """An answer, and behind it the rest of its conversation with the speakers."""
    return [turns[0], *(f"{('User', 'Assistant')[place % 2]}: {text}" for place, text in enumerate(turns[1:]))]
