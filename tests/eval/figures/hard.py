"""Names that figures find hard, and every kind of figure of them."""

from collections.abc import Sequence
from typing import Any

from eval.figures import charts
from eval.figures.against import against
from eval.figures.charts import Chart
from eval.figures.looks import Looks

HUB = [
    f"{owner}/{name}-{what}"
    for owner in ("meta-llama", "HuggingFaceTB", "mistralai", "Qwen", "allenai", "NousResearch")
    for name in ("Meta-Llama-3.1-405B-Instruct-FP8", "SmolLM2-1.7B-Instruct")
    for what in ("DPO", "self-rewarding-iter-3", "base", "x", "y")
]
SCRIPTS = [
    "\u901a\u4e49\u5343\u95ee\u4e8c\u70b9\u4e94\u4e03\u5341\u4e8c\u4ebf\u53c2\u6570\u6307\u4ee4\u5fae\u8c03\u7248",
    "\u3053\u3093\u306b\u3061\u306f\u4e16\u754c\u30e2\u30c7\u30eb",
    "\ud55c\uad6d\uc5b4 \uc5b8\uc5b4 \ubaa8\ub378",
    "\u041c\u043e\u0434\u0435\u043b\u044c-\u043d\u0430-\u0440\u0443\u0441\u0441\u043a\u043e\u043c-70\u0411",
    "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645 \u0646\u0645\u0648\u0630\u062c",
    "\u0939\u093f\u0928\u094d\u0926\u0940 \u092d\u093e\u0937\u093e \u092e\u0949\u0921\u0932",
]
ODD = [
    "W" * 3000,
    "W" * 3000 + " b",
    "",
    "a : b",
    "\u202e\U0001f468\u200d\U0001f469 family",
    "null",
    "i" * 200,
    "Z\u0351\u0351algo",
]
NAMES = {
    "a run": ["M0", "SFT", "M1", "M2", "M3"],
    "one": ["M1"],
    "sixty iterations": [f"M{number}" for number in range(60)],
    "ids of the Hub": HUB[:8],
    "sixty ids": HUB,
    "scripts": SCRIPTS,
    "odd": ODD,
}


def rows(names: Sequence[str]) -> list[dict[str, Any]]:
    """A row a name with the fields of every chart; every fourth has no interval, and the first one of no width."""
    found = []
    for place, name in enumerate(names):
        value = 0.1 + 0.8 * place / len(names)
        half = 0.05 if place else 0.0
        low, high = (None, None) if place % 4 == 1 else (value - half, value + half)
        found.append(
            {
                **dict.fromkeys(("model", "name", "arm"), name), "kind": "", "pair": f"{name} : {names[0]}",
                "baseline": names[0], "said": name, "value": value, "low": low, "high": high, "x": place + 1.0,
                "y": value, "x_low": place + 0.5, "x_high": place + 1.4, "y_low": value - 0.1, "y_high": value + 0.1,
                "candidate": 50.0 + place, "figure": 40.0 + place, "seed": "1",
            }
        )  # fmt: skip
    return found


def figures(names: Sequence[str]) -> list[Chart]:
    """Every kind of figure."""
    looks, one = Looks(names), rows(names)
    shares = (("win", 0.5), ("tie", 0.38), ("lose", 0.12))
    bars = [
        {**row, "outcome": outcome, "order": order, "share": share}
        for row in one
        for order, (outcome, share) in enumerate(shares)
    ]
    around = [{**row, **{end: row[end] and row[end] - 0.5 for end in ("value", "low", "high")}} for row in one]
    kinds = [
        {**row, "kind": kind} for kind in ("category: reasoning and multi-step planning", "\u6587\u5316") for row in one
    ]
    runs = [{**row, "kind": kind} for row in one for kind in ("run-with-a-long-name", "second")]
    scores = [{**row, "score": score, "share": 0.2} for row in one for score in ("0", "1", "2", "none")]
    steps = [{**row, "x": step * 250.0, "y": 2 + row["y"]} for row in one for step in range(9)]
    powers = [{**row, "y": 10.0 ** (row["x"] / 600)} for row in steps]
    large = [{**row, "value": 123_456.0 * row["value"], "low": None, "high": None} for row in one]
    long = "balanced accuracy of the judge's verdicts on held-out answers, which is the long name of an axis"
    made = [
        charts.bars("bars", bars, looks=looks),
        charts.forest("forest", around, "share of prompts; right of 0 the first is better", looks=looks),
        charts.series("series", one, True, looks),
        charts.series("series of large numbers", large, False, looks),
        charts.series("series of two runs", runs, True, Looks(["run-with-a-long-name", "second"])),
        charts.columns("columns", scores, "score", "share", "model", True, looks=looks),
        charts.columns("columns of names", one, "model", "y", "kind", False),
        charts.lines("lines", steps, "x", "y", "model", looks=looks),
        charts.lines("lines by powers", powers, "x", "y", "model", looks=looks, by_powers=True),
        charts.scatter("scatter", one, "model", "", looks),
        charts.each_alone("each alone", one, "model"),
        charts.costs("costs", one, long, "gain in right answers, sampled at T = 1", ""),
        charts.bridge("bridge", [{**row, "kind": row["model"]} for row in one], ""),
        charts.by_kind("by kind", kinds, "win rate", False, looks=looks),
        charts.by_kind("by kind, signed", kinds, "wins minus losses", True, looks=looks),
        against("against", one, "training tokens", "gain in share of prompts won", True, looks=looks),
    ]
    return made
