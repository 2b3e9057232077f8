"""One page over all runs of a folder: rows, history, what could not be read, names that mean harm, the page itself."""

import csv
import json
import os
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from typer.testing import CliRunner

from eval.cli import app
from eval.records import MetricValue
from eval.report import index, page
from srlm.errors import SettingsError
from srlm.methods.base import run_folder
from srlm.settings import Settings
from srlm.store import files
from srlm.store.folder import RunFolder, recorded
from tests.eval.report import hostile, small
from tests.eval.seen import Scheme, deeds, links, look


def begun(folder: RunFolder, date: str, *figures: MetricValue) -> RunFolder:
    """A small run that began then; with figures in the place of its own."""
    (folder.path / "log.txt").write_text(f"{date} data: seed data: started\n", encoding="utf-8")
    for step in ("data", "M3"):
        small.finish(folder, step)
    if figures:
        files.write_json(folder.step("evaluation") / "metrics.json", [one.model_dump(mode="json") for one in figures])
    return folder


def figure(value: float | None, benchmark: str = "beads", metric: str = "correct", **more: object) -> MetricValue:
    known = {"model": "M3", "low": None, "high": None, "n": 40, "unscored": 0, "method": "share"}
    return MetricValue.model_validate({**known, "benchmark": benchmark, "metric": metric, "value": value, **more})


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two runs, a day apart."""
    begun(small.run(tmp_path, name="early"), "2026-03-01T10:00:00", figure(0.5, low=0.35, high=0.65))
    wins = [figure(w, "head_to_head", "win_minus_lose", baseline=b) for w, b in ((0.1, "M2"), (0.25, "SFT"))]
    begun(small.run(tmp_path, name="late", seed=7), "2026-03-02T10:00:00", figure(0.75), *wins)
    return tmp_path / "runs"


def rows_of(root: Path) -> dict[str, index.IndexedRun]:
    return {run.path: run for run, _ in index.gather(root).runs}


def test_a_run_stands_with_its_facts_and_its_last_model_s_headline_figures(runs: Path) -> None:
    early, late = (rows_of(runs)[name] for name in ("early", "late"))
    assert (early.method, early.model, early.data, early.judge) == (
        "self rewarding",
        "scratch",
        "trees.jsonl",
        "oracle",
    )
    assert (early.date, early.commit, early.last_model, late.seed) == ("2026-03-01T10:00:00", "0123abc", "M3", 7)
    assert (early.broken, early.unfinished, early.has_report, early.warnings) == (None, None, False, None)
    assert [(one.metric, one.value, one.low, one.n) for one in early.figures] == [("correct", 0.5, 0.35, 40)]
    # Of a comparison, that with the first model: what the run started from.
    assert [(one.metric, one.baseline, one.value) for one in late.figures] == [
        ("win_minus_lose", "SFT", 0.25),
        ("correct", None, 0.75),
    ]


def test_the_newest_run_stands_first_and_runs_a_level_down_are_found(runs: Path) -> None:
    (runs / "study").mkdir()
    (runs / "early").rename(runs / "study" / "early")
    (runs / "notes").mkdir()
    found = index.gather(runs)
    assert [run.path for run, _ in found.runs] == ["late", "study/early"]
    assert found.others == ["notes"]


def test_of_models_that_were_not_trained_the_last_one_that_is_compared_stands_there(tmp_path: Path) -> None:
    given = {"mine": {"model": "hf:/home/me/models/mine-7b"}, "base": {"model": "owner/name"}}
    folder = run_folder(
        Settings.model_validate(
            {
                "name": "given",
                "runs": str(tmp_path / "runs"),
                "method": {"name": "untrained", "models": given},
                "model": {"base": "none"},
                "data": {"kind": "measured", "prompts_path": "/data/prompts.jsonl"},
                "evaluation": {"reference": "base", "judge": "openai:j"},
            }
        )
    )
    for step in ("data", "mine", "base"):
        small.finish(folder, step)
    files.write_json(folder.path / "settings.json", folder.given.model_dump(mode="json"))
    wins = [figure(0.5, "head_to_head", "win_minus_lose", model="mine", baseline="base")]
    files.write_json(folder.step("evaluation") / "metrics.json", [one.model_dump(mode="json") for one in wins])
    one = rows_of(tmp_path / "runs")["given"]
    assert (one.broken, one.unfinished) == (None, None)
    assert (one.model, one.judge, one.last_model) == ("base (owner/name), mine (mine-7b)", "openai:j", "mine")
    assert [(own.baseline, own.value) for own in one.figures] == [("base", 0.5)]


@pytest.mark.parametrize("first", ["0001-01-01T00:00:00", "yesterday", "", "\xff\xfe", "20260301T100000"])
def test_a_log_that_begins_with_no_date_of_a_run_is_passed_over(runs: Path, first: str) -> None:
    (runs / "early" / "log.txt").write_bytes(first.encode("latin-1") + b" data\n")
    (runs / "early" / "inputs.json").write_text('{"date": "2026-02-28"}')
    expected = "2026-03-01T10:00:00" if first.startswith("2026") else "2026-02-28"
    assert rows_of(runs)["early"].date == expected
    index.write(runs, runs / "index.html", "")


def test_an_unfinished_run_says_what_is_missing(runs: Path) -> None:
    (runs / "early" / "M3" / "manifest.json").unlink()
    (runs / "early" / "M2" / "manifest.json").unlink()
    one = rows_of(runs)["early"]
    assert one.unfinished == "M2, M3 not finished (M3 has begun)"
    assert one.last_model == "M1"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("settings.json", "{", "settings.json"),
        ("settings.json", "[" * 100_000, "settings.json"),
        ("settings.json", '{"name": "x", "method": {"name": "no such"}}', "settings.json does not belong to a run"),
        ("evaluation/metrics.json", '[{"value": NaN}]', "metrics.json"),
        ("M2/manifest.json", "null", "manifest.json"),
        ("inputs.json", '{"date": "yesterday"}', "inputs.json"),
    ],
)
def test_a_broken_run_is_named_with_its_reason_and_the_others_stand(
    runs: Path, name: str, content: str, said: str
) -> None:
    (runs / "early" / name).write_text(content, encoding="utf-8")
    found = rows_of(runs)
    assert said in (found["early"].broken or "")
    assert found["late"].broken is None
    path = index.write(runs, runs / "index.html", "srlm-eval index runs")
    assert "1 more could not be read" in path.read_text(encoding="utf-8")


def test_a_run_without_settings_or_with_a_way_out_is_named(runs: Path) -> None:
    (runs / "early" / "settings.json").unlink()
    (runs / "early" / "inputs.json").write_text("{}")
    (runs / "late" / "M2" / "prompts.jsonl").symlink_to("/etc/passwd")
    found = rows_of(runs)
    assert "settings.json" in (found["early"].broken or "")
    assert "a link to /etc/passwd" in (found["late"].broken or "")


def test_a_run_is_read_again_only_when_it_has_changed(runs: Path) -> None:
    out = index.write(runs, runs / "index.html", "srlm-eval index runs")
    whole = json.loads(out.with_suffix(".json").read_text())
    whole["rows"][0]["judge"] = "as it was kept"
    assert whole["rows"][0]["path"] == "late"
    out.with_suffix(".json").write_text(json.dumps(whole))
    assert "as it was kept" in index.write(runs, out, "").read_text(encoding="utf-8")
    begun(_opened(runs / "late"), "2026-03-02T10:00:00", figure(0.875))
    assert "as it was kept" not in index.write(runs, out, "").read_text(encoding="utf-8")
    # What lies there and is no index is made anew.
    now = json.loads(out.with_suffix(".json").read_text())["rows"]
    undated = json.dumps({"rows": [one | {"date": "soon"} for one in now]})
    for other in ("[]", "{", '{"rows": [{"path": 1}]}', '{"rows": 5}', undated):
        out.with_suffix(".json").write_text(other)
        assert "87.5%" in index.write(runs, out, "").read_text(encoding="utf-8")


def _opened(place: Path) -> RunFolder:
    return run_folder(recorded(place))


def test_warnings_are_those_of_a_report_of_the_same_figures(runs: Path) -> None:
    folder = _opened(runs / "early")
    page.write(folder.settings, folder, "srlm-eval report")
    one = rows_of(runs)["early"]
    written = json.loads((runs / "early" / "warnings.json").read_text())
    assert one.has_report
    assert one.warnings == len(written["warnings"]) > 0
    assert written["warnings"][0].keys() == {"about", "text"}
    begun(folder, "2026-03-01T10:00:00", figure(0.625))
    assert rows_of(runs)["early"].warnings is None


def test_the_same_stands_in_a_table_for_spreadsheets(runs: Path) -> None:
    out = index.write(runs, runs / "index.html", "srlm-eval index runs")
    late, early = csv.DictReader(out.with_suffix(".csv").read_text().splitlines())
    assert (late["path"], late["seed"], late["beads.correct value"]) == ("late", "7", "0.75")
    assert (late["head_to_head.win_minus_lose baseline"], early["head_to_head.win_minus_lose value"]) == ("SFT", "")
    assert (early["beads.correct low"], early["beads.correct n"]) == ("0.35", "40")


def test_the_command_writes_the_page_and_refuses_what_is_no_folder_of_runs(runs: Path) -> None:
    said = CliRunner().invoke(app, ["index", str(runs)])
    assert (said.exit_code, said.output.split()) == (0, [str(runs / "index.html")])
    assert sorted(path.name for path in runs.glob("index.*")) == ["index.csv", "index.html", "index.json"]
    for words, why in (
        ([str(runs / "none")], "no such folder"),
        ([str(runs / "early")], "is a run; name the folder that holds it"),
        ([str(runs), "--out", str(runs / "index.csv")], "must end in .html"),
    ):
        with pytest.raises(SettingsError, match=why):
            CliRunner().invoke(app, ["index", *words], catch_exceptions=False)


def test_the_program_lists_the_command_and_a_shell_completes_it() -> None:
    run = CliRunner()
    assert "index" in [line.strip("\u2502 ").split(" ")[0] for line in run.invoke(app, ["--help"]).output.splitlines()]
    for words, number, whole in (("srlm-eval ind", "1", "index\n"), ("srlm-eval index --o", "2", "--out\n")):
        asked = {"_SRLM_EVAL_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": number}
        assert run.invoke(app, [], prog_name="srlm-eval", env=asked).output == whole


def test_an_empty_folder_gives_a_page_that_says_so(tmp_path: Path) -> None:
    html = index.write(tmp_path, tmp_path / "index.html", "").read_text(encoding="utf-8")
    assert "missing: no run that could be read" in html


# In a browser --------------------------------------------------------------------------------------------------------

NAMES = ("javascript:alert(1)", "a?b#c&d", "<img src=x onerror=alert(1)>", '"quoted"', "=1+1", "%2e%2e")


@pytest.fixture
def opened(chromium: Browser, runs: Path) -> Page:
    index.write(runs, runs / "index.html", "srlm-eval index runs")
    tab = chromium.new_page(viewport={"width": 1280, "height": 900})
    tab.goto((runs / "index.html").as_uri())
    return tab


def order(tab: Page) -> list[str]:
    return tab.locator("table.sortable tbody th").all_inner_texts()


def test_a_heading_sorts_by_click_and_by_key_and_what_is_missing_stands_last(opened: Page) -> None:
    wins = opened.get_by_role("button", name="Head to head: wins minus losses", exact=True)
    correct = opened.get_by_role("button", name="Bead world: correct answers", exact=True)
    assert [name.split()[0] for name in order(opened)] == ["late", "early"]
    run = opened.get_by_role("button", name="Run", exact=True)
    run.focus()
    opened.keyboard.press("Enter")
    head = opened.locator("th", has=run)
    expect(head).to_have_attribute("aria-sort", "ascending")
    assert [name.split()[0] for name in order(opened)] == ["early", "late"]
    correct.click()
    assert [name.split()[0] for name in order(opened)] == ["late", "early"]  # .75 before .5
    expect(head).not_to_have_attribute("aria-sort", "ascending")
    expect(opened.locator("th", has=correct)).to_have_attribute("aria-sort", "descending")
    opened.keyboard.press("Space")
    assert [name.split()[0] for name in order(opened)] == ["early", "late"]
    for direction in ("descending", "ascending"):
        wins.click()
        expect(opened.locator("th", has=wins)).to_have_attribute("aria-sort", direction)
        assert [name.split()[0] for name in order(opened)] == ["late", "early"]  # early has none
    opened.close()


def test_the_history_shows_the_measure_that_is_chosen(chromium: Browser, tmp_path: Path) -> None:
    for number, name in enumerate(("one", "two", "three")):
        told = [figure(0.1 * number, m, n) for m, n in (("beads", "correct"), ("judge_agreement", "pairwise_accuracy"))]
        begun(small.run(tmp_path, name=name), f"2026-03-0{number + 1}T10:00:00", *told)
    out = index.write(tmp_path / "runs", tmp_path / "elsewhere" / "all.html", "")
    tab = chromium.new_page()
    tab.goto(out.as_uri())
    shown = tab.locator(".history:visible figcaption")
    expect(shown).to_have_text(["As a judge: pairs ordered as ranked (a tie is wrong)"])
    tab.get_by_label("Measure").select_option(label="Bead world: correct answers")
    expect(shown).to_have_text(["Bead world: correct answers"])
    assert tab.locator(".history:visible svg title").count() == 3
    tab.close()


def test_without_scripts_the_page_is_a_plain_table_and_the_first_history(chromium: Browser, runs: Path) -> None:
    (runs / "late" / "log.txt").unlink()
    index.write(runs, runs / "index.html", "")
    context = chromium.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto((runs / "index.html").as_uri())
    assert tab.locator("tbody th").count() == 2
    assert tab.locator("button, select:visible").count() == 0
    context.close()


def test_hostile_names_do_nothing_and_every_link_leads_to_its_report(chromium: Browser, tmp_path: Path) -> None:
    for number, name in enumerate(NAMES):
        words = figure(0.5, note=hostile.PAYLOADS[number], baseline=None)
        folder = begun(small.run(tmp_path, name=f"run{number}"), "2026-03-01T10:00:00", words)
        (folder.path / "report.html").write_text(f"<title>{number}</title>")
        folder.path.rename(tmp_path / "runs" / name)
    begun(small.run(tmp_path, name="bytes"), "2026-03-01T10:00:00").path.rename(
        Path(os.fsdecode(os.fsencode(tmp_path / "runs") + b"/not\xffutf8"))
    )
    broken = tmp_path / "runs" / "<script>alert(2)"
    broken.mkdir()
    (broken / "settings.json").write_text("<script>alert(3)</script>")
    out = index.write(tmp_path / "runs", tmp_path / "runs" / "index.html", "<script>alert(4)</script>")
    tab = chromium.new_page()
    events = deeds(tab)
    tab.goto(out.as_uri())
    assert tab.locator("main img, main script").count() == 0
    assert sorted(name.split("\n")[0] for name in order(tab)) == sorted([*NAMES, "not\ufffdutf8"])
    for number, name in enumerate(NAMES):
        tab.get_by_role("link", name=name, exact=True).click()
        expect(tab).to_have_title(str(number))
        tab.go_back()
    assert events == []
    assert "\n'=1+1," in out.with_suffix(".csv").read_text()
    tab.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("wide", [1280, 390])
def test_the_page_passes_axe_and_only_its_tables_scroll_sideways(
    chromium: Browser, runs: Path, wide: int, scheme: Scheme
) -> None:
    (runs / "broken").mkdir()
    (runs / "broken" / "settings.json").write_text("{")
    out = index.write(runs, runs / "index.html", "srlm-eval index runs")
    assert look(chromium, out, wide, scheme) == (False, [])
    tab = chromium.new_page()
    tab.goto(out.as_uri())
    assert links(tab) == (4, [])
    tab.close()
