"""The page of a study: every figure with its sum, what is missing by name, and nothing that acts in a browser."""

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Dialog, Request

from eval.metrics import read as read_metrics
from eval.study import page
from eval.study.file import Study
from eval.study.training import stopped_path
from srlm.methods.base import run_folder
from srlm.store import files, used
from srlm.usage import Usage
from tests.eval.report import hostile
from tests.eval.study.finished import figures, study, train

SECOND = "second"
GAINS = {"loop": (0.20, 0.24, 0.22, 0.22), SECOND: (0.30, 0.35, 0.31, None)}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Two methods on four seeds; the second one's last seed stopped with words that anybody may have written."""
    found = study(tmp_path_factory.mktemp("study"), f"loop {SECOND} third")
    for method, gains in GAINS.items():
        for seed, gain in zip(found.seeds, gains, strict=True):
            if gain is not None:
                train(found, method, seed, figures(0.4, 0.4 + gain), seconds=10.0 * seed)
    files.write_json(stopped_path(found, 4), {SECOND: hostile.PAYLOADS[0]})
    return found


@pytest.fixture(scope="module")
def written(filled: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return page.write(filled, f"srlm-eval methods {hostile.PAYLOADS[0]}", tmp_path_factory.mktemp("page"))


def test_figures_are_means_over_seeds_and_differences_are_paired(written: Path) -> None:
    found = {(one.model, one.baseline, one.metric): one for one in read_metrics(written.parent / "metrics.json")}
    gain = found["loop", None, "gain"]
    assert gain.value == pytest.approx(0.22)
    assert (gain.n, gain.unscored, gain.unit) == (4, 0, "seeds")
    assert found["loop", None, "outcome"].value == pytest.approx(0.62)
    # (.30 + .35 + .31) / 3 - and, on the same seeds, .10, .11 and .09 more than the loop
    assert found[SECOND, None, "gain"].value == pytest.approx(0.32)
    apart = found[SECOND, "loop", "gain"]
    assert apart.value == pytest.approx(0.10)
    assert (apart.n, apart.unscored) == (3, 1)
    # sd .01, t = 10 sqrt(3); p = 1 - sqrt(300 / 302), the only comparison that could be made
    assert apart.p_adjusted == pytest.approx(1 - (300 / 302) ** 0.5)
    # 1000 tokens times the seed, from M2 alone: (1000 + 2000 + 3000 + 4000) / 4
    assert found["loop", None, "generated"].value == 2500
    assert found["loop", None, "judged"].value == 300
    assert found["loop", None, "examples"].value == 21
    # 10.5, 20.5, 30.5 and 40.5 seconds
    assert found["loop", None, "seconds"].value == pytest.approx(25.5)
    assert found["third", None, "gain"].value is None
    assert found["third", None, "gain"].note == "no value of seeds 1, 2, 3, 4: not trained"


def test_the_page_names_what_is_missing_and_what_was_tuned(filled: Study) -> None:
    content = page.gather(filled, "x")
    assert [(one.method, one.seed, one.why) for one in content["not_there"]] == [
        (SECOND, 4, f"stopped: {hostile.PAYLOADS[0]}"),
        *(("third", seed, "not trained") for seed in (1, 2, 3, 4)),
    ]
    assert content["findings"] == [
        "second gains more than loop: +10.0 pp, p = .003 after Holm's correction, 3 seeds.",
        "Not tested, for too few seeds or equal values: third.",
    ]
    assert [(one.name, one.trials, one.there) for one in content["methods"]] == [
        ("loop", "0, on seeds 90-91", 4),
        (SECOND, "1, on seeds 90-91", 3),
        ("third", "2, on seeds 90-91", 0),
    ]
    assert [one.title for one in content["pictures"]] == [
        "Gain against tokens generated",
        "Gain against tokens read and written to judge",
        "Gain against examples trained on",
        "Gain against seconds",
    ]
    assert [row[0] for row in content["pictures"][0].rows] == ["loop", SECOND]
    assert content["pictures"][0].note == "Without a value: third."


def test_the_same_stands_in_the_markdown_and_the_spreadsheet(written: Path) -> None:
    said = written.with_suffix(".md").read_text()
    row = next(line for line in said.splitlines() if line.startswith("| loop |"))
    # Student's t with 3 degrees of freedom is 3.1824463; sd .0163299, error .0081650, half .0259845
    assert "+22.0 pp (+19.4 pp to +24.6 pp)" in row
    assert "missing: no value of seeds 1, 2, 3, 4: not trained" in said
    rows = list(csv.DictReader(io.StringIO((written.parent / "metrics.csv").read_text())))
    assert len(rows) == len(json.loads((written.parent / "metrics.json").read_text())) == 9 * 3 + 9 * 2


def test_what_does_not_know_its_cost_says_so(tmp_path: Path) -> None:
    found = study(tmp_path, "loop", seeds="1-2")
    for seed in found.seeds:
        settings = train(found, "loop", seed, figures(0.4, 0.5))
        place = run_folder(settings).step("M2")
        if seed == 1:
            (place / used.NAME).unlink()
            (place / "timings.json").unlink()
        else:
            used.add(place, "candidates", {"generation": Usage(requests=4, unknown=4)}, used.StageUsage())
    content = page.gather(found, "x")
    generated, seconds = content["named"]["generated", "loop"], content["named"]["seconds", "loop"]
    assert generated.value is None
    assert generated.note == (
        "no value of seed 1: M2 has no usage.json: it was made before tokens were counted; "
        "seed 2: of 4 of 4 requests nobody said how many tokens they took"
    )
    assert (seconds.value, seconds.n, seconds.note) == (10.5, 1, "no value of seed 1: M2 has no timings.json")


def test_a_run_that_is_not_whole_is_not_compared(tmp_path: Path) -> None:
    found = study(tmp_path, "loop", seeds="1-3")
    for seed in found.seeds:
        settings = train(found, "loop", seed, figures(0.4, 0.5))
        folder = run_folder(settings)
        if seed == 1:
            (folder.step("M2") / "manifest.json").unlink()
        if seed == 2:
            shutil.rmtree(folder.step("evaluation"))
        if seed == 3:
            changed = json.loads((folder.path / "settings.json").read_text()) | {"seed": 77}
            files.write_json(folder.path / "settings.json", changed)
    first, second, third = page.gather(found, "x")["not_there"]
    assert (first.why, second.why) == ("not finished: M2 not made", "not measured")
    assert "was made with other settings (seed: 77 -> 3)" in third.why


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("wide", [390, 1280, 2000])
def test_the_page_is_whole_and_axe_finds_nothing(chromium: Browser, written: Path, wide: int, scheme: Any) -> None:
    tab = chromium.new_page(viewport={"width": wide, "height": 900}, color_scheme=scheme, bypass_csp=True)
    tab.goto(written.as_uri())
    tab.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    sizes: list[int] = tab.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    found = Axe().run(tab, options={"resultTypes": ["violations"]}).response["violations"]
    tab.close()
    assert sizes[0] <= sizes[1]
    assert [(one["id"], [node["html"][:200] for node in one["nodes"]][:3]) for one in found] == []


def test_words_of_a_stopped_run_are_shown_and_do_nothing(chromium: Browser, written: Path) -> None:
    tab, events = chromium.new_page(), list[str]()

    def asked(dialog: Dialog) -> None:
        events.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def sent(request: Request) -> None:
        if request.url != written.as_uri():
            events.append(request.url[:200])

    tab.on("dialog", asked)
    tab.on("request", sent)
    tab.on("pageerror", lambda error: events.append(f"error: {error}"))
    tab.goto(written.as_uri())
    assert "<script>window.pwned=1;alert(1)</script>" in tab.inner_text("main")
    assert tab.evaluate("window.pwned") is None
    dead = "[...document.querySelectorAll('nav a')].filter(a => !document.getElementById(a.hash.slice(1))).length"
    assert (tab.evaluate(dead), tab.locator("nav a").count()) == (0, 7)
    tab.close()
    assert events == []
