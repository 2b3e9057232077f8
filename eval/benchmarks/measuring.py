"""What benchmarks share: engines opened when needed, answers and judgements that are kept, figures from estimates."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from srlm.engines.base import Engine
from srlm.engines.once import Once
from srlm.engines.responses import AnswerWatch, draw_responses, is_answer
from srlm.errors import RecordError, StoreError
from srlm.judge import rubric
from srlm.judge.pointwise import Answered, ModelPointJudge, judges
from srlm.judge.watched import JudgementWatch, counting
from srlm.records import Checkpoint, Judgement, Prompt, Response, digest, seed_for
from srlm.settings import CandidateSettings, Sampling, Settings, shaping
from srlm.store import files
from srlm.store.folder import RunFolder, differences
from srlm.store.progress import Reporter
from srlm.store.seals import NOTE
from srlm.text.counts import counted

from ..records import MetricValue
from ..stats.bounded import SHARE
from ..stats.intervals import Estimate, Resampling, paired_mean_difference, with_width
from ..stats.power import ALPHA, POWER, standard_error_of, visible
from ..stats.significance import agreeing, holm, paired_test
from .base import Item, OpenEngine
from .taken import take

BLOCK = 64
"""Prompts between two writes to disk."""
NOT_SHOWN = "no difference shown"
"""Begins what a comparison without a result says of the differences it could have shown."""
ALONE = "Each interval is of its comparison alone; p (Holm) is corrected for all comparisons of the measure."
"""Below a table of several comparisons: their intervals and their p are at different levels."""
EXCLUDED = "its own interval excludes 0"
"""Begins what is said of a comparison whose interval excludes 0 and whose p after Holm's correction does not."""


def aligned(path: Path, found: Sequence[str], expected: Sequence[str], each: int | None = None) -> None:
    """Raises RecordError where the records of a file are not those of `expected`, in that order.

    `found`: what each record is of. `each`: how many records each has; None: any number, alike for all.
    """
    count = each or max(1, len(found) // max(1, len(expected)))
    if list(found) != [one for one in expected for _ in range(count)]:
        raise RecordError(
            f"{path}: its {counted(len(found), 'records are')} not {count} for each of {len(expected)} in the "
            "run's order: the "
            "file was cut, or the run's data changed; move it away and evaluate again (srlm-eval all)"
        )


def made_from(path: Path, facts: dict[str, Any], folder: RunFolder | None = None) -> None:
    """Note beside `path` what it is made from. Raises StoreError where it was made from something else.

    `folder`: of the run that it is in; what another run that this one has steps of made from the same is taken.

    Results are reused for as long as they answer the same question, and never deleted: they may have cost money. A fact
    that nobody noted when they were begun counts as the same, and is noted now.
    """
    if folder is not None:
        take(folder, path, facts.__eq__)
    if refuse_others(path, facts) != facts:
        files.write_json(path.with_name(path.name + NOTE), facts)


def refuse_others(path: Path, facts: dict[str, Any]) -> Any:
    """What results at `path` were noted to be made from; None: there are none. Raises StoreError where it is not this.

    A budget that reaches a part leaves the file as it is: it must not hold the answers to another question then.
    """
    note = path.with_name(path.name + NOTE)
    if not path.exists() and not path.with_name(path.name + ".part").exists():
        return None
    if not note.exists():
        raise StoreError(f"{path} exists without {note.name}, which records its inputs; move it away")
    before = files.read_json(note)
    noted = dict(shaping(before))
    changed = [f"{key}: {old!r} -> {new!r}" for key, old, new in differences(before, facts) if key in noted]
    if changed:
        raise StoreError(
            f"{path} was made with other inputs ({'; '.join(changed)}); "
            "restore the old value, or move the file away and run the command again"
        )
    return before


def are_there(folder: RunFolder, kept: Mapping[Path, dict[str, Any]]) -> bool:
    """Whether all of these files are whole, those taken that another run has (`made_from`); `kept` has their facts."""
    for path, facts in kept.items():
        take(folder, path, facts.__eq__)
    return all(path.exists() for path in kept)


def evaluation_answers(
    settings: Settings, folder: RunFolder, checkpoint: Checkpoint, prompts: Sequence[Prompt], open_engine: OpenEngine
) -> list[Response]:
    """One answer of the checkpoint to each evaluation prompt, drawn as the run's settings say."""
    return answers(
        folder,
        checkpoint,
        prompts,
        open_engine,
        name="responses",
        label="answers",
        sampling=settings.evaluation.sampling,
        draws=1,
        seed=seed_for(settings.seed, "evaluation answers", checkpoint.name),
    )


def item_answers(
    settings: Settings,
    folder: RunFolder,
    checkpoint: Checkpoint,
    benchmark: str,
    items: Sequence[Item],
    open_engine: OpenEngine,
) -> list[Response]:
    """One answer of the checkpoint to each item of a benchmark, drawn as the run's settings say."""
    prompts = [item.prompt for item in items]
    return answers(
        folder,
        checkpoint,
        prompts,
        open_engine,
        name=benchmark,
        label=f"{benchmark} answers",
        sampling=settings.evaluation.sampling,
        draws=1,
        seed=seed_for(settings.seed, "answers", benchmark, checkpoint.name),
        source=digest("items", *(prompt.id for prompt in prompts)),
    )


def answers(
    folder: RunFolder,
    checkpoint: Checkpoint,
    prompts: Sequence[Prompt],
    open_engine: OpenEngine,
    *,
    name: str,
    label: str,
    sampling: Sampling,
    draws: int,
    seed: int,
    source: str | None = None,
) -> list[Response]:
    """`draws` answers of the checkpoint to each prompt, kept in evaluation/CHECKPOINT/NAME.jsonl.

    `source` is the digest of the prompts; None: they are the run's evaluation prompts.
    """
    with Once(lambda: open_engine(checkpoint)) as engine:
        return drawn_answers(
            folder, checkpoint, prompts, engine,
            name=name, label=label, sampling=sampling, draws=draws, seed=seed, source=source,
        )  # fmt: skip


def drawn_answers(
    folder: RunFolder,
    checkpoint: Checkpoint,
    prompts: Sequence[Prompt],
    engine: Callable[[], Engine],
    *,
    name: str,
    label: str,
    sampling: Sampling,
    draws: int,
    seed: int,
    source: str | None = None,
    block: int = BLOCK,
) -> list[Response]:
    """The same from an engine that stays open: it is called only where something is missing.

    `block`: prompts between two writes to disk.
    """
    path = folder.step("evaluation") / checkpoint.name / f"{name}.jsonl"
    facts = {
        **folder.model_facts(checkpoint),
        "prompts": source or files.fact(folder.step("data") / "evaluation_prompts.jsonl").sha256,
        "sampling": sampling.model_dump(mode="json"),
        "draws": draws,
        "seed": seed,
    }
    made_from(path, facts, folder)
    with Reporter(f"{checkpoint.name}: {label}", folder.log) as report:

        def work(chunk: Sequence[Prompt], index: int) -> list[Response]:
            return draw_responses(engine(), chunk, sampling, draws, seed_for(seed, index), checkpoint.name)

        made = files.resumable(
            path,
            Response,
            prompts,
            work,
            per_item=draws,
            block=block,
            report=report,
            concurrency=lambda: engine().concurrency,
            belongs=is_answer,
            watch=AnswerWatch(label, CandidateSettings(min_ended=0), report.say),
        )
        return list(made)


def judge_answers(
    settings: Settings,
    folder: RunFolder,
    checkpoint: Checkpoint,
    answered: Sequence[Answered],
    of: Path,
    open_engine: OpenEngine,
    *,
    name: str,
    label: str,
    seed: int,
) -> list[Judgement]:
    """`judge_draws` judgements of every answer by the checkpoint, kept in evaluation/CHECKPOINT/NAME.jsonl.

    `of` is the file that the answers stand in.
    """
    path = folder.step("evaluation") / checkpoint.name / f"{name}.jsonl"
    template, draws = rubric.load(settings.judge.template), settings.evaluation.judge_draws
    facts = {
        **folder.model_facts(checkpoint),
        "answers": files.fact(of).sha256,
        "template": template.digest,
        "sampling": settings.judge.sampling.model_dump(mode="json"),
        "complete": settings.judge.complete,
        "draws": draws,
        "seed": seed,
    }
    made_from(path, facts, folder)
    if path.exists():
        return list(files.finished(path, Judgement, answered, draws, judges))
    with (
        Once(lambda: open_engine(checkpoint)) as engine,
        Reporter(f"{checkpoint.name}: {label}", folder.log, "answers") as report,
    ):
        # A model may be measured that cannot judge at all: its figures say so.
        watch = JudgementWatch(label, counting(settings.judge), report.say)
        made = ModelPointJudge.of(engine(), settings.judge).judge(answered, draws, seed, path, report, watch=watch)
        return list(made)


def resampling(settings: Settings) -> Resampling:
    """How this run's intervals are made."""
    wanted = settings.evaluation
    return Resampling(resamples=wanted.bootstrap, confidence=wanted.confidence, seed=settings.seed)


def figure(
    model: str,
    benchmark: str,
    metric: str,
    estimate: Estimate,
    *,
    unscored: int = 0,
    n: int | None = None,
    unit: str = "prompts",
    baseline: str | None = None,
    p: float | None = None,
    test: str = "exact sign test",
    over: str = "prompts",
    value_unit: str = "",
    note: str = "",
) -> MetricValue:
    """A metric value from an estimate; `n` where the unit is not the prompt, `over` what the test takes for one."""
    estimate = with_width(estimate, "nothing varies, so nothing shows its width")
    if p is not None:
        estimate = agreeing(estimate, p)
    return MetricValue(
        model=model,
        benchmark=benchmark,
        metric=metric,
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        n=estimate.n if n is None else n,
        unscored=unscored,
        unit=unit,
        value_unit=value_unit,
        method=estimate.method + ("" if p is None else f"; p: {test} over {over}"),
        baseline=baseline,
        p=p,
        note=note,
    )


def difference(
    model: str,
    baseline: str,
    benchmark: str,
    metric: str,
    values: Sequence[tuple[float | None, float | None]],
    how: Resampling,
    none_known: str,
) -> MetricValue:
    """Model minus baseline, paired: `values` has both of each prompt, None where there is none (`none_known`: all)."""
    both = [(one, other) for one, other in values if one is not None and other is not None]
    yes_or_no = all(value in (0, 1) for pair in both for value in pair)
    tested = paired_test([one - other for one, other in both], how.seed) if both else None
    return figure(
        model,
        benchmark,
        metric,
        paired_mean_difference(
            [one for one, _ in both], [other for _, other in both], how, SHARE if yes_or_no else None
        ),
        unscored=len(values) - len(both),
        baseline=baseline,
        p=tested.p if tested else None,
        test=tested.test if tested else "",
        note="" if both else none_known,
    )


def with_holm(metrics: Sequence[MetricValue], how: Resampling, *, shares: bool = False) -> list[MetricValue]:
    """The same with Holm's correction over those that carry a p, one table's worth. `shares`: of differences of shares.

    A comparison that shows nothing says the smallest difference that its prompts do show, from its own interval, at the
    level at which Holm's correction would have called it: alpha over the comparisons that are not called.
    """
    adjusted = holm([m.p for m in metrics if m.p is not None])
    level = ALPHA / max(1, sum(p >= ALPHA for p in adjusted))
    each = iter(adjusted)
    return [m if m.p is None else _concluded(m, next(each), level, len(adjusted), how, shares) for m in metrics]


def _concluded(
    metric: MetricValue, p_adjusted: float, level: float, family: int, how: Resampling, share: bool
) -> MetricValue:
    note = metric.note
    if p_adjusted >= ALPHA and metric.low is not None and metric.high is not None and metric.high > metric.low:
        seen = visible(standard_error_of(metric.low, metric.high, how.confidence), level)
        percent = metric.value_unit == "percent"
        size = f"{(1 if percent else 100) * seen:.1f} points" if percent or share else f"{seen:.2g}"
        said = f"{NOT_SHOWN}: {metric.n} {metric.unit} show one of {size} with {100 * POWER:g}% power"
        if level < ALPHA:
            said += f" (at {100 * level:.2g}%, for {counted(round(ALPHA / level), 'comparisons share')} 5%)"
        if not metric.low <= 0 <= metric.high:
            said += f"; {EXCLUDED}, which among {counted(family, 'comparisons')} may be chance"
        note = f"{note}; {said}" if note else said
    return metric.model_copy(update={"p_adjusted": p_adjusted, "note": note})


def excluded(metrics: Sequence[MetricValue]) -> list[str]:
    """A line for each comparison whose interval and whose p after Holm's correction seem to disagree."""
    return [
        f"{m.model} minus {m.baseline}, {m.metric.replace('_', ' ')}: {m.note[m.note.index(EXCLUDED) :]}"
        for m in metrics
        if EXCLUDED in m.note
    ]
