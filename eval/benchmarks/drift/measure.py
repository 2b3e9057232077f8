"""Figures of drift, from what both models say of each answer; that is kept in evaluation/MODEL/drift.jsonl."""

from collections.abc import Sequence

from srlm.engines.weights import load_chat
from srlm.methods import start
from srlm.records import Checkpoint, Prompt, Record, Response
from srlm.settings import Settings
from srlm.store import files
from srlm.store.folder import RunFolder
from srlm.store.progress import Reporter

from ...records import MetricValue
from ...stats.intervals import pooled_each
from ..base import Answers
from ..measuring import BLOCK, figure, made_from, resampling


class AnswerDrift(Record):
    """How far a model has drifted from M1 on one of its answers; sums over the answer's tokens, in nats."""

    response_id: str
    tokens: int
    kl: float | None
    """None: not finite, or the answer with its prompt does not fit the models' context."""
    log_ratio: float | None


def drifted(settings: Settings, folder: RunFolder, answers: Answers) -> list[MetricValue]:
    """KL and log-ratio per token of every model that the loop made behind M1."""
    first = folder.checkpoint(start.FIRST.name)
    later = {step.name for step in folder.steps() if step.role == "iteration" and step.number > start.FIRST.number}
    if first is None:
        return []
    return [
        metric
        for checkpoint in folder.measured()
        if checkpoint.name in later
        for metric in described(
            settings, checkpoint.name, on_disk_or_read(settings, folder, checkpoint, first, answers[checkpoint.name])
        )
    ]


def described(settings: Settings, model: str, found: Sequence[AnswerDrift]) -> list[MetricValue]:
    """Means over tokens, with intervals over prompts (an answer a prompt)."""
    sampling, how = settings.evaluation.sampling, resampling(settings)
    as_drawn = (
        ""
        if (sampling.temperature, sampling.top_p) == (1, 1)
        else (f"answers drawn at temperature {sampling.temperature:g}, top-p {sampling.top_p:g}")
    )
    figures = []
    for metric in ("kl", "log_ratio"):
        known = [(value, one.tokens) for one in found if (value := getattr(one, metric)) is not None and one.tokens]
        sums, tokens = [value for value, _ in known], [float(number) for _, number in known]
        estimate = pooled_each({metric: (sums, tokens)}, how.using(model, metric), means=[metric])[metric]
        if metric == "kl" and estimate.low is not None:  # no divergence is below 0
            estimate = estimate.model_copy(update={"low": max(0.0, estimate.low)})
        note = as_drawn if known else "no answer has a token"
        figures.append(figure(model, "drift", metric, estimate, unscored=len(found) - len(known), note=note))
    return figures


def on_disk_or_read(
    settings: Settings, folder: RunFolder, checkpoint: Checkpoint, first: Checkpoint, responses: Sequence[Response]
) -> list[AnswerDrift]:
    """Of each answer, in order; the models are loaded only where something is missing."""
    place = folder.step("evaluation") / checkpoint.name
    path = place / "drift.jsonl"
    made_from(
        path,
        {
            **folder.model_facts(checkpoint),
            "reference": folder.model_facts(first),
            "answers": files.fact(place / "responses.jsonl").sha256,
        },
        folder,
    )
    if path.exists():
        return list(files.finished(path, AnswerDrift, responses, 1, _is_of))
    from srlm.training.drift import Drifting

    prompts = {one.id: one for one in files.read(folder.step("data") / "evaluation_prompts.jsonl", Prompt)}
    where = folder.model_path(checkpoint)
    chat = load_chat(where, settings.model)
    models = Drifting(where, folder.model_path(first), settings.model)

    def work(chunk: Sequence[Response], index: int) -> list[AnswerDrift]:
        tokens = [
            chat.tokens(prompts[one.prompt_id].messages, one.text, ended=one.finish != "length", thought=one.thought)
            for one in chunk
        ]
        return [
            AnswerDrift(response_id=one.id, **drift._asdict())
            for one, drift in zip(chunk, models.of(tokens), strict=True)
        ]

    with Reporter(f"{checkpoint.name}: drift", folder.log, "answers") as report:
        return list(
            files.resumable(
                path, AnswerDrift, responses, work, per_item=1, block=BLOCK, report=report, belongs=_is_of
            )
        )  # fmt: skip


def _is_of(response: Response, drift: AnswerDrift) -> bool:
    return drift.response_id == response.id
