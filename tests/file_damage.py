"""Damage to a file of records that leaves each line whole: no reader of lines alone sees it."""

import json
from pathlib import Path


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def halve(path: Path) -> None:
    """Cut it at a line's end."""
    path.write_bytes(b"".join(lines(path)[: len(lines(path)) // 2]))


def turn_scores_round(path: Path) -> None:
    """Give each judgement the score on the other side of the scale, and leave its words."""
    rows = [json.loads(line) for line in lines(path)]
    for row in rows:
        row["score"] = None if row["score"] is None else 5 - row["score"]
    path.write_text("".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows))
