"""What a run starts from, whatever it was read from."""

from srlm.records import Demonstration, Prompt, RankedSet, Record


class SeedData(Record):
    """Seed examples, disjoint by prompt: nothing a model is trained on is in a set it is measured on."""

    ift: tuple[Demonstration, ...]
    seed_prompts: tuple[Prompt, ...]
    """The prompts of `ift`, the examples from which new prompts are written."""
    eft_sets: tuple[RankedSet, ...]
    heldout_sets: tuple[RankedSet, ...]
    """On these the judge is measured."""
    evaluation_prompts: tuple[Prompt, ...]
    """All models answer these for the head-to-head."""
    validation_prompts: tuple[Prompt, ...]
    """For early stopping."""
    account: dict[str, int]
    """What was found, used and dropped, and why."""
