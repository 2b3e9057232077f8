"""runs/NAME/report.html: what was measured, pictures first, from metrics.json, the manifests and the answers on disk.

Models wrote part of what is shown, so nothing here is trusted: the template escapes everything, and the page forbids
scripts and anything from outside (Content-Security-Policy). Every figure of metrics.json that is shown stands in a
`<data value=...>` element that carries the unrounded number.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import ValidationError

from srlm.errors import RecordError
from srlm.records import Prompt, Record, Response, RunManifest
from srlm.settings import Settings
from srlm.store import files
from srlm.store.folder import RunFolder

from ..benchmarks import published
from ..benchmarks.published import PublishedComparison
from ..records import MetricValue
from ..suites.measuring import measured
from . import figures

SAMPLES = 20
FOLD = 280
"""Characters: a longer text is folded."""
AGREEMENT = (
    "pairwise_accuracy",
    "five_best",
    "exact_match",
    "spearman",
    "kendall",
    "pairwise_accuracy_half",
    "spearman_undefined_as_0",
    "kendall_undefined_as_0",
    "unparsed",
)


def write(settings: Settings, folder: RunFolder, command: str) -> Path:
    """Write the page; returns its path."""
    path = folder.path / "report.html"
    files.write_text(path, render(gather(settings, folder, command)))
    return path


def render(content: Mapping[str, Any]) -> str:
    """The page's HTML."""
    environment = Environment(
        loader=PackageLoader("eval.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "figure": figures.figure,
        "interval": figures.interval,
        "p": figures.p_value,
        "percent": figures.percent,
        "label": figures.label,
        "plain": figures.plain,
        "count": figures.count,
    }
    return environment.get_template("report.html").render(content)


class Contest(Record):
    """One pair of checkpoints, and the paper's figures for the pair of the same names."""

    model: str
    baseline: str
    win: MetricValue
    tie: MetricValue
    lose: MetricValue
    difference: MetricValue
    order_decided: MetricValue | None
    preference: MetricValue | None
    paper: PublishedComparison | None

    def finding(self, alpha: float) -> Literal["unread", "better", "worse", "no difference"]:
        """What the sign test says after Holm's correction over all pairs of the table."""
        p, difference = self.difference.p_adjusted, self.difference.value
        if p is None or difference is None:
            return "unread"
        if p >= alpha:
            return "no difference"
        return "better" if difference > 0 else "worse"

    @property
    def bar(self) -> tuple[tuple[str, float], ...]:
        """Kind and share of each piece of the bar; empty where no verdict could be read."""
        pieces = (("win", self.win.value), ("tie", self.tie.value), ("lose", self.lose.value))
        return tuple((kind, value) for kind, value in pieces if value is not None)

    @property
    def paper_bar(self) -> tuple[tuple[str, float], ...]:
        """The same of the paper."""
        return (("win", self.paper.win), ("tie", self.paper.tie), ("lose", self.paper.lose)) if self.paper else ()


def gather(settings: Settings, folder: RunFolder, command: str) -> dict[str, Any]:
    """All that the page shows."""
    evaluation = folder.step("evaluation")
    metrics = read_metrics(evaluation / "metrics.json")
    named = {(m.benchmark, m.metric, m.model, m.baseline): m for m in metrics}
    names = [checkpoint.name for checkpoint in measured(folder)]
    manifests = [m for step in ("data", "M0", *names) if (m := folder.manifest(step)) is not None]
    answered = {
        name: files.read(path, Response) for name in names if (path := evaluation / name / "responses.jsonl").exists()
    }
    contests = _contests(metrics, named)
    iterations = list(pairwise(names))
    wanted = [(model, baseline) for baseline, model in iterations]
    return {
        "name": settings.name,
        "names": names,
        "skilled": [name for name in ("M0", *names) if ("bead_skills", "greedy_correct", name, None) in named],
        "judge": settings.evaluation.judge,
        "alpha": round(1 - settings.evaluation.confidence, 12),
        "level": f"{100 * settings.evaluation.confidence:g}%",
        "beads": settings.data.kind == "beads",
        "contests": contests,
        "successive": [(pair, next((c for c in contests if (c.model, c.baseline) == pair), None)) for pair in wanted],
        "tables": {
            benchmark: [m for m in metrics if m.benchmark == benchmark]
            for benchmark in (
                "head_to_head",
                "beads",
                "bead_skills",
                "bead_judge",
                "answers",
                "judge_agreement",
                "audit",
            )
        },
        "named": named,
        "agreement": AGREEMENT,
        "paper_h2h": published.head_to_head(),
        "paper_agreement": published.judge_agreement(),
        "paper_judges": {row.model: row for row in published.judge_agreement().rows},
        "charts": _charts(named, names, settings),
        "changes": [m for m in metrics if m.baseline is not None and m.benchmark != "head_to_head"],
        "manifests": manifests,
        "counts": _counts(manifests),
        "samples": _samples(folder, answered),
        "fold": FOLD,
        "settings": yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=100),
        "seed": settings.seed,
        "commits": sorted({m.commit or "unknown" for m in manifests}),
        "versions": {name: version for m in manifests for name, version in sorted(m.versions.items())},
        "command": command,
    }


def read_metrics(path: Path) -> list[MetricValue]:
    """The figures on disk; none where nothing was measured yet."""
    if not path.exists():
        return []
    try:
        return [MetricValue.model_validate(row) for row in files.read_json(path)]
    except ValidationError as error:
        raise RecordError(
            f"{path}: not a list of metric values: {error.errors()[0]['msg']}; run the evaluation again"
        ) from None


Named = Mapping[tuple[str, str, str, str | None], MetricValue]


def _contests(metrics: Sequence[MetricValue], named: Named) -> list[Contest]:
    paper = {(row.model, row.baseline): row for row in published.head_to_head().rows}
    pairs = [(m.model, m.baseline) for m in metrics if (m.benchmark, m.metric) == ("head_to_head", "win_minus_lose")]
    return [
        Contest(
            model=model,
            baseline=baseline or "",
            win=named["head_to_head", "win", model, baseline],
            tie=named["head_to_head", "tie", model, baseline],
            lose=named["head_to_head", "lose", model, baseline],
            difference=named["head_to_head", "win_minus_lose", model, baseline],
            order_decided=named.get(("head_to_head", "order_decided", model, baseline)),
            preference=named.get(("head_to_head", "preference", model, baseline)),
            paper=paper.get((model, baseline or "")),
        )
        for model, baseline in pairs
    ]


def _charts(named: Named, names: Sequence[str], settings: Settings) -> list[figures.Chart]:
    wanted: list[tuple[str, str, str, float | None]] = [
        ("answers", "characters", "Mean length of an answer, characters", None)
    ]
    if settings.data.kind == "beads":
        wanted = [
            ("beads", "correct", "Correct answers, share of prompts", 1.0),
            ("bead_skills", "greedy_correct", "Correct greedy answers (M0: asked in its own way)", 1.0),
            ("beads", "oracle_score", "Exact score, mean of 0 to 5 points", 5.0),
            *wanted,
            ("bead_judge", "own_correct", "Judge: verdicts on its own answers' correctness, balanced", 1.0),
            ("bead_judge", "own_pairwise_accuracy", "Judge: pairs of its own answers in the right order", 1.0),
        ]
    wanted += [
        ("judge_agreement", "pairwise_accuracy", "Judge: pairs ordered as people ordered them", 1.0),
        ("judge_agreement", "spearman", "Judge: Spearman's rho with people", 1.0),
    ]
    charts = []
    for benchmark, metric, title, top in wanted:
        row = [m for name in ("M0", *names) if (m := named.get((benchmark, metric, name, None))) is not None]
        if any(m.value is not None for m in row):
            charts.append(figures.chart(title, row, top))
    return charts


class CountRow(Record):
    """One count, step by step; empty where a step has none."""

    name: str
    values: tuple[int | float | str | None, ...]


def _counts(manifests: Sequence[RunManifest]) -> list[CountRow]:
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


def _samples(folder: RunFolder, answered: Mapping[str, Sequence[Response]]) -> list[dict[str, Any]]:
    path = folder.step("data") / "evaluation_prompts.jsonl"
    if not path.exists() or not answered:
        return []
    by_prompt = {name: {r.prompt_id: r for r in responses} for name, responses in answered.items()}
    return [
        {"prompt": prompt, "answers": {name: by_prompt[name].get(prompt.id) for name in answered}}
        for prompt in files.read(path, Prompt)[:SAMPLES]
    ]
