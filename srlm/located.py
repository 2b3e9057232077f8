"""Paths in run files: what of them is taken from the environment."""

import os
import re

from srlm.errors import SrlmError

_VARIABLE = re.compile(r"\$\{([^}]*)\}")


def located(path: str, where: str, kind: type[SrlmError]) -> str:
    """A path with each `${NAME}` taken from the environment. Raises an error of `kind`, which begins with `where` the
    path stands, for a variable that is not set."""

    def value(found: re.Match[str]) -> str:
        text = os.environ.get(found[1], "")
        if not text:
            raise kind(f"{where}: the environment variable {found[1]} is not set; set it or write the path in full")
        return text

    return _VARIABLE.sub(value, path)
