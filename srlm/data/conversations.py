"""A conversation as data sets write it: a list of messages, or one text with marks where a speaker changes.

A form that is not known is refused with its place; nothing is guessed.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from srlm.errors import DataError
from srlm.records import Message, Prompt

ROLES = {
    **dict.fromkeys(("user", "human", "prompter"), "user"),
    **dict.fromkeys(("assistant", "gpt", "bot", "chatbot"), "assistant"),
    "system": "system",
}
"""A speaker's name, as published, in lower case -> the role."""

_HH = re.compile(r"(?:\A|\n\n)(Human|Assistant):")
_STEER = re.compile(r"\n?<extra_id_[01]>(System|User|Assistant)\n")


class Asked(NamedTuple):
    """What is to be answered, and the turns before it."""

    text: str
    before: tuple[Message, ...] = ()


def messages(place: str, name: str, value: object) -> list[Message]:
    """A list of messages, `role` and `content` or `from` and `value`; empty system messages are left out.

    `name` is the column's, for the message of a DataError.
    """
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise DataError(f"{place}: `{name}` must be a list of messages, found {value!r:.40}")
    found = [_message(place, f"{name}[{number}]", one) for number, one in enumerate(value)]
    return [one for one in found if one.role != "system" or one.content.strip()]


def _message(place: str, name: str, value: object) -> Message:
    if not isinstance(value, dict):
        raise DataError(f"{place}: `{name}` must be a message with `role` and `content`, found {value!r:.40}")
    role, content = (value.get("role"), value.get("content")) if "role" in value else _from_value(value)
    if not isinstance(role, str) or role.lower() not in ROLES:
        raise DataError(f"{place}: `{name}` has the role {role!r:.40}; known roles are {', '.join(ROLES)}")
    return Message(role=ROLES[role.lower()], content=_content(place, name, content))


def _from_value(value: dict[str, Any]) -> tuple[object, object]:
    """ShareGPT's names for the same."""
    return value.get("from"), value.get("value")


def _content(place: str, name: str, content: object) -> str:
    """A text, or the texts of a list of parts, joined; a part that is none (an image) is refused."""
    if isinstance(content, list):
        texts = [part.get("text") if isinstance(part, dict) else None for part in content]
        if all(isinstance(text, str) for text in texts):
            return "".join(map(str, texts))
    if not isinstance(content, str):
        raise DataError(f"{place}: `{name}` must have a text `content`, found {content!r:.40}")
    return content


def is_messages(value: object) -> bool:
    """A list whose first entry looks like a message."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def asked(place: str, name: str, turns: Sequence[Message]) -> Asked:
    """The last turn, which must be the user's, and those before it."""
    if not turns or turns[-1].role != "user":
        last = f"the last turn is the {turns[-1].role}'s" if turns else "it has no turns"
        raise DataError(f"{place}: `{name}` must end with a turn of the user; {last}")
    return Asked(turns[-1].content, tuple(turns[:-1]))


def is_transcript(text: str) -> bool:
    """Anthropic's form: begins with `Human:`, and the other speaker is named, too, after an empty line."""
    return text.lstrip("\n").startswith("Human:") and "\n\nAssistant:" in text


def transcript(text: str) -> list[Message]:
    """Turns of a text in Anthropic's form (`\\n\\nHuman: ...\\n\\nAssistant: ...`), without the spaces around each.

    An empty last turn of the assistant, where its answer is to start, is no turn.
    """
    parts = _HH.split(text.lstrip("\n"))[1:]
    turns = [
        Message(role=ROLES[speaker.lower()], content=said.strip())
        for speaker, said in zip(parts[::2], parts[1::2], strict=True)
    ]
    return turns[:-1] if turns and turns[-1].role == "assistant" and not turns[-1].content else turns


def steer_turns(text: str) -> list[Message]:
    """Turns of a HelpSteer prompt: text of the user, and `<extra_id_1>Assistant`, `<extra_id_1>User` before others."""
    first, *parts = _STEER.split(text)
    turns = [Message(role="user", content=first)] if first.strip() or not parts else []
    spoken = zip(parts[::2], parts[1::2], strict=True)
    return turns + [Message(role=ROLES[speaker.lower()], content=said.strip()) for speaker, said in spoken if said]


def fault_of(prompt: Prompt) -> str | None:
    """Why no chat template renders this conversation; None where one does."""
    turns = [turn for place, turn in enumerate(prompt.messages) if place or turn.role != "system"]
    if not all(turn.content.strip() for turn in turns):
        return "empty turn" if prompt.before else "empty prompt"
    return None if _in_turn(turns) else "turns do not alternate"


def _in_turn(turns: list[Message]) -> bool:
    """User and assistant by turns, from the user on."""
    return all(turn.role == ("user", "assistant")[place % 2] for place, turn in enumerate(turns))
