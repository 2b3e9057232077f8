"""Judges: their agreement with people, their biases, and the tricks they fall for."""

import typer

from srlm.errors import SettingsError
from srlm.judge.open import PointwiseSettings
from srlm.settings import PairSettings, Sampling

from .holding import hold
from .options import (
    ASKING,
    PAIRS,
    Ask,
    Confidence,
    Effort,
    Format,
    JudgeComplete,
    JudgeDraws,
    Judges,
    JudgeServer,
    JudgeTemperature,
    JudgeTemplate,
    JudgeTokens,
    Labels,
    MaxCost,
    Out,
    Overrides,
    PairTemplate,
    Prices,
    Rankings,
    RecordTo,
    ReplayFrom,
    Resamples,
    RunOrNot,
    Seed,
    ThoughtTokens,
    Votes,
    price_of,
)


def agreement(
    context: typer.Context,
    run: RunOrNot = None,
    overrides: Overrides = None,
    rankings: Rankings = None,
    format: Format = None,
    judge: Judges = None,
    ask: Ask = "scores",
    labels: Labels = None,
    out: Out = None,
    template: JudgeTemplate = ASKING.template,
    draws: JudgeDraws = ASKING.draws,
    temperature: JudgeTemperature = ASKING.sampling.temperature,
    max_new_tokens: JudgeTokens = ASKING.sampling.max_new_tokens,
    complete: JudgeComplete = ASKING.complete,
    pair_template: PairTemplate = PAIRS.template,
    votes: Votes = None,
    thought_tokens: ThoughtTokens = PAIRS.thought_tokens,
    reasoning_effort: Effort = None,
    base_url: JudgeServer = None,
    price: Prices = None,
    max_cost: MaxCost = None,
    record: RecordTo = None,
    replay: ReplayFrom = None,
    resamples: Resamples = 2000,
    confidence: Confidence = 0.95,
    seed: Seed = 1,
) -> None:
    """Measure how well judges agree with people: every checkpoint of a run, or any judge on any file of rankings."""
    if (run is None) == (rankings is None):
        raise SettingsError("agreement needs either --run, or --rankings with --judge and --out")
    from ..benchmarks import named_judges
    from ..benchmarks.table import chosen
    from ..run import of_run

    if run is not None:
        if labels is not None:
            raise SettingsError("--labels is for agreement with --rankings; a run's held-out sets are people's already")
        of_run(run, overrides, chosen(["agreement"]))
        return
    assert rankings is not None
    wanted = named_judges.Wanted(
        judges=tuple(judge or ()),
        asking=_asking(template, draws, temperature, max_new_tokens, complete, thought_tokens),
        pairs=_pairs(pair_template, votes, thought_tokens, reasoning_effort),
        base_url=base_url,
        record=record,
        replay=replay,
        price=price_of(price),
        max_cost=max_cost,
        seed=seed,
        resamples=resamples,
        confidence=confidence,
        out=out,
    )
    hold(context, out, folder=wanted.keep())
    named_judges.agreement(wanted, rankings, format, ask, labels)


def audited(
    context: typer.Context,
    run: RunOrNot = None,
    overrides: Overrides = None,
    rankings: Rankings = None,
    format: Format = None,
    judge: Judges = None,
    ask: Ask = "both",
    out: Out = None,
    template: JudgeTemplate = ASKING.template,
    draws: JudgeDraws = ASKING.draws,
    temperature: JudgeTemperature = ASKING.sampling.temperature,
    max_new_tokens: JudgeTokens = ASKING.sampling.max_new_tokens,
    complete: JudgeComplete = ASKING.complete,
    pair_template: PairTemplate = PAIRS.template,
    votes: Votes = None,
    thought_tokens: ThoughtTokens = PAIRS.thought_tokens,
    reasoning_effort: Effort = None,
    base_url: JudgeServer = None,
    price: Prices = None,
    max_cost: MaxCost = None,
    record: RecordTo = None,
    replay: ReplayFrom = None,
    resamples: Resamples = 2000,
    confidence: Confidence = 0.95,
    seed: Seed = 1,
) -> None:
    """Report what besides quality sways a judge: order, length, lists, its own answers; its consistency and spread."""
    if (run is None) == (judge is None):
        raise SettingsError("audit needs either --run, or --judge with --out")
    from ..benchmarks import named_judges
    from ..benchmarks.table import chosen
    from ..run import of_run

    if run is not None:
        of_run(run, overrides, chosen(["audit"]))
        return
    wanted = named_judges.Wanted(
        judges=tuple(judge or ()),
        asking=_asking(template, draws, temperature, max_new_tokens, complete, thought_tokens),
        pairs=_pairs(pair_template, votes, thought_tokens, reasoning_effort),
        base_url=base_url,
        record=record,
        replay=replay,
        price=price_of(price),
        max_cost=max_cost,
        seed=seed,
        resamples=resamples,
        confidence=confidence,
        out=out,
    )
    hold(context, out, folder=wanted.keep())
    named_judges.audited(wanted, rankings, format, ask)


def canaries(
    context: typer.Context,
    judge: Judges = None,
    ask: Ask = "both",
    out: Out = None,
    template: JudgeTemplate = ASKING.template,
    draws: JudgeDraws = 1,
    temperature: JudgeTemperature = ASKING.sampling.temperature,
    max_new_tokens: JudgeTokens = ASKING.sampling.max_new_tokens,
    complete: JudgeComplete = ASKING.complete,
    pair_template: PairTemplate = PAIRS.template,
    votes: Votes = None,
    thought_tokens: ThoughtTokens = PAIRS.thought_tokens,
    reasoning_effort: Effort = None,
    base_url: JudgeServer = None,
    price: Prices = None,
    max_cost: MaxCost = None,
    record: RecordTo = None,
    replay: ReplayFrom = None,
    seed: Seed = 1,
) -> None:
    """Test judges with tricks that must not win. Exit status 1 if a trick fools our own parsing of judgements."""
    from ..benchmarks import named_judges

    wanted = named_judges.Wanted(
        judges=tuple(judge or ()),
        asking=_asking(template, draws, temperature, max_new_tokens, complete, thought_tokens),
        pairs=_pairs(pair_template, votes, thought_tokens, reasoning_effort),
        base_url=base_url,
        record=record,
        replay=replay,
        price=price_of(price),
        max_cost=max_cost,
        seed=seed,
        out=out,
    )
    hold(context, out, folder=wanted.keep())
    if not named_judges.canaries(wanted, ask):
        raise typer.Exit(1)


def _pairs(template: str, votes: int | None, thought_tokens: int, effort: str | None) -> PairSettings:
    return PairSettings(template=template, votes=votes, thought_tokens=thought_tokens, reasoning_effort=effort)


def _asking(
    template: str, draws: int, temperature: float, max_new_tokens: int, complete: bool, thought_tokens: int
) -> PointwiseSettings:
    return PointwiseSettings(
        template=template,
        sampling=Sampling(temperature=temperature, max_new_tokens=max_new_tokens),
        thought_tokens=thought_tokens,
        complete=complete,
        draws=draws,
    )
