"""`srlm settings`: what can be set, and what each setting means."""

from typing import Any

import pytest

from srlm.methods.base import METHODS, find_method
from srlm.settings import Settings, fields


def test_every_setting_is_there_with_a_meaning(srlm: Any) -> None:
    result = srlm("settings")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    heads = [line.split("  ")[0] for line in lines if not line.startswith(" ")]
    own = [f"method.{field} of {name}" for name in METHODS for field, _ in fields(find_method(name).settings)]
    assert heads == [*(name for name, _ in fields(Settings)), *own]
    assert {"method.min_reward of positive_sft", "method.rho of meta_rewarding"} < set(heads)
    bare = [line for line, next in zip(lines, [*lines[1:], ""], strict=True) if line[0] != " " and next[:4] != "    "]
    assert bare == []


@pytest.mark.parametrize(
    "line",
    [
        "name  (text, must be given)",
        "dpo.beta  (float, default 0.1)",
        "dpo.max_steps  (int, default null)",
        "engine.vllm.max_model_len  (int, default null)",
        "sft.learning_rate  (float, default 5.5e-06)",
        "dpo.final_learning_rate  (float, default 1e-07)",
        "dpo.early_stop  (off | pairwise, default off)",
        "judge.complete  (bool, default false)",
        "judge.engine  (section, default null)",
        "model.scratch  (section)",
        "data.kind  (beads, default beads)",
        "reward.kind  (random, must be given)",
        "reward.rules  (list of sections, default [])",
        "method.min_reward of positive_sft  (float, default 5.0)",
        "data.turns  (first | all, default first)",
        "model.dtype  (float32 | bfloat16 | auto, default float32)",
    ],
)
def test_type_and_default_are_as_a_run_file_has_them(srlm: Any, line: str) -> None:
    assert line in srlm("settings", line.split("  ")[0]).stdout.splitlines()


def test_a_part_of_the_name_picks_those_that_hold_it(srlm: Any) -> None:
    shown = srlm("settings", "dpo.b").stdout.splitlines()
    heads = [line.split("  ")[0] for line in shown if not line.startswith(" ")]
    assert heads == ["dpo.batch_size", "dpo.beta1", "dpo.beta2", "dpo.beta"]


def test_a_name_that_nothing_holds_is_an_error(srlm: Any) -> None:
    result = srlm("settings", "betta")
    assert result.exit_code == 2
    assert result.stderr == "srlm: no setting has 'betta' in its name; `srlm settings` lists them all\n"
