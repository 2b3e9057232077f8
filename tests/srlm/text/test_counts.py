"""A count and its noun agree."""

import pytest

from srlm.text.counts import counted


@pytest.mark.parametrize(
    ("number", "things", "said"),
    [
        (0, "prompts", "0 prompts"),
        (1, "prompts", "1 prompt"),
        (2, "prompts", "2 prompts"),
        (1, "sets of answers", "1 set of answers"),
        (1, "repeated rows", "1 repeated row"),
        (1, "more tries", "1 more try"),
        (1, "files are of an older srlm", "1 file is of an older srlm"),
        (1, "prompts have an answer", "1 prompt has an answer"),
        (1, "examples exceed 512 tokens", "1 example exceeds 512 tokens"),
        (2, "files are of an older srlm", "2 files are of an older srlm"),
        (1, "batches of answers", "1 batch of answers"),
        (1, "responses", "1 response"),
        (1234, "answers", "1,234 answers"),
        (1, "rows of other instructions", "1 row of other instructions"),
        (
            1,
            "prompts annotated several times, whose mean counts",
            "1 prompt annotated several times, whose mean counts",
        ),
    ],
)
def test_a_single_thing_is_named_as_one(number: int, things: str, said: str) -> None:
    assert counted(number, things) == said
