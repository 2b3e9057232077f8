"""The real AlpacaEval folder, and alpaca-eval's own figures of a file."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from eval.data.alpaca_eval import AlpacaEval
from tests.eval.alpaca.place import KEY, Place


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    return Place(tmp_path)


@pytest.fixture(scope="module")
def data(shared: Path) -> AlpacaEval:
    return AlpacaEval(shared / "data" / "alpaca_eval")


@pytest.fixture
def theirs(data: AlpacaEval, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """alpaca-eval's own length-controlled win rate, its hub cache holding the same gamed rows as ours."""
    from alpaca_eval import constants
    from alpaca_eval.metrics.glm_winrate import get_length_controlled_winrate

    assert data.folder is not None
    cache = tmp_path / "datasets--tatsu-lab--alpaca_eval"
    (cache / "refs").mkdir(parents=True)
    (cache / "refs" / "main").write_text("0" * 40)
    (cache / "snapshots" / ("0" * 40)).mkdir(parents=True)
    shutil.copy(data.folder / data.glm.gamed.file, cache / "snapshots" / ("0" * 40) / "df_gamed.csv")
    monkeypatch.setattr(constants, "DEFAULT_CACHE_DIR", str(tmp_path))
    return lambda rows: get_length_controlled_winrate(rows, save_weights_dir=None)
