"""The data from which a run starts."""

from typing import Annotated, Literal

from pydantic import Field

from srlm.section import Positive, Section


class SetSizes(Section):
    """How large the sets of a run are, at most."""

    ift: Annotated[int, Field(ge=1)] = 3200
    """IFT examples: a prompt and its best-ranked answer (the paper: 3,200)."""
    eft_sets: Annotated[int, Field(ge=0)] = 600
    """Prompts with ranked answers set aside for EFT (the paper: 1,630 examples)."""
    heldout_sets: Annotated[int, Field(ge=0)] = 190
    """Prompts with ranked answers for evaluating the judge, separate from EFT and IFT (the paper: 541 examples)."""
    evaluation_prompts: Positive = 256
    """Prompts that all models answer in the head-to-head (the paper: 256)."""
    validation_prompts: Annotated[int, Field(ge=0)] = 0
    """Prompts for early stopping (the paper: 253)."""


class SeedSets(SetSizes):
    """How the ranked answers are divided into sets."""

    prompts_path: str | None = None
    """Evaluation prompts: rows with `instruction` (such as AlpacaEval's prompts) or `messages`. None: use held-out
    sets."""


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


class Source(Section):
    """Where rows come from, and which of their columns is which (docs/my_data.md)."""

    path: str
    """A local file (JSON lines, a JSON list or CSV, plain, gz or zst; Parquet), or `hub:OWNER/NAME`. `${NAME}` is
    replaced by the environment variable."""
    columns: dict[str, str] = Field({})
    """The format's column -> the file's, as in {instruction: question, output: answer}. A column that is not listed
    has the format's own name."""
    config: str | None = None
    """Configuration of a Hub dataset that has several."""
    folder: str | None = None
    """Folder within a Hub dataset. None: as its authors declare."""
    split: str | None = None
    """Split of a Hub dataset, such as `train`. None: all splits."""
    revision: str | None = None
    """Commit or tag of a Hub dataset. None: the newest commit when the run starts."""


RowFormat = Literal["alpaca", "messages"]


class ExamplesSource(Source):
    """Prompts with the answer that the model is to learn."""

    format: RowFormat | None = None
    """`alpaca`: columns instruction and output; input and system if they exist. `messages`: a conversation, as a list
    of role and content (or from and value). None: refused, with the format that the first row has."""
    turns: Literal["last", "all"] = "last"
    """`last`: a conversation's last answer is the example. `all`: each of its answers is one, with the turns before."""


class RankingsSource(Source):
    """Ranked answers, for EFT and to measure the judge."""

    format: RankingFormat | None = None
    """A format of docs/rankings.md, such as `own` or `preferences`. None: refused, with the format that the first row
    has."""


class PromptsSource(Source):
    """Prompts alone."""

    format: RowFormat | None = None
    """`alpaca`: column instruction; input and system if they exist. `messages`: a conversation that ends with the
    user's turn. None: refused, with the format that the first row has."""


class Sources(Section):
    """A file or Hub dataset for each use."""

    ift: ExamplesSource | None = None
    """IFT examples. None: the best-ranked answers of `rankings` that EFT does not use."""
    rankings: RankingsSource | None = None
    """Ranked answers, for EFT and to measure the judge. None: no EFT (eft.writer `off`)."""
    evaluation_prompts: PromptsSource | None = None
    """Evaluation prompts. None: set aside from `ift` (without it, from `rankings`)."""


class FilesData(SetSizes):
    """Your own files, one for each use (docs/my_data.md)."""

    kind: Literal["files"] = "files"
    """A file or a Hub dataset each for IFT examples, ranked answers and evaluation prompts. `srlm new` writes this
    section. Prompts for the iterations: prompts.source."""
    sources: Sources
    language: str | None = None
    """Language of the data: rows that say another one in a column `language` or `lang` are left out. None: use all
    rows."""


def files_of(data: Section) -> dict[str, str]:
    """The files and Hub datasets (`hub:OWNER/NAME`) that a section `data` names, by setting; a world names none."""
    if isinstance(data, FilesData):
        return {f"data.sources.{use}": source.path for use, source in data.sources if source is not None}
    named = {
        f"data.{name}": getattr(data, name) for name in ("path", "prompts_path") if name in type(data).model_fields
    }
    return {setting: path for setting, path in named.items() if path}
