"""What pyproject.toml cannot say: the folder `eval` installs as the package `srlm_eval`, `configs` within `srlm`.

A top-level package `eval` in somebody's site-packages would be a word of Python's own taken from everybody. In a
checkout it is the folder's name (`python -m eval`), so an editable install knows both names. The
run files of `configs` are found in either place (srlm/examples.py).
"""

import sys

from setuptools import find_packages, setup

NAMES = ("srlm_eval", "eval") if "editable_wheel" in sys.argv else ("srlm_eval",)
CONFIGS = () if "editable_wheel" in sys.argv else ("srlm.configs",)
HARNESS = ["", *(f".{name}" for name in find_packages("eval"))]

setup(
    packages=[
        *find_packages(include=["srlm*"], exclude=["srlm_eval*"]),
        *(name + part for name in NAMES for part in HARNESS),
        *CONFIGS,
    ],
    package_dir={"": ".", "srlm_eval": "eval", "srlm.configs": "configs"},
)
