"""What `python -m eval alpaca` and `judge-card` do with a judge that is named on the command line."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from srlm.settings import Settings
from srlm.store.folder import RunFolder

from .benchmarks.alpaca_eval import AlpacaEval
from .benchmarks.alpaca_files import read_outputs
from .judging.asking import Endpoint
from .records import MetricValue
from .report import tables
from .suites import alpaca_run
from .suites.alpaca_eval import BENCHMARK
from .suites.alpaca_judging import BENCHMARKS, Asking
from .suites.alpaca_run import Judging, Model
from .suites.measuring import OpenEngine

__all__ = ["BENCHMARKS", "Asking", "Judging", "endpoint", "of_outputs", "of_run"]

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
JudgeSpec = Annotated[
    str, typer.Option("--judge", help="openai, openai:MODEL, transformers:DIR or file:ANNOTATIONS.json.")
]
AnnotatorName = Annotated[
    str, typer.Option("--annotator", help="Whose prompt and parser: an annotator of alpaca_eval.")
]
BothOrders = Annotated[bool, typer.Option("--both-orders", help="Ask in both orders; the mean counts.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Judge so many prompts, drawn at random.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say count and price; send nothing.")]
Record = Annotated[Path | None, typer.Option(help="Keep the calls in this file.")]
Replay = Annotated[Path | None, typer.Option(help="Take all calls from this file; ask nobody.")]


def of_outputs(
    wanted: Judging, path: Path, name: str | None, out: Path, data: AlpacaEval, dry_run: bool
) -> list[MetricValue]:
    """Anybody's outputs judged; the files go to `out`."""
    return _run(wanted, [Model(read_outputs(path, data.prompts, name), out)], data, dry_run, lambda line: None)


def of_run(
    wanted: Judging, settings: Settings, folder: RunFolder, data: AlpacaEval, open_engine: OpenEngine, dry_run: bool
) -> list[MetricValue]:
    """Every measured checkpoint of a run answers and is judged; figures for the run's metrics.json."""
    models = alpaca_run.of_run(settings, folder, data, wanted.asking, open_engine)
    return _run(wanted, models, data, dry_run, folder.log)


def _run(
    wanted: Judging, models: Sequence[Model], data: AlpacaEval, dry_run: bool, log: Callable[[str], None]
) -> list[MetricValue]:
    if dry_run:
        alpaca_run.dry(wanted, models, data, print)
        return []
    metrics = alpaca_run.run(wanted, models, data, print, log)
    print("\n" + tables.leaderboard([metric for metric in metrics if metric.benchmark == BENCHMARK]))
    return metrics


def endpoint(
    base_url: str | None,
    azure: bool,
    api_version: str | None,
    api_key_env: str,
    concurrency: int,
    timeout: float,
    seed: int,
) -> Endpoint:
    """Where the judge is, as the options say."""
    return Endpoint(
        service="azure" if azure else "compatible" if base_url else "openai",
        base_url=base_url,
        api_version=api_version,
        api_key_env=api_key_env,
        concurrency=concurrency,
        timeout=timeout,
        seed=seed,
    )
