"""`srlm-eval nlp` and the settings of a run, as a user types them."""

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from eval.cli import app, main
from eval.metrics import read
from srlm.store.folder import RunFolder
from tests.eval.nlp import tiny_run


@pytest.fixture
def run(tmp_path: Path) -> tuple[RunFolder, list[str]]:
    """A run of two models with data for ARC, and the command's first words."""
    tiny_run.arc(6)(tmp_path / "data")
    wanted = tiny_run.settings(tmp_path)
    folder = tiny_run.made(wanted, ("SFT", "M1"))
    file = tmp_path / "run.yaml"
    file.write_text(yaml.safe_dump(wanted.model_dump(mode="json")), encoding="utf-8")
    return folder, ["nlp", "--run", str(file)]


def test_the_command_measures_and_prints_a_table(run: tuple[RunFolder, list[str]]) -> None:
    folder, words = run
    said = CliRunner().invoke(app, [*words, "--task", "arc_easy", "--limit", "4"], catch_exceptions=False)
    assert said.exit_code == 0
    assert [line.split()[:2] for line in said.stdout.splitlines()] == [
        ["task", "model"], ["arc_easy.acc_norm", "SFT"], ["arc_easy.acc_norm", "M1"],
    ]  # fmt: skip
    assert "the first 4 of 6 documents" in said.stdout
    figures = read(folder.step("evaluation") / "metrics.json")
    assert {(m.metric, m.model, m.baseline) for m in figures} == {
        ("arc_easy.acc", "SFT", None), ("arc_easy.acc_norm", "SFT", None),
        ("arc_easy.acc", "M1", None), ("arc_easy.acc_norm", "M1", None), ("arc_easy.acc_norm", "M1", "SFT"),
    }  # fmt: skip


def test_a_missing_set_is_one_line_and_status_2(
    run: tuple[RunFolder, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, words = run
    with pytest.raises(SystemExit) as ended:
        main([*words, "--task", "arc_easy", "--task", "hellaswag"])
    assert ended.value.code == 2
    (line,) = [one for one in capsys.readouterr().err.splitlines() if one.startswith("srlm")]
    assert "no data of hellaswag (hellaswag/validation.jsonl)" in line
    assert not (folder.step("evaluation") / "SFT" / "nlp.jsonl").exists()
