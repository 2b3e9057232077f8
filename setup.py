"""What pyproject.toml cannot say: the harness's folder `eval` installs as the package `srlm_eval`.

A top-level package `eval` in somebody's site-packages would be a word of Python's own taken from everybody. In a
checkout it is the folder's name (`python -m eval`), so an editable install knows both names.
"""

import sys

from setuptools import find_packages, setup

NAMES = ("srlm_eval", "eval") if "editable_wheel" in sys.argv else ("srlm_eval",)
HARNESS = ["", *(f".{name}" for name in find_packages("eval"))]

setup(
    packages=[
        *find_packages(include=["srlm*"], exclude=["srlm_eval*"]),
        *(name + part for name in NAMES for part in HARNESS),
    ],
    package_dir={"": ".", "srlm_eval": "eval"},
)
