"""The data from which a run starts."""

from typing import Annotated, Literal

from pydantic import Field

from srlm.section import Positive, Section


class SeedSets(Section):
    """How the ranked answers are divided into sets."""

    ift: Annotated[int, Field(ge=1)] = 3200
    """IFT examples: a prompt and its best-ranked answer (the paper: 3,200)."""
    eft_sets: Annotated[int, Field(ge=0)] = 600
    """Prompts with ranked answers set aside for EFT (the paper: 1,630 examples)."""
    heldout_sets: Annotated[int, Field(ge=0)] = 190
    """Prompts with ranked answers for evaluating the judge, separate from EFT and IFT (the paper: 541 examples)."""
    prompts_path: str | None = None
    """Evaluation prompts: JSON lines with `instruction` (such as AlpacaEval's prompts) or `messages`. None: use
    held-out sets."""
    evaluation_prompts: Positive = 256
    """Prompts that all models answer in the head-to-head (the paper: 256)."""
    validation_prompts: Annotated[int, Field(ge=0)] = 0
    """Prompts for early stopping (the paper: 253)."""


class OasstData(SeedSets):
    """Ranked conversations in Open Assistant's format."""

    kind: Literal["oasst"] = "oasst"
    """Open Assistant message trees (nested JSONL) or rows (flat), plain or gz, or a Hub dataset."""
    path: str
    """A local file, or `hub:OpenAssistant/oasst1`. `${NAME}` is replaced by the environment variable."""
    revision: str | None = None
    """Commit, tag or branch of a Hub dataset. None: the newest commit when the run starts."""
    language: str = "en"
    """Use only conversations in this language, by the data's own codes; `pt` includes `pt-BR`."""
    turns: Literal["first", "all"] = "first"
    """`first`: a conversation's first prompt, as in the paper. `all`: every prompt with ranked replies, with the turns
    before it; all prompts of one tree go to the same set."""


RankingFormat = Literal[
    "oasst",
    "faireval",
    "own",
    "run",
    "preferences",
    "ultrafeedback",
    "helpsteer",
    "helpsteer_preferences",
    "helpsteer3",
    "nectar",
    "llmbar",
    "pandalm",
    "usr",
    "mt_bench",
    "arena",
    "arena_texts",
    "comparia",
    "judgebench",
    "alpaca_eval",
    "rewardbench",
]
"""docs/rankings.md says what each looks like."""


class RankedData(SeedSets):
    """Any ranked answers: preference pairs, scored answers, our own lines (docs/rankings.md)."""

    kind: Literal["ranked"] = "ranked"
    """JSON lines, a JSON list or CSV (plain, gz or zst), Parquet, or a Hub dataset, in a format of docs/rankings.md."""
    path: str
    """A local file, or `hub:OWNER/NAME`. `${NAME}` is replaced by the environment variable."""
    format: RankingFormat | None = None
    """None: recognised by the columns of the first row."""
    config: str | None = None
    """Configuration of a Hub dataset that has several."""
    folder: str | None = None
    """Folder within a Hub dataset, such as `preference` in nvidia/HelpSteer2. None: as its authors declare."""
    split: str | None = None
    """Split of a Hub dataset, such as `train_prefs`. None: all splits."""
    revision: str | None = None
    """Commit or tag of a Hub dataset."""
    language: str | None = None
    """Use only rows whose `language` or `lang` is this one; rows without such a column are kept. None: use all rows."""
