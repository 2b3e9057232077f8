"""Which NLP benchmarks every model of a run is measured on, and how they are asked."""

from typing import Annotated

from pydantic import Field

from srlm.section import Positive, Section

TASKS = (
    *("arc_easy", "arc_challenge", "hellaswag", "social_iqa", "piqa"),
    *("gsm8k", "mmlu", "openbookqa", "nq_open", "ifeval"),
)
"""The paper's nine, by lm-eval's names, and IFEval."""


class NlpSettings(Section):
    """NLP benchmarks by lm-eval (`srlm-eval nlp`)."""

    tasks: tuple[str, ...] = TASKS
    """Tasks or groups of lm-eval by name, or YAML files of your own. Python code beside such a file (`!function`) is
    run."""
    limit: Positive | None = None
    """Ask the first N documents of each task; of a group, N in all, spread over its tasks. None: all."""
    data: str | None = None
    """A folder with the data of the tasks; nothing is then downloaded. None: from the Hub."""
    chat: bool | None = None
    """Ask with the chat template. None: IFEval with it, all others as plain text. The base model is always asked as
    plain text."""
    shots: dict[str, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    """Worked examples before each question, by task. Tasks that are not named here: MMLU 5, as in the report of
    Llama 2, others as the task says."""
