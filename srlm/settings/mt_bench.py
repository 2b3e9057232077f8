"""How a run's models answer MT-Bench, and who grades them."""

from typing import Annotated

from pydantic import Field

from srlm.addresses import Address
from srlm.section import Positive, Section
from srlm.settings.engines import Price


class MtBenchSettings(Section):
    """MT-Bench (`srlm-eval mt-bench`): 80 questions of two turns, graded 1 to 10 (docs/mt_bench.md)."""

    files: str | None = None
    """Folder with FastChat's question.jsonl, judge_prompts.jsonl and reference answers: a checkout of FastChat, its
    data folder, or one with the files side by side. `${NAME}` is replaced by the environment variable. None: the
    installed fastchat package."""
    references: str = "gpt-4"
    """File of reference answers for math, reasoning and coding: its name in `reference_answer` without the ending, or
    a path. It does not depend on the judge."""
    judge: str | None = None
    """Who grades: `openai:MODEL`, `hf:DIR_OR_ID` or `checkpoint:NAME`. None: evaluation.judge, if it writes text."""
    base_url: Address = None
    """Server of an `openai:` judge. None: evaluation.base_url."""
    judge_tokens: Positive = 2048
    """Maximum length of a grade in tokens; a judge that reasons has evaluation.pairs.thought_tokens more."""
    max_cost: Annotated[float | None, Field(ge=0)] = None
    """Limit in US dollars for an `openai:` judge, with all that the same judge costs elsewhere in the evaluation. What
    it does not reach is left out: the figures are then of a random part of the questions. None: evaluation.max_cost."""
    price: Price | None = None
    """The server's price. None: evaluation.price."""
    answer_tokens: Positive = 1024
    """Maximum length of an answer in tokens."""
    questions: Positive | None = None
    """Ask only this many questions, an even part of each category, drawn at random. None: all."""
