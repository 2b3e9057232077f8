"""CONTRIBUTING says what is so."""

import re
import tomllib
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
TEXT = (CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_the_floors_are_drawn_as_import_linter_holds_them() -> None:
    contracts = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    drawn = ""
    for package, head in (("srlm", "srlm"), ("eval", "\neval, which stands on srlm")):
        [floors] = [
            one["layers"]
            for one in contracts["contracts"]
            if one["type"] == "layers" and one["layers"][0].startswith(f"{package}.")
        ]
        drawn += "\n".join([head, *(f"  {floor.replace(f'{package}.', '')}" for floor in floors)]) + "\n"
    assert re.findall(r"```\n(.*?)```", TEXT, re.DOTALL) == [drawn]


def test_every_file_and_folder_it_names_is_there() -> None:
    named = [word for word in re.findall(r"`([^`\n ]+)`", TEXT) if re.match(r"\.?[a-z_]+/", word)]
    assert {"srlm/records.py", "docs/settings.md", ".ci/run"} <= set(named)
    assert [word for word in named if not (CHECKOUT / word).exists()] == []


def test_every_make_target_it_names_is_one() -> None:
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    named = re.findall(r"`make ([a-z-]+)`", TEXT)
    assert named
    assert [target for target in named if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []
