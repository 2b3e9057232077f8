"""`python -m eval`: measure every finished checkpoint of a run and write one page about it."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import typer

from srlm.cli.main import enter, quiet
from srlm.engines.base import Engine
from srlm.errors import SettingsError, StoreError
from srlm.records import Checkpoint
from srlm.run_file import load
from srlm.settings import Settings
from srlm.store import files
from srlm.store.folder import RunFolder
from srlm.store.progress import Reporter

from . import alpaca_commands, judge_commands
from .benchmarks.alpaca_eval import ANNOTATOR, VARIABLE, AlpacaEval
from .benchmarks.arena_hard import read as read_judgments
from .judging.cost import Price
from .judging.specs import SPECS
from .records import MetricValue
from .report import compare as compare_page
from .report import material, page, tables
from .report import regression as verdicts
from .stats.intervals import Resampling
from .stats.power import smallest
from .suites import arena_hard, audit_run, bead_world, head_to_head, judge_agreement, leaderboard, regress, slices
from .suites.measuring import OpenEngine, measured

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)

Run = Annotated[Path, typer.Option("--run", help="The run's YAML file.")]
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


Judges = Annotated[list[str] | None, typer.Option(help=f"A judge: {SPECS}; may be given again.")]
JudgeTemplate = Annotated[str, typer.Option(help="The rubric of a judge that scores: additive, beads, or a file.")]
JudgeDraws = Annotated[int, typer.Option(help="Readings of each answer.", min=1)]
JudgeTemperature = Annotated[float, typer.Option(help="How a judge's words are drawn; 0 = greedy.", min=0)]
JudgeTokens = Annotated[int, typer.Option(help="Most tokens of a reading.", min=1)]
JudgeComplete = Annotated[bool, typer.Option(help="Ask a judge that forgot its score line for it.")]
JudgeServer = Annotated[str | None, typer.Option(help="Address of an openai: judge's server, ending in /v1.")]


class Suite(NamedTuple):
    """What measures, and the benchmarks whose figures it makes."""

    run: Callable[[Settings, RunFolder, OpenEngine], list[MetricValue]]
    benchmarks: tuple[str, ...]


SUITES = {
    "h2h": Suite(head_to_head.run, ("head_to_head", "answers")),
    "slices": Suite(slices.run, (slices.BENCHMARK,)),
    "agreement": Suite(judge_agreement.run, ("judge_agreement",)),
    "audit": Suite(audit_run.run, ("audit",)),
    "beads": Suite(bead_world.run, ("beads", "bead_skills", "bead_judge")),
}


ON_REQUEST = ("audit",)
"""Suites that `all` leaves out: every model reads all the others' answers."""


@app.command(name="all")
def everything(run: Run, overrides: Overrides = None) -> None:
    """Every suite, then the report; the last line is its path."""
    _measure(run, overrides, [name for name in SUITES if name not in ON_REQUEST])
    _report(run, overrides)


@app.command()
def h2h(run: Run, overrides: Overrides = None) -> None:
    """Every checkpoint against every other on the evaluation prompts."""
    print(tables.contests(_measure(run, overrides, ["h2h", "slices"])))


@app.command()
def agreement(
    run: Annotated[Path | None, typer.Option("--run", help="The run's YAML file.")] = None,
    overrides: Overrides = None,
    rankings: Annotated[str | None, typer.Option(help="A file of human rankings (docs/rankings.md).")] = None,
    format: Annotated[str | None, typer.Option(help="Its format, where its columns do not tell.")] = None,
    judge: Judges = None,
    ask: Annotated[
        Literal["scores", "pairs", "both"], typer.Option(help="Score answers, compare them, both.")
    ] = "scores",
    out: Out = None,
    template: JudgeTemplate = "additive",
    draws: JudgeDraws = 3,
    temperature: JudgeTemperature = 0.7,
    max_new_tokens: JudgeTokens = 256,
    complete: JudgeComplete = False,
    base_url: JudgeServer = None,
    resamples: Resamples = 2000,
    confidence: Confidence = 0.95,
    seed: Seed = 1,
) -> None:
    """Every checkpoint of a run as judge of answers that people ranked; or any judge on any file of rankings."""
    if (run is None) == (rankings is None):
        raise SettingsError("agreement needs either --run, or --rankings with --judge and --out")
    if run is not None:
        _measure(run, overrides, ["agreement"])
        return
    assert rankings is not None
    wanted = judge_commands.Wanted(
        judges=tuple(judge or ()),
        template=template,
        draws=draws,
        temperature=temperature,
        max_new_tokens=max_new_tokens,
        complete=complete,
        base_url=base_url,
        seed=seed,
        resamples=resamples,
        confidence=confidence,
        out=out,
    )
    judge_commands.agreement(wanted, rankings, format, ask)


@app.command(name="audit")
def audited(
    run: Annotated[Path | None, typer.Option("--run", help="The run's YAML file.")] = None,
    overrides: Overrides = None,
    rankings: Annotated[str | None, typer.Option(help="A file of human rankings (docs/rankings.md).")] = None,
    format: Annotated[str | None, typer.Option(help="Its format, where its columns do not tell.")] = None,
    judge: Judges = None,
    ask: Annotated[
        Literal["scores", "pairs", "both"], typer.Option(help="Score answers, compare them, both.")
    ] = "both",
    out: Out = None,
    template: JudgeTemplate = "additive",
    draws: JudgeDraws = 3,
    temperature: JudgeTemperature = 0.7,
    max_new_tokens: JudgeTokens = 256,
    complete: JudgeComplete = False,
    base_url: JudgeServer = None,
    resamples: Resamples = 2000,
    confidence: Confidence = 0.95,
    seed: Seed = 1,
) -> None:
    """What moves a judge beside quality: order, length, lists, itself; how steady it is, and how spread its scores."""
    if (run is None) == (judge is None):
        raise SettingsError("audit needs either --run, or --judge with --out")
    if run is not None:
        _measure(run, overrides, ["audit"])
        return
    wanted = judge_commands.Wanted(
        judges=tuple(judge or ()),
        template=template,
        draws=draws,
        temperature=temperature,
        max_new_tokens=max_new_tokens,
        complete=complete,
        base_url=base_url,
        seed=seed,
        resamples=resamples,
        confidence=confidence,
        out=out,
    )
    judge_commands.audited(wanted, rankings, format, ask)


@app.command()
def canaries(
    judge: Judges = None,
    ask: Annotated[
        Literal["scores", "pairs", "both"], typer.Option(help="Score answers, compare them, both.")
    ] = "both",
    out: Out = None,
    template: JudgeTemplate = "additive",
    draws: JudgeDraws = 1,
    temperature: JudgeTemperature = 0.7,
    max_new_tokens: JudgeTokens = 256,
    complete: JudgeComplete = False,
    base_url: JudgeServer = None,
    seed: Seed = 1,
) -> None:
    """Tricks that no judge may fall for: what it gave and should not have; status 1 where our own reading was moved."""
    wanted = judge_commands.Wanted(
        judges=tuple(judge or ()),
        template=template,
        draws=draws,
        temperature=temperature,
        max_new_tokens=max_new_tokens,
        complete=complete,
        base_url=base_url,
        seed=seed,
        out=out,
    )
    if not judge_commands.canaries(wanted, ask):
        raise typer.Exit(1)


@app.command()
def beads(run: Run, overrides: Overrides = None) -> None:
    """What the exact program of the bead world says of every checkpoint's answers and verdicts."""
    _measure(run, overrides, ["beads"])


@app.command()
def report(
    runs: Annotated[
        list[Path] | None, typer.Argument(metavar="RUN...", help="Run files or folders; several are compared.")
    ] = None,
    run: Annotated[Path | None, typer.Option("--run", help="The run's YAML file.")] = None,
    overrides: Overrides = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the page; else the run's own, of several runs/compared.")
    ] = None,
    check: Annotated[
        Path | None, typer.Option(help="A report's folder (--out) whose figures this run has to repeat; else status 1.")
    ] = None,
) -> None:
    """The page, from what lies on disk; no model is asked."""
    chosen = [*([run] if run is not None else []), *(runs or ())]
    if not chosen:
        raise SettingsError("report needs --run FILE, or run files and folders to compare")
    if len(chosen) == 1:
        _report(chosen[0], overrides, out, check)
        return
    if overrides or check:
        raise SettingsError("--set and --check are about one run; several are compared as they were made")
    settings = [compare_page.settings_of(place) for place in chosen]
    for place, one in zip(chosen, settings, strict=True):
        _existing(RunFolder(one), place)
    print(
        compare_page.write(
            settings, out or Path("runs/compared"), " ".join(["python -m eval report", *map(str, chosen)])
        )
    )


@app.command()
def alpaca(
    run: Annotated[
        Path | None, typer.Option("--run", help="A run's YAML file: every M_i answers and is judged.")
    ] = None,
    outputs: Annotated[Path | None, typer.Option(help="Or anybody's model_outputs.json.")] = None,
    name: Annotated[str | None, typer.Option(help="Of the model behind --outputs; else as the file says.")] = None,
    judge: alpaca_commands.JudgeSpec = "openai",
    annotator: alpaca_commands.AnnotatorName = ANNOTATOR,
    base_url: alpaca_commands.BaseUrl = None,
    azure: alpaca_commands.Azure = False,
    api_version: alpaca_commands.ApiVersion = None,
    api_key_env: alpaca_commands.KeyEnv = "OPENAI_API_KEY",
    concurrency: alpaca_commands.Concurrency = 64,
    timeout: alpaca_commands.Timeout = 60.0,
    limit: alpaca_commands.Limit = None,
    both_orders: alpaca_commands.BothOrders = False,
    draws: Annotated[int, typer.Option(min=1, help="Ask each question so often.")] = 1,
    price: alpaca_commands.Prices = None,
    max_cost: alpaca_commands.MaxCost = None,
    dry_run: alpaca_commands.DryRun = False,
    record: alpaca_commands.Record = None,
    replay: alpaca_commands.Replay = None,
    canaries: Annotated[bool, typer.Option("--canaries", help="Try the judge with answers that must not win.")] = False,
    alpaca_dir: AlpacaDir = None,
    folder: Annotated[Path, typer.Option("--out", help="Where the files of --outputs go.")] = Path("runs/alpaca_eval"),
    length_control: LengthControl = True,
    resamples: Resamples = 1000,
    confidence: Confidence = 0.95,
    seed: Seed = 1,
    overrides: Overrides = None,
) -> None:
    """AlpacaEval 2.0 with a judge: outputs of a run or of anybody against GPT-4 Turbo's."""
    if (run is None) == (outputs is None):
        raise SettingsError("alpaca needs --run FILE or --outputs FILE, one of the two")
    wanted = alpaca_commands.Judging(
        judge=judge,
        annotator=annotator,
        endpoint=alpaca_commands.endpoint(base_url, azure, api_version, api_key_env, concurrency, timeout, seed),
        price=Price(input=price[0], output=price[1]) if price else None,
        max_cost=max_cost,
        asking=alpaca_commands.Asking(both_orders=both_orders, draws=draws, limit=limit, seed=seed),
        record=record,
        replay=replay,
        canaries=canaries,
        length_control=length_control,
        how=Resampling(resamples=resamples, confidence=confidence, seed=seed),
    )
    data = AlpacaEval.open(alpaca_dir)
    if outputs is not None:
        alpaca_commands.of_outputs(wanted, outputs, name, folder, data, dry_run)
        return
    assert run is not None
    with _opened(run, overrides) as (settings, place, open_engine):
        if metrics := alpaca_commands.of_run(wanted, settings, place, data, open_engine, dry_run):
            _merge(place, metrics, alpaca_commands.BENCHMARKS)


@app.command(name="judge-card")
def judge_card(
    results: Annotated[Path, typer.Option(help="alpaca_eval's results/, with GPT-4 Turbo's annotations.")],
    judge: alpaca_commands.JudgeSpec,
    annotator: alpaca_commands.AnnotatorName = ANNOTATOR,
    base_url: alpaca_commands.BaseUrl = None,
    azure: alpaca_commands.Azure = False,
    api_version: alpaca_commands.ApiVersion = None,
    api_key_env: alpaca_commands.KeyEnv = "OPENAI_API_KEY",
    concurrency: alpaca_commands.Concurrency = 64,
    timeout: alpaca_commands.Timeout = 60.0,
    limit: alpaca_commands.Limit = None,
    both_orders: alpaca_commands.BothOrders = False,
    price: alpaca_commands.Prices = None,
    max_cost: alpaca_commands.MaxCost = None,
    dry_run: alpaca_commands.DryRun = False,
    record: alpaca_commands.Record = None,
    replay: alpaca_commands.Replay = None,
    alpaca_dir: AlpacaDir = None,
    folder: Annotated[Path, typer.Option("--out", help="Where calls and figures go.")] = Path("runs/judge_cards"),
    resamples: Resamples = 1000,
    confidence: Confidence = 0.95,
    seed: Seed = 1,
) -> None:
    """AlpacaEval 2.0: a candidate judge beside GPT-4 Turbo, on pairs that it annotated for the leaderboard."""
    wanted = alpaca_commands.Judging(
        judge=judge,
        annotator=annotator,
        endpoint=alpaca_commands.endpoint(base_url, azure, api_version, api_key_env, concurrency, timeout, seed),
        price=Price(input=price[0], output=price[1]) if price else None,
        max_cost=max_cost,
        asking=alpaca_commands.Asking(both_orders=both_orders, limit=limit, seed=seed),
        record=record,
        replay=replay,
        how=Resampling(resamples=resamples, confidence=confidence, seed=seed),
    )
    data = AlpacaEval.open(alpaca_dir or (None if os.environ.get(VARIABLE) else results.parent))
    alpaca_commands.card(wanted, results, folder, data, dry_run)


@app.command(name="leaderboard")
def board(
    results: Annotated[Path, typer.Option(help="A folder a model, as alpaca_eval's results/.")],
    out: Out = None,
    csv: Annotated[Path | None, typer.Option(help="Write alpaca_eval's own leaderboard columns.")] = None,
    judge: Annotated[str, typer.Option(help="Whose annotations: the name of the folder they are in.")] = ANNOTATOR,
    alpaca_dir: AlpacaDir = None,
    length_control: LengthControl = True,
    resamples: Resamples = 1000,
    confidence: Confidence = 0.95,
    seed: Seed = 1,
) -> None:
    """AlpacaEval 2.0: recompute every model of a folder of results, with intervals."""
    data = AlpacaEval.open(alpaca_dir or (None if os.environ.get(VARIABLE) else results.parent))
    how = Resampling(resamples=resamples, confidence=confidence, seed=seed)
    with Reporter("leaderboard", lambda line: None, "models") as progress:
        found = leaderboard.recomputed(results, data, how, length_control=length_control, judge=judge, report=progress)
    if out is not None:
        files.write_json(out, [metric.model_dump(mode="json") for metric in found.metrics])
    if csv is not None:
        files.write_text(csv, leaderboard.official_csv(found.metrics))
    print(tables.leaderboard(found.metrics))
    if found.without:
        print(f"\nwithout annotations by {judge}: {', '.join(found.without)}")


@app.command()
def compare(
    models: Annotated[list[str], typer.Argument(help="Two or more: models of results/, or annotation files.")],
    out: Out = None,
    alpaca_dir: AlpacaDir = None,
    length_control: LengthControl = True,
    resamples: Resamples = 1000,
    confidence: Confidence = 0.95,
    seed: Seed = 1,
) -> None:
    """AlpacaEval 2.0: paired tests of models on the same prompts, raw and length-controlled."""
    if len(models) < 2:
        raise SettingsError("compare needs two models or more")
    data = AlpacaEval.open(alpaca_dir)
    how = Resampling(resamples=resamples, confidence=confidence, seed=seed)
    samples = leaderboard.samples_of(models, data)
    metrics = leaderboard.compared(samples, data.glm if length_control else None, how)
    if out is not None:
        files.write_json(out, [metric.model_dump(mode="json") for metric in metrics])
    print(tables.comparisons(metrics))


@app.command(name="arena-hard")
def arena(
    files_of: Annotated[list[Path], typer.Argument(metavar="FILE...", help="arena-hard's model_judgment/*/*.jsonl.")],
    out: Out = None,
    resamples: Resamples = 1000,
    confidence: Confidence = 0.95,
    seed: Seed = 1,
) -> None:
    """Arena-Hard's judgments as win, tie and lose, and its score, with intervals over prompts."""
    how = Resampling(resamples=resamples, confidence=confidence, seed=seed)
    metrics = arena_hard.scored(read_judgments(files_of), how)
    if out is not None:
        files.write_json(out, [metric.model_dump(mode="json") for metric in metrics])
    print(tables.shares(metrics))


@app.command()
def power(
    n: Annotated[int, typer.Option("--n", help="Prompts.")],
    rate: Annotated[float, typer.Option(help="The rate to differ from, 0..1.")],
    correlation: Annotated[float, typer.Option(help="Of two models' outcomes on the same prompt.")] = 0.0,
    alpha: Annotated[float, typer.Option(help="Chance of seeing a difference where there is none.")] = 0.05,
    power: Annotated[float, typer.Option(help="Chance of seeing the difference that is there.")] = 0.8,
) -> None:
    """The smallest difference that so many prompts show."""
    against_rate = smallest(n, rate, "a fixed rate", alpha=alpha, power=power)
    against_model = smallest(n, rate, "another model", correlation, alpha, power)
    print(tables.power([against_rate, against_model]))


@app.command(name="regress")
def regression(
    run: Run,
    against: Annotated[Path, typer.Option(help="The baseline, a JSON file kept under version control.")],
    overrides: Overrides = None,
    values: Annotated[
        list[str] | None, typer.Option(help="A measure of your own: NAME=FILE, JSON lines with `prompt` and `value`.")
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="Write the verdicts as JUnit XML, too.")] = None,
    update_baseline: Annotated[bool, typer.Option(help="Write the run as the new baseline.")] = False,
    reason: Annotated[str, typer.Option(help="Why there is a new baseline.")] = "",
    measure: Annotated[
        list[str] | None, typer.Option(help="What a new baseline watches: NAME=MARGIN. Without: what the old one did.")
    ] = None,
    seeds: Annotated[
        str, typer.Option(help="A new baseline of several runs: `1-10` takes the runs NAME-s1 ... NAME-s10.")
    ] = "",
) -> None:
    """Hold a measured run against a baseline: status 0 no regression, 1 a regression, 2 could not judge."""
    if update_baseline:
        runs = [regress.Measured(one, regress.series(one, values or ())) for one in _runs(run, overrides or (), seeds)]
        _update(runs, against, reason, measure or ())
        return
    baseline = regress.read_baseline(against)
    found = regress.series(load(run, overrides or ()), values or ())
    rows = regress.compare(baseline, found)
    print(verdicts.text(rows, baseline))
    print(f"\n{verdicts.headline(rows)}")
    if junit is not None:
        files.write_text(junit, verdicts.junit(rows, baseline))
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with files.writing(Path(summary)), Path(summary).open("a", encoding="utf-8") as file:
            file.write(verdicts.markdown(rows, baseline))
    if any(row.verdict.said == "regression" for row in rows):
        raise typer.Exit(1)
    if any(row.verdict.said == "unread" for row in rows):
        raise typer.Exit(2)


def _update(runs: Sequence[regress.Measured], against: Path, reason: str, measures: Sequence[str]) -> None:
    if not reason:
        raise SettingsError("--update-baseline needs --reason: why is there a new baseline?")
    wanted = regress.wanted_of(measures, regress.read_baseline(against) if against.exists() else None)
    baseline = regress.baseline_of(wanted, runs, reason)
    files.write_text(against, baseline.model_dump_json() + "\n")
    print(f"{against}: {len(baseline.measures)} measures of {len(runs)} run{'s' * (len(runs) != 1)}")


def _runs(run: Path, overrides: Sequence[str], seeds: str) -> list[Settings]:
    """The run itself, or its sisters NAME-s1, NAME-s2, ... of other seeds."""
    settings = load(run, overrides)
    if not seeds:
        return [settings]
    first, _, last = seeds.partition("-")
    try:
        numbers = range(int(first), int(last or first) + 1)
    except ValueError:
        raise SettingsError(f"--seeds {seeds}: write it as 1-10") from None
    return [load(run, [*overrides, f"name={settings.name}-s{seed}", f"seed={seed}"]) for seed in numbers]


def _measure(run: Path, overrides: Sequence[str] | None, names: Sequence[str]) -> list[MetricValue]:
    with _opened(run, overrides) as (settings, folder, open_engine):
        return measure(settings, folder, names, open_engine)


@contextmanager
def _opened(run: Path, overrides: Sequence[str] | None) -> Iterator[tuple[Settings, RunFolder, OpenEngine]]:
    """A run with checkpoints to measure, held so that nobody else changes it meanwhile."""
    settings = load(run, overrides or ())
    folder = RunFolder(settings)
    if not measured(folder):
        raise StoreError(f"{folder.path} has no finished checkpoint to measure; first: srlm train --run {run}")

    def open_engine(checkpoint: Checkpoint, plain: bool = False) -> Engine:
        from srlm.engines.open import open_checkpoint

        return open_checkpoint(settings, checkpoint, folder.path, plain)

    quiet(settings.threads)
    with folder.held():
        yield settings, folder, open_engine


def measure(settings: Settings, folder: RunFolder, names: Sequence[str], open_engine: OpenEngine) -> list[MetricValue]:
    """Run the named suites and bring evaluation/metrics.json up to date; figures of other suites stay as they are."""
    fresh = [metric for name in names for metric in SUITES[name].run(settings, folder, open_engine)]
    return _merge(folder, fresh, [benchmark for name in names for benchmark in SUITES[name].benchmarks])


def _merge(folder: RunFolder, fresh: Sequence[MetricValue], replaced: Sequence[str]) -> list[MetricValue]:
    """The run's figures with those of these benchmarks made new."""
    path = folder.step("evaluation") / "metrics.json"
    metrics = [metric for metric in material.read_metrics(path) if metric.benchmark not in replaced] + list(fresh)
    files.write_json(path, [metric.model_dump(mode="json") for metric in metrics])
    return metrics


def _report(run: Path, overrides: Sequence[str] | None, out: Path | None = None, check: Path | None = None) -> None:
    settings = compare_page.settings_of(run) if run.is_dir() else load(run, overrides or ())
    folder = _existing(RunFolder(settings), run)
    how = "report" if run.is_dir() else "all --run"
    command = " ".join([f"python -m eval {how}", str(run), *(f"--set {override}" for override in overrides or ())])
    if check is not None:
        kept, now = (material.read_metrics(path / "metrics.json") for path in (check, folder.step("evaluation")))
        if differ := compare_page.unlike(kept, now):
            print("\n".join([f"{check}: {len(differ)} figures are not what this run gives:", *differ]))
            raise typer.Exit(1)
        print(f"{check}: {len(kept)} figures, the same")
        return
    print(page.write(settings, folder, command, out))


def _existing(folder: RunFolder, run: Path) -> RunFolder:
    if not folder.path.is_dir():
        raise StoreError(f"{folder.path}: no such run; first: srlm train --run {run}")
    return folder


def main(words: Sequence[str] | None = None) -> None:
    """What the user can mend prints as its message; a defect keeps its traceback."""
    enter(app, words)
