"""The figures of README.md and docs/methods.md are those of the study's committed results."""

import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def compared() -> dict[str, Any]:
    """benchmarks/pocket/compared.py, which writes them."""
    before = list(sys.path)
    sys.path.insert(0, str(ROOT / "benchmarks/pocket"))  # as when it is started
    try:
        return runpy.run_path(str(ROOT / "benchmarks/pocket/compared.py"))
    finally:
        sys.path[:] = before


def test_the_pages_show_what_the_committed_results_come_to(compared: dict[str, Any]) -> None:
    now = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/methods.md")}
    made = compared["pages"](compared["gathered"](), now)
    for name, text in made.items():
        assert text == now[name], f"{name} is not of these results: python benchmarks/pocket/compared.py"


def test_the_picture_has_every_method_of_readme_s_table_in_its_order(compared: dict[str, Any], tmp_path: Path) -> None:
    compared["draw"](compared["gathered"](), tmp_path / "methods.svg")
    committed = (ROOT / "docs/methods.svg").read_text(encoding="utf-8")
    table = [line.split("`")[1] for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("| `")]
    places = [committed.index(f">{name}<") for name in table if f">{name}<" in committed]
    assert len(places) == 12 and places == sorted(places)
    assert committed == (tmp_path / "methods.svg").read_text(encoding="utf-8")


def test_a_page_without_a_place_for_the_table_is_refused(compared: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="one place that looks like"):
        compared["pages"](compared["gathered"](), {"README.md": "no table", "docs/methods.md": "none"})
