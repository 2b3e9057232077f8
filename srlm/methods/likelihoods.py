"""A stage: how likely a model finds answers that were written before, kept as it is found."""

from collections.abc import Sequence

from srlm.engines.base import Request
from srlm.engines.likelihoods import of_answers
from srlm.judge.pointwise import Answered
from srlm.methods.run import Run
from srlm.methods.stages import chat_of
from srlm.records import AnswerLikelihood, Checkpoint, Step
from srlm.store import files
from srlm.usage import judging

LIKELIHOODS, BEFORE, BASE = "likelihoods.jsonl", "likelihoods_before.jsonl", "likelihoods_base.jsonl"
"""Files of a step: by M_t, by the model before it, and by M0."""


def answer_likelihoods(
    run: Run, step: Step, model: Checkpoint, answered: Sequence[Answered], file: str
) -> list[AnswerLikelihood]:
    """The log-probability of each answer's words behind its prompt, by one model, in order, kept in a file of the step.

    The token that ends an answer, and a thought before it, have no part in it.
    """
    path = run.path(step.name, file)
    if path.exists():
        return list(files.finished(path, AnswerLikelihood, answered, 1, _is_of))
    chat = chat_of(run, model)
    with run.engine(model) as engine, run.stage(step.name, f"likelihoods by {model.name}", "answers") as report:

        def work(chunk: Sequence[Answered], _: int) -> list[AnswerLikelihood]:
            requests = [Request(messages=one.prompt.messages) for one in chunk]
            with judging():  # what ranks answers, in the place of a judge
                logs = of_answers(engine, requests, [one.response.text for one in chunk])
            return [
                AnswerLikelihood(
                    response_id=one.response.id,
                    model=model.name,
                    tokens=len(chat.scored(one.prompt.messages, "", [one.response.text]).continuations[0]),
                    log_probability=log,
                )
                for one, log in zip(chunk, logs, strict=True)
            ]

        made = files.resumable(
            path,
            AnswerLikelihood,
            answered,
            work,
            per_item=1,
            block=run.block(1),
            report=report,
            concurrency=lambda: engine.concurrency,
            belongs=_is_of,
        )
        return list(made)


def _is_of(answered: Answered, likelihood: AnswerLikelihood) -> bool:
    return likelihood.response_id == answered.response.id
