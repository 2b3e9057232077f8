"""Does a run give the figures of a report that was kept?"""

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from ..records import MetricValue

MADE_ON = "machine.json"
"""Beside a kept report: what its run was made on. Sums differ in their last digits elsewhere, and so does all after."""


def machine() -> dict[str, str]:
    """What decides the last digits of a sum: the processor and the libraries that compute."""
    names = ("vendor_id", "cpu family", "model", "model name", "stepping")
    found = {"machine": platform.machine(), **{name: version(name) for name in ("torch", "transformers", "trl")}}
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0].splitlines()
    except OSError:  # no Linux
        return {**found, "model name": platform.processor()}
    parted = (line.partition(":") for line in lines)
    return found | {name.strip(): value.strip() for name, _, value in parted if name.strip() in names}


def unlike(
    kept: Sequence[MetricValue], now: Sequence[MetricValue], made_on: Mapping[str, str] | None = None
) -> list[str]:
    """A line for each figure that two measurements of one run do not share.

    On the machine that the kept ones were made on (`made_on`; None: this one), to nine digits. On another, trainings
    end in other models, as with another seed: a figure has to be there, and the gate, which knows how far seeds lie
    apart, says whether it is as good (`eval regress`). On one seed of the pocket run 18 of 231 intervals did not meet.
    """
    same = made_on is None or dict(made_on) == machine()
    before, after = (
        {(m.benchmark, m.metric, m.model, m.baseline or ""): m for m in metrics} for metrics in (kept, now)
    )
    lines = []
    for key in sorted({*before, *after}):
        old, new = before.get(key), after.get(key)
        if _numbers(old) != _numbers(new) and (same or old is None or new is None):
            lines.append(f"{' '.join(part for part in key if part)}: {_numbers(old)} -> {_numbers(new)}")
    return lines


def _numbers(metric: MetricValue | None) -> str:
    if metric is None:
        return "absent"
    ends = [metric.value, metric.low, metric.high]
    numbers = ", ".join("missing" if number is None else f"{number:.9g}" for number in ends)
    return f"{numbers}, n {metric.n}, {metric.unscored} unscored"
