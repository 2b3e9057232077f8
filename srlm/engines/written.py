"""What local engines make of the tokens a model wrote: an answer, the thought before it, and how it ended."""

from collections.abc import Collection, Sequence

from srlm.engines.base import Completion
from srlm.text.chat import Chat


def completion(chat: Chat, prompt: Sequence[int], ids: Sequence[int], ends: Collection[int]) -> Completion:
    """The completion of a prompt; `ids` are its new tokens, of which none counts from the first of `ends` on.

    A thought that never closed is a cut answer, even where the model ended it.
    """
    stop = next((place for place, token in enumerate(ids) if token in ends), None)
    kept = ids if stop is None else ids[:stop]
    written = chat.read(prompt, kept, ended=stop is not None)
    return Completion(
        text=written.answer,
        finish="length" if stop is None or not written.closed else "stop",
        tokens=len(kept),
        thought=written.thought,
    )


def generation_ends(config: object) -> set[int]:
    """End tokens that a generation configuration names beside the chat's."""
    ends = getattr(config, "eos_token_id", None)
    return set(ends if isinstance(ends, list) else [ends]) - {None}
