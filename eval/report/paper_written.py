"""The paper page as a plain file: paper.md."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from srlm.printable import one_line
from srlm.text.markdown import markdown as text
from srlm.text.markdown import markdown_table

from ..figures.words import MetricWords
from ..records import MetricValue

if TYPE_CHECKING:
    from .paper import Shown


NONE_YET, NOT_STATED = "none yet", "not stated"
"""In place of a fact: of ours, and of the paper's. The same stands in paper.html."""


def markdown(content: Mapping[str, Any], words: MetricWords) -> str:
    """Every table and figure in the paper's order."""
    lines = [
        f"# {text(content['name'])} beside the paper",
        "",
        f"Made by `{one_line(content['command']).replace('`', '')}`. The paper: {text(content['source'].source)}.",
        "",
        f"{content['source'].label[:1].upper()}{content['source'].label[1:]}.",
    ]
    for part in content["parts"]:
        lines += ["", f"## {text(part.heading)}", ""]
        lines += _part(part, words)
    return "\n".join([*lines, ""])


def _part(part: "Shown", words: MetricWords) -> Iterator[str]:
    if part.setting:
        yield f"The paper: {text(part.setting)}."
    if part.unlike:
        yield f"Not comparable: {text(part.unlike)}."
    if part.missing:
        yield part.missing
    yield ""
    if part.kind == "facts":
        yield from markdown_table(
            ("", "Ours", "The paper's"),
            [(row.what, row.ours or NONE_YET, row.published or NOT_STATED) for row in part.rows],
        )
    elif part.kind == "table":
        rows = []
        for row in part.rows:
            said = "-" if row.missing == part.missing else row.missing
            absent = (said, *[""] * (len(row.cells) - 1))
            own = absent if row.missing else tuple(_cell(cell.ours, cell.missing, words) for cell in row.cells)
            rows.append((row.label, *own))
            if row.is_published:
                rows.append(("the paper's", *(cell.published for cell in row.cells)))
            if row.is_compared:
                rows.append(("ours minus the paper's", *(cell.difference for cell in row.cells)))
        rows += [(f"the paper's {name}", *values) for name, values in part.others]
        yield from markdown_table(("", *part.columns), rows)
    for note in part.notes:
        yield ""
        yield text(note)


def _cell(ours: MetricValue | None, missing: str, words: MetricWords) -> str:
    if ours is None:
        return missing
    if ours.value is None:
        return f"missing: {ours.note or ours.method}"
    said = words.text_of(ours, ours.value)
    if ends := words.ends_of(ours):
        said += f" ({ends})"
    unscored = f", {ours.unscored:,} unscored" if ours.unscored else ""
    return f"{said}, n {ours.n:,} {ours.unit}{unscored}"
