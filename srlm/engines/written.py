"""What local engines make of the tokens a model wrote: an answer, the thought before it, and how it ended."""

from collections.abc import Collection, Sequence

from srlm.engines.base import Completion
from srlm.settings import Sampling
from srlm.text.chat import Chat
from srlm.usage import Usage


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


def used(prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[Completion]], sampling: Sampling) -> Usage:
    """What it took to continue these prompts: each is read once for all its draws, and greedy draws are one. One that
    left no room for an answer was not read."""
    drawn = [own[:1] if sampling.temperature == 0 else own for own in answers]
    asked = [
        prompt
        for prompt, own in zip(prompts, drawn, strict=True)
        if any(one.tokens or one.finish == "stop" for one in own)
    ]
    return Usage(
        requests=len(asked),
        read=sum(map(len, asked)),
        written=sum(one.tokens or 0 for own in drawn for one in own),
    )


def used_to_score(prompts: Sequence[Sequence[int]], continuations: Sequence[Sequence[Sequence[int]]]) -> Usage:
    """What it took to score continuations: each prompt once, and each continuation."""
    read = sum(map(len, prompts)) + sum(len(ids) for own in continuations for ids in own)
    return Usage(requests=len(prompts), read=read)
