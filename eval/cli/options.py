"""Options that several commands share: their types, names and help."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from srlm.errors import SettingsError
from srlm.judge.open import SPECS, PointwiseSettings
from srlm.settings import PairSettings, Price
from srlm.worlds.table import TEMPLATES

from ..data.alpaca_eval import VARIABLE

Run = Annotated[Path, typer.Option("--run", help="The run's YAML file.")]
RunOrNot = Annotated[Path | None, typer.Option("--run", help="The run's YAML file.")]
Overrides = Annotated[list[str] | None, typer.Option("--set", help="Override a setting: section.key=value.")]

AlpacaDir = Annotated[
    Path | None,
    typer.Option(help=f"A checkout of alpaca_eval, or a folder with its files. Default: ${VARIABLE}, else the Hub."),
]
MOST = 1e6
"""Dollars, seconds, temperature: nobody means more, and no infinity passes."""


def _prices(given: tuple[float, float] | None) -> tuple[float, float] | None:
    if given is not None and not all(0 <= one <= MOST for one in given):
        raise typer.BadParameter(f"{given[0]:g} {given[1]:g}: prices must be 0 to {MOST:g} US dollars")
    return given


def refuse_given(context: typer.Context, said: str, *names: str) -> None:
    """Refuse options that were given and would have no effect; `names` are the parameters'. Raises SettingsError."""
    if any((source := context.get_parameter_source(name)) and source.name == "COMMANDLINE" for name in names):
        raise SettingsError(said)


def price_of(given: tuple[float, float] | None) -> Price | None:
    """A --price; None: that of the price list."""
    return None if given is None else Price(input=given[0], output=given[1])


Resamples = Annotated[
    int,
    typer.Option(
        min=100,
        max=20_000,
        help="Resamples of prompts for intervals that need them: differences of win rates, style control, judge cards.",
    ),
]
Confidence = Annotated[float, typer.Option(min=0.5, max=0.999, help="Confidence level of the intervals.")]
Seed = Annotated[int, typer.Option(min=0, help="Random seed of resamples and permutations.")]
LengthControl = Annotated[bool, typer.Option(help="Also compute length-controlled win rates.")]
Labels = Annotated[
    Path | None,
    typer.Option(help="Human labels of some of the judged (docs/labels.md): also give figures corrected by them."),
]
Out = Annotated[Path | None, typer.Option(help="Write every figure to this JSON file.")]

# Of commands whose judges are named on the command line.
Ask = Annotated[
    Literal["scores", "pairs", "both"], typer.Option(help="Ask for scores of answers, comparisons of pairs, or both.")
]
Rankings = Annotated[str | None, typer.Option(help="A file of human rankings (docs/rankings.md).")]
Format = Annotated[str | None, typer.Option(help="Format of --rankings. Default: recognised by its columns.")]
Judges = Annotated[list[str] | None, typer.Option(help=f"A judge: {SPECS}; repeatable.")]
JudgeTemplate = Annotated[
    str, typer.Option(help=f"Rubric of a judge that scores: `additive`, `multiple_choice`, {TEMPLATES}, or a file.")
]
JudgeDraws = Annotated[int, typer.Option(help="Judgements per answer.", min=1)]
JudgeTemperature = Annotated[
    float, typer.Option(help="Sampling temperature of the judge; 0 = greedy.", min=0, max=MOST)
]
JudgeTokens = Annotated[int, typer.Option(help="Maximum tokens per judgement.", min=1)]
JudgeComplete = Annotated[bool, typer.Option(help="If a judge omits its score line, ask for it.")]
ASKING = PointwiseSettings()
"""Defaults for asking a judge."""
PAIRS = PairSettings()
"""Defaults for asking a judge to compare."""
PairTemplate = Annotated[
    str,
    typer.Option(help="Prompt of a judge that compares: letter, brackets, five-steps, json, scores or a file."),
]
Votes = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Sample N verdicts for each order; their mean is the judge's preference. Default: one greedy verdict, or "
        "3 sampled ones where a server refuses log-probabilities.",
    ),
]
ThoughtTokens = Annotated[
    int, typer.Option(min=1, help="Maximum tokens, thought and verdict together, of a judge that reasons.")
]
Effort = Annotated[
    str | None, typer.Option(help="`reasoning_effort` of requests to a judge that reasons: low, medium, high, ...")
]
ReasoningRoom = Annotated[
    int | None,
    typer.Option(
        "--thought-tokens",
        min=1,
        help="The judge reasons: maximum tokens, thought and verdict together. Default: as the annotator says.",
    ),
]


def reasoning_of(tokens: int | None, effort: str | None) -> PairSettings | None:
    """How a judge of AlpacaEval that reasons is asked; None: it is not said that it does."""
    if tokens is None and effort is None:
        return None
    return PairSettings(thought_tokens=tokens or PAIRS.thought_tokens, reasoning_effort=effort)


JudgeServer = Annotated[str | None, typer.Option(help="Server address of an openai: judge, ending in /v1.")]

# Of commands with a judge of AlpacaEval.
BaseUrl = Annotated[str | None, typer.Option(help="Address of the judge's server, such as http://127.0.0.1:8000/v1.")]
Azure = Annotated[bool, typer.Option("--azure", help="The judge is an Azure deployment; --base-url is its endpoint.")]
ApiVersion = Annotated[str | None, typer.Option(help="Version of the Azure API.")]
KeyEnv = Annotated[str, typer.Option(help="Environment variable that holds the API key.")]
Concurrency = Annotated[int, typer.Option(min=1, help="Maximum number of concurrent requests.")]
Timeout = Annotated[
    float | None,
    typer.Option(min=0.1, max=MOST, help="Request timeout in seconds. Default: 100 s, and 0.1 s per token asked for."),
]
Prices = Annotated[
    tuple[float, float] | None,
    typer.Option("--price", callback=_prices, help="US dollars per million input and output tokens."),
]
MaxCost = Annotated[float | None, typer.Option(min=0, max=MOST, help="Spending limit in US dollars.")]
JudgeSpec = Annotated[str, typer.Option("--judge", help="openai, openai:MODEL, hf:DIR or file:ANNOTATIONS.json.")]
AnnotatorName = Annotated[
    str, typer.Option("--annotator", help="The alpaca_eval annotator whose prompt and parser are used.")
]
BothOrders = Annotated[bool, typer.Option("--both-orders", help="Ask in both orders and take the mean.")]
AnnotatorDraws = Annotated[
    int | None,
    typer.Option(
        "--draws",
        "--votes",
        min=1,
        help="Judgements per question, sampled. Default: 1, or 3 in both orders where the judge gives no "
        "log-probabilities (1: then the letter it writes).",
    ),
]
ThoughtsOf = Annotated[
    Literal["cut", "keep"],
    typer.Option("--thoughts", help="Thoughts of reasoning models in outputs (<think>): cut before judging, or keep."),
]
Limit = Annotated[int | None, typer.Option(min=1, help="Judge at most N randomly sampled prompts.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the number of calls and their price; send none.")]
RecordTo = Annotated[Path | None, typer.Option(help="Record all calls in this file.")]
ReplayFrom = Annotated[Path | None, typer.Option(help="Replay all calls from this file; send none.")]


def settings_given(section: str, **options: object) -> list[str]:
    """Options of a command as overrides of the settings that they stand for; those that were not given change none."""
    named = {name: str(value) if isinstance(value, Path) else value for name, value in options.items()}
    return [f"{section}.{name}={json.dumps(value)}" for name, value in named.items() if value is not None]
