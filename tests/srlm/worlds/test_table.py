"""What every world keeps, and that nothing else under srlm knows one by name."""

import re
from importlib import resources
from pathlib import Path
from typing import Any, get_args

import pytest

from srlm.errors import DataError
from srlm.judge import rubric
from srlm.settings import Settings, fields
from srlm.text.score import parse_score
from srlm.worlds.table import KINDS, TEMPLATES, TITLES, WORLDS, WorldData

CHECKOUT = Path(__file__).resolve().parents[3]
SMALL = {"ift": 20, "eft_sets": 6, "heldout_sets": 5, "evaluation_prompts": 7, "validation_prompts": 3}
"""Sizes that every world has."""
IN_EVAL = ("eval/benchmarks/beads/", "eval/benchmarks/table.py")
"""Where the harness names the beads: their benchmark and its line in the table."""


def naming_the_beads(root: str) -> list[str]:
    files = [path for path in (CHECKOUT / root).rglob("*") if path.is_file() and path.suffix != ".pyc"]
    return sorted(
        path.relative_to(CHECKOUT).as_posix()
        for path in files
        if re.search("bead", path.name + path.read_text(encoding="utf-8"), re.IGNORECASE)
    )


def test_no_file_of_the_trainer_outside_the_worlds_names_the_beads() -> None:
    named = naming_the_beads("srlm")
    assert "srlm/worlds/table.py" in named  # the search finds what it looks for
    assert [path for path in named if not path.startswith("srlm/worlds/")] == []


def test_of_the_harness_only_their_benchmark_names_the_beads() -> None:
    assert [path for path in naming_the_beads("eval") if not path.startswith(IN_EVAL)] == []


def test_one_line_of_general_code_names_a_world() -> None:
    outside = [path for path in naming_the_beads("srlm/worlds") if not path.startswith("srlm/worlds/beads/")]
    assert outside == ["srlm/worlds/base.py", "srlm/worlds/table.py"]


def settings_class(kind: str) -> Any:
    """The settings of a world, from the union of them all."""
    classes = {one.model_fields["kind"].default: one for one in get_args(WorldData) or (WorldData,)}
    assert list(classes) == list(WORLDS)
    return classes[kind]


@pytest.fixture(params=list(WORLDS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_run_file_chooses_a_world_by_its_kind(kind: str) -> None:
    settings = Settings.model_validate({"name": "x", "model": {"base": "scratch"}, "data": {"kind": kind}})
    assert isinstance(settings.data, settings_class(kind))


def test_settings_that_were_written_and_read_again_are_the_same(kind: str) -> None:
    settings = Settings.model_validate({"name": "x", "model": {"base": "scratch"}, "data": {"kind": kind}})
    again = Settings.model_validate_json(settings.model_dump_json())
    assert (again.data, again.digest) == (settings.data, settings.digest)


def test_seed_data_has_the_sizes_that_are_asked_for_and_is_drawn_from_the_seed(kind: str) -> None:
    world, wanted = WORLDS[kind], settings_class(kind)(**SMALL)
    data = world.seed_data(wanted, 1)
    assert {name: len(getattr(data, name)) for name in SMALL} == SMALL
    assert data == world.seed_data(wanted, 1) != world.seed_data(wanted, 2)
    ranked = (*data.eft_sets, *data.heldout_sets)
    assert {len(one.responses) for one in ranked} == {world.answers_a_set}
    prompts = [*data.seed_prompts, *data.evaluation_prompts, *data.validation_prompts, *(one.prompt for one in ranked)]
    assert {prompt.source for prompt in prompts} == {kind}


def test_fresh_prompts_go_on_behind_earlier_ones_and_are_in_no_seed_data(kind: str) -> None:
    world, wanted = WORLDS[kind], settings_class(kind)(**SMALL)
    first, all_ = world.fresh_prompts(wanted, 1, 0, 5), world.fresh_prompts(wanted, 1, 0, 12)
    assert [*first, *world.fresh_prompts(wanted, 1, 5, 7)] == all_
    data = world.seed_data(wanted, 1)
    known = {prompt.id for prompt in (*data.seed_prompts, *data.evaluation_prompts, *data.validation_prompts)}
    known |= {one.prompt.id for one in (*data.eft_sets, *data.heldout_sets)}
    assert not known & {prompt.id for prompt in all_}


def test_people_rank_answers_as_the_exact_program_scores_them(kind: str) -> None:
    """The reviews of seed data name the exact score where nobody errs, and better scores rank before worse ones."""
    world = WORLDS[kind]
    for one in world.seed_data(settings_class(kind)(**SMALL), 1).heldout_sets:
        scores = [world.score(one.prompt.text, response.text) for response in one.responses]
        assert [parse_score(review) for review in one.reviews] == scores
        assert [one.ranks[place] for place in sorted(range(len(scores)), key=lambda i: -scores[i])] == sorted(one.ranks)
        assert all(0 <= score <= 5 for score in scores)


def test_a_review_says_of_each_criterion_what_the_exact_program_finds(kind: str) -> None:
    world = WORLDS[kind]
    for one in world.seed_data(settings_class(kind)(**SMALL), 1).heldout_sets:
        for review, response in zip(one.reviews, one.responses, strict=True):
            grade = world.grade(one.prompt.text, response.text)
            assert world.verdicts(review) == grade.met
            assert grade.score == world.score(one.prompt.text, response.text)
    assert world.verdicts("") is None


def test_every_prompt_is_of_a_kind_and_changed_it_wants_another_answer(kind: str) -> None:
    world, wanted = WORLDS[kind], settings_class(kind)(**SMALL)
    for prompt in world.seed_data(wanted, 1).seed_prompts:
        other = world.changed(prompt.text, 1)
        assert prompt.category is not None
        assert other != prompt.text
        assert 0 <= world.score(other, "") <= 5


def test_the_form_of_an_answer_gives_no_more_points_than_all_of_it(kind: str) -> None:
    world = WORLDS[kind]
    for one in world.seed_data(settings_class(kind)(**SMALL), 1).heldout_sets:
        for review, response in zip(one.reviews, one.responses, strict=True):
            points = world.form_score(review)
            assert points is not None and 0 <= points <= world.score(one.prompt.text, response.text)
    assert world.form_score("") is None


def test_the_exact_program_refuses_a_prompt_of_elsewhere(kind: str) -> None:
    with pytest.raises(DataError, match="not a"):
        WORLDS[kind].score("Write a poem about the sea.", "")


def test_the_vocabulary_has_every_word_that_is_written(kind: str) -> None:
    world, wanted = WORLDS[kind], settings_class(kind)(**SMALL)
    if not world.has_base_text:
        assert not world.vocabulary(wanted) and not world.base_lines(wanted, 1)
        return
    words = world.vocabulary(wanted)
    assert len(words) == len(set(words))
    data, lines = world.seed_data(wanted, 1), world.base_lines(wanted, 1)[:500]
    texts = [
        text for one in data.eft_sets for text in (one.prompt.text, *one.reviews, *(r.text for r in one.responses))
    ]
    assert {word for text in texts for word in text.split(" ")} <= set(words)
    assert {word for line in lines for word in line.words} <= set(words)
    assert all(len(line.words) == len(line.predictable) and any(line.predictable) for line in lines)


def test_a_world_brings_a_rubric_of_its_name(kind: str) -> None:
    wording = rubric.load(kind)
    file = resources.files(WORLDS[kind].package).joinpath(f"templates/{kind}.txt")
    assert wording.text == file.read_text(encoding="utf-8").rstrip("\n")
    assert wording.prompt("<prompt>", "<response>").index("<prompt>") < wording.text.index("response")


def test_messages_and_help_name_every_world(kind: str) -> None:
    assert f"`{kind}`" in KINDS.split(" or ")
    assert f"`{kind}`" in TEMPLATES.split(", ")
    assert WORLDS[kind].title in TITLES.split(" or ")
    described = dict(fields(Settings))
    for name in ("data", "prompts.writer", "evaluation.judge"):
        assert WORLDS[kind].title in described[name].description
    assert f"`{kind}`" in described["judge.template"].description
