"""Skills that a run of the bead world may ask for, and that a run which asks for none is what it always was."""

import random
import re
from importlib import resources
from pathlib import Path

import pytest

from srlm.errors import SettingsError
from srlm.judge import rubric
from srlm.judge.meta_judge import MetaItem
from srlm.judge.meta_judge import load as meta_template
from srlm.methods.start import skill_demonstrations
from srlm.records import digest
from srlm.run_file import load
from srlm.text.score import parse_score, without_score
from srlm.worlds.beads import data as bead_data
from srlm.worlds.beads.settings import BeadsData
from srlm.worlds.beads.skills import meta_judge
from srlm.worlds.beads.skills.table import SKILLS, chosen
from srlm.worlds.table import WORLDS

CHECKOUT = Path(__file__).resolve().parents[4]
SMALL = {"base_lines": 50, "ift": 5, "eft_sets": 60, "heldout_sets": 5, "evaluation_prompts": 5}


@pytest.mark.parametrize(
    ("file", "settings_digest", "lines", "data", "prompts"),
    [
        ("configs/pocket.yaml", "83155f72268fe164", "a0c76c0a60d99eeb", "8a7127a2072ad594", "bf6881eb8873be24"),
        ("tests/tiny.yaml", "e7a1fc8f58782e24", "f9ad26f9e6d577d5", "cb65ef6a815ad471", "bb587742eb026b02"),
    ],
)
def test_a_run_without_skills_has_the_settings_text_and_data_that_it_had_before_there_were_any(
    file: str, settings_digest: str, lines: str, data: str, prompts: str
) -> None:
    """The digests were taken before the setting came; of the pocket run's data a smaller draw is enough."""
    settings = load(CHECKOUT / file)
    assert settings.digest == settings_digest
    if settings.data.eft_sets > 50:
        settings = load(CHECKOUT / file, ["data.base_lines=500", "data.ift=200", "data.eft_sets=50"])
    world, own = WORLDS["beads"], settings.data
    seeds = world.seed_data(own, 1)
    assert digest(list(world.vocabulary(own))) == "82b8591f691e8d05"
    assert digest([list(line) for line in world.base_lines(own, 1)]) == lines
    assert digest(seeds.model_dump(mode="json")) == data
    assert digest([prompt.id for prompt in world.fresh_prompts(own, 1, 0, 50)]) == prompts
    assert skill_demonstrations(settings, seeds) == []


def test_a_skill_that_is_not_in_the_table_is_refused_with_those_that_are() -> None:
    with pytest.raises(SettingsError, match=r"data\.skills: .*no such skill: juggling; there are meta_judge"):
        load(CHECKOUT / "tests/tiny.yaml", ["data.skills=[juggling]"])


def test_the_order_in_which_skills_are_named_changes_nothing() -> None:
    assert BeadsData(skills=tuple(SKILLS)) == BeadsData(skills=tuple(reversed(SKILLS)))


@pytest.mark.parametrize("name", SKILLS)
def test_a_skill_leaves_all_other_text_as_it_is_and_its_words_stand_behind_the_others(name: str) -> None:
    world, without, own = WORLDS["beads"], BeadsData(**SMALL), BeadsData(**SMALL, skills=(name,))
    words = world.vocabulary(own)
    assert words[: len(world.vocabulary(without))] == world.vocabulary(without)
    assert len(words) == len(set(words))
    assert world.seed_data(own, 1) == world.seed_data(without, 1)
    lines = world.base_lines(own, 1)
    assert lines[:50] == world.base_lines(without, 1)
    demonstrations = world.demonstrations(own, world.seed_data(own, 1), 1)
    assert lines[50:] or demonstrations
    assert {word for line in lines for word in line.words} <= set(words)
    assert {word for one in demonstrations for word in f"{one.prompt} {one.response}".split(" ")} <= set(words)
    assert next(chosen([name])).words == tuple(words[len(world.vocabulary(without)) :])


def test_what_the_meta_judge_s_teacher_writes_is_its_review_and_who_agrees_with_it() -> None:
    review = "1 red a red yes 2 blue b pink no asked three given two relevant yes correct no count no clean yes"
    first = "1 red a red yes 2 blue b pink yes asked three given two relevant yes correct yes count no clean yes"
    second = review.replace("count no clean yes", "count yes clean no")
    assert meta_judge.comparison(review, first, second) == (
        "1 red a red yes 2 blue b pink no asked three given two "
        "relevant yes same same correct no other same count no same other clean yes same other \n winner : judgement a"
    )
    assert meta_judge.comparison(review, second, first).endswith("clean yes other same \n winner : judgement b")


def test_a_slip_turns_verdicts_and_the_marks_that_go_with_correct() -> None:
    review = "1 red a red yes 2 blue b blue yes asked two given two relevant yes correct yes count yes clean yes"
    seen = {meta_judge.slipped(review, 1, random.Random(seed)) for seed in range(60)}
    marked = "1 red a red {} 2 blue b blue {} asked two given two relevant yes correct no count yes clean yes"
    form = "1 red a red yes 2 blue b blue yes asked two given two relevant {} correct yes count {} clean {}"
    assert seen == {
        marked.format("no", "yes"), marked.format("yes", "no"),
        form.format("no", "yes", "yes"), form.format("yes", "no", "yes"), form.format("yes", "yes", "no"),
    }  # fmt: skip
    wrong = review.replace("b blue yes", "b pink no").replace("correct yes", "correct no")
    cured = wrong.replace("b pink no", "b pink yes").replace("correct no", "correct yes")
    assert cured in {meta_judge.slipped(wrong, 1, random.Random(seed)) for seed in range(60)}
    assert meta_judge.slipped(review, 0, random.Random(1)) == review


def test_the_judgements_that_are_compared_come_from_the_training_text_and_show_no_score() -> None:
    data = bead_data.seed_data(BeadsData(**SMALL), 1)
    made = meta_judge.demonstrations(data.eft_sets, 1)
    assert made == meta_judge.demonstrations(data.eft_sets, 1) != meta_judge.demonstrations(data.eft_sets, 2)
    assert len(made) == 60
    reviews = [without_score(review) for one in data.eft_sets for review in one.reviews]
    template = resources.files("srlm.worlds.beads").joinpath("templates/beads_meta.txt").read_text(encoding="utf-8")
    form = re.compile(re.sub(r"\\{\w+\\}", "(.+)", re.escape(template.strip())))
    winners, whole = [], 0
    for one in made:
        found = form.fullmatch(one.prompt)
        assert found is not None and one.kind == "eft"
        prompt, answer, first, second = found.groups()
        assert "score" not in f"{first} {second} {one.response}"
        assert prompt in {each.prompt.text for each in data.eft_sets}
        head, said = meta_judge._parts(first)
        whole += first in reviews or second in reviews
        assert len(said) == 4 and "asked" in head and answer
        winners.append(one.response[-1])
        same = [re.findall(r"(same|other) (same|other)", one.response).count(("same", "other"))]
        same.append(re.findall(r"(same|other) (same|other)", one.response).count(("other", "same")))
        assert (same[0] > same[1]) == (one.response[-1] == "a")
    assert whole > 30  # six in ten copies have no slip
    assert 15 < winners.count("a") < 45
    assert all(parse_score(one.response) is None for one in made)


def test_the_meta_judge_s_skill_is_asked_as_the_method_asks() -> None:
    """Its own template shows a judgement without its score as the method takes it out."""
    sets = bead_data.seed_data(BeadsData(**SMALL), 1).eft_sets
    template = meta_template("beads", rubric.load("beads"))
    slots = re.compile(r"compare : (.+) response : (.+) judgement a : (.+) judgement b : (.+)")
    for one in meta_judge.demonstrations(sets, 1):
        found = slots.fullmatch(one.prompt)
        assert found is not None
        names = ("prompt", "response", "first", "second")
        assert one.prompt == template.shown(MetaItem(**dict(zip(names, found.groups(), strict=True))))
        assert template.read(one.response).preference == float(one.response.endswith("a"))


def test_the_exact_program_is_not_asked_people_who_err_teach_their_errors() -> None:
    data = bead_data.seed_data(BeadsData(**SMALL, wrong_verdicts=1.0), 1)
    by_id = {
        response.id: review
        for one in data.eft_sets
        for response, review in zip(one.responses, one.reviews, strict=True)
    }
    assert len(by_id) == 240
    for one in meta_judge.demonstrations(data.eft_sets, 1):
        head, verdicts = one.response.partition(" \n winner")[0].split(" relevant ")
        said = f"{head} relevant {re.sub(' (?:same|other)', '', verdicts)}"
        assert said in {without_score(review) for review in by_id.values()}
