"""The base model and how its turns are rendered."""

import datetime
from typing import Annotated, Literal

from pydantic import Field

from srlm.section import Positive, Section


class ScratchModel(Section):
    """A small Llama with random weights, from the run's seed."""

    width: Positive = 96
    """Hidden size."""
    layers: Positive = 3
    """Decoder layers."""
    heads: Positive = 4
    """Attention heads."""
    feed_forward: Positive = 256
    """Width of the feed-forward layers."""
    rope_theta: Annotated[float, Field(gt=0)] = 100.0
    """Base of the rotary position embedding; small for short sequences."""
    init_std: Annotated[float, Field(gt=0)] = 0.05
    """Standard deviation of the initial weights."""
    tie_query_key: bool = True
    """Initialise every key projection as a copy of its query projection: attention then starts by matching equal
    tokens."""
    max_positions: Positive = 256
    """Longest sequence, in tokens."""


class ModelSettings(Section):
    """M0, the model from which the run starts."""

    base: str
    """A folder, a Hub id, `wheel:PACKAGE` (a GGUF file inside an installed Python package), or `scratch`; `none` where
    nothing is trained (srlm-eval run --model)."""
    dtype: Literal["float32", "bfloat16", "auto"] = "float32"
    """Number format in which all models generate; `auto`: M0's own. Training uses float32, and so do the weights that
    M_t passes on to M_t+1, so that no update is lost to rounding."""
    trust_remote_code: bool = False
    """Run Python code that comes with the model. Off: a model that needs it is refused."""
    revision: str | None = None
    """Commit, tag or branch of a Hub model. None: the newest commit when the run starts."""
    chat_template: str | None = None
    """A Jinja file with the chat template, in the place of the base model's own if it has one; saved with every M_i."""
    template_arguments: dict[str, bool | int | float | str] = Field({})
    """Variables for the chat template beside the messages, as in {enable_thinking: false}."""
    date: datetime.date | None = None
    """The date given to a chat template that uses the clock (`strftime_now`). None: the day the run started, recorded
    in its folder, so that a run past midnight trains on the same prompts that it sampled from."""
    thoughts: Literal["cut", "train"] = "cut"
    """Whether training includes the thoughts of a reasoning model (`train`) or leaves them out (`cut`). The records
    keep them; they are never judged or evaluated."""
    scratch: ScratchModel = ScratchModel()
    """Shape of the model if base is `scratch`."""
