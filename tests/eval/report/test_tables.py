"""Tables of the report in a real browser: one that is wider than the window shows it, and all of it is reached."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from eval.report import page
from tests.eval.report import small


@pytest.fixture(scope="module")
def narrow(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = small.run(tmp_path_factory.mktemp("tables"))
    path: Path = page.write(folder.settings, folder, "srlm-eval report")
    tab = chromium.new_page(viewport={"width": 390, "height": 844})
    tab.goto(path.as_uri())
    yield tab
    tab.close()


def test_a_table_wider_than_the_window_has_an_edge_and_is_reached_and_scrolled_by_keys(narrow: Page) -> None:
    wide = narrow.locator("[aria-label='Head to head']")
    assert wide.evaluate("one => one.scrollWidth > one.clientWidth")
    assert wide.evaluate("one => getComputedStyle(one).backgroundAttachment") == "local, scroll"
    wide.focus()
    for _ in range(3):
        narrow.keyboard.press("ArrowRight")
    expect(wide).to_have_class(re.compile(r"\bscrolled\b"))
    assert wide.evaluate("one => one.scrollLeft") > 0
    names = wide.locator("tbody th").first
    left = wide.evaluate("one => one.getBoundingClientRect().left")
    assert names.evaluate("one => one.getBoundingClientRect().left") == left
    assert names.evaluate("one => getComputedStyle(one).boxShadow") != "none"
    assert names.evaluate("one => getComputedStyle(one).backgroundColor") != "rgba(0, 0, 0, 0)"


def test_every_region_of_a_table_is_reached_by_keys_and_named(narrow: Page) -> None:
    found = narrow.eval_on_selector_all(
        ".scroll", "all => all.map(one => [one.tabIndex, one.getAttribute('role'), Boolean(one.ariaLabel)])"
    )
    assert len(found) > 5
    assert {tuple(one) for one in found} == {(0, "region", True)}
    assert narrow.locator("main table").count() == len(found)


def test_numbers_stand_under_each_other_and_under_their_heading(narrow: Page) -> None:
    ends = narrow.eval_on_selector_all(
        "[aria-label='Head to head'] :is(thead th:nth-child(2), tbody tr:not(.published) td:nth-child(2))",
        "all => all.map(one => getComputedStyle(one).textAlign)",
    )
    assert ends == ["right"] * 3  # the heading, M1 : SFT and M2 : M1
