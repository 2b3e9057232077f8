"""The tasks that `srlm-eval nlp` measures by default: where lm-eval has them, and how large they are.

Their YAML files are read one by one: lm-eval's index of all its tasks takes 20 seconds.
"""

from collections.abc import Mapping
from typing import NamedTuple


class KnownTask(NamedTuple):
    """One task of lm-eval."""

    title: str
    """As the paper calls it."""
    files: str
    """Its YAML files, a pattern within lm_eval/tasks."""
    main: str
    """The metric that stands for the task: `acc_norm` where it has that one, for its choices differ in length."""
    documents: int
    """Of the whole set."""
    choices: int
    """Continuations that are asked of each document; 0: the model writes."""
    reads: int
    """Tokens of a request by SmolLM2's tokenizer, on average, with the default number of examples; of HellaSwag and
    SIQA an estimate."""
    writes: int = 0
    """Tokens of an answer, at most."""
    shots: int = 0
    """Worked examples: of MMLU as in the report of Llama 2, whose row is the paper's; else as lm-eval says."""
    chat: bool = False
    """Whether it is asked as a chat unless the settings say otherwise: it gives instructions, and no text to
    continue."""


KNOWN: Mapping[str, KnownTask] = {
    "arc_easy": KnownTask("ARC-E", "arc/arc_easy.yaml", "acc_norm", 2376, 4, 32),
    "arc_challenge": KnownTask("ARC-C", "arc/arc_challenge.yaml", "acc_norm", 1172, 4, 41),
    "hellaswag": KnownTask("HellaSwag", "hellaswag/hellaswag.yaml", "acc_norm", 10042, 4, 90),
    "social_iqa": KnownTask("SIQA", "siqa/siqa.yaml", "acc", 1954, 3, 35),
    "piqa": KnownTask("PIQA", "piqa/piqa.yaml", "acc_norm", 1838, 2, 35),
    "gsm8k": KnownTask("GSM8K", "gsm8k/gsm8k.yaml", "exact_match.strict-match", 1319, 0, 1030, 256, 5),
    "mmlu": KnownTask("MMLU", "mmlu/default/mmlu_*.yaml", "acc", 14042, 4, 620, 0, 5),
    "openbookqa": KnownTask("OBQA", "openbookqa/openbookqa.yaml", "acc_norm", 500, 4, 15),
    "nq_open": KnownTask("NQ", "nq_open/nq_open.yaml", "exact_match", 3610, 0, 23, 256),
    "ifeval": KnownTask("IFEval", "ifeval/ifeval.yaml", "prompt_level_strict_acc", 541, 0, 43, 1280, 0, True),
}
"""By lm-eval's name. IFEval is no table of the paper."""
OF_THE_PAPER = tuple(name for name in KNOWN if name != "ifeval")


def title(task: str) -> str:
    """How a task is called on the page."""
    return KNOWN[task].title if task in KNOWN else task
