"""runs/NAME/report.html: what was measured, pictures first, from metrics.json, the manifests and the records on disk.

Models wrote part of what is shown, so nothing here is trusted: the template escapes everything, and the page allows its
own script and style by their digests and nothing else (Content-Security-Policy). Every figure of metrics.json that is
shown stands in a `<data value=...>` element that carries the unrounded number. report.md and metrics.csv say the same.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from srlm.settings import Settings
from srlm.store import files
from srlm.store.folder import RunFolder

from ..benchmarks import published
from . import browser, changed, contests, figures, material, repeated, training, verdict, written
from .worse import section

FOLD = 280
"""Characters: a longer text is folded."""
NOWHERE = "base-uri 'none'; form-action 'none'"
"""What default-src does not rule: the base of addresses, and where forms go."""
MOST_FIGURES = 3000
"""Rows of the table of every figure; where there are more, it names metrics.csv instead."""
APART = ("head_to_head", "slices", "worse_judges")
"""Benchmarks whose comparisons have a table of their own."""
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


def write(
    settings: Settings, folder: RunFolder, command: str, out: Path | None = None, study: Path | None = None
) -> Path:
    """Write the page, report.md and metrics.csv into the run's folder; returns the page's path.

    With `out` into that folder, and metrics.json and machine.json too, so that it says all by itself. With `study`, the
    file of one, its section and figures, too.
    """
    worse = section(study) if study is not None else None
    run, keys = material.read(settings, folder, worse.metrics if worse else ()), material.secrets(settings)
    content = {**gather(run, command), "study": worse}
    place = out or folder.path
    path = place / "report.html"
    pages = {
        path: render("report.html", {**content, "browser": browser.packed(run, keys)}),
        place / "report.md": written.markdown(content),
        place / "metrics.csv": written.metrics_csv(run.metrics),
    }
    if out is not None:
        pages[out / "metrics.json"] = written.metrics_json(run.metrics)
        pages[out / repeated.MADE_ON] = json.dumps(repeated.machine(), indent=1, sort_keys=True) + "\n"
    for file, text in pages.items():
        files.write_text(file, material.withheld(text, keys))
    return path


def render(template: str, content: Mapping[str, Any]) -> str:
    """A page's HTML."""
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
    style, script = _file("report.css"), _file("report.js")
    policy = f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; {NOWHERE}"
    frame = {"style": Markup(style), "script": Markup(script), "policy": policy, "fold": FOLD}
    return environment.get_template(template).render({**content, **frame})


def _file(name: str) -> str:
    return resources.files(__package__).joinpath("templates", name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def gather(run: material.Material, command: str) -> dict[str, Any]:
    """All that the page shows, but for the browser."""
    wanted, compared = run.settings.evaluation, contests.contests(run)
    alpha, shown = round(1 - wanted.confidence, 12), contests.shown(compared, run.names)
    settings = run.settings.model_dump(mode="json")
    return {
        "name": run.settings.name,
        "names": run.names,
        "judge": wanted.judge,
        "alpha": alpha,
        "level": f"{100 * wanted.confidence:g}%",
        "beads": run.settings.data.kind == "beads",
        "metrics": run.metrics,
        "named": run.named,
        "listed": run.metrics if len(run.metrics) <= MOST_FIGURES else [],
        "warnings": verdict.warnings(run),
        "looked_for": verdict.looked_for(run),
        "findings": contests.findings(compared, run.names, alpha),
        "contests": shown,
        "contests_left_out": len(compared) - len(shown),
        "contest_pictures": contests.pictures(shown),
        "paper_h2h": published.head_to_head(),
        "alpaca": [m for m in run.of("alpaca_eval") if m.metric in ("win_rate", "lc_win_rate", "avg_length")],
        "paper_alpaca": published.alpaca_eval(),
        "agreement": AGREEMENT,
        "paper_agreement": published.judge_agreement(),
        "paper_judges": {row.model: row for row in published.judge_agreement().rows},
        "judge_pictures": changed.judges(run),
        "reliability": [chart] if (chart := changed.reliability(run)) else [],
        "audit": [*run.of("audit"), *run.of("canaries")],
        "skilled": [name for name in ("M0", *run.names) if run.figure("bead_skills", "greedy_correct", name)],
        "quality_pictures": changed.quality(run),
        "slice_pictures": changed.slices(run),
        "sliced": run.of("slices"),
        "regressions": changed.regressions(run),
        "changes": [m for m in run.metrics if m.baseline is not None and m.benchmark not in APART],
        "score_pictures": training.score_pictures(run),
        "histories": training.histories(run),
        "counts": training.counts(run.manifests),
        "eft": training.eft_account(run),
        "map": training.prompt_map(run),
        "manifests": run.manifests,
        "timings": run.timings,
        "settings": yaml.safe_dump(settings, sort_keys=False, allow_unicode=True, width=100),
        "seed": run.settings.seed,
        "commits": sorted({m.commit or "unknown" for m in run.manifests}),
        "versions": {name: version for m in run.manifests for name, version in sorted(m.versions.items())},
        "command": command,
        "study": None,
    }
