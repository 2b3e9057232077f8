"""The comparison of methods as Markdown: the table that a README takes, the differences, and what is missing."""

from collections.abc import Mapping, Sequence
from typing import Any

from srlm.printable import one_line
from srlm.text.counts import counted
from srlm.text.markdown import markdown as text
from srlm.text.markdown import markdown_table

from ..figures.words import MetricWords, p_text
from ..records import MetricValue


def markdown(content: Mapping[str, Any], words: MetricWords) -> str:
    """All that the page says, but for its pictures."""
    seeds = ", ".join(map(str, content["seeds"]))
    lines = [
        f"# {text(content['name'])}: methods compared",
        "",
        f"Made by `{one_line(content['command']).replace('`', '')}`. Means over seeds ({seeds}) with "
        f"{content['level']} intervals (Student's t over seeds). Costs are those behind M1.",
        "",
    ]
    if content["own_start"]:
        others = ", ".join(text(name) for name in content["own_start"])
        lines += [f"M1 is not the reference's M1 for: {others}; their gains are over another start.", ""]
    if content["other_start"]:
        others = ", ".join(text(name) for name in content["other_start"])
        lines += [f"M1 has other weights than the reference's for: {others}.", ""]
    lines += table(content, words, [one.name for one in content["measures"]])
    lines += ["", f"## Minus {text(content['reference'])}, paired by seed", ""]
    lines += [f"- {text(finding)}" for finding in content["findings"]] or ["- missing: nothing to compare"]
    lines.append("")
    lines += markdown_table(
        ("Measure", "Method", "Difference", f"{content['level']} interval", "p (Holm)", "Seeds", "Note"),
        [
            (
                words.label(one),
                one.model,
                f"missing: {one.note or one.method}" if one.value is None else words.text_of(one, one.value),
                words.ends_of(one),
                "" if one.p_adjusted is None else p_text(one.p_adjusted),
                f"{one.n}",
                one.note,
            )
            for one in content["paired"]
        ],
    )
    if content["not_there"]:
        lines += ["", "## Runs that are not there", ""]
        lines += [f"- {text(line)}" for line in content["not_there_lines"]]
    return "\n".join([*lines, ""])


def table(content: Mapping[str, Any], words: MetricWords, wanted: Sequence[str]) -> list[str]:
    """The lines of a table of the methods with these measures, in the order of the study."""
    measures = [one for one in content["measures"] if one.name in wanted]
    named = content["named"]
    return markdown_table(
        ("Method", "Seeds", *(text(one.spec.label) for one in measures), "Trials of tuning"),
        [
            (
                one.name,
                one.seeds,
                *(_cell(named[each.name, one.name], named["outcome", one.name].n, words) for each in measures),
                one.trials,
            )
            for one in content["methods"]
        ],
    )


def _cell(one: MetricValue, expected: int, words: MetricWords) -> str:
    """`81.2% (78.0% to 84.4%)`, and how many seeds it has, where these are others than the row says."""
    if one.value is None:
        return f"missing: {one.note or one.method}"
    interval = words.ends_of(one)
    lacks = f", {one.n} of {counted(one.n + one.unscored, 'seeds')}" if one.n != expected else ""
    return words.text_of(one, one.value) + (f" ({interval})" if interval else "") + lacks
