from typing import Any, get_args

import pytest

from srlm import settings as module
from srlm.section import Section
from srlm.settings import PromptSettings, Settings, fields

SMALLEST: dict[str, Any] = {"name": "small", "model": {"base": "scratch"}, "data": {"kind": "beads"}}


def settings(**others: Any) -> Settings:
    return Settings.model_validate(SMALLEST | others)


@pytest.mark.parametrize(("name", "field"), [pytest.param(*found, id=found[0]) for found in fields(Settings)])
def test_every_setting_has_a_description(name: str, field: Any) -> None:
    sections = [
        kind
        for kind in (field.annotation, *get_args(field.annotation))
        if isinstance(kind, type) and issubclass(kind, Section)
    ]
    described = [section.__doc__ for section in sections] or [field.description]
    assert all(text and text.strip().endswith(".") for text in described), name


def test_the_fields_of_every_section_are_listed() -> None:
    names = [name for name, _ in fields(Settings)]
    assert {"dpo.beta", "sft.lora.rank", "data.path", "data.base_lines", "judge.engine.timeout"} <= set(names)


@pytest.mark.parametrize(
    "shapes",
    [
        {"dpo": {"beta": 0.2}},
        {"judge": {"draws": 4}},
        {"seed": 2},
        {"model": {"base": "scratch", "date": "2026-02-03"}},
    ],
)
def test_the_digest_tells_settings_apart_that_shape_a_model(shapes: dict[str, Any]) -> None:
    assert settings(**shapes).digest != settings().digest


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"name": "x"},
        {"runs": "elsewhere"},
        {"iterations": 9},
        {"report_to": ["tensorboard"]},
        {"evaluation": {"bootstrap": 1}},
        {"engine": {"timeout": 1}},
        {"engine": {"kind": "ray", "ray": {"workers": 8, "address": "auto"}}},
    ],
)
def test_where_a_run_lives_and_how_it_is_measured_is_not_in_the_digest(elsewhere: dict[str, Any]) -> None:
    assert settings(**elsewhere).digest == settings().digest


def test_settings_that_came_later_are_in_no_digest_while_they_are_unset() -> None:
    assert set(module.LATER) <= {name for name, _ in fields(Settings)}
    assert not set(module.LATER) & {name for name, _ in module.shaping(settings().model_dump(mode="json"))}


def test_settings_survive_the_way_through_json() -> None:
    assert Settings.model_validate_json(settings().model_dump_json()) == settings()


def test_what_shapes_no_model_are_names_that_exist() -> None:
    names = [name for name, _ in fields(Settings)]
    assert set(module.ELSEWHERE) <= set(names)
    assert set(module.TRANSPORT) <= {name.split(".")[-1] for name in names}


def test_each_iteration_wants_its_own_number_of_new_prompts() -> None:
    steady, growing = PromptSettings(count=100), PromptSettings(count=100, growth=1.75)
    assert [steady.wanted(t) for t in (2, 3, 4)] == [100, 100, 100]
    assert [growing.wanted(t) for t in (2, 3, 4)] == [100, 175, 306]
    assert [growing.before(t) for t in (2, 3, 4)] == [0, 100, 275]
