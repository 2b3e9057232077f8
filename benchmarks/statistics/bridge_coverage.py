"""Does the bridge to a retired judge's scale hold? Models left out one by one, on real judges and on simulated ones.

    python benchmarks/statistics/bridge_coverage.py                              # simulation, and alpaca_eval's boards
    SRLM_SHARED=shared python benchmarks/statistics/bridge_coverage.py           # and the file of another judge

Three ways side by side: the candidate's figure as it is, a straight line through the anchors' logits, and the bridge.
The first has no interval of the change of judge, so its coverage is that of the candidate's sampling error alone. A
simulated world is a judge: its offset, slope, love of length and scatter are drawn; every model answers 805 prompts;
GPT-4 Turbo gives probabilities, the candidate says yes or no, and what both see of an answer differs. Nothing in it is
a line on the logit scale, which is what the bridge assumes.
"""

import argparse
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import special, stats

from eval.benchmarks.alpaca_eval.bridge import SCALES, Bridge, of_verdicts
from eval.data.alpaca_eval import AlpacaEval
from eval.data.verdicts import installed_leaderboard, read_leaderboard, read_verdicts
from eval.stats.bridge import DISAGREEMENT, Anchor, Judged, bridge, logit_noise, relative_length
from eval.stats.intervals import Resampling
from srlm.data.lines import table

FILE = "other_judge.alpaca_eval_gpt4_turbo_fn.csv.gz"
PROMPTS = 805
LEVEL = 0.95
BOARDS = (
    "alpaca_eval_cot_gpt4_turbo_fn",
    "alpaca_eval_gpt4_turbo_fn",
    "claude_3_opus_ranking",
    "mistral-large-2402_ranking",
)
"""Judges whose leaderboards alpaca_eval brings."""


class Outcome(NamedTuple):
    """One model left out, 0..1."""

    truth: float
    value: float
    low: float
    high: float


Way = Callable[[Sequence[Anchor], Judged], tuple[float, float, float] | None]


def as_it_is(anchors: Sequence[Anchor], own: Judged) -> tuple[float, float, float]:
    """The candidate's own figure, with the interval of its prompts."""
    half = stats.norm.ppf(0.5 + LEVEL / 2) * np.sqrt(own.noise / DISAGREEMENT)
    return own.candidate, *special.expit(special.logit(own.candidate) + np.array([-half, half]))


def straight_line(anchors: Sequence[Anchor], own: Judged) -> tuple[float, float, float] | None:
    """Least squares through the anchors' logits, with its t interval of a new model."""
    x = special.logit([one.judged.candidate for one in anchors])
    y = special.logit([one.official for one in anchors])
    n, at = len(x), special.logit(own.candidate)
    if n < 3 or np.ptp(x) == 0:
        return None
    fit = stats.linregress(x, y)
    spread = np.sqrt(np.square(y - fit.intercept - fit.slope * x).sum() / (n - 2))
    spread *= np.sqrt(1 + 1 / n + (at - x.mean()) ** 2 / np.square(x - x.mean()).sum())
    middle, half = fit.intercept + fit.slope * at, stats.t.ppf(0.5 + LEVEL / 2, n - 2) * spread
    value, low, high = special.expit(middle + np.array([0, -half, half]))
    return value, low, high


def the_bridge(anchors: Sequence[Anchor], own: Judged) -> tuple[float, float, float] | None:
    """Ours."""
    found = bridge(anchors, own, LEVEL)
    return None if found is None else found[:3]


WAYS: dict[str, Way] = {"candidate as it is": as_it_is, "straight line": straight_line, "bridge": the_bridge}


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    shared = os.environ.get("SRLM_SHARED")
    words.add_argument("--alpaca-dir", type=Path, default=Path(shared, "data", "alpaca_eval") if shared else None)
    words.add_argument("--worlds", type=int, default=400, help="judges to simulate for each line")
    words.add_argument("--seed", type=int, default=1)
    asked = words.parse_args()
    header = (
        f"{'':38}{'models':>7}  {'error':>6}{'ratio':>7}  {'coverage':>8}  {'exact interval':>15}  {'half width':>10}"
    )
    print(f"nominal {100 * LEVEL:g}%; errors and widths in points of percent\n\n{header}")
    if asked.alpaca_dir is not None and (asked.alpaca_dir / FILE).is_file():
        for scale, known in lent(asked.alpaca_dir):
            show(f"real judge, {scale}", known)
    for board in BOARDS:
        if known := leaderboard(board):
            show(board, [known])
    for count in (3, 5, 7, 12):
        for scatter in (0.05, 0.1, 0.15, 0.2, 0.3):
            draw = np.random.default_rng([asked.seed, count, round(100 * scatter)])
            worlds = [world(draw, count, scatter) for _ in range(asked.worlds)]
            show(f"simulated, {count} anchors, scatter {scatter:g}", worlds, only_first=True)


Models = list[tuple[Judged, float, bool]]
"""As the candidate judges a model, its official figure, and whether that may carry the scale."""


def show(label: str, beds: Sequence[Models], only_first: bool = False) -> None:
    """A line a way: each model is left out (or the first of each bed) and estimated from the others."""
    print(label)
    plain = 0.0
    for name, way in WAYS.items():
        found = [one for models in beds for one in left_out(models, way, only_first)]
        error = 100 * float(np.mean([abs(one.value - one.truth) for one in found]))
        plain = plain or error
        hits = sum(one.low <= one.truth <= one.high for one in found)
        exact = stats.binomtest(hits, len(found)).proportion_ci()
        half = 50 * float(np.mean([one.high - one.low for one in found]))
        ends = f"[{100 * exact.low:.1f}, {100 * exact.high:.1f}]"
        print(
            f"  {name:36}{len(found):7}  {error:6.2f}{error / plain:7.2f}  {100 * hits / len(found):8.1f}  {ends:>15}"
            f"  {half:10.2f}",
            flush=True,
        )


def left_out(models: Models, way: Way, only_first: bool) -> Iterator[Outcome]:
    """Each model from the others that carry the scale."""
    for place, (own, truth, _) in enumerate(models):
        if only_first and place:
            return
        anchors = [Anchor(j, o) for other, (j, o, usable) in enumerate(models) if other != place and usable]
        if (made := way(anchors, own)) is not None:
            yield Outcome(truth, *made)


def lent(folder: Path) -> Iterator[tuple[str, list[Models]]]:
    """Another annotator's verdicts on 8 models' answers, raw and length-controlled."""
    data = AlpacaEval(folder)
    board = read_leaderboard(installed_leaderboard() or data.leaderboard_file or folder)
    models = of_verdicts(read_verdicts(folder / FILE, data.prompts), len(data.prompts), FILE)
    made = Bridge(models, board, data.glm, len(data.prompts), Resampling(resamples=100, confidence=LEVEL, seed=1))
    for scale in SCALES:
        known = (made.known(scale, one.sample.model) for one in made.models)
        yield scale, [[(one.judged, one.official, one.usable) for one in known if one and one.official is not None]]


def leaderboard(name: str) -> Models:
    """A judge whose leaderboard alpaca_eval brings, beside GPT-4 Turbo's; empty where the package is not installed."""
    path = installed_leaderboard()
    if path is None:
        return []
    official = read_leaderboard(path)
    found: Models = []
    for row in table(path.with_name(f"{name}_leaderboard.csv"), ["win_rate", "standard_error", "n_total"]):
        known = official.get(next(iter(row.value.values())))
        rate, error, n = (float(row.value[key]) for key in ("win_rate", "standard_error", "n_total"))
        if known is None or known.length is None or not 0 < rate < 100 or error == 0:
            continue
        noise = logit_noise(rate / 100, error / 100, int(n), PROMPTS, DISAGREEMENT, paired=False)
        judged = Judged(rate / 100, relative_length(known.length, 2049), noise)
        found.append((judged, known.win_rate, not known.foreign))
    return found


def world(draw: np.random.Generator, count: int, scatter: float) -> Models:
    """One simulated judge, `count` anchors and, first, the own model."""
    # The judge: beside GPT-4 Turbo it is stricter or milder, sees more or less, likes length more or less.
    offset, slope, love = draw.normal(-0.2, 0.3), draw.normal(1.0, 0.12), draw.normal(-0.3, 0.3)
    hard = draw.normal(0, 0.8, PROMPTS)
    models: Models = []
    for _ in range(count + 1):
        length, good = float(draw.normal(-0.35, 0.3)), float(draw.normal(-2.2, 0.7))
        answer = good + hard + draw.logistic(0, 1, PROMPTS)  # what GPT-4 Turbo sees
        official = float(special.expit(3 * answer).mean())
        ways = draw.normal(0, scatter)
        other = (answer - offset - love * (length + 0.35) - ways) / slope + draw.logistic(0, 0.7, PROMPTS)
        said = (other > 0).astype(float)
        rate = float(np.clip(said.mean(), 0.5 / PROMPTS, 1 - 0.5 / PROMPTS))
        error = float(np.sqrt(rate * (1 - rate) / PROMPTS))
        noise = logit_noise(rate, error, PROMPTS, PROMPTS, DISAGREEMENT, paired=False)
        models.append((Judged(rate, relative_length(2049 * float(np.exp(length)), 2049), noise), official, True))
    return models


if __name__ == "__main__":
    main()
