"""The documentation as a site: what the program adds to it, and the whole of it as a reader opens it from disk."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHECKOUT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pages_of_the_site", CHECKOUT / "docs/pages.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_setting_that_the_program_lists_has_a_row(pages: ModuleType) -> None:
    listed = subprocess.run([sys.executable, "-m", "srlm", "settings"], cwd=CHECKOUT, capture_output=True, text=True)
    wanted = re.findall(r"^([a-z_][\w.]*)(?: of \w+)?  \(", listed.stdout, re.MULTILINE)
    assert {"dpo.beta", "method.betas"} <= set(wanted)
    lines = list(pages.settings_page())
    rows = [found[1] for line in lines if (found := re.match(r"\| `([\w.]+)` \|", line))]
    assert sorted(rows) == sorted(wanted)
    [beta] = [line for line in lines if line.startswith("| `dpo.beta` |")]
    assert "float, default 0.1" in beta
    assert {line.count(" | ") for line in lines if line.startswith("|")} == {2}


def test_every_command_has_its_options(pages: ModuleType) -> None:
    text = "\n".join(pages.commands_page())
    assert re.findall(r"^## (srlm \w+)", text, re.MULTILINE)[0] == "srlm train"
    after = text.partition("## srlm-eval bridge\n")[2].partition("\n## ")[0]
    assert "| `--leave-one-out` |" in after
    assert "| `--run` | must be given |" in text


@pytest.mark.parametrize(
    ("target", "own", "place", "link"),
    [
        pytest.param("docs/scale.md", "README.md", "index.md", "scale.md", id="README-is-the-first-page"),
        pytest.param("../README.md", "docs/gate.md", "gate.md", "index.md", id="and-is-found-from-below"),
        pytest.param("../rankings.md", "docs/methods/rlhf.md", "methods/rlhf.md", "../rankings.md", id="a-page"),
        pytest.param(
            "../benchmarks/pocket/README.md", "docs/gate.md", "gate.md", "benchmarks/pocket/README.md", id="out-of-docs"
        ),
        pytest.param(
            "../../docs/methods.md",
            "benchmarks/pocket/README.md",
            "benchmarks/pocket/README.md",
            "../../methods.md",
            id="back-into-docs",
        ),
        pytest.param("../srlm/records.py", "docs/gate.md", "gate.md", "../srlm/records.py", id="not-in-the-site"),
    ],
)
def test_a_link_of_the_repository_leads_to_the_same_page_of_the_site(
    pages: ModuleType, target: str, own: str, place: str, link: str
) -> None:
    assert pages.link(target, own, place) == link


def test_words_of_the_program_are_no_markup(pages: ModuleType) -> None:
    assert pages.cell("a | b <c> *d* M_i,\n `x_y*`") == r"a &#124; b &lt;c&gt; \*d\* M\_i, `x_y*`"


def test_every_page_is_in_the_navigation(pages: ModuleType) -> None:
    def leaves(entry: Any) -> list[str]:
        values = entry.values() if isinstance(entry, dict) else entry if isinstance(entry, list) else None
        return [entry] if values is None else [leaf for value in values for leaf in leaves(value)]

    named = leaves(yaml.safe_load((CHECKOUT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])
    own = {path.relative_to(CHECKOUT / "docs").as_posix() for path in (CHECKOUT / "docs").rglob("*.md")}
    added = {place for place in pages.PLACES.values() if place.endswith(".md")}
    assert sorted(named) == sorted(own | added | {"all_settings.md", "all_commands.md"})


def test_the_site_is_built_without_a_warning_asks_no_network_and_is_searched_from_disk(
    chromium: "Browser", tmp_path: Path
) -> None:
    pytest.importorskip("mkdocs", reason="mkdocs-material is not installed (pip install -e '.[docs]')")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    built = subprocess.run(
        command,
        cwd=CHECKOUT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    page = chromium.new_page(viewport={"width": 390, "height": 900})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: asked.append(str(error)))
    for name in ("index", "all_settings", "run_files", "methods/spin", "benchmarks/pocket/index"):
        page.goto((tmp_path / f"site/{name}.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.goto((tmp_path / "site/reports/pocket/report.html").as_uri()) is not None
    assert page.title().startswith("pocket")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto((tmp_path / "site/start.html").as_uri())
    page.click(".md-search__input")
    page.keyboard.type("adapters")
    page.wait_for_selector(".md-search-result__link")
    found = page.eval_on_selector_all(".md-search-result__link", "links => links.map(link => link.href)")
    assert any("models.html" in one for one in found)
    assert [one for one in asked if not one.startswith(("file:", "data:", "blob:"))] == []
    page.close()
