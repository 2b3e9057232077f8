"""Our annotations.json as alpaca_eval reads it: of real annotations its own functions say what we print."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eval.cli import main
from eval.data.alpaca_eval import ANNOTATOR, AlpacaEval
from eval.records import MetricValue

RAW = ("win_rate", "standard_error", "n_wins", "n_wins_base", "n_draws", "n_total", "discrete_win_rate")
Rows = list[dict[str, Any]]


def shuffled(rows: Rows) -> Rows:
    return random.Random(1).sample(rows, len(rows))


def unread(rows: Rows) -> Rows:
    return [row | {"preference": None} if n < 30 else row for n, row in enumerate(shuffled(rows))]


def absent(rows: Rows) -> Rows:
    return shuffled(rows)[40:]


def two_draws(rows: Rows) -> Rows:
    draw = random.Random(2)
    return shuffled([*rows, *(row | {"preference": 1 + draw.random() ** 9, "time_per_example": 9.0} for row in rows)])


@pytest.mark.filterwarnings("ignore")  # alpaca-eval uses what scikit-learn and setuptools have deprecated
@pytest.mark.parametrize(
    ("change", "asked", "fitted", "scored"),
    [
        pytest.param(shuffled, (), "lc_win_rate", 805, id="out-of-order"),
        pytest.param(unread, (), "lc_win_rate_by_row_position", 775, id="unread"),
        pytest.param(absent, (), "lc_win_rate_by_row_position", 765, id="absent"),
        pytest.param(two_draws, (), "lc_win_rate", 805, id="two-draws"),
        pytest.param(shuffled, ("--limit", "250"), "lc_win_rate_by_row_position", 250, id="subset"),
    ],
)
def test_alpaca_eval_says_of_our_file_what_we_print(
    data: AlpacaEval, theirs: Any, tmp_path: Path, change: Callable[[Rows], Rows], asked: tuple[str, ...], fitted: str,
    scored: int,
) -> None:  # fmt: skip
    assert data.folder is not None
    model = data.results() / "vicuna-13b"
    recorded = tmp_path / "recorded.json"
    recorded.write_text(json.dumps(change(json.loads((model / ANNOTATOR / "annotations.json").read_text()))))
    with pytest.raises(SystemExit) as left:
        main(
            ["alpaca", "--outputs", str(model / "model_outputs.json"), "--judge", f"file:{recorded}",
             "--out", str(tmp_path), "--alpaca-dir", str(data.folder), "--resamples", "100", *asked]
        )  # fmt: skip
    assert not left.value.code
    place = tmp_path / "results" / "vicuna-13b" / ANNOTATOR
    rows = json.loads((place / "annotations.json").read_text())
    assert [row["instruction"] for row in rows] == [prompt.text for prompt in data.prompts]
    found = {row["metric"]: MetricValue.model_validate(row) for row in json.loads((place / "metrics.json").read_text())}
    expected = theirs(rows)
    assert expected["n_total"] == scored
    for name in RAW:
        assert found[name].value == pytest.approx(float(expected[name]), abs=1e-9), name
    # Theirs has an L1 penalty chosen by cross-validation besides: up to a tenth of a point.
    assert found[fitted].value == pytest.approx(float(expected["length_controlled_winrate"]), abs=0.1)
