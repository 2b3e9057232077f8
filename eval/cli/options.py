"""Options that several commands share: their types, names and help."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from srlm.judge.open import SPECS, PointwiseSettings
from srlm.worlds.table import TEMPLATES

from ..data.alpaca_eval import VARIABLE

Run = Annotated[Path, typer.Option("--run", help="The run's YAML file.")]
RunOrNot = Annotated[Path | None, typer.Option("--run", help="The run's YAML file.")]
Overrides = Annotated[list[str] | None, typer.Option("--set", help="Override a setting: section.key=value.")]

AlpacaDir = Annotated[
    Path | None,
    typer.Option(help=f"A checkout of alpaca_eval, or a folder with its files; else ${VARIABLE}, else the hub."),
]
Resamples = Annotated[int, typer.Option(min=100, max=20_000, help="Bootstrap resamples of each interval.")]
Confidence = Annotated[float, typer.Option(min=0.5, max=0.999, help="Of each interval.")]
Seed = Annotated[int, typer.Option(min=0, help="Of the resamples and permutations.")]
LengthControl = Annotated[bool, typer.Option(help="Length-controlled win rates, too.")]
Out = Annotated[Path | None, typer.Option(help="Write every figure, as JSON.")]

# Of commands that ask judges named on the command line.
Ask = Annotated[Literal["scores", "pairs", "both"], typer.Option(help="Score answers, compare them, both.")]
Rankings = Annotated[str | None, typer.Option(help="A file of human rankings (docs/rankings.md).")]
Format = Annotated[str | None, typer.Option(help="Its format, where its columns do not tell.")]
Judges = Annotated[list[str] | None, typer.Option(help=f"A judge: {SPECS}; may be given again.")]
JudgeTemplate = Annotated[
    str, typer.Option(help=f"The rubric of a judge that scores: `additive`, {TEMPLATES}, or a file.")
]
JudgeDraws = Annotated[int, typer.Option(help="Readings of each answer.", min=1)]
JudgeTemperature = Annotated[float, typer.Option(help="How a judge's words are drawn; 0 = greedy.", min=0)]
JudgeTokens = Annotated[int, typer.Option(help="Most tokens of a reading.", min=1)]
JudgeComplete = Annotated[bool, typer.Option(help="Ask a judge that forgot its score line for it.")]
ASKING = PointwiseSettings()
"""How a judge is asked where no option says otherwise."""
JudgeServer = Annotated[str | None, typer.Option(help="Address of an openai: judge's server, ending in /v1.")]

# Of commands that ask a judge of AlpacaEval.
BaseUrl = Annotated[str | None, typer.Option(help="Address of the judge's server, as http://127.0.0.1:8000/v1.")]
Azure = Annotated[bool, typer.Option("--azure", help="The judge is an Azure deployment; --base-url is its endpoint.")]
ApiVersion = Annotated[str | None, typer.Option(help="Of Azure's API.")]
KeyEnv = Annotated[str, typer.Option(help="Environment variable that holds the key.")]
Concurrency = Annotated[int, typer.Option(min=1, help="Most calls under way at once.")]
Timeout = Annotated[float, typer.Option(min=0.1, help="Seconds an answer may take.")]
Prices = Annotated[
    tuple[float, float] | None, typer.Option("--price", help="US dollars a million input and output tokens.")
]
MaxCost = Annotated[float | None, typer.Option(min=0, help="US dollars this run may spend.")]
JudgeSpec = Annotated[str, typer.Option("--judge", help="openai, openai:MODEL, hf:DIR or file:ANNOTATIONS.json.")]
AnnotatorName = Annotated[
    str, typer.Option("--annotator", help="Whose prompt and parser: an annotator of alpaca_eval.")
]
BothOrders = Annotated[bool, typer.Option("--both-orders", help="Ask in both orders; the mean counts.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Judge so many prompts, drawn at random.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say count and price; send nothing.")]
RecordTo = Annotated[Path | None, typer.Option(help="Keep the calls in this file.")]
ReplayFrom = Annotated[Path | None, typer.Option(help="Take all calls from this file; ask nobody.")]
