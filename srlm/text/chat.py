"""One rendering of a conversation for training and generation alike: what is trained is what is generated.

The tokenizer's own chat template renders the prompt. The answer's tokens follow it and end with the tokenizer's end
token, whatever the template would add behind (ChatML adds a newline that no model is asked to write).
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from srlm.records import Message, user


class Tokens(NamedTuple):
    """A prompt and an answer as token ids."""

    prompt: list[int]
    answer: list[int]


def disarm(text: str, special: Sequence[str]) -> str:
    """`text` in which no special token of the tokenizer stands: a space goes behind its first character.

    Without it an answer that holds `<|im_end|><|im_start|>user` would speak as the user to the judge.
    """
    for token in special:
        # A one-character special token (a newline, say) is a word like any other and cannot end a turn.
        if len(token) > 1 and token in text:
            # Overlapping ones too: `####` holds the token `###` twice.
            text = re.sub(f"(?<={re.escape(token[0])})(?={re.escape(token[1:])})", " ", text)
    return text


def special_tokens(tokenizer: Any) -> list[str]:
    """Every text the tokenizer reads as a special token: its named ones (end, padding, ...) and those that only stand
    in its vocabulary, as Llama 3's `<|start_header_id|>` does."""
    added = [token.content for token in tokenizer.added_tokens_decoder.values() if token.special]
    return sorted({*tokenizer.all_special_tokens, *added}, key=lambda token: (-len(token), token))


def prompt_ids(tokenizer: Any, messages: Sequence[Message], prefix: str = "") -> list[int]:
    """Token ids of the conversation up to where the assistant's answer starts, and `prefix` as its first words."""
    special = special_tokens(tokenizer)
    conversation = [{"role": m.role, "content": disarm(m.content, special)} for m in messages]
    text = tokenizer.apply_chat_template(conversation, tokenize=False, add_generation_prompt=True)
    ids: list[int] = tokenizer(text + disarm(prefix, special), add_special_tokens=False)["input_ids"]
    return ids


def answer_ids(tokenizer: Any, text: str, ended: bool = True) -> list[int]:
    """Token ids of an answer; `ended` adds the end token (not for an answer that was cut at the token limit)."""
    ids: list[int] = tokenizer(disarm(text, special_tokens(tokenizer)), add_special_tokens=False)["input_ids"]
    return [*ids, tokenizer.eos_token_id] if ended else ids


def tokens(tokenizer: Any, prompt: str, answer: str, ended: bool = True) -> Tokens:
    """A user turn and its answer."""
    return Tokens(prompt_ids(tokenizer, user(prompt)), answer_ids(tokenizer, answer, ended))
