"""The page of the paper: its order, what stands beside what, and when no difference is shown."""

import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from eval.benchmarks.base import Benchmark, MetricSpec, RunData
from eval.benchmarks.paper_table import PLACES, PaperTable, unlike_paper
from eval.benchmarks.table import BENCHMARKS
from eval.cli import app
from eval.metrics import merge
from eval.records import MetricValue
from eval.report import page, paper
from srlm.settings import EvaluationSettings, ModelSettings, OasstData, Settings
from srlm.store.folder import RunFolder
from srlm.worlds.beads.settings import BeadsData
from tests.eval.report import small


def read(folder: RunFolder) -> RunData:
    return page.data_of(folder.settings, folder)


def shown(folder: RunFolder) -> dict[str, paper.Shown]:
    """The parts of the page by their headings."""
    return {part.heading: part for part in paper.gather(read(folder), "x")["parts"]}


def cells(part: paper.Shown) -> dict[str, list[tuple[float | None, str, str]]]:
    """Of each row its label, and of each cell our value, the paper's and the difference."""
    return {
        row.label: [(cell.ours.value if cell.ours else None, cell.published, cell.difference) for cell in row.cells]
        for row in part.rows
    }


def contest(model: str, baseline: str, metric: str, value: float, n: int = 256) -> MetricValue:
    return MetricValue(
        model=model, baseline=baseline, benchmark="head_to_head", metric=metric, value=value, low=value - 0.05,
        high=value + 0.05, n=n, unscored=0, method="share",
    )  # fmt: skip


def as_in_the_paper(tmp_path: Path, **evaluation: Any) -> RunFolder:
    """A run whose settings are the paper's, with one contest."""
    folder = small.run(tmp_path, evaluation=EvaluationSettings(judge="openai:gpt-4", **evaluation))
    model = ModelSettings(base="meta-llama/Llama-2-70b-hf")
    folder.settings = folder.settings.model_copy(update={"model": model})
    found = [contest("M1", "SFT", *one) for one in (("win", 0.34), ("tie", 0.4), ("lose", 0.26))]
    merge(folder, [*found, contest("M1", "SFT", "win_minus_lose", 0.08)], ["head_to_head"])
    return folder


def test_every_place_of_the_paper_is_on_the_page_in_its_order(tmp_path: Path) -> None:
    found = [part.place for part in paper.gather(read(small.run(tmp_path)), "x")["parts"]]
    assert list(dict.fromkeys(found)) == list(PLACES)
    order = ["figure 3", "table 1", "figure 4", "figure 5", "table 2", "table 3", "table 4", "appendix A.1"]
    assert [place for place in dict.fromkeys(found) if place in order] == order


def test_ours_stands_beside_the_published_and_no_difference_where_the_runs_are_unlike(tmp_path: Path) -> None:
    part = shown(small.run(tmp_path))["Figure 3: Head to head"]
    assert part.unlike == (
        "judge oracle, not gpt-4; model scratch, not Llama-2-70B; prompts 12, not 256: a shape to compare, not a target"
    )
    found = cells(part)
    assert found["M2 : M1"] == [(9 / 11, "55.5%", ""), (1 / 11, "32.8%", ""), (1 / 11, "11.7%", "")]
    assert found["M1 : SFT"] == [(0.0, "30.5%", ""), (1.0, "38.7%", ""), (0.0, "30.9%", "")]
    row = next(row for row in part.rows if row.label == "M3 : M2")
    assert row.missing == "no M3 in this run"


def test_a_run_like_the_papers_is_compared_with_its_own_interval(tmp_path: Path) -> None:
    folder = as_in_the_paper(tmp_path)
    part = shown(folder)["Figure 3: Head to head"]
    assert part.unlike == ""
    assert cells(part)["M1 : SFT"] == [
        (0.34, "30.5%", "+3.5 points (\N{MINUS SIGN}1.5 to +8.5 points)"),
        (0.4, "38.7%", "+1.3 points (\N{MINUS SIGN}3.7 to +6.3 points)"),
        (0.26, "30.9%", "\N{MINUS SIGN}4.9 points (\N{MINUS SIGN}9.9 to +0.1 points)"),
    ]
    html = paper.write(folder.settings, folder, "x").read_text(encoding="utf-8")
    assert "ours minus the paper" in html
    assert "Not comparable:</strong> judge" not in html


@pytest.mark.parametrize(
    ("base", "unlike"),
    [
        pytest.param("meta-llama/Llama-2-70b-hf", "", id="hub"),
        pytest.param("/models/llama-2-70b-hf/", "", id="folder"),
        pytest.param("meta-llama/Llama-2-70b-chat-hf", "Llama-2-70b-chat-hf, not Llama-2-70B", id="chat model"),
        pytest.param("meta-llama/Meta-Llama-3-8B", "model meta-llama/Meta-Llama-3-8B, not", id="another"),
    ],
)
def test_the_papers_model_is_known_wherever_it_lies(base: str, unlike: str) -> None:
    settings = Settings(name="a", model=ModelSettings(base=base), data=OasstData(path="trees.jsonl"))
    found = unlike_paper(settings)
    assert unlike in found if unlike else found == ""


def test_what_is_not_measured_says_which_command_measures_it(tmp_path: Path) -> None:
    found = shown(small.run(tmp_path))
    assert found["Table 1: AlpacaEval 2.0"].missing == "not measured: run `srlm-eval alpaca --run FILE`"
    assert found["Table 2: MT-Bench"].missing == "not measured: run `srlm-eval mt-bench --run FILE`"
    assert found["Table 3: NLP benchmarks"].missing == "not measured: run `srlm-eval nlp --run FILE`"
    rubrics = found["Ablation: the judge's prompt: The SFT baseline as judge with two prompts"]
    assert rubrics.missing == "not measured: run `srlm-eval ablations --run FILE --only judge_prompt`"


def test_benchmarks_of_english_questions_do_not_apply_to_models_of_another_world(tmp_path: Path) -> None:
    folder = small.run(tmp_path)
    folder.settings = folder.settings.model_copy(update={"data": BeadsData()})
    found = shown(folder)
    why = "does not apply: the models of beads read no English"
    of_english = ("Table 1: AlpacaEval 2.0", "Table 2: MT-Bench", "Table 3: NLP benchmarks")
    assert [found[name].missing for name in of_english] == [why] * 3
    assert found["Figure 5: Human evaluation"].missing == "not measured: run `srlm-eval annotate --run FILE`"
    folder.settings = folder.settings.model_copy(update={"model": ModelSettings(base="some/model")})
    assert shown(folder)["Table 3: NLP benchmarks"].missing == "not measured: run `srlm-eval nlp --run FILE`"


def test_published_values_keep_their_digits(tmp_path: Path) -> None:
    found = shown(small.run(tmp_path))
    assert [row.cells[0].published for row in found["Table 1: AlpacaEval 2.0"].rows] == ["9.94%", "15.38%", "20.44%"]
    assert found["Table 1: AlpacaEval 2.0"].others[0] == ("GPT-4 0314", ["22.07%"])
    assert [row.cells[0].published for row in found["Length of answers: Mean length of an answer"].rows] == [
        "", "1,092", "1,552", "2,552",
    ]  # fmt: skip
    nlp = {row.label: [cell.published for cell in row.cells] for row in found["Table 3: NLP benchmarks"].rows}
    assert nlp["SFT"] == ["76.49%", "55.97%", "85.17%", "51.48%", "82.59%", "50.72%", "69.76%", "57.80%", "34.35%"]
    mt_bench = {row.label: [cell.published for cell in row.cells] for row in found["Table 2: MT-Bench"].rows}
    assert mt_bench["SFT"] == ["6.85", "3.93", "8.60"]


def test_settings_and_counts_of_the_run_stand_beside_the_papers(tmp_path: Path) -> None:
    found = shown(small.run(tmp_path))
    training = {row.what: (row.ours, row.published) for row in found["Training: settings"].rows}
    assert training["dpo.beta"] == ("0.1", "0.1")
    assert training["dpo.epochs"] == ("2.0", "")
    data = {row.what: (row.ours, row.published) for row in found["Seed data: what the models start from"].rows}
    assert data["evaluation prompts"] == ("12", "256")
    pairs = [(row.ours, row.published) for row in found["Preference pairs: how many there were"].rows]
    assert pairs == [("", "3,964"), ("", "6,942")]


def test_a_benchmark_of_the_paper_without_tables_of_its_own_is_shown_by_its_figures(tmp_path: Path) -> None:
    class Sums(Benchmark):
        name, label, in_paper = "sums", "sums", True
        metrics = {"right": MetricSpec(label="right sums", unit="share")}  # noqa: RUF012

    folder = small.run(tmp_path)
    value = MetricValue(
        model="M2", benchmark="sums", metric="right", value=0.25, low=None, high=None, n=8, unscored=0, method="counted"
    )
    merge(folder, [value], ["sums"])
    (found,) = [part for part, one in paper.parts(read(folder), [*BENCHMARKS, Sums()]) if one and one.name == "sums"]
    assert isinstance(found, PaperTable)
    assert (found.title, found.metrics, found.rows) == ("Sums", ["right"], [])


def test_the_command_writes_the_page_without_asking_anybody_and_both_pages_link_to_each_other(tmp_path: Path) -> None:
    folder = small.run(tmp_path)
    assert "paper.html" not in page.write(folder.settings, folder, "x").read_text(encoding="utf-8")
    said = CliRunner().invoke(app, ["paper", "--no-measure", "--run", str(folder.path)])
    assert (said.exit_code, said.output) == (0, f"{folder.path}/paper.html\n")
    assert '<a href="paper.html">' in (folder.path / "report.html").read_text(encoding="utf-8")
    html = (folder.path / "paper.html").read_text(encoding="utf-8")
    assert '<a href="report.html">' in html
    assert "second-hand" in html
    assert "http://" not in re.sub(r'xmlns(:xlink)?="[^"]*"', "", html)
    text = (folder.path / "paper.md").read_text(encoding="utf-8")
    assert re.search(r"\| dpo\.epochs \| \S+ \| not stated \|", text)
    assert "## Figure 3: Head to head" in text
    assert re.search(r"\| M2 : M1 \| 81\.8% \(\d+\.\d to 9\d\.\d%\), n 11 prompts, 1 unscored \|", text)


def test_the_report_brings_the_page_of_the_paper_up_to_date(tmp_path: Path) -> None:
    folder = small.run(tmp_path)
    paper.write(folder.settings, folder, "x")
    merge(folder, [contest("M2", "M1", "win", 0.123, 17)], ["head_to_head"])
    said = CliRunner().invoke(app, ["report", str(folder.path)])
    assert said.exit_code == 0, said.output
    merged = [contest("M2", "M1", one, 0.123, 17) for one in ("win", "tie", "lose", "win_minus_lose")]
    merge(folder, merged, ["head_to_head"])
    assert CliRunner().invoke(app, ["report", str(folder.path)]).exit_code == 0
    assert "12.3%" in (folder.path / "paper.md").read_text(encoding="utf-8")


def test_a_folder_is_shown_and_not_measured(tmp_path: Path) -> None:
    folder = small.run(tmp_path)
    said = CliRunner().invoke(app, ["paper", "--run", str(folder.path)])
    assert said.exit_code == 1
    assert "is a folder; to measure a run or override its settings, give its YAML file" in str(said.exception)


def test_every_column_of_a_table_of_the_paper_has_its_published_values(tmp_path: Path) -> None:
    found = [part for part, _ in paper.parts(read(small.run(tmp_path))) if isinstance(part, PaperTable)]
    whole = [part for part in found if part.place.startswith(("figure", "table", "appendix: MT-Bench"))]
    assert len(whole) == 7
    for part in whole:
        for row in part.rows:
            assert set(part.metrics) <= set(row.published), (part.place, row.model)
