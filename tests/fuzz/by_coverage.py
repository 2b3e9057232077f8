"""One target by atheris, which makes inputs that reach new lines: `python -m tests.fuzz.by_coverage TARGET CORPUS`."""

import sys
import tempfile
from pathlib import Path

import atheris

# Not the hook "RegEx": its stand-in for a pattern takes no place to begin at (`pattern.match(text, pos)`), which YAML's
# and JSON's scanners and our own readers give.
with atheris.instrument_imports(include=["srlm", "eval"]):
    from tests.fuzz.targets import TARGETS, check

PLACE = tempfile.TemporaryDirectory()


def main() -> None:
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, lambda content: check(TARGETS[name], content, Path(PLACE.name)))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
