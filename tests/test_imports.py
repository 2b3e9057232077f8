"""Every module imports by itself, and the light ones bring no heavy library along."""

import importlib
import pkgutil
import subprocess
import sys

import pytest

import eval as harness
import srlm

MODULES = [
    found.name
    for package in (srlm, harness)
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    if not found.name.endswith("__main__")  # runs when imported
]
HEAVY = ("torch", "transformers", "trl", "datasets", "openai", "alpaca_eval", "scipy", "sklearn", "pandas")


@pytest.mark.parametrize("name", MODULES)
def test_every_module_imports(name: str) -> None:
    importlib.import_module(name)


LIGHT = (
    "srlm", "srlm.settings", "srlm.records", "srlm.store.folder", "srlm.judge.pointwise", "eval.cli",
    "eval.report.page", "eval.benchmarks.table",
)  # fmt: skip


@pytest.mark.parametrize("name", LIGHT)
def test_what_thinks_imports_no_heavy_library(name: str) -> None:
    program = f"import sys, {name}; print(*sorted(set(sys.modules) & set({HEAVY})))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
