"""Data sets of the bead world that share nothing they should not."""

import re
from collections import Counter

import pytest

from srlm.records import RankedSet, SeedData
from srlm.text.score import parse_score
from srlm.worlds.beads import base_text, program
from srlm.worlds.beads import data as bead_data
from srlm.worlds.beads.settings import BeadsData

SIZES = BeadsData(
    base_lines=4000, ift=1500, eft_sets=700, heldout_sets=100, evaluation_prompts=100, validation_prompts=50
)


@pytest.fixture(scope="module")
def data() -> SeedData:
    return bead_data.seed_data(SIZES, seed=1)


def bag(prompt: str) -> tuple[str, ...]:
    """The colours of a row in any order."""
    return tuple(sorted(prompt.split()[1::2]))


def trained_on(data: SeedData) -> dict[str, list[str]]:
    """The rows in every training set; of a base line the lettered row in front."""
    lines = [" ".join(line.words) for line in base_text.base_lines(SIZES.base_lines, seed=1)]
    rows = [found[0] for line in lines if (found := re.match(rf"(?:[a-e] (?:{'|'.join(program.COLOURS)}) )+", line))]
    return {
        "base": rows,
        "ift": [prompt.text for prompt in data.seed_prompts],
        "eft": [one.prompt.text for one in data.eft_sets],
        "validation": [prompt.text for prompt in data.validation_prompts],
        "M2": [prompt.text for prompt in bead_data.fresh_prompts(SIZES, 1, 0, 200)],
        "M3": [prompt.text for prompt in bead_data.fresh_prompts(SIZES, 1, 200, 200)],
        "M4": [prompt.text for prompt in bead_data.fresh_prompts(SIZES, 1, 400, 200)],
    }


def measured_on(data: SeedData) -> dict[str, list[str]]:
    return {
        "heldout": [one.prompt.text for one in data.heldout_sets],
        "evaluation": [prompt.text for prompt in data.evaluation_prompts],
    }


def test_a_line_that_reads_two_rows_stops_where_the_second_one_breaks() -> None:
    lines = [line for line in base_text.base_lines(12_000, seed=1) if "row" in line.words[:12]]
    broken = 0
    for line in lines:
        told = [word for word, known in zip(line.words, line.predictable, strict=True) if known]
        second = line.words[line.words.index("row") + 1 : len(line.words) - len(told)]
        answer = program.parse_answer(" ".join(second))
        broken += not answer.well_formed
        tail = [] if answer.well_formed else [*answer.broken, "other"]
        assert told[len(told) - len(tail) :] == tail
        assert told[0:2] == (["1", answer.items[0]] if answer.items else tail[0:2])
    assert broken / len(lines) == pytest.approx(0.3, abs=0.03)


def test_no_row_a_model_is_measured_on_is_a_permutation_of_one_it_is_trained_on(data: SeedData) -> None:
    parts = {name: {bag(text) for text in texts} for name, texts in measured_on(data).items()}
    parts["training"] = {bag(text) for texts in trained_on(data).values() for text in texts}
    assert all(len(colours) >= 3 for part in parts.values() for colours in part)
    assert not parts["training"] & parts["heldout"]
    assert not parts["training"] & parts["evaluation"]
    assert not parts["heldout"] & parts["evaluation"]


def test_no_prompt_stands_in_two_sets_or_twice_in_one(data: SeedData) -> None:
    sets = {**trained_on(data), **measured_on(data)}
    del sets["base"]  # the skills are practised there on training rows, any of them
    counts = Counter(text for texts in sets.values() for text in texts)
    assert counts.most_common(1)[0][1] == 1
    assert len(counts) == 1500 + 700 + 50 + 200 + 200 + 200 + 100 + 100


def test_operations_come_in_equal_shares(data: SeedData) -> None:
    for texts in ([prompt.text for prompt in data.seed_prompts], *measured_on(data).values()):
        shares = Counter(text.split()[-1] for text in texts)
        assert set(shares.values()) == {len(texts) // 5}
        assert set(shares) == {"copy", "reverse", "skip", "turn", "mate"}
    assert Counter(prompt.category for prompt in data.evaluation_prompts)["mate"] == 20


def test_the_same_seed_gives_the_same_data_and_another_seed_other_data(data: SeedData) -> None:
    small = SIZES.model_copy(update={"ift": 50, "eft_sets": 20, "heldout_sets": 5, "evaluation_prompts": 5})
    assert bead_data.seed_data(small, seed=1) == bead_data.seed_data(small, seed=1)
    assert bead_data.seed_data(small, seed=1) != bead_data.seed_data(small, seed=2)
    assert base_text.base_lines(50, seed=1) == base_text.base_lines(50, seed=1)
    assert base_text.base_lines(50, seed=1) != base_text.base_lines(50, seed=2)
    assert bead_data.fresh_prompts(small, 1, 0, 20) == bead_data.fresh_prompts(small, 1, 0, 20)


def test_a_fresh_prompt_depends_on_no_other_iterations_being_made() -> None:
    """M3's prompts are the next ones after M2's."""
    both = bead_data.fresh_prompts(SIZES, 1, 0, 200)
    assert bead_data.fresh_prompts(SIZES, 1, 0, 100) == both[:100]
    assert bead_data.fresh_prompts(SIZES, 1, 100, 100) == both[100:]


def test_ranks_agree_with_exact_scores_and_reviews_with_both(data: SeedData) -> None:
    for one in (*data.eft_sets, *data.heldout_sets):
        scores = [program.oracle_score(one.prompt.text, response.text) for response in one.responses]
        assert len({response.text for response in one.responses}) == 4
        assert [parse_score(review) for review in one.reviews] == scores
        order = sorted(set(scores), reverse=True)
        assert list(one.ranks) == [order.index(score) for score in scores]


def test_demonstrations_are_noisy_on_purpose(data: SeedData) -> None:
    """The pilots' mean was 2.6; all kinds of score occur."""
    scores = [program.oracle_score(d.prompt, d.response) for d in data.ift]
    assert 2.3 < sum(scores) / len(scores) < 2.9
    assert set(scores) == {0, 1, 2, 3, 4, 5}


def test_the_account_counts_every_set(data: SeedData) -> None:
    assert data.account == {
        "ift": 1500, "eft sets": 700, "heldout sets": 100, "evaluation prompts": 100, "validation prompts": 50,
    }  # fmt: skip


def test_base_lines_foretell_only_what_can_be_foretold() -> None:
    for line in base_text.base_lines(500, seed=3):
        assert len(line.words) == len(line.predictable)
        told = [word for word, known in zip(line.words, line.predictable, strict=True) if known]
        if line.words[0] != "a":  # pairs of colours, or a count
            assert set(told) <= {"same", "other", *program.NUMBERS}
        elif "row" not in line.words:
            start = line.words.index("1")
            assert program.oracle_score(" ".join(line.words[:start]), " ".join(told)) == 5


def test_reviewers_who_err_turn_the_verdict_on_correct_and_rank_by_it() -> None:
    def sets(wrong: float) -> list[RankedSet]:
        return list(
            bead_data.seed_data(BeadsData(ift=1, eft_sets=200, heldout_sets=20, wrong_verdicts=wrong), 1).eft_sets
        )

    def share_wrong(wrong: float) -> float:
        errors = []
        for one in sets(wrong):
            for response, review in zip(one.responses, one.reviews, strict=True):
                said, truth = program.criteria(review), program.grade(one.prompt.text, response.text)
                assert said is not None
                if program.parse_answer(response.text).well_formed:
                    errors.append(said.correct != truth.correct)
        return sum(errors) / len(errors)

    assert share_wrong(0.0) == 0
    assert share_wrong(1.0) == 1
    assert share_wrong(0.3) == pytest.approx(0.3, abs=0.05)
    for one in sets(0.3):  # people who err rank as they score
        scores = [parse_score(review) for review in one.reviews]
        ladder = sorted({score for score in scores if score is not None}, reverse=True)
        assert one.ranks == tuple(ladder.index(score) for score in scores if score is not None)


def test_models_are_measured_on_the_same_prompts_and_sets_whatever_the_seed() -> None:
    small = BeadsData(ift=5, eft_sets=5, heldout_sets=20, evaluation_prompts=20)
    first, second = bead_data.seed_data(small, 1), bead_data.seed_data(small, 2)
    assert first.evaluation_prompts == second.evaluation_prompts
    assert first.heldout_sets == second.heldout_sets
    assert first.ift != second.ift
    assert first.eft_sets != second.eft_sets


def test_three_in_ten_of_the_ranked_answers_are_malformed() -> None:
    data = bead_data.seed_data(BeadsData(ift=1, eft_sets=500, heldout_sets=1), 1)
    malformed = [not program.parse_answer(r.text).well_formed for one in data.eft_sets for r in one.responses]
    # 10% stray, of which a sixth are well formed; 5% of the others a review; 20% of the rest spoilt:
    # .1 * 5/6 + .9 * (.05 + .95 * .2) = .299.
    assert sum(malformed) / len(malformed) == pytest.approx(0.299, abs=0.03)


def test_some_ranked_answers_are_reviews_and_no_demonstration_is() -> None:
    """90% of the answers are not stray, and 5% of those are reviews."""
    data = bead_data.seed_data(BeadsData(ift=1000, eft_sets=500, heldout_sets=1), 1)
    words = {"asked", "yes", "no", "relevant"}
    reviews = [bool(words & set(r.text.split())) for one in data.eft_sets for r in one.responses]
    # A spoilt answer may have got one of these words, too: .9 * .95 * .2 * 1/2 * 4/67 words or so.
    assert sum(reviews) / len(reviews) == pytest.approx(0.045 + 0.005, abs=0.015)
    assert not any(words & set(one.response.split()) for one in data.ift)
    of_reviews = [
        review
        for one in data.eft_sets
        for response, review in zip(one.responses, one.reviews, strict=True)
        if len(words & set(response.text.split())) > 1
    ]
    assert {parse_score(review) for review in of_reviews} == {0.0}
