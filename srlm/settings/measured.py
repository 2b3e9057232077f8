"""Models that are there already, and what they are measured on where nothing is trained."""

from typing import Annotated, Literal

from pydantic import Field

from srlm.addresses import Address
from srlm.section import Positive, Section
from srlm.settings.data import RankingFormat, SeedSets
from srlm.settings.engines import Price

ALL = 1_000_000
"""More than any file has: all that is there."""


class GivenModel(Section):
    """A model that is measured as it is."""

    model: str
    """`hf:DIR_OR_ID` (a folder, or OWNER/NAME or OWNER/NAME@REVISION of the Hub), `wheel:PACKAGE` (a GGUF file inside
    an installed Python package), or `openai:NAME` (behind an OpenAI-compatible server)."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Number format in which it generates; `auto`: its own. A server has its own."""
    chat_template: str | None = None
    """A Jinja file with the chat template, for a model without one. None: such a model continues plain text."""
    template_arguments: dict[str, bool | int | float | str] = Field({})
    """Variables for the chat template beside the messages, as in {enable_thinking: false}."""
    trust_remote_code: bool = False
    """Run Python code that comes with the model. Off: a model that needs it is refused."""
    base_url: Address = None
    """Server of an `openai:` model. None: the client's default. `${NAME}` is replaced by the environment variable."""
    api_key_env: str = "OPENAI_API_KEY"
    """Environment variable that holds the API key; the key itself is never written to a file."""
    concurrency: Positive = 16
    """Maximum number of concurrent requests."""
    price: Price | None = None
    """The server's price. None: from the price list, if it has the model."""
    max_cost: Annotated[float | None, Field(ge=0)] = None
    """Limit in US dollars for the answers of an `openai:` model, over all starts."""


class MeasuredData(SeedSets):
    """Prompts and human rankings that models are measured on; nothing is trained, and no set is kept apart."""

    kind: Literal["measured"] = "measured"
    """No training data: `prompts_path` has the prompts, `path` the human rankings."""
    path: str = ""
    """Human rankings in a format of docs/rankings.md, which the models judge. Empty: none."""
    format: RankingFormat | None = None
    """None: recognised by the columns of the first row."""
    revision: str | None = None
    """Commit or tag of a Hub dataset."""
    language: str | None = None
    """Use only rankings whose `language` or `lang` is this one. None: use all."""
    evaluation_prompts: Positive = ALL
    """Prompts that are asked, drawn at random where the file has more."""
    heldout_sets: Annotated[int, Field(ge=0)] = ALL
    """Rankings that are judged, drawn at random where the file has more."""
