"""What is read of a server's chat completion; servers send more, and not all the same."""

import re
from typing import Any, Literal

from pydantic import BaseModel, Field

from srlm.engines.base import Completion
from srlm.text.thoughts import Split, split


class Logprob(BaseModel):
    logprob: float
    rank: int | None = None
    """Of the token among all there are, from 1; vLLM says it."""


class _Part(BaseModel):
    """A part of a message: `text`, or the words of a thought (Mistral's `thinking`, others' `reasoning`)."""

    type: str = "text"
    text: str | None = None
    thinking: "list[_Part] | str | None" = None

    @property
    def words(self) -> str:
        inner = self.thinking
        return self.text or (inner if isinstance(inner, str) else "".join(part.words for part in inner or []))


class _Message(BaseModel):
    content: str | list[_Part] | None = None
    reasoning_content: Any = None
    reasoning: Any = None
    refusal: str | None = None

    def parted(self) -> tuple[str | None, str]:
        """The thought, None where there is none, and the text."""
        if isinstance(self.content, list):
            thoughts = [part.words for part in self.content if part.type in ("thinking", "reasoning")]
            text = "".join(part.words for part in self.content if part.type in ("text", "output_text"))
        else:
            thoughts, text = [], self.content or ""
        apart = next((one for one in (self.reasoning_content, self.reasoning) if one and isinstance(one, str)), "")
        return "".join([apart, *thoughts]) or None, text


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None

    def completion(self, tokens: int | None) -> Completion:
        reason = reason_of(self.finish_reason)
        if reason == "filtered":
            return Completion(text="", finish=None, tokens=tokens, refused=self.message.refusal or "content_filter")
        finish = reason
        thought, text = self.message.parted()
        if thought is None:  # the server may have left it in the text
            found = _left_in(text)
            thought, text = found.thought, found.answer
            if not found.closed:
                thought, finish = thought or "", "length"
        return Completion(text=text, finish=finish, tokens=tokens, thought=thought, refused=self._refusal(text))

    def _refusal(self, text: str) -> str | None:
        return self.message.refusal if not text else None


def _left_in(text: str) -> Split:
    """A thought that the server left in the text.

    Where only its end is there, because the prompt had begun it, that ends its line and an answer follows: an answer
    may quote the mark.
    """
    begun = split(text, opened=False)
    if begun.start:
        return begun
    ended = split(text)
    between = text[len(text[: ended.start].rstrip()) : ended.start]
    return ended if ended.answer.strip() and "\n" in between else begun


class _Usage(BaseModel):
    completion_tokens: int | None = None


class ChatAnswer(BaseModel):
    """A chat completion."""

    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None
    prompt_logprobs: list[dict[str, Logprob] | None] | None = None

    def completions(self) -> list[Completion]:
        """One a choice."""
        tokens = self.usage.completion_tokens if self.usage and len(self.choices) == 1 else None
        return [choice.completion(tokens) for choice in self.choices]


_CUT = (
    *("length", "max_tokens", "model_length", "model_context_window_exceeded"),  # OpenAI, Anthropic, Mistral, Zhipu
    *("error", "abort", "network_error", "insufficient_system_resource"),  # OpenRouter, vLLM, Zhipu, DeepSeek
)
"""Reasons of an answer that did not come to its end: at a limit, or interrupted."""
_FILTERED = ("content_filter", "sensitive")  # OpenAI, Zhipu


def reason_of(finish_reason: object) -> Literal["stop", "length", "filtered"] | None:
    """Why a choice ended, by its `finish_reason`; `length` for whatever cut it. None: the server does not say."""
    match finish_reason:
        case str(word) if word.casefold() in _CUT:
            return "length"
        case str(word) if word.casefold() in _FILTERED:
            return "filtered"
    return "stop" if finish_reason == "stop" else None


def out_of_room(words: str) -> bool:
    """Whether a server refuses because a thought took all the room: OpenAI's words, with status 400."""
    return _OUT_OF_ROOM.search(words) is not None


_OUT_OF_ROOM = re.compile(
    r"max_tokens or model output limit|(?:higher|increase) max_(?:completion_)?tokens", re.IGNORECASE
)


def error_of(body: dict[str, Any]) -> object | None:
    """The error in an answer of status 200, or the whole where it holds no choice; None: it holds no error."""
    choices = body.get("choices")
    if isinstance(choices, list) and choices:
        first = choices[0]
        return first.get("error") or None if isinstance(first, dict) else None
    return body.get("error") or (body if "choices" in body else None)


def status_of(error: object) -> int:
    """The status that such an answer should have had: the error's own number where it has one, else 502."""
    code = str(error.get("code") or error.get("status") or "") if isinstance(error, dict) else ""
    return int(code) if code.isdecimal() and code.isascii() and 400 <= int(code) <= 599 else 502
