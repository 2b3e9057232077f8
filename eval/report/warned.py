"""warnings.json beside a run's report: what it warns of, as data. An index of runs reads it."""

import json
from collections.abc import Sequence
from pathlib import Path

from srlm.contents import sha256_of
from srlm.store import files

from ..benchmarks.base import Doubt

NAME = "warnings.json"


def as_json(doubts: Sequence[Doubt], figures: Path) -> str:
    """The warnings, and the digest of the metrics.json that the report was made from."""
    content = {
        "figures": _digest(figures),
        "warnings": [{"about": one.about, "text": one.text} for one in doubts],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def count(report: Path, figures: Path) -> int | None:
    """How many warnings the report of a run has; None where there is none, or it is of other figures than these."""
    path = report.with_name(NAME)
    found = files.read_object(path) if path.is_file() else {}
    warnings = found.get("warnings")
    return len(warnings) if isinstance(warnings, list) and found.get("figures") == _digest(figures) else None


def _digest(figures: Path) -> str | None:
    """None where nothing was measured yet."""
    return sha256_of(figures) if figures.is_file() else None
