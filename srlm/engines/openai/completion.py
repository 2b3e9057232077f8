"""What is kept of a completion, of a chat or a text, and what an answer is that is none."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from srlm.engines.openai.answers import error_of
from srlm.engines.openai.calls import Answer
from srlm.secrets import of_environment
from srlm.secrets_in_json import hidden_in
from srlm.text.counts import counted

MOST_CHOICES = 128
"""Choices that an answer may have, where no more were asked for; OpenAI's own limit."""


class Disguised(Exception):
    """An answer of status 200 that holds an error."""

    def __init__(self, error: object, body: dict[str, Any]) -> None:
        self.error, self.body = error, body


class OtherShape(ValueError):
    """JSON that is whole, and no completion: another program answers there."""


class Reply(NamedTuple):
    """What is kept of a completion."""

    choices: list[dict[str, Any]]
    prompt_tokens: int | None
    completion_tokens: int | None
    prompt_logprobs: tuple[dict[str, Any] | None, ...] | None


def reply_of(whole: Any, request: Mapping[str, Any]) -> Reply:
    """The completion that a request was answered with: of a text where it has a `prompt`, else of a chat.

    Raises OtherShape where it is none, or Disguised.
    """
    if not isinstance(whole, dict):
        raise OtherShape("no object")
    if (error := error_of(whole)) is not None:
        raise Disguised(error, whole)
    choices = whole.get("choices")
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        raise OtherShape("no choices")
    if len(choices) > max(MOST_CHOICES, request.get("n", 1)):
        raise OtherShape(f"{counted(len(choices), 'choices')}")
    for choice in choices:
        if "prompt" in request:
            if not isinstance(choice.get("text"), str):
                raise OtherShape("no text")
            continue
        message = choice.get("message")
        if not isinstance(message, dict):
            raise OtherShape("no message")
        if not isinstance(message.get("content"), str | list | None):
            raise OtherShape("its content is no text")
    usage = whole.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    read = whole.get("prompt_logprobs")
    return Reply(
        choices,
        _count(counts.get("prompt_tokens")),
        _count(counts.get("completion_tokens")),
        tuple(read) if isinstance(read, list) and all(isinstance(one, dict | None) for one in read) else None,
    )


def without_keys(answer: Answer) -> Answer:
    """A recorded answer without keys that this process knows of: earlier versions kept some spellings of them."""
    secrets = of_environment()
    if not secrets:
        return answer
    choice, *more = hidden_in([answer.choice, *answer.more], secrets)
    return answer.model_copy(update={"choice": choice, "more": tuple(more)})


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**40 else None
