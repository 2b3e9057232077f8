"""What worse judges cost: the loop's gain against how good its judge is, from a study of many seeds and arms."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...figures import charts
from ...figures.words import MetricWords, percent, points
from ...records import MetricValue
from . import study
from .benchmark import WorseJudges

WORDS = MetricWords((WorseJudges(),))


class Study(NamedTuple):
    """What stands in a study's file."""

    chart: charts.Chart | None
    rows: tuple[tuple[str, study.Figures], ...]
    """An arm each, best judge first: its words, its figures."""
    metrics: list[MetricValue]


def read(path: Path) -> Study:
    """From a study's file. Raises RecordError or StoreError where it is broken."""
    judges = sorted(study.worse_judges(study.read(path)), key=lambda one: -_accuracy(one))
    found = [study.figures(one) for one in judges]
    rows = tuple((one.arm.words, own) for one, own in zip(judges, found, strict=True))
    metrics = [one for own in found for one in own if one is not None]
    return Study(_chart(judges, found), rows, metrics)


def _accuracy(one: study.WorseJudge) -> float:
    return float(np.mean(list(one.judged.values()))) if one.judged else 0.0


def _chart(judges: Sequence[study.WorseJudge], found: Sequence[study.Figures]) -> charts.Chart | None:
    rows = []
    for one, (gain, judged, _) in zip(judges, found, strict=True):
        if judged.value is None:
            continue
        words = {"arm": one.arm.words}
        for seed, accuracy in one.judged.items():
            said = f"{one.arm.words}, seed {seed}: gain {points(one.seeds[seed])}, judge {percent(accuracy)}"
            rows.append({**words, "seed": str(seed), "x": accuracy, "y": one.seeds[seed], "said": said})
        mean = {"seed": f"mean of {gain.n}", "x": judged.value, "y": gain.value, "low": gain.low, "high": gain.high}
        said = f"{one.arm.words}, mean: gain {WORDS.sentence(gain)}; judge {WORDS.text_of(judged, judged.value)}"
        rows.append({**words, **mean, "said": said})
    if not rows:
        return None
    return charts.costs(
        "Gain from M1 to M3 against the judge at M1",
        rows,
        "balanced accuracy of the judge's verdicts on held-out answers",
        "gain in right answers, sampled at T = 1",
        "A small point is a seed, a large one an arm's mean with its 95% interval over seeds and prompts.",
    )
