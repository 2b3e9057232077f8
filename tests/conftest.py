"""What tests in many folders need."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data that is not part of the repository: SRLM_SHARED, or `shared` beside the checkout."""
    folder = Path(os.environ.get("SRLM_SHARED") or Path(__file__).resolve().parents[2] / "shared")
    if not (folder / "data").is_dir():
        pytest.skip(f"needs the shared data; {folder} has no data folder, set SRLM_SHARED to the one that has")
    return folder
