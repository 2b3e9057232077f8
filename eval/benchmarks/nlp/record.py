"""What is kept of a model's answers to the documents of a task."""

from typing import Any

from srlm.records import Record, digest


class NlpDocument(Record):
    """One document of a task, and what a model made of it."""

    id: str
    """Of the document: from its task, its place and its content, so that models are paired by it."""
    task: str
    """Of lm-eval; of a group, the task within it."""
    place: int
    """Of the document in its set, from 0."""
    values: dict[str, float | tuple[float, ...] | None]
    """By metric, as lm-eval scored it: one value, or one for each instruction. None: it has no number."""
    log_likelihoods: tuple[float, ...] = ()
    """Of each choice."""
    written: tuple[str, ...] = ()
    """What the model wrote, where it was asked to write."""
    invalid: tuple[str, ...] = ()
    """Metrics whose filter found no answer in what was written; lm-eval counts it as wrong."""


class Measured(Record):
    """What was asked, beside the documents of one model and one task."""

    task: str
    model: dict[str, str]
    """What tells the checkpoint from all others."""
    question: dict[str, Any]
    """What shapes the questions: two models with the same were asked the same."""
    answers: str
    """SHA-256 of the file of documents."""
    main: str
    """The metric that stands for the task."""
    aggregates: dict[str, float | None]
    """Every metric as lm-eval sums it up over the documents."""
    means: tuple[str, ...]
    """Those of them that are means over documents, or over the instructions of all."""
    lower_is_better: tuple[str, ...] = ()
    balanced: bool = False
    """Whether a group is the mean of its tasks' means; else all documents weigh the same."""
    notes: tuple[str, ...] = ()


def document_id(task: str, place: int, content: object) -> str:
    """Id of a document."""
    return digest("nlp document", task, place, content)
