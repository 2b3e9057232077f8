"""A model's answers to prompts, as records."""

from collections.abc import Callable, Sequence

from srlm.engines.base import Engine, Request
from srlm.errors import CollapseError
from srlm.records import Prompt, Response
from srlm.settings import FIRST, CandidateSettings, Sampling
from srlm.text.counts import counted


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


class AnswerWatch:
    """Counts answers, in their order, for the progress line of `stage`.

    Raises CollapseError where nearly none of the first FIRST has words and came to its end. It looks at those and at
    nothing else, so neither blocks nor stops decide where a stage ends.
    """

    def __init__(self, stage: str, settings: CandidateSettings, say: Callable[[str], None]) -> None:
        self._stage, self._settings, self._say = stage, settings, say
        self._made = self._cut = self._empty = 0

    def __call__(self, responses: Sequence[Response]) -> None:
        for response in responses:
            self._made += 1
            empty = not response.text.strip()
            self._empty += empty
            self._cut += response.finish == "length" and not empty
            if self._made == FIRST:
                self._refuse_hopeless()
        self._say(f"{self._cut:,} of {self._made:,} cut, {self._empty:,} empty")

    def _refuse_hopeless(self) -> None:
        ended, least = FIRST - self._cut - self._empty, self._settings.min_ended
        if ended >= least * FIRST:
            return
        limit = counted(self._settings.sampling.max_new_tokens, "tokens")
        raise CollapseError(
            f"{self._stage}: stopped early: {ended} of the first {FIRST} answers have words and came to their end "
            f"(candidates.min_ended {least:.0%}); {self._cut} were cut at {limit}, {self._empty} are empty. "
            "What may help: raise candidates.sampling.max_new_tokens, a model.chat_template whose turns end with the "
            "model's own end token (`srlm show-prompt`), or another model. To go on all the same: --set "
            "candidates.min_ended=0"
        )


def is_answer(prompt: Prompt, response: Response) -> bool:
    """Whether it answers this prompt."""
    return response.prompt_id == prompt.id
