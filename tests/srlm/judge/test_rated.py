"""Human judgements of many sets as one form of text."""

import pytest

from srlm.data.human_ranking import HumanRanking
from srlm.data.overlap import EvaluationPrompts
from srlm.errors import SettingsError
from srlm.judge.pair_template import load
from srlm.judge.rated import Rated, portion, rated, refuse_form, verdict_text
from srlm.judge.rubric import load as load_rubric
from srlm.records import Demonstration, Prompt, RankedSet, Response


def ranking(text: str, answers: list[str], ranks: list[int], reviews: tuple[str, ...] = ()) -> HumanRanking:
    prompt = Prompt.of(text, "test")
    responses = tuple(Response.of(prompt.id, answer, "human", n) for n, answer in enumerate(answers))
    return HumanRanking(ranked=RankedSet.of(prompt, responses, tuple(ranks), reviews), group=prompt.id)


FRUIT = ranking("Name a fruit.", ["Apple.", "Stone.", "Pear."], [0, 1, 0])


def of(template: str, *sets: HumanRanking, measured: tuple[Prompt, ...] = (), most: int = 100, seed: int = 1) -> Rated:
    return rated(sets, load(template), None, EvaluationPrompts(measured), most=most, seed=seed)


def test_the_verdict_names_the_answer_that_people_ranked_higher_wherever_it_stands() -> None:
    """Apple and pear tie, which a letter cannot say."""
    seen = set()
    for seed in range(12):
        found = of("letter", FRUIT, seed=seed)
        assert found.counts == {"rankings": 1, "dropped pairs: a tie": 1, "examples": 2}
        for one in found.examples:
            stone_first = one.prompt.index("Stone.") < max(one.prompt.find("Apple."), one.prompt.find("Pear."))
            assert one.response == ("B" if stone_first else "A")
            seen.add(one.response)
    assert seen == {"A", "B"}


def test_a_form_of_words_says_a_tie() -> None:
    said = {one.response for seed in range(9) for one in of("brackets", FRUIT, seed=seed).examples}
    assert said == {"[[A]]", "[[B]]", "[[C]]"}
    assert len(of("brackets", FRUIT).examples) == 3
    assert [load("brackets").read(text).preference for text in ("[[A]]", "[[B]]", "[[C]]")] == [1.0, 0.0, 0.5]
    assert verdict_text(load("letter"), 0.5) is None


def test_a_prompt_on_which_a_judge_is_measured_trains_none() -> None:
    other = ranking("What is the capital of France?", ["Paris.", "Rome."], [0, 1])
    found = of("letter", FRUIT, other, measured=(Prompt.of("name a FRUIT", "heldout"),))
    assert [one.response in "AB" and "capital" in one.prompt for one in found.examples] == [True]
    assert found.counts["dropped: a judge is measured on its prompt"] == 1


def test_answers_of_the_same_words_are_no_pair_and_an_example_stands_once() -> None:
    same = ranking("Say hello.", ["Hello.", " Hello. ", "No."], [0, 1, 2])
    found = of("letter", same, same)
    assert found.counts["dropped pairs: the same words"] == 2
    assert found.counts["dropped examples: stand twice"] == 2
    assert found.counts["examples"] == 2


def test_of_a_large_set_so_many_are_taken_drawn_by_the_seed() -> None:
    sets = [ranking(f"Question {n}?", [f"Good {n}.", f"Bad {n}."], [0, 1]) for n in range(50)]
    found = of("letter", *sets, most=8)
    assert (len(found.examples), found.counts["dropped examples: more than are taken of a set"]) == (8, 42)
    assert found == of("letter", *sets, most=8)
    assert found.examples != of("letter", *sets, most=8, seed=2).examples


def test_reviews_that_end_with_a_score_are_taught_as_the_pointwise_judge_writes_them() -> None:
    one = ranking("Name a fruit.", ["Apple.", "Stone."], [0, 1], ("Right.\nScore: 5", "Wrong."))
    found = rated([one], load("letter"), load_rubric("additive"), EvaluationPrompts(()), most=9, seed=1)
    assert [example.response for example in found.examples][1:] == ["Right.\nScore: 5"]
    assert "<response>\nApple.\n</response>" in found.examples[1].prompt
    assert found.counts["dropped reviews: no score"] == 1


def test_the_mixture_is_in_proportion_and_begins_anew_when_all_were_taken() -> None:
    """40 of one set and 10 of the other: 50 a pass, each once; the second pass has another order."""
    sets = {
        name: [Demonstration.of("eft", f"{name} {n}", "A", "source") for n in range(size)]
        for name, size in (("large", 40), ("small", 10))
    }
    first, second = portion(sets, 3, 0, 50), portion(sets, 3, 50, 50)
    every = {one.id for examples in sets.values() for one in examples}
    assert {one.id for one in first} == {one.id for one in second} == every
    assert first != second
    assert portion(sets, 3, 20, 60) == [*first[20:], *second[:30]]
    assert sum(one.prompt.startswith("small") for one in portion(sets, 3, 0, 25)) in range(1, 10)
    assert portion({"none": []}, 3, 0, 5) == []


def test_a_template_that_wants_more_than_a_verdict_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"method\.template scores: asks for scores, and rankings say only which"):
        refuse_form(load("scores"), "method.template")
