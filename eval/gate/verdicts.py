"""A comparison with a baseline as plain text, as Markdown (GitHub's step summary) and as JUnit XML."""

from collections.abc import Sequence
from xml.etree import ElementTree

from srlm.printable import one_line
from srlm.text.counts import counted
from srlm.text.markdown import markdown as words
from srlm.text.markdown import markdown_table

from ..figures.text import aligned
from ..records import Baseline
from ..stats.regression import Loss
from .regress import GateRow

HEADER = ("measure", "baseline", "now", "difference", "95% interval", "margin", "p (Holm)", "verdict")


def cells(row: GateRow) -> tuple[str, ...]:
    """One line of the table."""
    measure, loss, verdict = row
    if loss.difference is None:
        return (measure.name, "-", "-", "-", "-", f"{measure.margin:g}", "-", f"unread: {loss.method}")
    p = None if verdict.said == "unread" else verdict.p_adjusted
    return (
        measure.name,
        f"{loss.baseline:.3f}",
        f"{loss.now:.3f}",
        f"{loss.difference:+.3f}",
        "none" if loss.low is None else f"{loss.low:+.3f} to {loss.high:+.3f}",
        f"{measure.margin:g}",
        "-" if p is None else _p(p),
        f"unread: {_why_unread(loss)}" if p is None else verdict.said,
    )


def _p(p: float) -> str:
    return "< .001" if p < 0.001 else f"{p:.3f}".replace("0.", ".", 1)


def _why_unread(loss: Loss) -> str:
    if loss.p is None:
        return loss.method
    return f"{counted(loss.unscored, 'prompts')} unscored, which could hide a regression"


def notes(rows: Sequence[GateRow], baseline: Baseline) -> list[str]:
    """What the table does not say: where the baseline is from, how the intervals were made, what would be seen."""
    lines = [f"Baseline of {baseline.made}, commit {baseline.commit or 'unknown'}: {baseline.reason}"]
    for row in rows:
        loss = row.loss
        unscored = f", {loss.unscored} unscored" if loss.unscored else ""
        seen = "" if loss.visible is None else f"; a loss of {loss.visible:.3f} would be seen 4 times in 5"
        seen += f" (tested with {counted(len(rows) - 1, 'others')})" if seen and len(rows) > 1 else ""
        lines.append(
            f"{row.measure.name}: n = {counted(loss.n, 'prompts')}{unscored}, "
            f"{loss.method}{seen}{_apart(row, len(rows))}"
        )
    return lines


def levels(rows: Sequence[GateRow]) -> str:
    """What interval and verdict are of, for they have other levels."""
    holm = f", with Holm's correction over {counted(len(rows), 'measures')}" if len(rows) > 1 else ""
    return (
        "Intervals are two-sided 95%, of each measure alone; a regression is a loss beyond the margin by a one-sided "
        f"test at 5%{holm}"
    )


def _apart(row: GateRow, family: int) -> str:
    """Where interval and verdict seem to differ, why they do not."""
    measure, loss, verdict = row
    if loss.high is None:
        return ""
    beyond = loss.high < -measure.margin
    if beyond and verdict.said == "not shown":
        return (
            "; its own interval lies beyond the margin, which among "
            f"{counted(family, 'measures')} may be chance: Holm's correction does not call it"
        )
    if not beyond and verdict.said == "regression":
        return "; its two-sided interval reaches the margin, the one-sided test excludes it"
    return ""


def text(rows: Sequence[GateRow], baseline: Baseline) -> str:
    """The table for a terminal; differences are turned so that negative is worse."""
    said = map(one_line, [*notes(rows, baseline), levels(rows)])
    return "\n".join([aligned(HEADER, [cells(row) for row in rows]), "", *said])


def markdown(rows: Sequence[GateRow], baseline: Baseline) -> str:
    """The same for a web page."""
    lines = markdown_table(HEADER, [cells(row) for row in rows])
    said = [f"- {words(note)}" for note in [*notes(rows, baseline), levels(rows)]]
    return "\n".join([f"### {words(headline(rows))}", "", *lines, "", *said, ""])


def headline(rows: Sequence[GateRow]) -> str:
    """One line that says it all."""
    lost = [row.measure.name for row in rows if row.verdict.said == "regression"]
    if lost:
        return f"regression in {len(lost)} of {counted(len(rows), 'measures')}: {', '.join(lost)}"
    unread = [row.measure.name for row in rows if row.verdict.said == "unread"]
    if unread:
        return f"could not judge {len(unread)} of {counted(len(rows), 'measures')}: {', '.join(unread)}"
    shown = sum(row.verdict.said == "no worse" for row in rows)
    return f"no regression in {counted(len(rows), 'measures')} ({shown} of them shown to be no worse)"


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
