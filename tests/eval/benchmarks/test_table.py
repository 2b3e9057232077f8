"""The table of benchmarks: what stands in it, what general code knows of it, and a benchmark of a few lines."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import eval.report
from eval.benchmarks.base import Answers, Benchmark, OpenEngine, RunData
from eval.benchmarks.table import BENCHMARKS, WORDS, chosen, of_all
from eval.cli import app
from eval.metrics import merge
from eval.records import MetricValue
from eval.report import page
from eval.run import measure
from srlm.engines.base import Engine, Request
from srlm.engines.scripted import ScriptedEngine
from srlm.errors import EngineError, RecordError, SettingsError
from srlm.records import Checkpoint, Response
from srlm.store import files
from tests.eval.report import small

SUMS = {"2 + 2": "4", "2 + 3": "5", "3 + 4": "7"}


@pytest.fixture
def sums(tmp_path: Path) -> Benchmark:
    """The benchmark of docs/extending.md, with questions of its own beside it."""
    text = (Path(__file__).parents[3] / "docs" / "extending.md").read_text(encoding="utf-8")
    (code,) = (code for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "class Arithmetic" in code)
    lines = [json.dumps({"question": question, "answer": answer}) + "\n" for question, answer in SUMS.items()]
    (tmp_path / "arithmetic.jsonl").write_text("".join(lines), encoding="utf-8")
    names = {"__package__": "eval.benchmarks", "__name__": "arithmetic", "__file__": str(tmp_path / "arithmetic.py")}
    found: dict[str, Any] = dict(names)
    exec(code, found)
    benchmark: Benchmark = found["Arithmetic"]()
    return benchmark


def open_engine(checkpoint: Checkpoint, plain: bool = False) -> Engine:
    """SFT is never right, M1 on the first question, M2 on all."""
    able = {"SFT": 0, "M1": 1, "M2": 3}[checkpoint.name]

    def write(request: Request, seed: int) -> str:
        question = request.messages[-1].content
        return SUMS[question] if list(SUMS).index(question) < able else "no idea"

    return ScriptedEngine(write, checkpoint.name)


def refuse(checkpoint: Checkpoint, plain: bool = False) -> Engine:
    raise EngineError(f"{checkpoint.name} was asked again")


def test_no_name_stands_twice_in_the_table() -> None:
    names = [one.name for one in BENCHMARKS]
    assert len(set(names)) == len(names)
    own = {
        "ablations",
        "audit",
        "beads",
        "breakdown",
        "canaries",
        "errands",
        "nlp",
    }  # a command of the benchmark's own name
    assert not {one.command for one in BENCHMARKS} & ({*names} - own)


def test_the_report_knows_no_benchmark_by_name() -> None:
    found = [
        (path.name, one.name)
        for path in sorted(Path(eval.report.__path__[0]).rglob("*"))
        if path.suffix in (".py", ".html")
        for one in BENCHMARKS
        if re.search(rf"""["']{one.name}\b""", path.read_text(encoding="utf-8"))
    ]
    # `answers` is the word for answers on the page of every prompt, too.
    assert found == [("browser.py", "answers")]


def test_all_measures_what_asks_for_nothing_more() -> None:
    assert [one.name for one in of_all()] == [
        "head_to_head", "other_judges", "answers", "slices", "judge_agreement", "beads", "bead_skills", "bead_judge",
        "errands", "errand_skills", "errand_judge",
    ]  # fmt: skip
    assert [one.name for one in of_all(["audit"])] == [
        "head_to_head", "other_judges", "answers", "slices", "judge_agreement", "audit", "beads", "bead_skills",
        "bead_judge", "errands", "errand_skills", "errand_judge",
    ]  # fmt: skip
    with pytest.raises(SettingsError, match="gsm9k: no such benchmark"):
        of_all(["gsm9k"])


def test_benchmarks_are_chosen_by_name_or_by_the_word_of_their_command() -> None:
    assert [one.name for one in chosen(["h2h"])] == ["head_to_head", "other_judges", "answers", "slices"]
    assert [one.name for one in chosen(["slices", "audit"])] == ["slices", "audit"]
    with pytest.raises(
        SettingsError, match=r"gsm9k: no such benchmark; the benchmarks are head_to_head, other_judges, answers"
    ):
        chosen(["gsm9k"])


def test_a_word_leaves_out_the_benchmarks_that_want_more_than_settings() -> None:
    assert [one.name for one in chosen(["alpaca"])] == ["alpaca_eval"]
    for name, command in {"alpaca_canaries": "alpaca", "bridge": "bridge", "alpaca_bridge": "bridge"}.items():
        with pytest.raises(
            SettingsError, match=rf"needs more options; run its own command: srlm-eval {command} --help"
        ):
            chosen([name])


def test_a_benchmark_that_wants_more_than_a_run_says_which_command_takes_it(tmp_path: Path) -> None:
    folder = small.run(tmp_path)
    with pytest.raises(SettingsError, match=r"alpaca_eval .* srlm-eval alpaca --help"):
        measure(folder.settings, folder, chosen(["alpaca_eval"]), refuse)


def test_the_documented_benchmark_is_asked_once_and_gives_figures_differences_and_series(
    tmp_path: Path, sums: Benchmark
) -> None:
    folder = small.run(tmp_path)
    before = len(RunData(folder.settings, folder).metrics)
    metrics = measure(folder.settings, folder, [sums], open_engine)
    own = {(m.model, m.baseline): m for m in metrics if m.benchmark == "arithmetic"}
    assert len(metrics) == before + len(own) == before + 5
    assert [own[name, None].value for name in ("SFT", "M1", "M2")] == [0, 1 / 3, 1]
    assert own["M2", "M1"].value == 2 / 3
    assert own["M2", "M1"].p == 2 * 0.5**2
    assert measure(folder.settings, folder, [sums], refuse)[before:] == metrics[before:]
    series = {one.name: one.values for one in sums.per_prompt(RunData(folder.settings, folder))}
    assert series == {
        "SFT/arithmetic/right": (0, 0, 0), "M1/arithmetic/right": (1, 0, 0), "M2/arithmetic/right": (1, 1, 1),
    }  # fmt: skip
    assert sums.words.label(own["M1", None]) == "right sums"
    assert sums.words.text_of(own["M2", "M1"], 2 / 3) == "+66.7 points"


class Best(Benchmark):
    """The best share of right sums, from the figures of `arithmetic`; stops where `stops` is true."""

    name, label = "best", "the best"

    def __init__(self, stops: bool = False) -> None:
        self.stops = stops

    def measure(self, run: RunData, answers: Answers, open_engine: OpenEngine) -> list[MetricValue]:
        if self.stops:
            raise EngineError("nobody answers")
        best = max((one for one in run.of("arithmetic") if one.baseline is None), key=lambda one: one.value or 0)
        return [best.model_copy(update={"benchmark": self.name})]


def test_a_benchmark_may_read_the_figures_of_one_before_it_and_a_stop_loses_none(
    tmp_path: Path, sums: Benchmark
) -> None:
    stopped, whole, apart = (small.run(tmp_path / name) for name in ("stopped", "whole", "apart"))
    with pytest.raises(EngineError, match="nobody answers"):
        measure(stopped.settings, stopped, [sums, Best(stops=True)], open_engine)
    assert len(RunData(stopped.settings, stopped).of("arithmetic")) == 5
    measure(stopped.settings, stopped, [Best()], refuse)
    measure(whole.settings, whole, [sums, Best()], open_engine)
    assert [(one.model, one.value) for one in RunData(whole.settings, whole).of("best")] == [("M2", 1)]
    measure(apart.settings, apart, [sums], open_engine)
    measure(apart.settings, apart, [Best()], refuse)
    for name in ("metrics.json", "metrics.json.from.json"):
        texts = [(one.step("evaluation") / name).read_bytes() for one in (stopped, whole, apart)]
        assert texts[0] == texts[1] == texts[2]


def test_answers_to_other_items_are_not_scored(tmp_path: Path, sums: Benchmark) -> None:
    folder = small.run(tmp_path)
    measure(folder.settings, folder, [sums], open_engine)
    path = folder.step("evaluation") / "M1" / "arithmetic.jsonl"
    files.write(path, files.read(path, Response)[::-1])
    with pytest.raises(RecordError, match=r"arithmetic\.jsonl: its 3 records are not 1 for each of 3"):
        sums.per_prompt(RunData(folder.settings, folder))


def test_a_benchmark_without_a_section_is_shown_as_a_table(tmp_path: Path) -> None:
    folder = small.run(tmp_path)
    value = MetricValue(
        model="M2", benchmark="alpaca_canaries", metric="fooled_twice", value=0.25, low=0.0, high=0.5, n=8, unscored=0,
        method="by hand",
    )  # fmt: skip
    merge(folder, [value], ["alpaca_canaries"])
    html = page.write(folder.settings, folder, "x").read_text(encoding="utf-8")
    (table,) = re.findall(r'<table data-name="Alpaca canaries">.*?</table>', html, re.DOTALL)
    assert '<th scope="row">fooled twice</th>' in table
    assert '<data value="0.25">0.250</data>' in table


def test_figures_of_an_unknown_benchmark_are_called_as_they_are() -> None:
    value = MetricValue(
        model="M2", benchmark="a_b", metric="how_good", value=0.5, low=None, high=None, n=8, unscored=0, method="m"
    )
    assert WORDS.title("a_b") == "a b"
    assert WORDS.label(value) == "how good"
    assert WORDS.text_of(value, 0.5) == "0.500"


def test_a_benchmark_is_run_by_its_name(trained: Path, tiny: Path, tmp_path: Path) -> None:
    shutil.copytree(trained / "runs", tmp_path / "runs")
    done = CliRunner().invoke(app, ["run", "answers", "--run", str(tiny), "--set", f"runs={tmp_path}/runs"])
    assert done.exit_code == 0, done.output
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[0] == ["model", "measure", "value", "n", "unscored", "note"]
    assert [line[:2] for line in lines[1:-1]] == [
        [name, metric] for name in ("SFT", "M1", "M2") for metric in ("characters", "cut")
    ]
    # Lengths have no range: so few of them have no interval, and the reason is told once.
    assert " ".join(lines[-1]).startswith("SFT, M1, M2, characters: no interval")
