"""How a conversation of lm-eval becomes text: by the run's own chat template, or by the server that is asked."""

import json
from collections.abc import Sequence
from typing import Protocol

from srlm.errors import ModelError
from srlm.records import Message
from srlm.terminal import logger
from srlm.text.chat import Chat

log = logger(__name__)


class Rendering(Protocol):
    """What makes text of a conversation."""

    @property
    def template(self) -> str:
        """The template's own text; lm-eval notes it beside its results."""
        ...

    def text(self, messages: Sequence[Message], begun: bool) -> str:
        """The conversation up to where the model writes on; `begun`: the last message is an answer's first words."""
        ...


class ChatRendering:
    """The checkpoint's own template, with the run's date and arguments, as it was trained."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self._merges = False

    @property
    def template(self) -> str:
        """See Rendering."""
        return self._chat.template

    def text(self, messages: Sequence[Message], begun: bool) -> str:
        """See Rendering. A template that refuses a system message gets its words as the user's first ones."""
        if self._merges:
            return self._opening(with_user(messages), begun)
        try:
            return self._opening(messages, begun)
        except ModelError as error:
            if not any(message.role == "system" for message in messages):
                raise
            text = self._opening(with_user(messages), begun)
            log.warning("the task's instructions begin the user's first message: %s", error)
            self._merges = True
            return text

    def _opening(self, messages: Sequence[Message], begun: bool) -> str:
        if begun:
            return self._chat.opening(messages[:-1], messages[-1].content)
        return self._chat.opening(messages)


class ServerRendering:
    """The server applies its own template: the text is the conversation as JSON, which the engine takes apart again."""

    @property
    def template(self) -> str:
        """See Rendering; only the server knows it."""
        return ""

    def text(self, messages: Sequence[Message], begun: bool) -> str:
        """See Rendering."""
        turns = [{"role": message.role, "content": message.content} for message in messages]
        return json.dumps({"messages": turns, "begun": begun}, ensure_ascii=False)


def with_user(messages: Sequence[Message]) -> list[Message]:
    """A conversation in which the system's words begin the first of the user's messages."""
    said = "\n\n".join(message.content for message in messages if message.role == "system")
    others = [message for message in messages if message.role != "system"]
    if not others or others[0].role != "user":
        return [Message(role="user", content=said), *others]
    return [Message(role="user", content=f"{said}\n\n{others[0].content}"), *others[1:]]
