"""A conversation with its answer as a reward model reads it, where it is trained and where it is asked alike."""

from collections.abc import Sequence
from typing import Any

from srlm.records import Message
from srlm.text.marks import disarm


def rewarded_ids(tokenizer: Any, messages: Sequence[Message], answer: str, special: Sequence[str]) -> list[int]:
    """Token ids of a conversation as the tokenizer's own template renders it, to its last line break: so reward models
    are trained. `special`: the tokenizer's special tokens, longest first (`special_tokens`)."""
    # Nobody's words end a turn or begin one: a policy would soon find out what that is worth.
    turns = [{"role": one.role, "content": disarm(one.content, special)} for one in messages]
    turns.append({"role": "assistant", "content": disarm(answer, special)})
    text = tokenizer.apply_chat_template(turns, tokenize=False)
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]  # the template writes these
    return ids
