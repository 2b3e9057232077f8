"""A conversation with its answer as a reward model reads it, where it is trained and where it is asked alike."""

from collections.abc import Sequence
from typing import Any

from srlm.errors import ModelError, first_line
from srlm.records import Message, user
from srlm.text.chat import STAND_INS
from srlm.text.marks import disarm
from srlm.text.tokens import special_tokens


class RewardedText:
    """A reward model's tokenizer, and conversations as its own template renders them."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._special = special_tokens(tokenizer)
        # Some templates take words in parts only, and drop plain text without a word.
        self._parts = not self._shows_the_user(parts=False) and self._shows_the_user(parts=True)

    def ids(self, messages: Sequence[Message], answer: str) -> list[int]:
        """Token ids of a conversation as the template renders it, to its last line break: so reward models are trained.

        Raises ModelError where the template refuses the conversation.
        """
        try:
            text = self._rendered(messages, answer, self._parts)
        except Exception as error:  # a template is a program, and may raise anything
            roles = ", ".join([*(one.role for one in messages), "assistant"])
            raise ModelError(
                f"the reward model's chat template cannot render a conversation of {roles}: {first_line(error)}; use "
                "data without such conversations, or another reward model"
            ) from error
        ids: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]  # the template writes these
        return ids

    def _rendered(self, messages: Sequence[Message], answer: str, parts: bool) -> str:
        # Nobody's words end a turn or begin one: a policy would soon find out what that is worth.
        said = [(one.role, disarm(one.content, self._special)) for one in messages]
        said.append(("assistant", disarm(answer, self._special)))
        turns = [
            {"role": role, "content": [{"type": "text", "text": words}] if parts else words} for role, words in said
        ]
        text: str = self._tokenizer.apply_chat_template(turns, tokenize=False)
        return text

    def _shows_the_user(self, parts: bool) -> bool:
        asked, answer, *_ = STAND_INS
        try:
            return asked in self._rendered(user(asked), answer, parts)
        except Exception:  # as above
            return False
