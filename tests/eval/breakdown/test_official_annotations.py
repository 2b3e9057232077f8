"""AlpacaEval's official annotations split by kind: the parts add up to the published win rates."""

import csv
import shutil
from pathlib import Path

import pytest

from eval.benchmarks.table import chosen
from eval.run import measure
from srlm.data.lines import instructions
from srlm.engines.base import Engine
from srlm.errors import EngineError
from srlm.records import Checkpoint
from srlm.settings import BreakdownSettings, EvaluationSettings
from srlm.store import files
from srlm.store.folder import RunFolder
from tests.eval.report import small

MODELS = ("alpaca-7b", "claude-2")
LEADERBOARD = "leaderboard_weighted_alpaca_eval_gpt4_turbo.csv"


def refuse(checkpoint: Checkpoint, plain: bool = False) -> Engine:
    raise EngineError(f"{checkpoint.name} was asked")


@pytest.fixture
def folder(tmp_path: Path, shared: Path) -> RunFolder:
    """A run with AlpacaEval's prompts, and two models of the leaderboard in its results."""
    wanted = BreakdownSettings(categories="own")
    folder = small.run(tmp_path, evaluation=EvaluationSettings(judge="length", breakdown=wanted))
    data = shared / "data" / "alpaca_eval"
    prompts = instructions(str(data / "prompts.jsonl.gz"))
    files.write(folder.step("data") / "evaluation_prompts.jsonl", prompts)
    for model in MODELS:
        shutil.copytree(data / "results" / model, folder.step("evaluation") / "alpaca_eval" / "results" / model)
    return folder


def test_parts_by_kind_add_up_to_the_official_win_rate(folder: RunFolder, shared: Path) -> None:
    found = [m for m in measure(folder.settings, folder, chosen(["breakdown"]), refuse) if m.benchmark == "breakdown"]
    with (shared / "data" / "alpaca_eval" / LEADERBOARD).open(encoding="utf-8") as file:
        official = {row[""]: float(row["win_rate"]) for row in csv.DictReader(file)}
    for model in MODELS:
        parts = [m for m in found if m.metric.startswith("AlpacaEval win rate, category: ") and m.model == model]
        assert sorted(m.n for m in parts) == [80, 129, 156, 188, 252]
        rate = sum((m.value or 0) * m.n for m in parts) / 805
        assert 100 * rate == pytest.approx(official[model], abs=1e-6)
    shares = {m.metric: m.value for m in found if m.metric.startswith("prompts, category: ")}
    assert shares["prompts, category: selfinstruct"] == 252 / 805
    assert "judge weighted_alpaca_eval_gpt4_turbo, against gpt4_1106_preview" in {
        m.note for m in found if m.metric.startswith("AlpacaEval win rate")
    }
