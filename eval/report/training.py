"""How the models came about: losses and rewards over steps, the account of EFT, a map of prompts, scores, pairs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from srlm.records import Record, RunManifest, seed_for

from ..benchmarks.run_data import RunData, StepRecords
from ..figures import charts
from ..figures.words import percent
from .placing import placed

KINDS = {"rewards/margins": "preference pairs", "reward": "online RL", "margin": "reward model"}
"""What a kind of training logs, and no other: its loss is another quantity than theirs. Without any: next tokens."""
LOGGED = {
    "reward": "Online RL: mean reward of sampled answers",
    "rewards/margins": "DPO: reward margin, chosen minus rejected",
    "rewards/accuracies": "DPO: share of pairs in which the chosen answer has the higher reward",
}
MOST_STEPS = 60
"""Points of one line; of a longer history every k-th is drawn."""
MOST_MAPPED = 120
"""Prompts of each kind on the map."""
EXCERPT = 90


class CountRow(Record):
    """One count, step by step; empty where a step has none."""

    name: str
    values: tuple[int | float | str | None, ...]


def counts(manifests: Sequence[RunManifest]) -> list[CountRow]:
    """Every count of every manifest, one a row; counts within counts get a row each."""
    flat: list[dict[str, int | float | str | None]] = []
    for manifest in manifests:
        own: dict[str, int | float | str | None] = {}
        for name, value in manifest.counts.items():
            if isinstance(value, dict):
                own |= {f"{name}: {key}": inner for key, inner in value.items()}
            else:
                own[name] = value
        flat.append(own)
    names = list(dict.fromkeys(name for own in flat for name in own))
    return [CountRow(name=name, values=tuple(own.get(name, "") for own in flat)) for name in names]


def histories(run: RunData) -> list[charts.Chart]:
    """Losses, and DPO's margins and accuracies, over optimiser steps: each quantity in a picture of its own."""
    by_kind: dict[str, list[StepRecords]] = {}
    for step in run.steps:
        logged = {key for row in step.training for key in row}
        kind = next((said for key, said in KINDS.items() if key in logged), "next token")
        by_kind.setdefault(kind, []).append(step)
    wanted = [
        *((f"Training loss: {kind}", "loss", steps) for kind, steps in by_kind.items()),
        *((title, key, run.steps) for key, title in LOGGED.items()),
    ]
    drawn = (_history(run, title, key, steps) for title, key, steps in wanted)
    return [chart for chart in drawn if chart is not None]


def _history(run: RunData, title: str, key: str, steps: Sequence[StepRecords]) -> charts.Chart | None:
    """One quantity of these trainings."""
    rows: list[dict[str, Any]] = []
    every: dict[str, int] = {}
    for step in steps:
        logged = [row for row in step.training if _number(row.get(key)) and _number(row.get("step"))]
        every[step.name] = 1 + len(logged) // MOST_STEPS
        for row in logged[:: every[step.name]]:
            said = f"{step.name}, step {row['step']}: {row[key]:.4f}"
            rows.append({"training": step.name, "optimiser step": row["step"], "value": float(row[key]), "said": said})
    if not rows:
        return None
    thinned = [f"of {name} every {_ordinal(number)}" for name, number in every.items() if number > 1]
    note = f"{'; '.join(['As the trainer logged it', *thinned])}."
    is_share = key == "rewards/accuracies"
    return charts.lines(title, rows, "optimiser step", "value", "training", note, run.looks, is_share)


def _ordinal(number: int) -> str:
    return {2: "second", 3: "third"}.get(number, f"{number}th")


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def eft_account(run: RunData) -> list[tuple[str, int | float | str | None]]:
    """What became of the sets that EFT examples were made from: read, kept, rejected and why."""
    return [
        (name.removeprefix("eft: "), value)
        for manifest in run.manifests
        for name, value in manifest.counts.items()
        if name.startswith("eft: ") and not isinstance(value, dict)
    ]


def prompt_map(run: RunData) -> charts.Chart | None:
    """IFT, EFT and AIFT prompts in two dimensions: TF-IDF of their words, then SVD (the paper, appendix, figure 6).

    Drawn from the run's seed. EFT prompts are the judge's whole questions.
    """
    texts = [(one.kind.upper(), one.transcript) for one in run.demonstrations]
    texts += [(f"AIFT {step.name}", prompt.transcript) for step in run.steps for prompt in step.prompts]
    by_kind: dict[str, list[str]] = {}
    for kind, text in texts:
        by_kind.setdefault(kind, []).append(text)
    chosen = [
        (kind, text)
        for kind, found in by_kind.items()
        for text in Random(seed_for(run.settings.seed, "map", kind)).sample(found, min(len(found), MOST_MAPPED))
    ]
    lie = placed([text for _, text in chosen], seed_for(run.settings.seed, "map")) if len(by_kind) > 1 else None
    if lie is None:
        return None
    rows = [
        {"kind": kind, "x": float(x), "y": float(y), "said": _excerpt(f"{kind}: {text}")}
        for (kind, text), (x, y) in zip(chosen, lie.at.round(4), strict=True)
    ]
    note = (
        f"TF-IDF of words, two dimensions of a truncated SVD ({percent(lie.explained)} of the variance), "
        f"up to {MOST_MAPPED} prompts of each kind, drawn with the run's seed. Near means: shares words."
    )
    looks = run.looks.called({f"AIFT {step.name}": step.name for step in run.steps})
    return charts.scatter("Where the training prompts lie", rows, "kind", note, looks)


def _excerpt(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= EXCERPT else text[:EXCERPT] + " ..."


def score_pictures(run: RunData) -> list[charts.Chart]:
    """The judge's scores of the candidates and the margins of the pairs, step by step."""
    scores, margins = [], []
    judged: dict[str, int] = {}
    paired: dict[str, int] = {}
    for step in run.steps:
        if step.judgements:
            by_score = Counter("none" if j.score is None else f"{j.score:g}" for j in step.judgements)
            judge, n = step.judgements[0].judge, by_score.total()
            judged[judge] = judged.get(judge, 0) + n
            scores += [
                {
                    "judge": judge,
                    "score": score,
                    "share": by_score[score] / n,
                    "said": _shared(judge, score, by_score[score], n),
                }
                for score in sorted(by_score, key=lambda said: (said == "none", said))
            ]
        if step.pairs:
            wide = Counter(f"{min(5, int(pair.margin))}" for pair in step.pairs)
            paired[step.name] = n = len(step.pairs)
            margins += [
                {
                    "model": step.name,
                    "margin": low,
                    "share": wide[low] / n,
                    "said": _shared(step.name, low, wide[low], n),
                }
                for low in sorted(wide)
            ]
    specs = []
    if scores:
        note = f"{_counts('judgements', judged)}. none: the judge named no score."
        specs.append(
            charts.columns(
                "Scores the judge gave to candidates", scores, "score", "share", "judge", True, note, run.looks
            )
        )
    if margins:
        note = (
            f"Points of the rubric between the chosen and the rejected answer, rounded down; 5: five or more. "
            f"{_counts('pairs', paired)}."
        )
        specs.append(
            charts.columns(
                "Margins of the preference pairs", margins, "margin", "share", "model", True, note, run.looks
            )
        )
    return specs


def _counts(what: str, numbers: Mapping[str, int]) -> str:
    return f"n, {what}: {', '.join(f'{name} {number:,}' for name, number in numbers.items())}"


def _shared(name: str, what: str, count: int, n: int) -> str:
    return f"{name}, {what}: {percent(count / n)} ({count:,} of {n:,})"
