"""docs/settings.md names what exists, with the defaults it has."""

import json
import re
from pathlib import Path
from typing import NamedTuple

import pytest
from peft import LoraConfig
from pydantic import BaseModel
from transformers import GenerationConfig, TrainingArguments
from trl import DPOConfig, GRPOConfig, RewardConfig, RLOOConfig, SFTConfig

from srlm.settings import DpoSettings, OnlineSettings, RewardModelSettings, Settings, SftSettings, fields
from srlm.training.trainer import arguments

CHECKOUT = Path(__file__).resolve().parents[2]
CONFIGS = {
    kind.__name__: kind
    for kind in (TrainingArguments, SFTConfig, DPOConfig, LoraConfig, RewardConfig, RLOOConfig, GRPOConfig)
}


class Row(NamedTuple):
    """One line of a table."""

    settings: list[str]
    default: str
    theirs: list[str]
    """`CLASS.NAME` in the libraries."""


def rows() -> list[Row]:
    text = (CHECKOUT / "docs/settings.md").read_text(encoding="utf-8")
    cells = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    quoted = [[re.findall("`([^`]*)`", cell) for cell in line] for line in cells]
    return [Row(one[0], one[1][0], [name for name in one[2] if re.match(r"[A-Z]\w+\.", name)]) for one in quoted]


ROWS = rows()


def defaults() -> dict[str, str]:
    """By setting; of sections with several kinds, those of the first that has it."""
    found: dict[str, str] = {}
    for name, field in fields(Settings):
        if not field.is_required():
            value = field.get_default(call_default_factory=True, validated_data={})
            is_section = isinstance(value, BaseModel)
            found.setdefault(name, "" if is_section else value if isinstance(value, str) else json.dumps(value))
    return found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.settings[0])
def test_every_setting_is_one_and_has_the_default_that_is_said(row: Row) -> None:
    known = defaults()
    assert {name: known.get(name) for name in row.settings} == dict.fromkeys(row.settings, row.default)


@pytest.mark.parametrize("name", sorted({name for row in ROWS for name in row.theirs}))
def test_every_name_of_a_library_is_one(name: str) -> None:
    kind, _, argument = name.partition(".")
    if kind == "GenerationConfig":  # declares nothing: its arguments become attributes
        assert hasattr(GenerationConfig(), argument)
    else:
        assert argument in CONFIGS[kind].__dataclass_fields__


def test_what_is_said_to_be_an_argument_of_the_trainers_is_given_to_them(tmp_path: Path) -> None:
    given = {*arguments(SftSettings(), tmp_path, 1, "float32"), "packing"}  # packing is the supervised trainer's alone
    pairs = {"beta", "loss_type", "loss_weights", "disable_dropout"}  # those of the trainer of pairs
    named = [name.split(".") for row in ROWS for name in row.theirs]
    assert {name for kind, name in named if kind in ("TrainingArguments", "SFTConfig")} - given == set()
    assert {name for kind, name in named if kind == "DPOConfig"} - given - pairs == set()


def test_every_setting_of_a_training_has_its_row() -> None:
    listed = {name for row in ROWS for name in row.settings}
    training = {
        f"{part}.{name}" for part, kind in (("sft", SftSettings), ("dpo", DpoSettings)) for name, _ in fields(kind)
    }
    assert training - listed == {"sft.lora", "dpo.lora"}  # sections: what is in them has rows


@pytest.mark.parametrize(
    ("part", "kind"),
    [("reward_model", RewardModelSettings), ("online", OnlineSettings)],
    ids=["reward_model", "online"],
)
def test_a_setting_of_reward_models_and_online_training_has_a_row_or_the_default_of_sft(
    part: str, kind: type[BaseModel]
) -> None:
    listed, known = {name for row in ROWS for name in row.settings}, defaults()
    own = {name for name, _ in fields(kind) if known[f"{part}.{name}"] != known.get(f"sft.{name}")}
    assert {name for name in own if f"{part}.{name}" not in listed} == set()
    assert {name for name, _ in fields(SftSettings)} - {name for name, _ in fields(kind)} == {"ift_weight"}
