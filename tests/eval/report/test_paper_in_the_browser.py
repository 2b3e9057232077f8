"""The page of the paper in a real Chromium: whole at three widths, light and dark, and nothing in it acts."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from eval.metrics import merge
from eval.records import MetricValue
from eval.report import paper
from tests.eval.report import hostile
from tests.eval.seen import Look, Scheme, deeds, links, look


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hostile names of models, notes and commands, in every table that shows some."""
    folder = hostile.run(tmp_path_factory.mktemp("hostile"))
    figures = [
        MetricValue(
            model="M1", benchmark="ablations", metric="finished", value=None, low=None, high=None, n=0, unscored=0,
            method="x", note=payload,
        ).model_copy(update={"model": "positive_only"})
        for payload in hostile.PAYLOADS
    ]  # fmt: skip
    merge(folder, figures, ["ablations"])
    return paper.write(folder.settings, folder, f"srlm-eval paper {hostile.PAYLOADS[0]}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("wide", [390, 1280, 2000])
def test_the_page_is_whole_and_axe_finds_nothing(chromium: Browser, written: Path, wide: int, scheme: Scheme) -> None:
    assert look(chromium, written, wide, scheme) == Look(overflows=False, violations=[])


def test_what_others_wrote_is_shown_and_does_nothing(chromium: Browser, written: Path) -> None:
    tab = chromium.new_page()
    events = deeds(tab)
    tab.goto(written.as_uri())
    text = tab.inner_text("main")
    assert "<script>window.pwned=1;alert(1)</script>" in text
    assert "onerror=alert(1)" in text
    assert tab.locator("main img, main iframe, main object, main embed, main link, main base, main form").count() == 0
    assert tab.evaluate("window.pwned") is None
    tab.close()
    assert events == []


def test_every_link_of_the_page_leads_to_a_place_on_it(chromium: Browser, written: Path) -> None:
    tab = chromium.new_page()
    tab.goto(written.as_uri())
    assert links(tab) == (18, [])
    tab.close()
