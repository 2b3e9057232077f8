"""Many seeds and arms of one run (benchmarks/pocket/study.py): what the loop gains, and what worse judges cost.

Intervals are by bootstrap over seeds and prompts: both are drawn anew in every resample. All runs answered the same
prompts in the same order, so two models of one seed are paired by prompt.
"""

import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, ValidationError

from srlm.errors import RecordError, StoreError
from srlm.store import files

from ...records import MetricValue
from ...stats.intervals import Estimate, with_width

BENCHMARK = "worse_judges"
LOOP = "self_rewarding"
"""Arm of the loop itself."""
JUDGED = "bead_judge/heldout_correct"
"""How good a judge is: balanced accuracy of its verdicts on `correct`, on held-out answers."""
RESAMPLES = 4000
_KEY = re.compile(r"(?P<arm>\w+), seed (?P<seed>[0-9]{1,10})")

Found = Mapping[str, Any]
"""`ARM, seed N` -> {"models": {model: {metric: value}}}; `right` and `points` hold a digit a prompt."""


class JudgeArm(NamedTuple):
    """An arm that differs from the loop in what its judge was taught."""

    kind: str
    name: str
    """Within its kind, short."""
    words: str
    """By itself."""


JUDGES = {
    **{
        f"wrong_{percent}": JudgeArm("wrong verdicts in EFT", f"{percent}%", f"{percent}% wrong verdicts in EFT")
        for percent in (10, 20, 30, 40)
    },
    **{
        f"eft_{number}": JudgeArm("fewer EFT examples", f"{number:,}", f"{number:,} EFT examples")
        for number in (500, 1500, 4000)
    },
    LOOP: JudgeArm("12,000 exact reviews", "", "12,000 exact EFT examples"),
}


class _Entry(BaseModel):
    """What of an entry is read here."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    models: dict[str, dict[str, float | str | None]]


def read(path: Path) -> dict[str, Any]:
    """A study's entries. Raises StoreError where the file is missing, RecordError (naming the entry) where broken."""
    if not path.exists():
        raise StoreError(f"{path}: no such study; benchmarks/pocket/study.py writes one")
    entries = files.read_json(path)
    if not isinstance(entries, dict) or not entries:
        raise RecordError(f"{path}: not a study: it has no entries; benchmarks/pocket/study.py writes them")
    lengths: dict[int, str] = {}
    for key, entry in entries.items():
        where = f"{path}: {key[:80]}"
        if not _KEY.fullmatch(key):
            raise RecordError(f"{where}: an entry must be named `ARM, seed N`; benchmarks/pocket/study.py writes them")
        try:
            models = _Entry.model_validate(entry).models
        except ValidationError as error:
            first = error.errors()[0]
            raise RecordError(
                f"{where}: not what study.py keeps: {'.'.join(map(str, first['loc'][:3]))}: {first['msg']}"
            ) from None
        for model, found in models.items():
            for what, digits in (("right", "[01]+"), ("points", "[0-5]+")):
                said = found.get(what)
                if said is not None and not (isinstance(said, str) and re.fullmatch(digits, said)):
                    raise RecordError(
                        f"{where}: {model}: `{what}` must be a line of digits, one per prompt: {str(said)[:40]!r}"
                    )
                if isinstance(said, str):
                    lengths.setdefault(len(said), f"{key}, {model}")
            if isinstance(found.get(JUDGED), str):
                raise RecordError(f"{where}: {model}: `{JUDGED}` must be a number: {str(found[JUDGED])[:40]!r}")
    if len(lengths) > 1:
        (first_length, one), (other_length, other) = list(lengths.items())[:2]
        raise RecordError(
            f"{path}: runs with different prompts: {one} has {first_length} of them, {other} {other_length}"
        )
    return entries


class GainEstimate(NamedTuple):
    """A mean over seeds and prompts with its 95% interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:+.3f} [{self.low:+.3f}, {self.high:+.3f}]"


def of_arm(found: Found, arm: str) -> dict[int, dict[str, Any]]:
    """Seed -> model -> what was found of it."""
    parted = ((key.partition(", seed "), entry["models"]) for key, entry in found.items())
    return {int(seed): models for (name, _, seed), models in parted if name == arm}


def by_prompt(found: Found, arm: str, later: str, earlier: str, what: str) -> dict[int, npt.NDArray[np.float64]]:
    """Seed -> later - earlier on every prompt."""
    series = {}
    for seed, models in of_arm(found, arm).items():
        after, before = (models.get(name, {}).get(what) for name in (later, earlier))
        if after and before:
            series[seed] = np.array([float(a) - float(b) for a, b in zip(after, before, strict=True)])
    return series


def by_seed(found: Found, arm: str, later: str, earlier: str) -> dict[int, float]:
    """Seed -> gain in right answers."""
    return {seed: float(row.mean()) for seed, row in by_prompt(found, arm, later, earlier, "right").items()}


def gain(
    found: Found, arm: str, later: str, earlier: str, what: str = "right", resamples: int = RESAMPLES
) -> GainEstimate | None:
    """Mean of later - earlier at T = 1, over seeds and prompts: the share `right`, or the mean `points`."""
    return _estimated(list(by_prompt(found, arm, later, earlier, what).values()), resamples)


def beyond_loop(found: Found, arm: str, later: str, earlier: str) -> tuple[GainEstimate | None, int]:
    """An arm's gain in right answers less the loop's from the same seeds, paired by seed and prompt; and how many."""
    own, loop = (by_prompt(found, name, later, earlier, "right") for name in (arm, LOOP))
    rows = [row - loop[seed] for seed, row in own.items() if seed in loop]
    return _estimated(rows, RESAMPLES), len(rows)


def _estimated(differences: list[npt.NDArray[np.float64]], resamples: int) -> GainEstimate | None:
    """From a row of differences a seed; both seeds and prompts are drawn anew."""
    if not differences:
        return None
    table = np.stack(differences)
    seeds, prompts = _resampled(table.shape[0], table.shape[1], resamples)
    means = ((seeds @ table) * prompts).sum(axis=1) / table.size
    low, high = np.quantile(means, [0.025, 0.975])
    return GainEstimate(float(table.mean()), float(low), float(high))


@functools.cache
def _resampled(seeds: int, prompts: int, resamples: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """How often each seed and each prompt is drawn in every resample, (resamples, seeds) and (resamples, prompts)."""
    draws = np.random.default_rng(0)
    first, second = (draws.multinomial(size, np.full(size, 1 / size), size=resamples) for size in (seeds, prompts))
    return first.astype(np.float64), second.astype(np.float64)


def values(found: Found, arm: str, model: str, metric: str) -> dict[int, float]:
    """Seed -> value; seeds without one are left out."""
    every = ((seed, models.get(model, {}).get(metric)) for seed, models in of_arm(found, arm).items())
    return {seed: value for seed, value in every if value is not None}


class WorseJudge(NamedTuple):
    """What one arm's judge is worth at M1, and what the loop gains with it from M1 to M3."""

    arm: JudgeArm
    gain: GainEstimate
    seeds: dict[int, float]
    """Seed -> gain."""
    judged: dict[int, float]
    """Seed -> JUDGED of M1, of the seeds that have it."""
    beyond: GainEstimate | None
    """The gain less the loop's from the same seeds; None for the loop itself, and where they have no seed in common."""
    paired: int
    """Seeds in common."""


def worse_judges(found: Found) -> list[WorseJudge]:
    """The arms that have M1 and M3, in the order of JUDGES."""
    series = []
    for name, arm in JUDGES.items():
        total = gain(found, name, "M3", "M1")
        if total is not None:
            seeds, judged = by_seed(found, name, "M3", "M1"), values(found, name, "M1", JUDGED)
            known = {seed: judged[seed] for seed in seeds if seed in judged}
            beyond, paired = (None, 0) if name == LOOP else beyond_loop(found, name, "M3", "M1")
            series.append(WorseJudge(arm, total, seeds, known, beyond, paired))
    return series


class Figures(NamedTuple):
    """What is reported of an arm."""

    gain: MetricValue
    judged: MetricValue
    beyond: MetricValue | None
    """The gain less the loop's from the same seeds; None for the loop itself."""


def figures(one: WorseJudge) -> Figures:
    """An arm's figures."""
    words, known = one.arm.words, list(one.judged.values())
    beyond = None
    if one.arm != JUDGES[LOOP]:
        beyond = _gained(f"{words}: gain less that of exact reviews, same seeds", one.beyond, one.paired)
    spread = f"; seeds from {min(known):.3f} to {max(known):.3f}" if len(known) > 1 else ""
    return Figures(
        _gained(f"{words}: gain in right answers", one.gain, len(one.seeds)),
        MetricValue(
            model="M1", benchmark=BENCHMARK, metric=f"{words}: judge's balanced accuracy",
            value=float(np.mean(known)) if known else None, low=None, high=None, n=len(known),
            unscored=len(one.seeds) - len(known), unit="seeds", method=f"mean over seeds{spread}",
            note="" if known else "no seed has it",
        ),
        beyond,
    )  # fmt: skip


def _gained(metric: str, found: GainEstimate | None, seeds: int) -> MetricValue:
    how = "bootstrap over seeds and prompts" if seeds > 1 else "bootstrap over prompts alone, one seed"
    value, low, high = found or (None, None, None)
    method = f"mean over seeds and prompts; 95% {how}, {RESAMPLES} resamples"
    whole = with_width(Estimate(value=value, low=low, high=high, n=seeds, method=method), "all seeds and prompts alike")
    return MetricValue(
        model="M3", baseline="M1", benchmark=BENCHMARK, metric=metric, value=value, low=whole.low, high=whole.high,
        n=seeds, unscored=0, unit="seeds", method=whole.method,
        note="" if found else "no seed in common",
    )  # fmt: skip
