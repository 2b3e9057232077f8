"""A model's AlpacaEval figures on GPT-4 Turbo's scale, from another judge's verdicts and anchors with known figures.

GPT-4 Turbo no longer answers, so nobody can be judged by it. A candidate judges models whose official figures are
published (anchors) and one's own model; stats/bridge.py says what GPT-4 Turbo would have given it, and how surely.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from srlm.text.counts import counted

from ...data.alpaca_eval import BASELINE, GlmData
from ...data.alpaca_files import Annotated
from ...data.verdicts import OfficialFigure, Verdicts
from ...records import MetricValue
from ...stats import bridge as bridging
from ...stats import length_controlled, rates
from ...stats.bounded import prompts_that_count
from ...stats.intervals import Estimate, Resampling
from ..measuring import figure
from . import scores

BENCHMARK = "alpaca_bridge"
SCALES = ("win_rate", "lc_win_rate")
FEWEST_PROMPTS = {"win_rate": 2, "lc_win_rate": rates.FEWEST}
"""Judged answers of a model, of which there is a figure with a known error."""
MOST_SCATTER = 0.35
"""Logits. Judges on alpaca_eval's other leaderboards scatter by .09 to .18 around GPT-4 Turbo."""
WIDEST = 10.0
"""Points: half of an interval that still says something of a model."""
FARTHEST_OUT = 1.0
"""Logits outside the anchors' figures: beyond, nothing but the prior of the slope speaks."""

Array = npt.NDArray[np.float64]


class JudgedModel(NamedTuple):
    """One model as the candidate judged it."""

    sample: scores.Sample
    length: float
    """Of the model's answers beside the baseline's, as stats/bridge.py has it."""
    official: Mapping[str, float]
    """GPT-4 Turbo's own preferences by prompt id, where they are published."""


class Known(NamedTuple):
    """What is known of one model on one scale."""

    judged: bridging.Judged
    """As an anchor; with GPT-4 Turbo's annotations of the same prompts, these prompts' noise is in both figures."""
    own: bridging.Judged
    """As the model that is bridged: its figure of all prompts is asked for, so which were judged is noise."""
    official: float | None
    """0..1."""
    usable: bool
    """Whether the official figure may carry the scale."""


def of_verdicts(verdicts: Verdicts, total: int, judge: str) -> list[JudgedModel]:
    """The models of a table of verdicts; `total`: prompts there are."""
    found = []
    for model, said in verdicts.items():
        scored = {id: one for id, one in said.items() if one.candidate is not None}
        missing = {"no preference": len(said) - len(scored), "not annotated": total - len(said)}
        one = scores.Sample(
            model=model,
            baseline=BASELINE,
            judge=judge,
            prompts=tuple(scored),
            preference=np.array([v.candidate for v in scored.values()], dtype=np.float64),
            variances=(0.0,) * len(scored),
            draws=(1,) * len(scored),
            delta=np.array([v.baseline_characters - v.characters for v in scored.values()], dtype=np.float64),
            characters=tuple(v.characters for v in said.values()),
            absent=total - len(said),
            missing={reason: count for reason, count in missing.items() if count},
            asked=total,
        )
        official = {id: v.official for id, v in said.items() if v.official is not None}
        baseline = [v.baseline_characters for v in said.values()]
        found.append(JudgedModel(one, _length(one.characters, baseline), official))
    return found


def of_annotations(annotated: Annotated, one: scores.Sample, official: Annotated | None) -> JudgedModel:
    """A model from its annotations; `one` is their sample, `official` GPT-4 Turbo's annotations of the same outputs."""
    known: dict[str, float] = {}
    if official is not None:
        for said in official.annotations:
            if said.preference is not None and official.outputs[said.prompt_id] == annotated.outputs.get(
                said.prompt_id
            ):
                known[said.prompt_id] = said.preference
    lengths = [[len(text) for text in side.values()] for side in (annotated.outputs, annotated.baseline_outputs)]
    return JudgedModel(one, _length(*lengths), known)


def _length(own: Sequence[int], baseline: Sequence[int]) -> float:
    return bridging.relative_length(sum(own) / max(len(own), 1), sum(baseline) / max(len(baseline), 1))


class Bridge:
    """A candidate's verdicts on several models, and what is known of these models."""

    def __init__(
        self,
        models: Sequence[JudgedModel],
        leaderboard: Mapping[str, OfficialFigure],
        glm: GlmData | None,
        total: int,
        how: Resampling,
    ) -> None:
        self.models = sorted((one for one in models if one.sample.model != BASELINE), key=lambda one: one.sample.model)
        self.leaderboard, self.glm, self.total, self.how = leaderboard, glm, total, how
        self.scales = SCALES if glm is not None else SCALES[:1]
        self._apart = {one.sample.model: _apart(one) for one in self.models}
        self._annotated = {
            (scale, one.sample.model): self._by_annotations(scale, one) for scale in self.scales for one in self.models
        }
        self._known = {(scale, one.sample.model): self._of(scale, one) for scale in self.scales for one in self.models}

    def known(self, scale: str, model: str) -> Known | None:
        """What is known of one model; None: the candidate gives no figure."""
        return self._known[scale, model]

    def official(self, scale: str, model: str) -> float | None:
        """The published figure, 0..1; of a model that is not on the leaderboard, that of its published annotations."""
        row = self.leaderboard.get(model)
        if row is None:
            return self._annotated[scale, model]
        return row.win_rate if scale == "win_rate" else row.lc_win_rate

    def why_no_anchor(self, scale: str, model: str) -> str:
        """Why a model with a published figure carries nothing; empty: it does."""
        row = self.leaderboard.get(model)
        return "" if row is None else row.foreign or (row.lc_note if scale == "lc_win_rate" else "")

    def bridged(self, model: str) -> list[MetricValue]:
        """The figures of one model, from all others whose figures are known."""
        (one,) = (one for one in self.models if one.sample.model == model)
        return [self._figure(scale, one) for scale in self.scales] + self.known_figures(model)

    def known_figures(self, model: str) -> list[MetricValue]:
        """The candidate's own figures of a model, and the official ones where they are published."""
        (one,) = (one for one in self.models if one.sample.model == model)
        metrics = []
        for scale in self.scales:
            metrics.append(self._candidate(scale, one))
            if (official := self.official(scale, model)) is not None:
                note = self.why_no_anchor(scale, model)
                listed = model in self.leaderboard
                n, how = (self.total, "as published") if listed else (one.sample.n, "of its published annotations")
                published = Estimate(value=100 * official, low=None, high=None, n=n, method=how)
                metrics.append(
                    figure(model, BENCHMARK, f"official_{scale}", published, value_unit="percent", note=note)
                )
        return metrics

    def anchors(self, scale: str, model: str) -> list[bridging.Anchor]:
        """Every other model that carries the scale."""
        found = []
        for other in self.models:
            known = self._known[scale, other.sample.model]
            if known is not None and known.usable and known.official is not None and other.sample.model != model:
                found.append(bridging.Anchor(known.judged, known.official))
        return found

    def _figure(self, scale: str, one: JudgedModel) -> MetricValue:
        model, known, level = one.sample.model, self._known[scale, one.sample.model], self.how.confidence
        anchors = self.anchors(scale, model)
        found = None if known is None else bridging.bridge(anchors, known.own, level)
        notes = [f"candidate judge {one.sample.judge}", *self._namesakes(model)]
        if found is None or known is None:
            why = (
                f"the candidate gives no figure of it: {self._why_unknown(scale, one.sample)}"
                if known is None
                else f"cannot carry the scale: {counted(len(anchors), 'anchors')} with a known figure, and it takes "
                f"{bridging.FEWEST_ANCHORS}"
            )
            nothing = Estimate(value=None, low=None, high=None, n=one.sample.n, method="bridge; no figure")
            return figure(
                model, BENCHMARK, scale, nothing, unscored=one.sample.unscored, value_unit="percent",
                note="; ".join([*notes, why]),
            )  # fmt: skip
        value, low, high = (100 * end for end in (found.value, found.low, found.high))
        about = f"{counted(len(anchors), 'anchors')}, scatter {found.scatter:.2f} and offset {found.offset:+.2f} logits"
        notes += [about, *reasons(bridging.doubts(anchors, known.own, level), found)]
        if strange := self.why_no_anchor(scale, model):
            notes.append(f"its official figure is doubtful: {strange}")
        method = (
            f"bridge over {counted(len(anchors), 'anchors')}: offset, slope and length on the logit scale, shrunk; "
            f"{100 * level:g}% interval of a new model's figure, with the scatter between judges"
        )
        estimate = Estimate(value=value, low=low, high=high, n=one.sample.n, method=method)
        return figure(
            model, BENCHMARK, scale, estimate, unscored=one.sample.unscored, value_unit="percent",
            note="; ".join(notes),
        )  # fmt: skip

    def _candidate(self, scale: str, one: JudgedModel) -> MetricValue:
        """The candidate's own figure, as it would stand on a leaderboard of its own."""
        if scale == "win_rate":
            found = scores.raw(one.sample, self.how)[0]
        elif self.glm is not None and self._known[scale, one.sample.model] is not None:
            found = scores.length_controlled_win_rate(one.sample, self.glm, self.how)[0]
        else:
            nothing = Estimate(value=None, low=None, high=None, n=one.sample.n, method="length-controlled GLM")
            found = figure(
                one.sample.model, BENCHMARK, scale, nothing, unscored=one.sample.unscored, value_unit="percent",
                note=self._why_unknown(scale, one.sample),
            )  # fmt: skip
        return found.model_copy(update={"benchmark": BENCHMARK, "metric": f"candidate_{scale}"})

    def _of(self, scale: str, one: JudgedModel) -> Known | None:
        """None: the candidate gives no figure."""
        sample = one.sample
        n = sample.n
        size = float(n) if scale == "win_rate" else n / rates.COEFFICIENTS  # as the candidate's own interval has it
        if n < FEWEST_PROMPTS[scale]:
            return None
        rate, error = self._rate(scale, sample, sample.preference)
        if not (np.isfinite(rate) and np.isfinite(error)):
            return None
        found, rate = rate, float(np.clip(rate, 0.5 / n, 1 - 0.5 / n))
        if found != rate or error <= 0:  # all prompts equal: as if one of them had been half a win or a loss
            error = float(np.sqrt(rate * (1 - rate) / size))
        else:
            error = float(np.sqrt(rate * (1 - rate) / prompts_that_count(rate, error * error, size)))
        official = self.official(scale, sample.model)
        # The figure of just these prompts, where GPT-4 Turbo's annotations of them are published.
        same = self._annotated[scale, sample.model]
        paired = same is not None and n < self.total
        if paired:
            official = same
        disagreement = self._disagreement(sample.model)
        anchor, own = (
            bridging.Judged(
                rate,
                one.length,
                bridging.logit_noise(rate, error, n, max(n, self.total), disagreement, paired=same_prompts),
            )
            for same_prompts in (paired, False)
        )
        usable = official is not None and 0 < official < 1 and not self.why_no_anchor(scale, sample.model)
        return Known(anchor, own, official, usable)

    def _why_unknown(self, scale: str, sample: scores.Sample) -> str:
        """Why the candidate has no figure of a model."""
        if sample.n < FEWEST_PROMPTS[scale]:
            return f"it judged {sample.n} of its answers, and it takes {FEWEST_PROMPTS[scale]}"
        if scale == "lc_win_rate" and np.ptp(sample.delta) == 0:
            return "all its answers are as much longer than the baseline's, so lengths cannot be controlled"
        return "the length-controlled fit did not converge"

    def _namesakes(self, model: str) -> list[str]:
        """A word on a model that the leaderboard has under a name of other letter case or signs."""
        if model in self.leaderboard:
            return []
        alike = [name for name in self.leaderboard if plain_name(name) == plain_name(model)]
        return [f"the leaderboard has no {model}, but {', '.join(alike)}: rename it if it is the same"] if alike else []

    def _by_annotations(self, scale: str, one: JudgedModel) -> float | None:
        """GPT-4 Turbo's figure of the prompts the candidate judged; None where one of its annotations is missing."""
        if one.sample.n < 2 or any(id not in one.official for id in one.sample.prompts):
            return None
        value = self._rate(scale, one.sample, np.array([one.official[id] for id in one.sample.prompts]))[0]
        return value if 0 < value < 1 else None

    def _rate(self, scale: str, sample: scores.Sample, preference: Array) -> tuple[float, float]:
        """A rate, 0..1, and its standard error over prompts; NaN where there is none."""
        if scale == "win_rate":
            return float(preference.mean()), rates.standard_error(preference)
        if self.glm is None or np.ptp(sample.delta) == 0:
            return float("nan"), float("nan")
        rows = sample.rows(self.glm)._replace(preference=preference)
        fitted = length_controlled.fit(rows, self.glm.gamed)
        return float(fitted.win_rate[0]), float(fitted.error[0])

    def _disagreement(self, without: str) -> float:
        """Measured on the other models' pairs that both judges judged; else what is known of such judges."""
        between = own = 0.0
        for model, (difference, alone) in self._apart.items():
            if model != without:
                between += difference
                own += alone
        return between / own if own > 0 else bridging.DISAGREEMENT


def _apart(one: JudgedModel) -> tuple[float, float]:
    """Of the pairs that both judges judged: sums of squares of (official - candidate), and of the candidate's own."""
    candidate = zip(one.sample.prompts, one.sample.preference.tolist(), strict=True)
    shared = [(one.official[id], said) for id, said in candidate if id in one.official]
    if len(shared) < 2:
        return 0.0, 0.0
    by_official, by_candidate = np.array(shared).T
    return len(shared) * float(np.var(by_official - by_candidate)), len(shared) * float(np.var(by_candidate))


def plain_name(model: str) -> str:
    """A model's name without what people write in many ways."""
    return "".join(letter for letter in model.casefold() if letter.isalnum())


def reasons(doubts: bridging.Doubts, found: bridging.Bridged) -> list[str]:
    """What speaks against a bridged figure, each with the number that shows it; first what it cannot stand with."""
    cannot, doubtful = [], []
    order = doubts.order
    if doubts.gain is not None and doubts.gain >= 1:
        cannot.append(
            "cannot carry the scale: left out one by one, the anchors are missed by "
            f"{doubts.gain:.2f} times what their mean figure misses"
        )
    if order.value is not None and order.value < 0.5:
        ends = "" if order.low is None else f" [{order.low:.2f}, {order.high:.2f}]"
        cannot.append(
            f"cannot carry the scale: the order of the anchors differs, rank correlation {order.value:.2f}{ends}"
        )
    if found.scatter > MOST_SCATTER:
        cannot.append(f"cannot carry the scale: scatter {found.scatter:.2f} logits, more than {MOST_SCATTER}")
    if doubts.alike:
        cannot.append(
            f"cannot carry the scale: the candidate gives all {counted(doubts.anchors, 'anchors')} the same figure"
        )
    half = 50 * (found.high - found.low)
    if half > WIDEST:
        cannot.append(f"cannot carry the scale closely: half of the interval is {half:.1f} points")
    if doubts.beyond > 0:
        said = f"extrapolated: {doubts.beyond:.2f} logits outside the anchors' figures by the candidate"
        if doubts.beyond > FARTHEST_OUT:
            cannot.append(f"cannot carry the scale: {said}, more than {FARTHEST_OUT:g}")
        else:
            doubtful.append(said)
    return cannot + doubtful
