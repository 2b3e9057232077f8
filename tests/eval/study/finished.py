"""Runs of a study as they lie on disk when they are trained and measured; every number is ours."""

from collections.abc import Mapping
from pathlib import Path

from eval.benchmarks.table import chosen
from eval.metrics import merge
from eval.records import MetricValue
from eval.study.file import Study, read
from eval.study.training import benchmarks
from srlm.methods.base import method_of, run_folder
from srlm.records import Checkpoint, RunManifest
from srlm.settings import Settings
from srlm.store import files, used
from srlm.usage import Usage

TINY = Path(__file__).resolve().parents[2] / "tiny.yaml"
FIGURES = {"beads/correct": "prompts", "judge_agreement/pairwise_accuracy": "pairs", "answers/characters": "prompts"}


def study(folder: Path, methods: str, *, seeds: str = "1-4", note: str = "") -> Study:
    """A study of variants of the tiny run; `methods`: names with spaces between, each perhaps
    with `:` and a setting."""
    path = folder / "study.yaml"
    lines = [
        f"runs: {folder}/runs",
        f"seeds: {seeds}",
        "measure: [beads, judge_agreement, answers]",
        "methods:",
        *(
            f"  - {{run: {TINY}, name: {name}, trials: {n}, tuned_on: 90-91, set: [{setting}]}}"
            for n, (name, _, setting) in enumerate(one.partition(":") for one in methods.split())
        ),
    ]
    path.write_text("\n".join(lines) + "\n" + note)
    return read(path)


def train(
    of: Study, method: str, seed: int, figures: Mapping[str, Mapping[str, float | None]], seconds: float = 10.0
) -> Settings:
    """A run with these figures: model -> measure -> value.

    Every step writes 1000 tokens times the seed, takes 300 to judge and is trained on 21 examples.
    """
    cell = next(one for one in of.cells(seed) if one.method == method)
    folder = run_folder(cell.settings)
    for step in method_of(cell.settings).steps(cell.settings, cell.settings.iterations):
        made = Checkpoint(name=step.name, parent=step.parent, path=f"{step.name}/model", digest=f"{method}{seed}")
        folder.finish(
            RunManifest(
                step=step.name, settings_digest="0", seed=seed, versions={}, commit=None,
                checkpoint=None if step.role == "data" else made, inputs={}, outputs={}, counts={},
            )
        )  # fmt: skip
        files.write_json(folder.step(step.name) / "timings.json", {"all": seconds, "more": 0.5})
        used.add(
            folder.step(step.name),
            "candidates",
            {
                "generation": Usage(requests=9, read=50, written=1000 * seed),
                "judgement": Usage(requests=3, read=200, written=100),
            },
            used.StageUsage(),
        )
        used.worked(folder.step(step.name), "candidates", seconds / 2, begun=False)
        used.trained(folder.step(step.name), "DPO", 21)
        used.worked(folder.step(step.name), "DPO", 1.0, begun=False)
    files.write_json(folder.path / "settings.json", cell.settings.model_dump(mode="json"))
    found = [
        MetricValue(
            model=model, benchmark=name.partition("/")[0], metric=name.partition("/")[2], value=value, low=None,
            high=None, n=8, unscored=0, method="counted", note="" if value is not None else "no answer",
        )
        for model, own in figures.items()
        for name, value in own.items()
    ]  # fmt: skip
    wanted = [one.name for one in benchmarks(of, cell.settings)]
    assert {one.benchmark for one in found} <= {one.name for one in chosen(wanted)}
    merge(folder, found, wanted, {name: {} for name in wanted})
    return cell.settings


def figures(first: float, last: float, kl: float = 0.1, judge: float = 0.7) -> dict[str, dict[str, float | None]]:
    """Of M1 and M2."""
    return {
        "M1": {"beads/correct": first},
        "M2": {
            "beads/correct": last,
            "judge_agreement/pairwise_accuracy": judge,
            "answers/characters": 40.0,
            "drift/kl": kl,
        },
    }
