"""What pyproject.toml cannot say: the folder `eval` installs as the package `srlm_eval`, `configs` within `srlm`.

A top-level package `eval` in somebody's site-packages would be a word of Python's own taken from everybody. In a
checkout it is the folder's name (`python -m eval`), so an editable install knows both names. The
run files of `configs` are found in either place (srlm/examples.py), and so are the pages of `docs` (srlm/cli/docs.py).
"""

import sys

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

NAMES = ("srlm_eval", "eval") if "editable_wheel" in sys.argv else ("srlm_eval",)
FILES = () if "editable_wheel" in sys.argv else ("srlm.configs", "srlm.docs")
HARNESS = ["", *(f".{name}" for name in find_packages("eval"))]


class Build(build_py):
    """Leaves out docs/pages.py, which is mkdocs's."""

    def find_package_modules(self, package, package_dir):
        return [] if package == "srlm.docs" else super().find_package_modules(package, package_dir)


setup(
    packages=[
        *find_packages(include=["srlm*"], exclude=["srlm_eval*"]),
        *(name + part for name in NAMES for part in HARNESS),
        *FILES,
    ],
    package_dir={"": ".", "srlm_eval": "eval", "srlm.configs": "configs", "srlm.docs": "docs"},
    cmdclass={"build_py": Build},
)
