"""Rows that were saved in another way find their prompt and are counted; others are told with the nearest prompt."""

import pytest

from eval.data.alpaca_eval import AlpacaEval
from eval.data.instructions import OTHERS, SAVED_OTHERWISE, Joining, account_lines
from srlm.data.lines import Row
from srlm.errors import DataError
from srlm.records import Prompt

TEXTS = (
    'Who wrote "Emma"?',
    "It's late.\nWhat now?",
    "Translate: caf\u00e9",
    "Name a fruit that is yellow, long and sweet.",
    "A well-known 'fruit' is...",
)
PROMPTS = [Prompt.of(text, "alpaca_eval") for text in TEXTS]


def row(text: object, number: int = 1) -> Row:
    return Row(f"file.json: row {number}", {"instruction": text})


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        pytest.param('  Who wrote "Emma"?\n', 0, id="white-space-around"),
        pytest.param("Who wrote \u201cEmma\u201d?", 0, id="typographic-quotes"),
        pytest.param('Who\u00a0wrote "Emma"?', 0, id="no-break-space"),
        pytest.param('\ufeffWho wrote "Emma"?', 0, id="byte-order-mark"),
        pytest.param('Who wr\u200bote "Emma"?', 0, id="zero-width-space"),
        pytest.param("It's late.\r\nWhat now?", 1, id="crlf"),
        pytest.param("It's late.\rWhat now?", 1, id="cr"),
        pytest.param("It's late.  \nWhat now?", 1, id="spaces-at-the-end-of-a-line"),
        pytest.param("It\u2019s late.\u2028What now?", 1, id="line-separator"),
        pytest.param("Translate: cafe\u0301", 2, id="decomposed-letters"),
        pytest.param("A well\u2011known \u2039fruit\u203a is\u2026", 4, id="hyphen-single-guillemets-and-dots"),
        pytest.param("Who wrote \uff02Emma\uff02?", 0, id="full-width-quotes"),
    ],
)
def test_an_instruction_that_was_only_saved_otherwise_is_joined_and_counted(text: str, prompt: int) -> None:
    joining = Joining(PROMPTS)
    assert joining.id_of(row(text)) == PROMPTS[prompt].id
    assert joining.account == {SAVED_OTHERWISE: 1}
    assert joining.unmatched == []


def test_an_instruction_to_the_letter_is_joined_without_a_word() -> None:
    joining = Joining(PROMPTS)
    assert [joining.id_of(row(text)) for text in TEXTS] == [prompt.id for prompt in PROMPTS]
    assert not joining.account


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param(
            "Name a fruit that is yelow, long and sweet.",
            'matches no prompt; the nearest is "Name a fruit that is yellow, long and sweet.": from character 25 on '
            'the row has " a fruit that is yelow, long and sweet.", the prompt " a fruit that is yellow, long and '
            'sweet."',
            id="one-letter",
        ),
        pytest.param('WHO WROTE "EMMA"?', 'the nearest is "Who wrote \\"Emma\\"?"', id="capitals"),
        pytest.param('Who wrote "Emma"', 'the nearest is "Who wrote \\"Emma\\"?"', id="cut-at-the-end"),
        pytest.param("A question of another benchmark", "is like none of the 5 prompts", id="another-benchmark"),
        pytest.param(" \n", "the instruction is empty", id="empty"),
    ],
)
def test_an_instruction_that_is_another_is_never_guessed_and_told_with_the_nearest(text: str, reason: str) -> None:
    joining = Joining(PROMPTS)
    assert joining.id_of(row(text, 7)) is None
    assert joining.account == {OTHERS: 1}
    (said,) = joining.unmatched
    assert said.startswith("file.json: row 7: ") and reason in said


def test_an_instruction_that_would_be_two_prompts_is_neither() -> None:
    twins = [Prompt.of("Say 'a'.", "alpaca_eval"), Prompt.of("Say \u2018a\u2019.", "alpaca_eval")]
    joining = Joining(twins)
    assert [joining.id_of(row(prompt.text)) for prompt in twins] == [prompt.id for prompt in twins]
    assert joining.id_of(row("Say 'a'. ")) is None
    assert "is 2 prompts at once" in joining.unmatched[0]


def test_a_row_without_a_text_is_refused() -> None:
    with pytest.raises(DataError, match=r"row 1: `instruction` must be text; the row has `instruction`"):
        Joining(PROMPTS).id_of(row(3))


def test_many_strangers_are_counted_and_the_first_are_named() -> None:
    joining = Joining(PROMPTS)
    for number in range(9):
        joining.id_of(row(f"Stranger {number}", number))
    lines = account_lines(dict(joining.account), joining.unmatched)
    assert lines[0] == "9 rows of other instructions"
    assert len(lines) == 7 and lines[-1] == "  and 4 more rows that match no prompt"


def test_each_of_the_real_prompts_is_found_however_it_was_saved(data: AlpacaEval) -> None:
    joining = Joining(data.prompts)
    for prompt in data.prompts:
        changed = f"  {prompt.text}\n".replace("\n", "\r\n").replace("'", "\u2019").replace('"', "\u201d")
        changed = changed.replace("...", "\u2026").replace("-", "\u2011")
        assert joining.id_of(row(changed)) == prompt.id
    assert joining.account == {SAVED_OTHERWISE: 805}
