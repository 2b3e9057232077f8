"""Answers to one prompt in the order people gave them, as every reader of rankings returns them."""

from pydantic import Field, model_validator

from srlm.records import RankedSet, Record


class HumanRanking(Record):
    """Answers to one prompt in the order people gave them."""

    ranked: RankedSet
    """The answers and what people say together."""
    group: str
    """What was sampled: rankings of one group (a prompt, a conversation) count as one in an interval."""
    key: int | str | None = None
    """What other files of the same publication know it by: LLMBar's row, PandaLM's `idx`, RewardBench 2's `id`,
    MT-Bench's question and turn (`81/2`)."""
    whole: bool = False
    """Each answer is the rest of a conversation of its own, with its speakers: no model can be asked for it."""
    annotators: dict[str, tuple[int, ...]] = Field(default={})
    """Each person's own ranks, 0 = best, by name; empty where they are not known."""

    @model_validator(mode="after")
    def _complete(self) -> "HumanRanking":
        if any(len(ranks) != len(self.ranked.responses) for ranks in self.annotators.values()):
            raise ValueError("an annotator must rank all answers or none")
        return self
