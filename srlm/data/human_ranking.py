"""Answers to one prompt in the order people gave them, as every reader of rankings returns them."""

from pydantic import Field, model_validator

from srlm.records import RankedSet, Record


class HumanRanking(Record):
    """Answers to one prompt in the order people gave them."""

    ranked: RankedSet
    """The answers and what people say together."""
    group: str
    """What was sampled: rankings of one group (a prompt, a conversation) stay together when prompts are resampled."""
    key: int | None = None
    """Number that other files of the same publication know it by: LLMBar's row, PandaLM's `idx`."""
    annotators: dict[str, tuple[int, ...]] = Field(default={})
    """Each person's own ranks, 0 = best, by name; empty where they are not known."""

    @model_validator(mode="after")
    def _complete(self) -> "HumanRanking":
        if any(len(ranks) != len(self.ranked.responses) for ranks in self.annotators.values()):
            raise ValueError("an annotator must rank all answers or none")
        return self
