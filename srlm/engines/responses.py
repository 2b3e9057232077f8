"""A model's answers to prompts, as records."""

from collections.abc import Sequence

from srlm.engines.base import Engine, Request
from srlm.records import Prompt, Response
from srlm.settings import Sampling


def draw_responses(
    engine: Engine, prompts: Sequence[Prompt], sampling: Sampling, draws: int, seed: int, model: str | None = None
) -> list[Response]:
    """`draws` answers to each prompt, in the order of the prompts; `model` is whose they are, None: the engine's id."""
    drawn = engine.generate([Request(messages=one.messages, draws=draws) for one in prompts], sampling, seed)
    return [
        Response.of(prompt.id, one.text, engine.id if model is None else model, draw, one.finish, one.thought)
        for prompt, completions in zip(prompts, drawn, strict=True)
        for draw, one in enumerate(completions)
    ]


def is_answer(prompt: Prompt, response: Response) -> bool:
    """Whether it answers this prompt."""
    return response.prompt_id == prompt.id
