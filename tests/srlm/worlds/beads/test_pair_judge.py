"""Comparing two answers in the bead world: what the skill shows, and prompts that resemble another."""

import random

import pytest

from srlm.errors import DataError
from srlm.judge.pair_template import load
from srlm.records import digest
from srlm.worlds.beads import data as bead_data
from srlm.worlds.beads.program import parse_prompt, targets
from srlm.worlds.beads.rows import changed
from srlm.worlds.beads.settings import BeadsData
from srlm.worlds.beads.skills import pair_judge
from srlm.worlds.beads.skills.pair_judge import comparison

SMALL = BeadsData(base_lines=50, ift=5, eft_sets=60, heldout_sets=5, evaluation_prompts=5)


def test_a_comparison_is_both_reviews_and_then_both_scores() -> None:
    first = "1 gray a gold yes asked one given one relevant yes correct yes count yes clean yes \n score : 5"
    second = "other asked one given zero relevant no correct no count no clean no \n score : 0"
    assert comparison(first, second) == (
        "1 gray a gold yes asked one given one relevant yes correct yes count yes clean yes \n "
        "other asked one given zero relevant no correct no count no clean no \n score a : 5 \n score b : 0"
    )


def test_the_template_reads_in_each_demonstration_what_people_ranked() -> None:
    """The reviewer does not err here, so the order of the scores is that of the ranks."""
    sets = bead_data.seed_data(SMALL, 1).eft_sets
    shown = pair_judge.demonstrations(sets, 1)
    assert len(shown) == 60
    template, verdicts = load("beads"), set()
    for one, demonstration in zip(sets, shown, strict=True):
        pairs = [(i, j) for i in range(4) for j in range(4) if i != j]
        (i, j), *others = [
            (i, j)
            for i, j in pairs
            if digest("pair of reviews", one.responses[i].id, one.responses[j].id) == demonstration.source_id
        ]
        assert others == []
        answers = one.responses[i].text, one.responses[j].text
        assert demonstration.prompt == template.prompt(one.prompt.text, *answers)
        expected = 0.5 if one.ranks[i] == one.ranks[j] else float(one.ranks[i] < one.ranks[j])
        assert template.read(demonstration.response).preference == expected
        verdicts.add(expected)
    assert verdicts == {0.0, 0.5, 1.0}
    assert pair_judge.demonstrations(sets, 1) == shown
    assert pair_judge.demonstrations(sets, 2) != shown


def test_a_changed_prompt_has_the_same_beads_and_wants_another_answer() -> None:
    chance = random.Random(1)
    for seed in range(300):
        colours = [chance.choice(("gold", "gray")) for _ in range(chance.choice((3, 4, 5)))]
        operation = chance.choice(("copy", "reverse", "skip", "turn", "mate"))
        beads = " ".join(f"{letter} {colour}" for letter, colour in zip("abcde", colours, strict=False))
        before, after = parse_prompt(f"{beads} {operation}"), parse_prompt(changed(f"{beads} {operation}", seed))
        assert before is not None and after is not None
        assert after.beads == before.beads
        assert [bead.colour for bead in targets(after)] != [bead.colour for bead in targets(before)]
    with pytest.raises(DataError, match="not a prompt of the bead world"):
        changed("Name a fruit.", 1)


def test_all_operations_that_ask_for_something_else_may_be_drawn() -> None:
    """Of three beads of one colour only the mates, and the two of `skip`, differ from the copy."""
    drawn = {changed("a gold b gold c gold copy", seed).rpartition(" ")[2] for seed in range(40)}
    assert drawn == {"mate", "skip"}
