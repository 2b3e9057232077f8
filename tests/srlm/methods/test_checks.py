"""What is looked at before the first stage of a run."""

from importlib.util import find_spec
from pathlib import Path
from typing import get_args

import pytest
from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK

from srlm.errors import SettingsError
from srlm.methods.checks import check_files
from srlm.run_file import load
from srlm.settings import Tracker


def test_the_trainers_know_every_tracker() -> None:
    assert set(get_args(Tracker)) <= set(INTEGRATION_TO_CALLBACK)


def test_a_tracker_that_is_installed_is_no_error(tiny: Path) -> None:
    check_files(load(tiny, ["report_to=[tensorboard]"]), 2)


def test_a_tracker_that_is_not_installed_is_said_before_anything_starts(tiny: Path) -> None:
    missing = [name for name in get_args(Tracker) if find_spec(name) is None]
    if not missing:
        pytest.skip("every tracker is installed here; one without trackio or wandb runs it")
    with pytest.raises(SettingsError, match=f"report_to: the package {missing[0]} is not installed; pip install"):
        check_files(load(tiny, [f"report_to=[{missing[0]}]"]), 2)


def test_a_tracker_nobody_knows_is_an_error_of_the_settings(tiny: Path) -> None:
    with pytest.raises(SettingsError, match="report_to"):
        load(tiny, ["report_to=[paper]"])
