"""Figures of ablations, from what lies on disk: the runs of the arms beside the run itself, and two rubrics.

RUN-ablation-ARM -> win, tie and lose against the baseline, counts of its pairs, its last model minus the run's own
data/heldout_sets.jsonl -> evaluation/SFT/judgements-RUBRIC.jsonl -> agreement of the baseline with people
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from srlm.judge import agreement
from srlm.methods.base import method_of, run_folder
from srlm.records import Checkpoint, Judgement, RankedSet, RunManifest, Step, seed_for
from srlm.settings import Settings
from srlm.store import files
from srlm.store.folder import RunFolder

from ...records import MetricValue
from ...stats.intervals import Resampling
from ..base import OpenEngine
from ..between_runs import between, series
from ..judge_agreement.figures import Compared, described, differences
from ..judge_agreement.measure import answered, scores_of
from ..measuring import judge_answers, resampling, with_holm
from ..run_data import RunData
from .arms import ARMS, RUBRICS, inapplicable
from .benchmark import BENCHMARK, CONTESTS

COUNTS = {
    "pairs": "pairs",
    "pair yield": "pair_yield",
    "most common score share": "top_score_share",
    "score entropy": "score_entropy",
    "positive examples": "positive_examples",
}
"""Counts of a step's manifest, and what they are called here."""
STOPPED = "ablations_stopped.json"
"""Why an arm did not come to its end, in the evaluation of the run itself."""


def figures(run: RunData) -> list[MetricValue]:
    """All that lies on disk; no model is asked."""
    settings, how = run.settings, resampling(run.settings)
    possible = [arm for arm in ARMS if not inapplicable(arm.name, run.folder.given)]
    found = [arm for arm in possible if run_folder(arm.settings(run.folder.given)).path.is_dir()]
    metrics = [*_counted("", run), *_contests("", run)] if found else []
    trained = {checkpoint.digest for checkpoint in run.folder.checkpoints()}
    paired: list[MetricValue] = []
    own = series(settings, run.folder) if found else []
    for arm in found:
        folder = run_folder(arm.settings(run.folder.given))
        other = RunData(folder.settings, folder)
        # Models that both runs share are the run's own.
        apart = [one.name for one in folder.measured() if one.digest not in trained]
        of_arm = [*_counted(f"{arm.name}/", other), *_contests(f"{arm.name}/", other)]
        metrics += [one for one in of_arm if one.model.removeprefix(f"{arm.name}/") in apart]
        last = [name for name in apart if name in run.names][-1:]
        known = {(one.baseline, one.benchmark, one.metric): one for one in own if [one.model] == last}
        for one in series(folder.settings, folder) if last else []:
            against = known.get((one.baseline, one.benchmark, one.metric))
            if [one.model] == last and against is not None:
                paired.append(between(BENCHMARK, f"{arm.name}/{last[0]}", last[0], one, against, how))
    metrics += [*with_holm(paired, how), *_stopped(run)]
    return metrics + rubrics_on_disk(settings, run.folder)


def _counted(prefix: str, run: RunData) -> Iterator[MetricValue]:
    """What the manifests of the iterations count."""
    for manifest in run.manifests:
        if "prompts" not in manifest.counts:
            continue
        for name, metric in COUNTS.items():
            value = manifest.counts.get(name)
            if isinstance(value, int | float):
                yield _count(f"{prefix}{manifest.step}", metric, float(value), manifest)


def _count(model: str, metric: str, value: float, manifest: RunManifest) -> MetricValue:
    prompts = manifest.counts["prompts"]
    n = prompts if isinstance(prompts, int) else 0
    return MetricValue(
        model=model, benchmark=BENCHMARK, metric=metric, value=value, low=None, high=None, n=n, unscored=0,
        method="counted",
    )  # fmt: skip


def _contests(prefix: str, run: RunData) -> Iterator[MetricValue]:
    """Each model of a run against its baseline."""
    baseline = baseline_of(run.settings).name
    for metric in run.of("head_to_head"):
        if metric.baseline == baseline and metric.metric in CONTESTS:
            own = {"benchmark": BENCHMARK, "model": f"{prefix}{metric.model}", "baseline": None}
            yield metric.model_copy(update=own)


def baseline_of(settings: Settings) -> Step:
    """The step of the SFT baseline."""
    return next(step for step in method_of(settings).steps(settings, 1) if step.role == "baseline")


def _stopped(run: RunData) -> list[MetricValue]:
    """A missing figure for each arm that did not come to its end, with the reason."""
    path = run.evaluation / STOPPED
    return [
        MetricValue(
            model=name, benchmark=BENCHMARK, metric="finished", value=None, low=None, high=None, n=0, unscored=0,
            method="whether the run came to its end", note=str(why),
        )
        for name, why in (files.read_object(path) if path.exists() else {}).items()
    ]  # fmt: skip


# The judge's prompt ---------------------------------------------------------------------------------------------------


def judged_path(settings: Settings, folder: RunFolder, rubric: str) -> Path:
    """Where the baseline's judgements with a rubric are kept."""
    return folder.step("evaluation") / baseline_of(settings).name / f"{_file_of(settings, rubric)}.jsonl"


def _file_of(settings: Settings, rubric: str) -> str:
    """Judgements with the run's own rubric are those of judge agreement."""
    return "judgements" if rubric == settings.judge.template else f"judgements-{rubric}"


def ask_rubrics(settings: Settings, folder: RunFolder, baseline: Checkpoint, open_engine: OpenEngine) -> None:
    """Have the baseline judge every held-out answer with each of the rubrics; what is on disk is not asked again."""
    path = folder.step("data") / "heldout_sets.jsonl"
    shown = answered(files.read(path, RankedSet))
    for rubric in RUBRICS:
        judge_answers(
            settings.model_copy(update={"judge": settings.judge.model_copy(update={"template": rubric})}),
            folder,
            baseline,
            shown,
            path,
            open_engine,
            name=_file_of(settings, rubric),
            label=f"judging held-out answers, {rubric}",
            seed=seed_for(settings.seed, "judge agreement", baseline.name),
        )


def rubrics_on_disk(settings: Settings, folder: RunFolder) -> list[MetricValue]:
    """Agreement with each rubric, and the difference; none where the baseline has not judged with both."""
    paths = {rubric: judged_path(settings, folder, rubric) for rubric in RUBRICS}
    if not all(path.exists() for path in paths.values()):
        return []
    sets = files.read(folder.step("data") / "heldout_sets.jsonl", RankedSet)
    prompts, how, name = [one.prompt.id for one in sets], resampling(settings), baseline_of(settings).name
    found = {
        f"{name}, {rubric}": agreement.measure(
            [one.ranks for one in sets], scores_of(sets, files.read(path, Judgement))
        )
        for rubric, path in paths.items()
    }
    metrics = [one for model, own in found.items() for one in described(model, BENCHMARK, prompts, own, how)]
    return metrics + rubric_differences(list(found), prompts, found, how)


def rubric_differences(
    models: Sequence[str], prompts: Sequence[str], found: dict[str, dict[str, agreement.Measure]], how: Resampling
) -> list[MetricValue]:
    """The second rubric minus the first."""
    asked = [Compared(model=model, baseline=baseline) for baseline, model in pairwise(models)]
    return differences(BENCHMARK, asked, prompts, found, how)
