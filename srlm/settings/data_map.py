"""How the data map is drawn: IFT, EFT, new and evaluation prompts in two dimensions (the paper, appendix A.1)."""

from typing import Annotated, Literal

from pydantic import Field

from srlm.section import Positive, Section


class DataMapSettings(Section):
    """What is embedded, and with which model."""

    model: str = "minilm"
    """`minilm`: all-MiniLM-L6-v2 from an installed package, no download. Or a folder or Hub id of any
    sentence-transformers model, OWNER/NAME or OWNER/NAME@REVISION."""
    eft: Literal["prompt", "instruction"] = "prompt"
    """What is embedded of an EFT example. `prompt`: the judge's whole prompt, as in the paper. `instruction`: the
    user's instruction in it."""
    most: Annotated[int, Field(ge=10)] = 500
    """Maximum number of texts of each set, sampled with the run's seed."""
    drawn: Annotated[int, Field(ge=10)] = 2000
    """Maximum number of points in the picture."""
    perplexity: Annotated[float, Field(gt=0)] = 30.0
    """Perplexity of t-SNE; at most a third of the number of texts is used."""
    near: Annotated[float, Field(gt=0, le=1)] = 0.95
    """Cosine similarity from which two texts count as near duplicates."""
    batch_size: Positive = 32
    """Texts embedded together."""
