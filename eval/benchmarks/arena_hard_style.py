"""Arena-Hard's style control: the win rate against a baseline whose answers were as long and as marked up.

A Bradley-Terry model of all battles of a judge and category, with a coefficient a model and four of style:

    log odds of a win = b_model + s . x / sd(x)
    x = (length_m - length_b) / (length_m + length_b), and for headers, lists and bold, each divided by length + 1,
        (d_m - d_b) / (d_m + d_b + 1)

The figure is sigmoid(b_model): the win rate at x = 0, where both answers have one style. Whole prompts are resampled.
arena-hard-auto takes the mean over battles from x first, so that what the average difference of style is worth stays
in its figure (all of it, where one model is judged alone); `as published` does so, too, with its interval: battles
resampled, 5% to 95% of a hundred. Its optimiser stops after 50 steps; this one goes on until it has converged.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from scipy.special import expit

from srlm.judge.agreement import Array
from srlm.text.counts import counted

from ..data.arena_hard import ArenaJudgement
from ..data.arena_hard_answers import Style, Styles, named
from ..records import MetricValue
from ..stats.intervals import Estimate, Resampling
from .measuring import figure

BENCHMARK = "arena_hard"
RESAMPLES = 200
"""At most, as each is a fit of its own."""
STEPS = 50


def controlled(judged: Sequence[ArenaJudgement], styles: Styles, how: Resampling) -> list[MetricValue]:
    """Each model's style-controlled score, by judge and category, with both intervals."""
    groups: dict[tuple[str, str, str], list[ArenaJudgement]] = defaultdict(list)
    for one in judged:
        groups[one.judge, one.category, one.baseline].append(one)
    found = []
    for (judge, category, baseline), rows in sorted(groups.items()):
        against = f"against {baseline}" if baseline else "no baseline named"
        note = "; ".join(part for part in (f"judge {judge}", category, against) if part)
        found += _group(rows, baseline, styles, note, how)
    return found


def _group(
    rows: Sequence[ArenaJudgement], baseline: str, styles: Styles, note: str, how: Resampling
) -> list[MetricValue]:
    models = sorted({row.model for row in rows})
    battles: list[tuple[str, str, float, Array]] = []
    unscored, without = dict.fromkeys(models, 0), dict.fromkeys(models, 0)
    for row in rows:
        own, base = (styles.get((named(name), row.prompt)) for name in (row.model, baseline))
        if row.baseline_first is None or row.model_first is None:
            unscored[row.model] += 1
        elif own is None or base is None:
            without[row.model] += 1
        else:
            style = _differences(own, base)
            for game in (row.model_first, row.baseline_first):
                battles += [(row.model, row.prompt, game.preference, style)] * game.battles
    outcomes = {model: [won for name, _, won, _ in battles if name == model] for model in models}
    fitted = [model for model in models if 0 < sum(outcomes[model]) < len(outcomes[model])]
    table = [battle for battle in battles if battle[0] in fitted]
    found = []
    if table:
        estimates = _estimates(table, fitted, how)
        for place, model in enumerate(fitted):
            n = len({prompt for name, prompt, _, _ in table if name == model})
            lost = unscored[model] + without[model]
            more = f"; {counted(without[model], 'prompts')} without both answers' style" if without[model] else ""
            for name, estimate in zip(
                ("score, style controlled", "score, style controlled, as published"), estimates[place], strict=True
            ):
                found.append(figure(model, BENCHMARK, name, estimate, n=n, unscored=lost, note=note + more))
    for model in sorted(set(models) - set(fitted)):
        nothing = Estimate(value=None, low=None, high=None, n=0, method="Bradley-Terry with style")
        why = "every battle has one outcome" if outcomes[model] else "no battle with both answers' style"
        lost = unscored[model] + without[model]
        found.append(figure(model, BENCHMARK, "score, style controlled", nothing, unscored=lost, note=f"{note}; {why}"))
    return found


def _differences(own: Style, base: Style) -> Array:
    length = own.tokens + base.tokens
    x = [(own.tokens - base.tokens) / length if length else 0.0]
    for a, b in zip(own[1:], base[1:], strict=True):
        first, second = a / (own.tokens + 1), b / (base.tokens + 1)
        x.append((first - second) / (first + second + 1))
    return np.array(x)


def _estimates(
    battles: Sequence[tuple[str, str, float, Array]], models: Sequence[str], how: Resampling
) -> list[tuple[Estimate, Estimate]]:
    """Of each model the estimate with prompts resampled, and with battles resampled."""
    x = np.stack([style for *_, style in battles])
    spread = x.std(0, ddof=1)
    own = np.array([[float(name == model) for model in models] for name, *_ in battles])
    design, centred = (
        np.hstack([own, np.divide(part, spread, out=np.zeros_like(x), where=spread > 1e-12)])
        for part in (x, x - x.mean(0))
    )
    won = np.array([won for _, _, won, _ in battles])
    prompts = {prompt: place for place, prompt in enumerate(dict.fromkeys(prompt for _, prompt, _, _ in battles))}
    at = np.array([prompts[prompt] for _, prompt, _, _ in battles])
    value = expit(fit(design, won, np.ones(len(won)))[: len(models)])
    generator = np.random.default_rng(how.using(BENCHMARK, "style").seed)
    times = min(how.resamples, RESAMPLES)
    by_prompt, by_battle = [], []
    for _ in range(times):
        counts = np.bincount(generator.integers(len(prompts), size=len(prompts)), minlength=len(prompts))
        by_prompt.append(expit(fit(design, won, counts[at].astype(float))[: len(models)]))
    for _ in range(100):
        counts = np.bincount(generator.integers(len(won), size=len(won)), minlength=len(won))
        by_battle.append(expit(fit(centred, won, counts.astype(float))[: len(models)]))
    ends = [(1 - how.confidence) / 2, (1 + how.confidence) / 2]
    ours, theirs = np.quantile(by_prompt, ends, axis=0), np.quantile(by_battle, [0.05, 0.5, 0.95], axis=0)
    label = "Bradley-Terry with style"
    return [
        (
            Estimate(
                value=float(value[place]),
                low=float(ours[0, place]),
                high=float(ours[1, place]),
                n=len(prompts),
                method=(
                    f"{label}; {100 * how.confidence:g}% percentile bootstrap over prompts, "
                    f"{counted(times, 'resamples')}"
                ),
            ),
            Estimate(
                value=float(theirs[1, place]),
                low=float(theirs[0, place]),
                high=float(theirs[2, place]),
                n=len(won),
                method=f"{label}; median and 90% interval of arena-hard-auto: battles resampled, 100 resamples",
            ),
        )
        for place in range(len(models))
    ]


def fit(design: Array, won: Array, weights: Array) -> Array:
    """Maximum-likelihood coefficients of a logistic model without intercept, outcomes 0, .5 or 1, by Newton's method.

    A ridge of 1e-6 keeps a resample that separates its outcomes finite. scikit-learn's takes no half outcomes.
    """
    beta = np.zeros(design.shape[1])
    ridge = 1e-6 * np.eye(design.shape[1])
    for _ in range(STEPS):
        p = expit(design @ beta)
        gradient = design.T @ (weights * (won - p)) - ridge @ beta
        hessian = (design * (weights * p * (1 - p))[:, None]).T @ design + ridge
        step = np.linalg.solve(hessian, gradient)
        beta = beta + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-9:
            break
    return beta
