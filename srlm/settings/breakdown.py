"""How win rates are broken down by kind of prompt (the paper, appendix A.6 and figure 4)."""

from typing import Annotated

from pydantic import Field

from srlm.addresses import Address
from srlm.section import Positive, Section
from srlm.settings.engines import Price


class BreakdownSettings(Section):
    """How prompts get a category, a complexity and an expected length of the answer, and how figures are split."""

    judge: str | None = None
    """Who labels the prompts: any judge that writes text, `openai:MODEL`, `hf:DIR_OR_ID` or `checkpoint:NAME`. None:
    `evaluation.judge` if it writes text; otherwise only the prompts' own categories are used."""
    categories: str = "paper"
    """`paper`: the judge first finds `number` categories in the prompts, as in the paper. `own`: the `category` of each
    prompt. Or a file with one category a line."""
    number: Annotated[int, Field(ge=2, le=100)] = 20
    """Categories that the judge finds (the paper: 20)."""
    shown: Positive = 200
    """Randomly sampled prompts that the judge sees to find categories, each cut at 200 characters."""
    labels: str | None = None
    """A file of labelled prompts instead of a judge: rows with `instruction`, `category`, `complexity` and `length`."""
    floor: Annotated[int, Field(ge=2)] = 5
    """Kinds with fewer judged prompts than this get no win rate."""
    tokens: Positive = 128
    """Maximum length of the labels of one prompt in tokens."""
    thought_tokens: Positive = 4096
    """Maximum length in tokens, thought and labels together, of a judge that was still thinking at `tokens`."""
    reasoning_effort: str | None = None
    """`reasoning_effort` of requests to a judge that reasons: low, medium, high, ..."""
    base_url: Address = None
    """Server of an `openai:` judge. None: that of `evaluation.judge` if no other judge is named, else the client's
    default. `${NAME}` is replaced by the environment variable."""
    max_cost: Annotated[float | None, Field(ge=0)] = None
    """Limit in US dollars for an `openai:` judge, over all starts of this run. What it does not reach is left out: the
    figures are then of a random part of the prompts. None: `evaluation.max_cost` if no other judge is named."""
    price: Price | None = None
    """The server's price. None: from the price list, if it has the model."""
