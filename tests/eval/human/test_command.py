"""`srlm-eval annotate` from the page to the report, as a user types it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from eval.benchmarks.finished import measured
from eval.benchmarks.human import key
from eval.benchmarks.measuring import evaluation_answers
from eval.cli import main
from eval.metrics import path_of, read
from eval.report import page as report
from eval.run import opened
from srlm.engines.base import Engine, Request
from srlm.engines.scripted import ScriptedEngine
from srlm.records import Checkpoint
from srlm.store.folder import RunFolder
from tests.eval.human import study
from tests.hostile_words import Said, asking


@pytest.fixture
def ask(capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    monkeypatch.chdir(tmp_path)
    return asking(main, capfd)


def open_engine(checkpoint: Checkpoint, plain: bool = False) -> Engine:
    def write(request: Request, seed: int) -> str:
        return f"{checkpoint.digest.lower()[::-1]} answers {request.messages[-1].content}"

    return ScriptedEngine(write, checkpoint.name)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A run, run.yaml, whose models have answered eight prompts."""
    folder = study.run(tmp_path, {"SFT": [""] * 8, "M1": [""] * 8})
    study.write(tmp_path / "run.yaml", folder.settings.model_dump(mode="json", exclude_unset=True))
    for name in ("SFT", "M1"):
        (folder.step("evaluation") / name / "responses.jsonl").unlink()
    with opened(tmp_path / "run.yaml", ()) as (settings, held, _):
        for checkpoint in measured(held):
            evaluation_answers(settings, held, checkpoint, study.data(held).prompts, open_engine)
    return folder


def test_a_page_is_written_imported_and_reported(tmp_path: Path, folder: RunFolder, ask: Callable[..., Said]) -> None:
    said = ask("annotate", "--run", "run.yaml", "--models", "SFT,M1", "--prompts", 50, "--seed", 5)
    assert said.status == 0, said.err
    assert "8 comparisons of M1 against SFT" in said.out and "the run has no more; 50 were asked for" in said.out
    first = Path("annotate.html").read_bytes()
    assert ask("annotate", "--run", "run.yaml", "--models", "M1,SFT", "--seed", 5, "--out", "again.html").status == 0
    assert Path("again.html").read_bytes() == first
    (one,) = key.pages(folder)
    outcomes = {
        "<b>Ana</b>": ["win"] * 6 + ["tie", "lose"],
        "Ben": ["win"] * 6 + ["lose", "lose"],
        "=1+1": ["win", "win", "lose", "win", "win", "win", "win", "lose"],
    }
    ids = [prompt.id for prompt in study.data(folder).prompts]
    for number, (name, own) in enumerate(outcomes.items()):
        votes = {(id, "M1", "SFT"): outcome for id, outcome in zip(ids, own, strict=True)}
        study.write(tmp_path / f"votes-{number}.json", study.votes(one.key, name, votes))
    # As a shell expands --import votes-*.json
    said = ask("annotate", "--run", "run.yaml", "--import", "votes-0.json", "votes-1.json", "votes-2.json")
    assert said.status == 0, said.err
    assert "votes-0.json: <b>Ana</b>, 8 votes on 8 comparisons" in said.out
    assert "srlm-eval h2h --run run.yaml --labels" in said.out
    found = {(m.metric, m.model, m.baseline): m for m in read(path_of(folder)) if m.benchmark == "human"}
    # Six wins, a tie against a win against a loss, one loss
    assert found["win", "M1", "SFT"].value == 6 / 7 and found["win", "M1", "SFT"].unscored == 1
    assert found["win_minus_lose", "M1", "SFT"].p == pytest.approx(2 * (1 + 7) / 2**7)
    page = report.write(folder.settings, folder, "srlm-eval report").read_text(encoding="utf-8")
    assert "Human evaluation</h3>" in page and "28.0%" in page and "Krippendorff" in page
    assert "<b>Ana</b>" not in page and "&lt;b&gt;Ana&lt;/b&gt;" in page
    again = ask("run", "human", "--run", "run.yaml")
    assert again.status == 0 and "0.857" in again.out


def test_a_run_without_votes_has_no_section(folder: RunFolder, ask: Callable[..., Said]) -> None:
    assert ask("run", "human", "--run", "run.yaml").status == 0
    page = report.write(folder.settings, folder, "srlm-eval report").read_text(encoding="utf-8")
    assert "Human evaluation" not in page


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param((), "needs either --models SFT,M3", id="nothing"),
        pytest.param(("--models", "SFT,M1", "--import", "v.json"), "needs either --models", id="both"),
        pytest.param(("v.json",), "v.json: files of votes need --import before them", id="no-import"),
        pytest.param(("--models", "SFT,M1", "--out", "page.json"), "must end with .html", id="out"),
        pytest.param(("--import", "v.json"), "v.json: cannot be read", id="no-page"),
        pytest.param(("--models", "SFT,M2"), "M2 is no checkpoint that can be compared", id="unknown"),
    ],
)
def test_what_is_no_command_is_refused(
    folder: RunFolder, ask: Callable[..., Said], words: tuple[str, ...], message: str
) -> None:
    said = ask("annotate", "--run", "run.yaml", *words)
    assert said.status == 2 and "Traceback" not in said.err
    assert message in said.err
    assert not Path("annotate.html").exists()
