"""The arithmetic of spin, cream, temporal and rest: rankings, consistency, schedules, pairs and thresholds by hand."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from srlm.errors import DataError, SettingsError
from srlm.methods.base import Generation, Lengths, Optimisation, find_method, method_of
from srlm.methods.cream import kept_agreement, log_ratios, per_token, rank_agreement, weighted_pairs
from srlm.methods.length_regularised import with_margin
from srlm.methods.rest import RestSettings, improve
from srlm.methods.rewarded import rewarded_answers
from srlm.methods.run import Run
from srlm.methods.spin import training_of, with_those_before
from srlm.methods.temporal import future_pairs
from srlm.records import AnswerLikelihood, PreferencePair, Prompt, RankAgreement, Response, SeedData, Step
from srlm.rewards.base import keep_rewards
from srlm.run_file import load
from srlm.selection import Paired, pair, pair_across
from srlm.store import files

ROOT = Path(__file__).resolve().parents[3]
TINY = ROOT / "tests/tiny.yaml"
OFFLINE = ("spin", "cream", "temporal", "length_regularised", "rest")
PROMPT, OTHER = (Prompt.of(f"a gold b {word} copy", "beads") for word in ("red", "blue"))


def likelihood(number: float | None, tokens: int = 1) -> AnswerLikelihood:
    return AnswerLikelihood(response_id="r", model="M1", tokens=tokens, log_probability=number)


# CREAM ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "before", "tau"),
    [
        pytest.param([1.0, 2.0, 3.0, 4.0], [-9.0, -5.0, 0.5, 0.6], 1.0, id="the-same-order"),
        pytest.param([1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0], -1.0, id="the-opposite-order"),
        # Of six pairs one is turned round (the first two): (5 - 1) / 6.
        pytest.param([1.0, 2.0, 3.0, 4.0], [2.0, 1.0, 3.0, 4.0], 4 / 6, id="one-pair-turned-round"),
        # Ranks 1 3 2 against 2 1 3. Pairs: up, down; up, up; down, up: (1 - 2) / 3.
        pytest.param([1.0, 9.0, 2.0], [5.0, 3.0, 7.0], -1 / 3, id="three-answers"),
        # Equals rank as they were drawn, in both: 1 2 3 against 1 2 3.
        pytest.param([1.0, 1.0, 1.0], [2.0, 2.0, 2.0], 1.0, id="all-equal"),
        # Ranks 1 2 3 against 3 1 2 (the equals 0 and 0 stand as drawn): down, down, up: (1 - 2) / 3.
        pytest.param([1.0, 2.0, 3.0], [4.0, 0.0, 0.0], -1 / 3, id="equals-in-one"),
    ],
)
def test_consistency_is_kendalls_tau_of_ordinal_ranks_brought_to_0_to_1(
    now: list[float], before: list[float], tau: float
) -> None:
    found = rank_agreement(PROMPT, now, before)
    assert found.tau == pytest.approx(tau)
    assert found.consistency == pytest.approx((tau + 1) / 2)
    assert found.fault() is None


def test_fewer_than_two_answers_have_no_order() -> None:
    assert rank_agreement(PROMPT, [1.0], [2.0]) == RankAgreement(
        prompt_id=PROMPT.id, answers=1, tau=None, consistency=None
    )
    odd = RankAgreement(prompt_id=PROMPT.id, answers=1, tau=0.5, consistency=0.75)
    assert odd.fault() == "1 ranked answers and a tau of 0.5"
    wrong = RankAgreement(prompt_id=PROMPT.id, answers=3, tau=0.5, consistency=0.5)
    assert wrong.fault() == "its consistency is not (tau + 1) / 2"


def test_the_implicit_reward_is_a_difference_of_sums_and_m0s_is_a_mean() -> None:
    """log M1 - log M0: -4 - -6 = 2, -6 - -5 = -1; by M0 alone -6 / 3 = -2 a token, -5 / 2 = -2.5."""
    mine, base = [likelihood(-4.0, 3), likelihood(-6.0, 2)], [likelihood(-6.0, 3), likelihood(-5.0, 2)]
    assert log_ratios(mine, base) == [2.0, -1.0]
    assert per_token(base) == [-2.0, -2.5]
    assert log_ratios([likelihood(None), likelihood(-1.0)], [likelihood(-1.0), likelihood(None)]) == [None, None]
    assert per_token([likelihood(None, 3), likelihood(0.0, 0)]) == [None, None]
    # An answer of no word is as likely by every model: that is no reward of 0, but none.
    assert log_ratios([likelihood(0.0, 0)], [likelihood(0.0, 0)]) == [None]


@pytest.mark.parametrize("consistency", ["set", "prompt"])
def test_a_pair_s_label_is_as_sure_as_its_prompt_or_as_all_prompts_together(consistency: str, tmp_path: Path) -> None:
    """The models agree on the first prompt's three answers, and on the other's two pairs of three are turned round:
    tau 1 and (1 - 2) / 3, C 1 and 1/3, their mean 2/3. The rewards are M_t's."""
    run = Run(load(TINY, [f"runs={tmp_path}", "method=cream", f"method.consistency={consistency}"]))
    own = [*answers(PROMPT, "M1", ["a", "b", "c"]), *answers(OTHER, "M1", ["d", "e", "f"])]
    now, before = rewards(own, [1, 2, 3, 1, 9, 2]), rewards(own, [4, 5, 6, 5, 3, 7])
    agreement = kept_agreement(run, of_turn(2), [PROMPT, OTHER], own, now, before)
    found = weighted_pairs(run, of_turn(2), [PROMPT, OTHER], own, now, before, agreement)
    assert [(one.chosen_id, one.rejected_id) for one in found.pairs] == [(own[2].id, own[0].id), (own[4].id, own[3].id)]
    weights = {"set": [2 / 3, 2 / 3], "prompt": [1.0, 1 / 3]}[consistency]
    assert [one.label_weight for one in found.pairs] == pytest.approx(weights)
    assert found.counts["consistency mean"] == pytest.approx(2 / 3)


# SPIN -----------------------------------------------------------------------------------------------------------------


def of_turn(t: int) -> Step:
    return Step(name=f"M{t}", parent=f"M{t - 1}", role="iteration", number=t)


def test_spins_default_schedule_is_the_papers_and_its_last_values_hold_on() -> None:
    """5e-7 twice, then 1e-7; beta .1 three times, then 5; the final rate stays a tenth of the first, as dpo has it."""
    settings = load(TINY, ["method=spin", "dpo.learning_rate=1e-6", "dpo.final_learning_rate=1e-7"])
    found = [training_of(settings, of_turn(t)) for t in (2, 3, 4, 5, 6)]
    assert [one.beta for one in found] == [0.1, 0.1, 0.1, 5.0, 5.0]
    assert [one.learning_rate for one in found] == [5e-7, 5e-7, 1e-7, 1e-7, 1e-7]
    assert [one.final_learning_rate for one in found] == pytest.approx([5e-8, 5e-8, 1e-8, 1e-8, 1e-8])
    assert {one.max_steps for one in found} == {6}  # the rest is the section dpo


def test_a_schedule_needs_values_above_zero() -> None:
    for wrong in ("betas=[]", "betas=[0.1, 0]", "learning_rates=[-1]", "prompts=0"):
        with pytest.raises(SettingsError, match=r"method\."):
            method_of(load(TINY, ["method=spin", f"method.{wrong}"]))


def test_a_turn_of_spin_is_trained_on_its_own_pairs_and_on_those_of_the_turn_before(tmp_path: Path) -> None:
    run = Run(load(TINY, [f"runs={tmp_path}", "method=spin"]))
    human, *written = answers(PROMPT, "human", ["a", "b", "c", "d"])
    of_2, of_3, of_4 = ([PreferencePair.of(PROMPT, human, own, 1.0, 0.0)] for own in written)
    files.write(run.path("M2", "pairs.jsonl"), of_2)
    files.write(run.path("M3", "pairs.jsonl"), of_3)
    for turn, own, expected in ((2, of_2, of_2), (3, of_3, [*of_3, *of_2]), (4, of_4, [*of_4, *of_3])):
        found = with_those_before(run, of_turn(turn), Paired(own, {}))
        assert found.pairs == expected
        assert found.counts["pairs of the iteration before"] == len(expected) - 1


# Temporal -------------------------------------------------------------------------------------------------------------


def answers(prompt: Prompt, author: str, texts: Sequence[str]) -> list[Response]:
    return [Response.of(prompt.id, text, author, draw, "stop") for draw, text in enumerate(texts)]


def rewards(responses: Sequence[Response], numbers: Sequence[float | None]) -> dict[str, float]:
    return {one.id: number for one, number in zip(responses, numbers, strict=True) if number is not None}


def test_the_best_of_the_one_stands_against_the_worst_of_the_other() -> None:
    """New: 2, 5, 4. Old: 3, 1, 4. Chosen the 5, rejected the 1; the new 2 and the old 4 have no part."""
    new, old = answers(PROMPT, "M2", ["a", "b", "c"]), answers(PROMPT, "M1", ["d", "e", "f"])
    found = pair_across([PROMPT], new, old, rewards([*new, *old], [2, 5, 4, 3, 1, 4]))
    (made,) = found.pairs
    assert (made.chosen_id, made.rejected_id, made.margin) == (new[1].id, old[1].id, 4.0)
    assert (found.counts["pairs"], found.counts["responses"], found.counts["responses scored"]) == (1, 6, 6)


def test_a_prompt_on_which_the_old_answers_are_no_worse_gives_no_pair() -> None:
    new, old = answers(PROMPT, "M2", ["a", "b"]), answers(PROMPT, "M1", ["d", "e"])
    found = pair_across([PROMPT, OTHER], new, old, rewards([*new, *old], [2, 3, 3, 4]))
    assert found.pairs == []
    assert found.counts["prompts whose rejected answers are no worse"] == 1
    assert found.counts["prompts with fewer than two scored answers"] == 1  # the other prompt's


def test_among_equals_the_first_is_chosen_and_the_same_words_are_passed_over() -> None:
    """Future 4 and present 4: the future's comes first. The anchor's worst says the same: its next worst is taken."""
    future, present = answers(PROMPT, "future", ["a"]), answers(PROMPT, "M2", ["b"])
    old = answers(PROMPT, "M1", ["a", "d"])
    found = pair_across([PROMPT], [*future, *present], old, rewards([*future, *present, *old], [4, 4, 1, 2]))
    assert (found.pairs[0].chosen_id, found.pairs[0].rejected_id) == (future[0].id, old[1].id)
    assert found.counts["prompts with the next pair instead"] == 1


def test_the_chosen_answer_is_the_best_of_the_future_model_and_of_the_present_one() -> None:
    """First prompt: future 5, present 4, the anchor's 1 and 2. Other prompt: future 2, present 3, the anchor's 0."""
    future, present = ([*answers(PROMPT, who, [f"{who} a"]), *answers(OTHER, who, [f"{who} b"])] for who in ("F", "P"))
    old = [*answers(PROMPT, "M1", ["c", "d"]), *answers(OTHER, "M1", ["e"])]
    given = rewards([*future, *present, *old], [5, 2, 4, 3, 1, 2, 0])
    found = future_pairs([PROMPT, OTHER], future, present, old, given)
    assert [(one.chosen_id, one.rejected_id, one.margin) for one in found.pairs] == [
        (future[0].id, old[0].id, 4.0),
        (present[1].id, old[2].id, 3.0),
    ]
    assert found.counts["pairs with a chosen answer of the future model"] == 1


def test_where_both_sides_are_the_same_answers_it_is_the_loops_pair() -> None:
    own = [*answers(PROMPT, "M1", ["a", "b", "c"]), *answers(OTHER, "M1", ["a", "a", "b"])]
    given = rewards(own, [1, 4, 2, None, 3, 2])
    assert pair_across([PROMPT, OTHER], own, own, given) == pair([PROMPT, OTHER], own, given)


# ReST -----------------------------------------------------------------------------------------------------------------


def test_an_improve_step_takes_the_ended_answers_above_its_threshold(tmp_path: Path) -> None:
    """Rewards 4, 3, 5 (cut), none, 3.5; above 3: the first and the last."""
    own = answers(PROMPT, "M1", ["a", "b", "c", "d", "e"])
    own[2] = own[2].model_copy(update={"finish": "length"})
    files.write(tmp_path / "prompts.jsonl", [PROMPT])
    files.write(tmp_path / "responses.jsonl", own)
    keep_rewards(tmp_path, "rules", own, [4, 3, 5, None, 3.5])
    found = rewarded_answers(tmp_path, lambda reward: reward > 3)
    assert [(one.prompt, one.response, one.source_id) for one in found] == [
        (PROMPT.text, "a", own[0].id),
        (PROMPT.text, "e", own[4].id),
    ]


def test_each_improve_step_has_a_threshold_of_its_own(tmp_path: Path) -> None:
    """The highest reward is 3: above the first two thresholds, and not above the third."""
    run = Run(load(TINY, [f"runs={tmp_path}", "method=rest", "method.thresholds=[1, 2, 3]"]))
    grown, last = (one for one in find_method("rest").steps(run.settings, 2) if one.name in ("M2-grow", "M2"))
    own = answers(PROMPT, "M1", ["a", "b"])
    files.write(run.path(grown.name, "prompts.jsonl"), [PROMPT])
    files.write(run.path(grown.name, "responses.jsonl"), own)
    keep_rewards(run.folder.step(grown.name), "rules", own, [3, 1])
    nothing = SeedData(
        ift=(), seed_prompts=(), eft_sets=(), heldout_sets=(), evaluation_prompts=(), validation_prompts=(), account={}
    )
    with pytest.raises(DataError, match="M2: no answer of M2-grow that ended has a reward above 3;"):
        improve(run, last, grown, 2, nothing)


def test_thresholds_must_rise() -> None:
    assert RestSettings(thresholds=(1, 2)).thresholds == (1.0, 2.0)
    with pytest.raises(ValidationError, match="thresholds must rise"):
        RestSettings(thresholds=(1, 2, 2))
    with pytest.raises(SettingsError, match=r"method\.thresholds"):
        method_of(load(TINY, ["method=rest", "method.thresholds=[]"]))


def test_every_improve_step_is_trained_from_the_one_before() -> None:
    settings = load(TINY, ["method=rest", "method.thresholds=[1, 2, 3]"])
    steps = find_method("rest").steps(settings, 3)[4:]
    assert [(one.name, one.parent, one.role, one.number) for one in steps] == [
        ("M2-grow", None, "intermediate", 2),
        ("M2-improve-1", "M1", "intermediate", 2),
        ("M2-improve-2", "M2-improve-1", "intermediate", 2),
        ("M2", "M2-improve-2", "iteration", 2),
        ("M3-grow", None, "intermediate", 3),
        ("M3-improve-1", "M2", "intermediate", 3),
        ("M3-improve-2", "M3-improve-1", "intermediate", 3),
        ("M3", "M3-improve-2", "iteration", 3),
    ]


# What each takes, and refuses -----------------------------------------------------------------------------------------


def work(*words: str) -> list[tuple[str, int]]:
    """Name and number of calls or examples of what comes after M1."""
    settings = load(TINY, list(words))
    every = list(method_of(settings).work(settings, Lengths(10, 8, 8)))
    named = [(one.name, one.calls if isinstance(one, Generation) else one.examples) for one in every]
    return [one for one in named if one[0][0] == "M" and one[0][1] != "1"]


def test_the_work_of_each_method_is_counted() -> None:
    """24 prompts a turn, two answers each, two judgements an answer; 40 IFT examples, 48 EFT ones."""
    assert work("method=spin", "iterations=3") == [
        ("M2: answers to IFT prompts", 40),
        ("M2: DPO", 40),
        ("M3: answers to IFT prompts", 40),
        ("M3: DPO", 80),
    ]
    assert work("method=spin", "method.prompts=10") == [("M2: answers to IFT prompts", 10), ("M2: DPO", 10)]
    likelihoods = [("M2: likelihoods by M1", 48), ("M2: likelihoods by M0", 48)]
    assert work("method=cream") == [("M2: candidates", 24), *likelihoods, ("M2: DPO", 24)]
    assert [name for name, _ in work("method=cream", "iterations=3") if name.startswith("M3: l")] == [
        "M3: likelihoods by M2",
        "M3: likelihoods by M1",
        "M3: likelihoods by M0",
    ]
    assert work("method=temporal") == [
        ("M2-future: candidates", 24),
        ("M2-future: judgements", 48),
        ("M2-future: DPO", 24),
        ("M2: candidates", 24),
        ("M2: judgements", 48),
        ("M2: DPO", 24),
    ]
    anchored = work("method=temporal", "method.anchor=SFT")
    assert anchored[2:4] == [("M2-future, anchor: answers", 24), ("M2-future, anchor: judgements", 48)]
    assert work("method=rest", "method.thresholds=[1, 2]") == [
        ("M2-grow: candidates", 24),
        ("M2-grow: judgements", 48),
        ("M2-improve-1: supervised fine-tuning", 40 + 48),
        ("M2: supervised fine-tuning", 40 + 48),
    ]
    assert work("method=rest", "method.thresholds=[1]", "method.replay=seeds")[-1] == (
        "M2: supervised fine-tuning",
        40 + 48 + 48,
    )
    assert work("method=length_regularised") == work("method=self_rewarding")


def test_every_training_of_spin_is_estimated_with_its_own_schedule() -> None:
    settings = load(TINY, ["method=spin", "method.learning_rates=[1e-3, 2e-3]", "iterations=3"])
    trained = [one for one in method_of(settings).work(settings, Lengths(10, 8, 8)) if isinstance(one, Optimisation)]
    assert [one.training.learning_rate for one in trained if one.pairs] == [1e-3, 2e-3]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["method=spin", "reward.kind=random"], "reward: method spin does not use this section; remove it"),
        (["method=spin", "selection.flip=true"], "selection: method spin does not use this section; remove it"),
        (["method=cream", "reward.kind=world"], "reward: method cream does not use this section; remove it"),
        (["method=temporal", "selection.kind=length_controlled"], "selection: method temporal does not use"),
        (["method=rest", "selection.flip=true"], "selection: method rest does not use this section; remove it"),
        (["method=length_regularised", "dpo.length_margin=0.1"], r"dpo.length_margin 0\.1: method length_regularised"),
    ],
)
def test_a_setting_without_effect_is_refused(words: list[str], said: str) -> None:
    settings = load(TINY, words)
    method: Any = method_of(settings)
    with pytest.raises(SettingsError, match=said):
        method.check(settings, 2)


@pytest.mark.parametrize("name", OFFLINE)
def test_nothing_is_refused_as_it_comes(name: str) -> None:
    settings = load(TINY, [f"method={name}"])
    method: Any = method_of(settings)
    method.check(settings, 2)
    assert method.inputs(settings) == {}


def test_the_length_margin_of_the_method_is_the_one_that_is_trained_with() -> None:
    trained = with_margin(load(TINY, ["method=length_regularised", "method.alpha=0.3"]))
    assert (trained.length_margin, trained.beta, trained.max_steps) == (0.3, 0.1, 6)


@pytest.mark.parametrize("name", [f"{name}{end}" for name in OFFLINE for end in ("", "-smollm2")])
def test_its_run_file_loads(name: str) -> None:
    settings = load(ROOT / f"configs/methods/{name}.yaml")
    assert settings.name == name
    assert settings.method.name == name.removesuffix("-smollm2")
    method: Any = method_of(settings)
    method.check(settings, 2)


def test_new_records_are_read_back_as_they_were(tmp_path: Path) -> None:
    from srlm.methods.recognised import kind_of

    kept = {"a": likelihood(-1.5, 3), "b": rank_agreement(PROMPT, [1.0, 2.0], [2.0, 1.0])}
    for name, record in kept.items():
        files.write(tmp_path / f"{name}.jsonl", [record])
        assert kind_of(tmp_path / f"{name}.jsonl") is type(record)
        assert files.read(tmp_path / f"{name}.jsonl", type(record)) == [record]
        assert json.loads((tmp_path / f"{name}.jsonl").read_text()) == record.model_dump()


def test_a_model_that_answers_as_people_do_has_nothing_to_learn(tmp_path: Path) -> None:
    from srlm.methods.spin import AskedOfPeople, against_people
    from srlm.records import Demonstration

    run = Run(load(TINY, [f"runs={tmp_path}", "method=spin"]))
    human = Demonstration.of("ift", PROMPT.text, "1 gold 2 red .", "source")
    asked = [AskedOfPeople(PROMPT, human)]
    with pytest.raises(DataError, match=r"M2: all 1 answer has the words of the human ones.*stop at M1"):
        against_people(run, of_turn(2), asked, answers(PROMPT, "M1", ["1 gold 2 red . "]))
    found = against_people(run, of_turn(2), asked, answers(PROMPT, "M1", ["1 gold ."]))
    (made,) = found.pairs
    assert (made.chosen_id, made.chosen[0].content, made.rejected[0].content) == (
        human.id,
        "1 gold 2 red .",
        "1 gold .",
    )
