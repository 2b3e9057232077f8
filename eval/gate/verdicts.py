"""A comparison with a baseline as plain text, as Markdown (GitHub's step summary) and as JUnit XML."""

from collections.abc import Sequence
from xml.etree import ElementTree

from srlm.printable import one_line
from srlm.text.markdown import markdown as words
from srlm.text.markdown import markdown_table

from ..figures.text import aligned
from ..records import Baseline
from .regress import GateRow

HEADER = ("measure", "baseline", "now", "difference", "95% interval", "margin", "p (Holm)", "verdict")


def cells(row: GateRow) -> tuple[str, ...]:
    """One line of the table."""
    measure, loss, verdict = row
    if loss.difference is None or loss.low is None or loss.high is None or verdict.p_adjusted is None:
        return (measure.name, "-", "-", "-", "-", f"{measure.margin:g}", "-", f"unread: {loss.method}")
    if verdict.said == "unread":
        return (
            measure.name,
            f"{loss.baseline:.3f}",
            f"{loss.now:.3f}",
            f"{loss.difference:+.3f}",
            f"{loss.low:+.3f} to {loss.high:+.3f}",
            f"{measure.margin:g}",
            "-",
            f"unread: {loss.unscored} prompts unscored, which could hide a regression",
        )
    p = "< .001" if verdict.p_adjusted < 0.001 else f"{verdict.p_adjusted:.3f}".replace("0.", ".", 1)
    return (
        measure.name,
        f"{loss.baseline:.3f}",
        f"{loss.now:.3f}",
        f"{loss.difference:+.3f}",
        f"{loss.low:+.3f} to {loss.high:+.3f}",
        f"{measure.margin:g}",
        p,
        verdict.said,
    )


def notes(rows: Sequence[GateRow], baseline: Baseline) -> list[str]:
    """What the table does not say: where the baseline is from, how the intervals were made, what would be seen."""
    lines = [f"Baseline of {baseline.made}, commit {baseline.commit or 'unknown'}: {baseline.reason}"]
    for row in rows:
        loss = row.loss
        unscored = f", {loss.unscored} unscored" if loss.unscored else ""
        seen = "" if loss.visible is None else f"; a loss of {loss.visible:.3f} would be seen 4 times in 5"
        seen += f" (tested with {len(rows) - 1} others)" if seen and len(rows) > 1 else ""
        lines.append(f"{row.measure.name}: n = {loss.n} prompts{unscored}, {loss.method}{seen}")
    return lines


def text(rows: Sequence[GateRow], baseline: Baseline) -> str:
    """The table for a terminal; differences are turned so that negative is worse."""
    return "\n".join([aligned(HEADER, [cells(row) for row in rows]), "", *map(one_line, notes(rows, baseline))])


def markdown(rows: Sequence[GateRow], baseline: Baseline) -> str:
    """The same for a web page."""
    lines = markdown_table(HEADER, [cells(row) for row in rows])
    said = [f"- {words(note)}" for note in notes(rows, baseline)]
    return "\n".join([f"### {words(headline(rows))}", "", *lines, "", *said, ""])


def headline(rows: Sequence[GateRow]) -> str:
    """One line that says it all."""
    lost = [row.measure.name for row in rows if row.verdict.said == "regression"]
    if lost:
        return f"regression in {len(lost)} of {len(rows)} measures: {', '.join(lost)}"
    unread = [row.measure.name for row in rows if row.verdict.said == "unread"]
    if unread:
        return f"could not judge {len(unread)} of {len(rows)} measures: {', '.join(unread)}"
    shown = sum(row.verdict.said == "no worse" for row in rows)
    return f"no regression in {len(rows)} measures ({shown} of them shown to be no worse)"


def junit(rows: Sequence[GateRow], baseline: Baseline) -> str:
    """A test case a measure; a regression is a failure, an unreadable one an error."""
    said = [row.verdict.said for row in rows]
    suite = ElementTree.Element(
        "testsuite",
        name="regression",
        tests=str(len(rows)),
        failures=str(said.count("regression")),
        errors=str(said.count("unread")),
    )
    for row, note in zip(rows, notes(rows, baseline)[1:], strict=True):
        case = ElementTree.SubElement(suite, "testcase", classname="regression", name=one_line(row.measure.name))
        # XML has no place for control characters, not even as references.
        line = one_line(", ".join(f"{name} {cell}" for name, cell in zip(HEADER[1:], cells(row)[1:], strict=True)))
        note = one_line(note)
        if row.verdict.said in ("regression", "unread"):
            kind = "failure" if row.verdict.said == "regression" else "error"
            ElementTree.SubElement(case, kind, message=line).text = note
        ElementTree.SubElement(case, "system-out").text = f"{line}\n{note}"
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"
