"""The wheel: what a user installs holds both packages whole, under names that take nobody else's."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    return listed.stdout.splitlines()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's files, unpacked as pip does; built from a copy, so that no build folder stays in the checkout."""
    place = tmp_path_factory.mktemp("wheel")
    for name in tracked():
        copy = place / "checkout" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((CHECKOUT / name).read_bytes())
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index",
         "--disable-pip-version-check", "--wheel-dir", place, place / "checkout"],
        check=True,
    )  # fmt: skip
    (wheel,) = place.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place / "installed")
    return place / "installed"


def test_the_wheel_holds_every_file_of_both_packages_and_no_package_named_eval(installed: Path) -> None:
    expected = {name for name in tracked() if name.startswith("srlm/")}
    expected |= {name.replace("eval/", "srlm_eval/", 1) for name in tracked() if name.startswith("eval/")}
    found = {path.relative_to(installed).as_posix() for path in installed.rglob("*") if path.is_file()}
    assert {name for name in found if not name.startswith("srlm-")} == expected


def test_both_commands_run_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    points = next(installed.glob("srlm-*.dist-info")).joinpath("entry_points.txt").read_text()
    assert "srlm = srlm.cli.main:main\nsrlm-eval = srlm_eval.cli:main\n" in points
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    for package, word in (("srlm", "methods"), ("srlm_eval", "power")):
        program = f"import {package}; print({package}.__file__)"
        place = subprocess.run(
            [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
        assert Path(place.stdout.strip()) == installed / package / "__init__.py"
        done = subprocess.run(
            [sys.executable, "-m", package, word, "--help"],
            cwd=tmp_path, env=environment, capture_output=True, text=True,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        assert word in done.stdout
