"""Addresses of lists in the page's browser (templates/browser.js): what stands behind a figure, to be read."""

import re
from collections.abc import Callable, Iterable, Mapping
from html import escape, unescape
from urllib.parse import quote

from markupsafe import Markup

from srlm.records import Record

from ..figures.charts import Chart
from ..figures.words import MetricWords, plain
from ..records import MetricValue

MARK = re.compile(r"<path ([^<>]*)><title>([^<]*)</title></path>")
OUTCOMES = ("win", "tie", "lose")
"""Metrics that are shares of a pair's prompts, one an outcome of their verdicts."""


class Lists(Record):
    """What the browser can be asked for."""

    pairs: frozenset[tuple[str, str, str]]
    """Benchmark, model and baseline of verdicts in the browser."""
    kinds: Mapping[str, Mapping[str, str]]
    """Of each benchmark that sorts prompts, its kinds as metrics call them, and what the browser calls them."""
    answering: frozenset[str]
    """Benchmarks whose figures are of the answers to the evaluation prompts."""
    answered: frozenset[str]
    """Models with answers to the evaluation prompts."""
    prompts: Mapping[str, str]
    """Text of an evaluation prompt -> id of its entry."""

    def behind(self, metric: MetricValue) -> str:
        """The address of the prompts that a figure is about; empty: the browser has no list of them."""
        model, baseline = metric.model, metric.baseline
        if baseline is None:
            kind = self._kind(metric)
            return _address([("kind", kind)]) if kind else ""
        pair = [("pair", model), ("pair", baseline)]
        if (metric.benchmark, model, baseline) in self.pairs:
            return _address([*pair, *([("outcome", metric.metric)] if metric.metric in OUTCOMES else [])])
        if kind := self._kind(metric):
            has_pair = any(one[1:] == (model, baseline) for one in self.pairs)
            return _address([("kind", kind), *(pair if has_pair else [])])
        if metric.benchmark in self.answering and {model, baseline} <= self.answered:
            return _address([("from", baseline), ("to", model)])
        return ""

    def _kind(self, metric: MetricValue) -> str | None:
        """`wins, category: coding` is about the kind `category: coding`."""
        for kind, name in self.kinds.get(metric.benchmark, {}).items():
            if metric.metric == kind or metric.metric.endswith(f", {kind}"):
                return name
        return None

    def linked(self, figure: Callable[[MetricValue], Markup]) -> Callable[[MetricValue], Markup]:
        """The same figures, each a link to the prompts behind it."""

        def link(metric: MetricValue) -> Markup:
            shown, address = figure(metric), self.behind(metric) if metric.value is not None else ""
            return Markup('<a class="behind" href="{}">{}</a>').format(address, shown) if address else shown

        return link

    def pictures(self, metrics: Iterable[MetricValue], words: MetricWords) -> Callable[[Chart], Markup]:
        """A chart's picture, in which a click on a mark leads to the prompts behind it.

        A mark is known by all that it says. Those that say the same of different prompts lead nowhere.
        """
        found: dict[str, set[str]] = {}
        for metric in metrics:
            if metric.value is not None:
                for said in (words.sentence(metric), f"{words.label(metric)}: {words.sentence(metric)}"):
                    found.setdefault(plain(said), set()).add(self.behind(metric))
        known = {said: addresses.pop() for said, addresses in found.items() if len(addresses) == 1}

        def picture(chart: Chart) -> Markup:
            prompts = {plain(said): self.of_text(text) for said, text in chart.prompts.items()}

            def mark(path: re.Match[str]) -> str:
                said = unescape(path[2])
                address = prompts.get(said) or known.get(said)
                return f'<path data-behind="{escape(address)}" {path[0][6:]}' if address else path[0]

            return Markup(MARK.sub(mark, chart.picture))

        return picture

    def of_text(self, text: str) -> str:
        """The address of the evaluation prompt with this text; empty: none has it."""
        return f"#prompt-{self.prompts[text]}" if text in self.prompts else ""


def _address(fields: Iterable[tuple[str, str]]) -> str:
    return "".join(["#prompts", *(f"&{key}={quote(value, safe='', errors='replace')}" for key, value in fields)])
