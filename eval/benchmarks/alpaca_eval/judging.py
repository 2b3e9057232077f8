"""AlpacaEval 2.0 with a judge: what is asked, what it costs, and the files that stay.

OUT/calls.sqlite                                 every call, as its answer arrives
OUT/results/MODEL/model_outputs.json             as alpaca_eval reads it
OUT/results/MODEL/JUDGE/annotations.json         as alpaca_eval reads it, to send in or to score again
OUT/results/MODEL/JUDGE/annotations.jsonl        each answer of the judge: order, why it is missing, price
OUT/results/MODEL/JUDGE/metrics.json, leaderboard.csv
OUT/on-N-prompts/results/...                     the same of N prompts, where OUT/results has verdicts on more
"""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from srlm.engines.openai.calls import CallStore
from srlm.engines.openai.cost import BYTES_A_TOKEN_AT_LEAST, estimated
from srlm.errors import DataError, SettingsError, StoreError
from srlm.records import Prompt, Record, digest
from srlm.store import files
from srlm.store.file_names import file_name
from srlm.text import thoughts
from srlm.text.counts import counted

from ...data.alpaca_eval import AlpacaEval
from ...data.alpaca_files import (
    Annotated,
    FileRow,
    Outputs,
    read_annotations,
    write_outputs,
)
from ...data.alpaca_rows import annotation_rows, completed, file_rows, one_a_prompt, write_annotations
from ...data.canaries import canaries
from ...judging.annotating import (
    AnnotatingJudge,
    Question,
    Report,
    annotate,
    calls_of,
    flips,
    in_both_orders,
    questions,
)
from ...judging.annotator import Annotator, OutputPair
from ...metrics import write as write_metrics
from ...records import Annotation, MetricValue
from ...stats.intervals import Estimate, Resampling, pooled_each, share
from ..measuring import figure
from ..within_budget import random_place
from .leaderboard import official_csv
from .places import ANNOTATIONS, OUTPUTS, place_of
from .scores import BENCHMARK, scored

CANARIES = "alpaca_canaries"
BENCHMARKS = (BENCHMARK, CANARIES)


class Asking(Record):
    """How a judge is asked."""

    both_orders: bool = False
    draws: int | None = None
    """Judgements per question. None: one, or several votes in both orders where the judge gives no log-probabilities
    (see voting)."""
    limit: int | None = None
    """Prompts; None: all."""
    seed: int = 1
    """Of the choice of prompts, and of the order they are asked in."""

    @property
    def times(self) -> int:
        """Judgements per question."""
        return self.draws or 1

    @property
    def manner(self) -> str:
        """What belongs to the judge's id beside its name: `both orders`, `2 draws`; empty: one call a pair."""
        orders = "both orders" if self.both_orders else ""
        return ", ".join(part for part in (orders, f"{counted(self.times, 'draws')}" if self.times > 1 else "") if part)


class Estimated(NamedTuple):
    """What judging would take."""

    calls: int
    known: int
    """Answered in the store."""
    dollars: float | None
    """Of the calls still to be asked. None: the price is not known."""
    most: float | None
    """The same with more tokens to the text than all but one in a thousand official annotations had."""


def chosen(prompts: Sequence[Prompt], limit: int | None, seed: int) -> list[Prompt]:
    """`limit` of the prompts, drawn at random, in their order; a larger limit only adds to a smaller one's."""
    if limit is None or limit >= len(prompts):
        return list(prompts)
    if limit < 1:
        raise SettingsError(f"--limit {limit}: must be at least 1")
    kept = {prompt.id for prompt in shuffled(prompts, seed)[:limit]}
    return [prompt for prompt in prompts if prompt.id in kept]


def shuffled(prompts: Sequence[Prompt], seed: int) -> list[Prompt]:
    """The prompts in an order that says nothing: what a cap lets through is then a fair sample of them."""
    return sorted(prompts, key=lambda prompt: random_place(prompt.id, seed))


def asked(
    annotator: Annotator, outputs: Outputs, baseline: Outputs, prompts: Sequence[Prompt], how: Asking
) -> list[Question]:
    """The questions about one model's outputs, in the order they are asked."""
    pairs = [
        OutputPair(prompt.id, prompt.transcript, outputs.responses[prompt.id].text, baseline.responses[prompt.id].text)
        for prompt in shuffled(prompts, how.seed)
        if prompt.id in outputs.responses and prompt.id in baseline.responses
    ]
    if not pairs:
        raise DataError(f"{outputs.model}: no output for any of the {counted(len(prompts), 'selected prompts')}")
    return questions(annotator, pairs, how.both_orders, how.times)


def estimate(judge: AnnotatingJudge, wanted: Sequence[Question], store: CallStore | None) -> Estimated:
    """What these questions would cost; asks nobody."""
    calls = {call.key: call for call in calls_of(judge, wanted)}
    known = {} if store is None else store.answers(calls, judge.origin)
    if store is not None and store.replay and not known:  # a replay takes what another server said, too
        with suppress(StoreError):
            known = store.answers(calls)
    left = [call for key, call in calls.items() if key not in known]
    if judge.price is None:
        return Estimated(len(calls), len(known), None, None)
    about = sum(estimated(call, judge.price) for call in left)
    most = sum(estimated(call, judge.price, BYTES_A_TOKEN_AT_LEAST) for call in left)
    return Estimated(len(calls), len(known), about, most)


class JudgedOutputs(NamedTuple):
    """One model's annotations: one a prompt and draw for the figures, and every single one."""

    annotated: Annotated
    single: list[Annotation]
    """Each order of each draw."""


def judged(
    judge: AnnotatingJudge, outputs: Outputs, baseline: Outputs, wanted: Sequence[Question], how: Asking, report: Report
) -> JudgedOutputs:
    """Ask the judge. Where the budget held all questions back: DataError, for there is nothing to score."""
    single = annotate(judge, wanted, outputs.model, baseline.model, report)
    annotations = in_both_orders(single) if how.both_orders else single
    # Equal outputs are draws that cost nothing; they alone are no sample. Of both orders, one alone is no verdict.
    equal = {question.pair.prompt_id for question in wanted if question.switched is None}
    if len(single) < len(wanted) and all(one.prompt_id in equal for one in annotations):
        raise DataError(f"{outputs.model}: nothing was judged within --max-cost; raise it, or lower --limit")
    pairs = {question.pair.prompt_id: question.pair for question in wanted}
    return JudgedOutputs(
        Annotated(
            tuple(annotations),
            {id: pair.output for id, pair in pairs.items()},
            {id: pair.baseline for id, pair in pairs.items()},
            {},
            not_asked=frozenset(pairs) - {one.prompt_id for one in annotations}
            if len(single) < len(wanted)
            else frozenset(),
        ),
        single,
    )


def recorded(path: Path, outputs: Outputs, prompts: Sequence[Prompt]) -> Annotated:
    """Annotations somebody recorded of just these outputs. Raises DataError where they are of other ones."""
    found = read_annotations(path, prompts)
    other = sum(
        found.outputs[id] not in (text, thoughts.split(text).answer)
        for id, text in outputs.texts.items()
        if id in found.outputs
    )
    if other:
        raise DataError(
            f"{path}: its annotations are of other outputs than those given: {other} of {len(found.outputs)} differ"
        )
    ids = {prompt.id for prompt in prompts}
    kept = tuple(
        one.model_copy(update={"model": outputs.model})
        for one in found.annotations
        if one.prompt_id in ids and one.prompt_id in outputs.responses
    )
    if not kept:
        raise DataError(f"{path}: has no annotation of the outputs given")
    return found._replace(annotations=kept)


def figures(
    judge: str,
    found: JudgedOutputs,
    prompts: Sequence[Prompt],
    data: AlpacaEval | None,
    how: Resampling,
    written: Sequence[FileRow] = (),
    length_control: bool = True,
) -> list[MetricValue]:
    """Every figure of one model; what its judging cost, and where both orders were asked, how often order decided.

    `written`: the rows of its annotations.json, where it has more than these annotations.
    """
    metrics = scored(found.annotated, prompts, data, how, length_control=length_control, written=written)
    model, note = found.annotated.model, f"judge {judge}"
    using = how.using(BENCHMARK, judge)
    if decided := flips(found.single):
        metrics.append(
            figure(
                model,
                BENCHMARK,
                "order_decided",
                by_prompt(decided, using),
                unscored=len(prompts) - len({id for id, _ in decided}),
                note=f"{note}; share of prompts on which the answer preferred changes with the order shown",
            )
        )
    prices = [(one.prompt_id, one.price) for one in found.single if one.price is not None]
    if prices:
        metrics.append(
            figure(
                model,
                BENCHMARK,
                "price_per_call",
                by_prompt(prices, using, is_share=False),
                unscored=len(prompts) - len({id for id, _ in prices}),
                value_unit="US dollars",
                note=note,
            )
        )
    return metrics


def by_prompt(values: Sequence[tuple[str, float]], how: Resampling, is_share: bool = True) -> Estimate:
    """A share, or a mean, over values that come with their prompt's id, which was sampled as one."""
    sums: dict[str, tuple[float, int]] = {}
    for id, value in values:
        total, count = sums.get(id, (0.0, 0))
        sums[id] = total + value, count + 1
    columns = [total for total, _ in sums.values()], [float(count) for _, count in sums.values()]
    return pooled_each({"": columns}, how, means=() if is_share else ("",))[""]


class Written(NamedTuple):
    """The files of one model and judge."""

    folder: Path
    rows: list[FileRow]
    """Those of its annotations.json."""
    apart: bool
    """Whether they lie beside OUT/results, where verdicts on more prompts are kept."""


def write_annotated(
    folder: Path,
    judge: str,
    found: JudgedOutputs,
    outputs: Outputs,
    prompts: Sequence[Prompt],
    official: Sequence[Prompt],
    baseline: Outputs | None,
) -> Written:
    """The model's outputs and annotations under OUT/results, or beside it where more of this model is kept there.

    `prompts`: those that were asked. `official`: all, in the official order. `baseline`: its outputs to all of them, as
    far as `found` does not have them.
    """
    own = {prompt.id: outputs.responses[prompt.id] for prompt in prompts if prompt.id in outputs.responses}
    preferred = {one.prompt_id for one in found.annotated.annotations if one.preference is not None}
    model, judged_by = file_name(outputs.model), file_name(judge)
    place = place_of(folder, model, judged_by, own, preferred, official)
    write_outputs(place.folder / OUTPUTS, official, place.responses, outputs.model)
    whole = completed(found.annotated, outputs, baseline, official)
    write_annotations(place.folder / judged_by / ANNOTATIONS, official, whole)
    files.write(place.folder / judged_by / "annotations.jsonl", found.single)
    return Written(place.folder / judged_by, file_rows(annotation_rows(official, whole)), place.apart)


def baseline_of(annotated: Annotated, data: AlpacaEval) -> Outputs | None:
    """The baseline's outputs to all prompts. None: `annotated` has them all, or they are not to be had."""
    if all(prompt.id in annotated.baseline_outputs for prompt in data.prompts):
        return None
    try:
        return data.baseline
    except DataError:  # recorded annotations can be scored without
        return None


def write_figures(place: Path, metrics: Sequence[MetricValue]) -> None:
    """The model's figures beside its annotations."""
    write_metrics(place / "metrics.json", metrics)
    files.write_text(place / "leaderboard.csv", official_csv(metrics))


def missing(annotations: Sequence[Annotation]) -> str:
    """Why there is no preference, counted; empty where all are there."""
    counts = Counter(one.missing for one in annotations if one.missing)
    return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))


# Canaries -------------------------------------------------------------------------------------------------------------


def canary_pairs() -> list[OutputPair]:
    """Answers that must not win, each against an honest one."""
    return [
        OutputPair(f"{one.kind}: {digest('canary', one.prompt)}", one.prompt, one.answer, one.honest)
        for one in canaries()
    ]


def fooled(judge: AnnotatingJudge, times: int, how: Resampling, report: Report) -> tuple[MetricValue, list[str]]:
    """The share of canaries not ranked below an honest answer, both orders together, and the kinds of these.

    `times`: judgements of each in either order; their mean counts.
    """
    wanted = questions(judge.annotator, canary_pairs(), both_orders=True, draws=times)
    single = annotate(judge, wanted, "canaries", "honest answers", report)
    said = one_a_prompt(in_both_orders(single)).values()
    known = [one for one in said if one.preference is not None]
    won = [one for one in known if one.preference is not None and one.preference >= 0.5]
    kinds = sorted({one.prompt_id.partition(":")[0] for one in won})
    metric = figure(
        judge.id,
        CANARIES,
        "fooled",
        share([one in won for one in known], how.using(CANARIES, judge.id)),
        unscored=len(canary_pairs()) - len(known),
        note=f"preferred to an honest answer, or equal: {', '.join(kinds) or 'none'}",
    )
    return metric, kinds
