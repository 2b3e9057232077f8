"""Canaries as text for a terminal."""

from collections.abc import Sequence

from srlm.text.counts import counted

from ...data.canaries import KINDS
from ...figures.text import aligned
from .measure import Tried


def canaries(tried: Sequence[Tried]) -> str:
    """Pass or fail by judge and kind, then each canary that did not hold."""
    rows = []
    for judge, way, kind in dict.fromkeys((one.judge, one.way, one.kind) for one in tried):
        held = [one.held for one in tried if (one.judge, one.way, one.kind) == (judge, way, kind)]
        said = "FAIL" if False in held else "unread" if None in held else "pass"
        rows.append([judge, way, kind, said, f"{held.count(True)} of {len(held)}", KINDS[kind]])
    ours = [row for row in rows if row[1] == "parsing"]
    scripted = [one.held for one in tried if one.way == "parsing"]
    parts = [
        f"the score parser held in {scripted.count(True)} of {counted(len(scripted), 'scripted judgements')} "
        "of canaries"
    ]
    shown_rows = [row for row in rows if row not in ours or row[3] != "pass"]
    if shown_rows:
        parts.append(aligned(["judge", "by", "canary", "", "held", "what it is"], shown_rows))
    fallen = [
        [one.judge, one.way, one.kind, one.prompt, one.given, one.should_not] for one in tried if one.held is not True
    ]
    if fallen:
        header = ["judge", "by", "canary", "question", "what it gave", "what it should not have given"]
        parts.append(aligned(header, fallen))
    return "\n\n".join(parts)
