"""Figures in a real Chromium: whatever models are called, no words are cut, and none stand on others."""

from pathlib import Path

import pytest
from markupsafe import Markup
from playwright.sync_api import Browser, Page

from tests.eval.figures import hard

STYLE = (Path(__file__).parents[3] / "eval/report/templates/report.css").read_text(encoding="utf-8")
FONTS = ("inherit", "Liberation Sans")
"""The page's own, which is DejaVu Sans on a Linux without another, and one as wide as Arial."""
FAULTS = """() => [...document.querySelectorAll('figure')].flatMap((figure) => {
  const name = figure.dataset.name, found = [];
  const frame = figure.querySelector('svg').getBoundingClientRect();
  const boxes = [...figure.querySelectorAll('svg text')].filter((one) => one.textContent.trim())
    .map((one) => [one.textContent.slice(0, 40), one.getBoundingClientRect()]);
  for (const [words, box] of boxes) {
    const across = Math.max(frame.left - box.left, box.right - frame.right);
    const out = Math.max(across, frame.top - box.top, box.bottom - frame.bottom);
    if (out > 0.5) found.push(`${name}: ${words} is ${out.toFixed(1)} outside`);
  }
  boxes.forEach(([words, a], place) => {
    for (const [other, b] of boxes.slice(place + 1)) {
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      // Lines of a font with high letters may share a little of their height.
      if (wide > 0.5 && high > 3) found.push(`${name}: ${words}, ${other} share ${wide} by ${high}`);
    }
  });
  return found;
})"""


def page(names: list[str], tmp_path: Path) -> Path:
    shown = "".join(
        Markup('<figure data-name="{}">{}</figure>').format(one.title, one.picture) for one in hard.figures(names)
    )
    path = tmp_path / "figures.html"
    path.write_text(
        f"<!doctype html><meta charset=utf-8><title>x</title><style>{STYLE}</style><div class=charts>{shown}</div>",
        encoding="utf-8",
    )
    return path


def faults(tab: Page) -> list[str]:
    """Words that are cut or that stand on others, in every font and at every width."""
    found = []
    for wide in (390, 1280, 2000):
        tab.set_viewport_size({"width": wide, "height": 900})
        for font in FONTS:
            tab.evaluate(
                "font => document.querySelectorAll('svg').forEach((one) => { one.style.fontFamily = font; })", font
            )
            found += [f"{wide}, {font}: {fault}" for fault in tab.evaluate(FAULTS)]
    return found


@pytest.mark.parametrize("names", hard.NAMES.values(), ids=hard.NAMES)
def test_no_words_are_cut_and_none_stand_on_others(chromium: Browser, tmp_path: Path, names: list[str]) -> None:
    tab = chromium.new_page()
    tab.goto(page(names, tmp_path).as_uri())
    assert tab.locator("svg text").count() > 80
    assert faults(tab) == []
    tab.close()


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        ("one => { one.textContent = 'w'.repeat(99); }", "outside"),
        ("one => { one.setAttribute('transform', one.nextElementSibling.getAttribute('transform')); }", "share"),
    ],
    ids=["cut", "on-others"],
)
def test_words_that_are_cut_or_stand_on_others_are_found(
    chromium: Browser, tmp_path: Path, script: str, fault: str
) -> None:
    tab = chromium.new_page()
    tab.goto(page(["M1", "M2"], tmp_path).as_uri())
    tab.eval_on_selector("figure[data-name=forest] text", script)
    assert any(fault in found for found in faults(tab))
    tab.close()
