"""The comparison of methods as the pages show it, made from its committed results.

    srlm-eval methods configs/studies/pocket-methods.yaml   # trains and measures what benchmarks/pocket/methods lacks
    python benchmarks/pocket/compared.py                    # README.md, docs/methods.md, docs/methods.svg

A table, and the list of differences, are put in the place of those that are there; the words around them are people's.
"""

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from running import CHECKOUT

sys.path.insert(0, str(CHECKOUT))
from eval.records import MetricValue
from eval.study import page, written
from eval.study.file import read
from srlm.text.markdown import markdown_table

STUDY = CHECKOUT / "configs/studies/pocket-methods.yaml"
README, METHODS, PICTURE = "README.md", "docs/methods.md", "docs/methods.svg"
COLUMNS = ("outcome", "gain", "judge_agreement", "length", "kl", "judged", "processor_seconds")
"""Measures of the table in docs/methods.md."""
SHORT = {
    "outcome": "right answers of M3",
    "gain": "gain over M1, points",
    "judge_agreement": "as a judge: pairs as ranked",
    "processor_seconds": "processor seconds",
}
"""Those of README's, and what they are called there."""
JUDGES = ("self_taught_evaluator", "autorater", "weak_to_strong")
"""Methods that train a judge, whose gain in answers is beside the point: README leaves them to the page."""
DIFFERENCES = "Gains over M1, paired by seed with `self_rewarding`:\n\n"


def main() -> None:
    argparse.ArgumentParser(description=__doc__.split("\n")[0]).parse_args()
    content = gathered()
    for name, text in pages(
        content, {name: (CHECKOUT / name).read_text("utf-8") for name in (README, METHODS)}
    ).items():
        (CHECKOUT / name).write_text(text, "utf-8")
    draw(content, CHECKOUT / PICTURE)


def gathered() -> Mapping[str, Any]:
    """All that the study's page says."""
    return page.gather(read(STUDY), "srlm-eval methods")


def pages(content: Mapping[str, Any], now: Mapping[str, str]) -> dict[str, str]:
    """The pages with the tables and differences of the study. Raises ValueError where a page has no place for them."""
    table = "\n".join(written.table(content, content["words"], COLUMNS))
    found = "\n".join(f"- {one}" for one in content["findings"])
    methods = _in_place(now[METHODS], r"\| Method \| Seeds \|.*(?:\n\|.*)*", table)
    methods = _in_place(methods, re.escape(DIFFERENCES) + r"(?:- .*\n)+", f"{DIFFERENCES}{found}\n")
    return {
        METHODS: methods,
        README: _in_place(now[README], r"\| method \| seeds \|.*(?:\n\|.*)*", short_table(content)),
    }


def short_table(content: Mapping[str, Any]) -> str:
    """README's table."""
    named, words = content["named"], content["words"]

    def cell(one: MetricValue) -> str:
        if one.value is None:
            return "none can be read" if one.metric == "judge_agreement" else "missing"
        ends = words.ends_of(one)
        return words.text_of(one, one.value) + (f" ({ends})" if ends else "")

    rows = [(f"`{one.name}`", one.seeds, *(cell(named[name, one.name]) for name in SHORT)) for one in _by_gain(content)]
    lines = markdown_table(("method", "seeds", *SHORT.values()), rows)
    return "\n".join(
        line.replace("\\`", "`")
        .replace("\\_", "_")
        .replace(" points (", " (")
        .replace(" points)", ")")
        .replace(" points to", " to")
        for line in lines
    )


def draw(content: Mapping[str, Any], path: Path) -> None:
    """Gain, agreement as a judge and cost of each method, in rows by gain; bars are 95% intervals over seeds."""
    import vl_convert

    path.write_text(vl_convert.vegalite_to_svg(chart(content)), encoding="utf-8")


def chart(content: Mapping[str, Any]) -> dict[str, Any]:
    """The picture as a Vega-Lite specification."""
    names = [one.name for one in _by_gain(content)]
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "background": "white",
        "config": {"font": "sans-serif"},
        "hconcat": [
            _panel(content, names, "gain", "gain in right answers over M1, points", 100),
            _panel(content, names, "processor_seconds", "processor seconds behind M1", 1, named=False),
        ],
    }


def _panel(
    content: Mapping[str, Any], names: Sequence[str], measure: str, title: str, times: float, named: bool = True
) -> dict[str, Any]:
    """A measure of each method with its interval; `named`: the rows say whose they are."""
    found = [content["named"][measure, name] for name in names]
    rows = [
        {
            "name": name,
            "value": times * one.value,
            "low": times * (one.value if one.low is None else one.low),
            "high": times * (one.value if one.high is None else one.high),
        }
        for name, one in zip(names, found, strict=True)
        if one.value is not None
    ]
    axis = {"labels": named, "ticks": False, "grid": True, "domain": False}
    y = {"field": "name", "type": "nominal", "sort": list(names), "title": None, "axis": axis}
    x = {"type": "quantitative", "title": title}
    blue = {"color": "#0072b2"}

    def layer(mark: Mapping[str, Any], **places: Any) -> dict[str, Any]:
        return {"mark": mark, "encoding": places}

    zero = layer({"type": "rule", "color": "#999"}, x={**x, "datum": 0}) | {"data": {"values": [{}]}}
    interval = layer({"type": "rule", **blue}, y=y, x={**x, "field": "low"}, x2={"field": "high"})
    mean = layer({"type": "point", "filled": True, "size": 60, **blue}, y=y, x={**x, "field": "value"})
    return {"width": 260, "height": 20 * len(names), "data": {"values": rows}, "layer": [zero, interval, mean]}


def _by_gain(content: Mapping[str, Any]) -> list[Any]:
    """The methods that train an actor, those of the highest gain first."""
    gains = {one.name: content["named"]["gain", one.name].value for one in content["methods"]}
    actors = [one for one in content["methods"] if one.name not in JUDGES and gains[one.name] is not None]
    return sorted(actors, key=lambda one: -gains[one.name])


def _in_place(text: str, pattern: str, new: str) -> str:
    made, places = re.subn(pattern, lambda _: new, text)
    if places != 1:
        raise ValueError(f"one place that looks like {pattern!r} is needed, {places} found")
    return made


if __name__ == "__main__":
    main()
