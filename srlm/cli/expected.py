"""What a run will learn from, as far as its data and settings say: bounds, and what the model alone decides."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from srlm.data.overlap import overlapping
from srlm.data.self_instruct import prompts_from_file
from srlm.errors import SrlmError
from srlm.methods.base import Lengths, Optimisation, method_of
from srlm.methods.stages import measured_prompts
from srlm.records import SeedData
from srlm.settings import Settings
from srlm.text.counts import counted
from srlm.text.score import parse_score

FEW, FEW_PAIRS = 50, 10
"""IFT examples, and pairs of an iteration, below which a training is warned of."""
UNUSED = "not needed"
"""How accounts of data count what no set needs."""


class Expected(NamedTuple):
    """One line of the report."""

    state: Literal["ok", "warning", "problem"]
    what: str


def expectations(settings: Settings, data: SeedData) -> Iterator[Expected]:
    """A line for each stage whose yield the data limits."""
    yield from _unused(data)
    ift = len(data.ift)
    steps = settings.sft.steps_for(ift)
    few = "; so few teach a model next to nothing" if ift < FEW else ""
    yield Expected(
        "warning" if few else "ok",
        f"expect: SFT baseline: {counted(ift, 'IFT examples')}, {counted(steps, 'steps')}{few}",
    )
    yield _eft(settings, data)
    if settings.prompts.writer == "file":
        yield from _prompts(settings, data)
    yield from _pairs(settings, data)


def _unused(data: SeedData) -> Iterator[Expected]:
    for name, count in data.account.items():
        file, _, what = name.rpartition(": ")
        if what == UNUSED and count and file:  # of data without files of their own, most are never needed
            yield Expected(
                "warning",
                f"data: {counted(count, 'usable rows')} of {file} are not used; raise data.ift or data.eft_sets",
            )


def _eft(settings: Settings, data: SeedData) -> Expected:
    answers = sum(len(one.responses) for one in data.eft_sets)
    sets = f"{counted(len(data.eft_sets), 'ranked sets')} with {counted(answers, 'answers')}"
    match settings.eft.writer:
        case "off":
            return Expected("ok", "expect: no EFT (eft.writer off): M1 learns from IFT alone, and judges untaught")
        case "reviews":
            scored = sum(parse_score(text) is not None for one in data.eft_sets for text in one.reviews)
            return Expected("ok", f"expect: EFT: {sets}; at most {counted(scored, 'examples')}: reviews with a score")
    calls = answers * settings.eft.draws
    kept = (
        "a set is kept if the scores agree with its ranks (SmolLM2-135M: 17 of 40 sets)"
        if settings.eft.filter
        else "every set is kept (eft.filter is off)"
    )
    return Expected(
        "ok" if data.eft_sets else "problem",
        f"expect: EFT: {sets}, {counted(calls, 'judgements')} by the SFT baseline; at most "
        f"{counted(answers, 'examples')}: {kept}",
    )


def _prompts(settings: Settings, data: SeedData) -> Iterator[Expected]:
    """What a file of prompts holds for each iteration."""
    for t in range(2, settings.iterations + 1):
        want = settings.prompts.wanted(t)
        try:
            taken = prompts_from_file(settings.prompts, t)
        except SrlmError as error:
            yield Expected("problem", f"expect: M{t}: {error}")
            return
        met = len(overlapping(taken, measured_prompts(data)))
        left = len(taken) - met
        why = f"; {met} of the file's are evaluation prompts or nearly" if met else ""
        why += f"; the file has only {len(taken)} left" if len(taken) < want else ""
        yield Expected(
            "problem" if not left else "warning" if left < want else "ok",
            f"expect: M{t}: {left} of {counted(want, 'prompts')}{why}",
        )


def _pairs(settings: Settings, data: SeedData) -> Iterator[Expected]:
    known = settings.data.model_copy(update={"ift": len(data.ift), "eft_sets": len(data.eft_sets)})
    work = method_of(settings).work(settings.model_copy(update={"data": known}), Lengths(0, 0, 0))
    paired = [one for one in work if isinstance(one, Optimisation) and one.pairs]
    for one in paired:
        steps = one.training.steps_for(one.examples)
        few = "; so few teach a model next to nothing" if one.examples < FEW_PAIRS else ""
        yield Expected(
            "warning" if few else "ok",
            f"expect: {one.name}: at most {counted(one.examples, 'pairs')}, {counted(steps, 'steps')}{few}",
        )
    if paired and settings.reward.kind == "judge":
        stops = settings.judge.on_collapse == "stop" and settings.judge.min_pair_yield > 0
        yield Expected(
            "ok",
            "expect: a prompt whose answers all score the same gives no pair; how many do depends on the judge (in our "
            "runs 67 to 100% of the prompts gave one)"
            + (f"; below {settings.judge.min_pair_yield:.0%} the run stops (judge.min_pair_yield)" if stops else ""),
        )
