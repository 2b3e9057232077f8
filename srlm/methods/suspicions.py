"""What a finished step gives reason to doubt, by the counts of its manifest: for `srlm status` and for the report."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from srlm.records import Count, RunManifest
from srlm.text.counts import counted

MOST = 0.5
"""Share of answers, judgements or prompts of no use from which on they are warned of."""
TIED = 0.9
"""Share of two scored answers to a prompt with the same score from which on it is warned of: a judge that gives three
scores at random ties a third."""
CHANCE = 0.5
"""Share of pairs that a judge which knows nothing orders as people did."""
ABOUT = {"": "judge collapse", "held-out": "judge collapse", "movement": "training"}
"""What the warnings that a manifest brings are about."""
JUDGED = {"": "the judge", "held-out: ": "on held-out answers", "eft: ": "EFT, the SFT baseline"}
"""Prefix of counts of judgements, and whose or where they are."""


class Suspicion(NamedTuple):
    """One reason for doubt."""

    about: str
    said: str
    """A sentence with its numbers, without the step's name."""


def suspicions(manifest: RunManifest) -> list[Suspicion]:
    """Every reason for doubt that a finished step gives: what its manifest warns of, then what its counts show."""
    counts = manifest.counts
    found = [Suspicion(ABOUT.get(about, about), said) for about, said in manifest.warnings.items()]
    found += _prompts(counts)
    found += _answers(counts)
    for prefix, who in JUDGED.items():
        of_judge = {key.removeprefix(prefix): value for key, value in counts.items() if key.startswith(prefix)}
        found += _judgements(of_judge, who)
    return found


def _prompts(counts: Mapping[str, Count]) -> Iterator[Suspicion]:
    got, wanted = _number(counts, "new prompts: got"), _number(counts, "new prompts: wanted")
    if wanted and got < MOST * wanted:
        prefix = "new prompts: dropped: "
        dropped = [(_number(counts, key), key.removeprefix(prefix)) for key in counts if key.startswith(prefix)]
        why = ", ".join(f"{number:,.0f} {reason}" for number, reason in sorted(dropped, reverse=True))
        attempts = counted(round(_number(counts, "new prompts: attempts")), "attempts")
        yield Suspicion(
            "new prompts",
            f"{attempts} gave {got:,.0f} of {wanted:,.0f} new prompts{f' (dropped: {why})' if why else ''}",
        )


def _answers(counts: Mapping[str, Count]) -> Iterator[Suspicion]:
    answers = _number(counts, "responses")
    for key, what in (("responses cut", "were cut at the token limit"), ("responses empty", "are empty")):
        number = _number(counts, key)
        if answers and number >= MOST * answers:
            remedy = "; raise candidates.sampling.max_new_tokens" if key == "responses cut" else ""
            yield Suspicion("candidates", f"{_of(number, answers, 'candidates')} {what}{remedy}")
    prompts, same = _number(counts, "prompts"), _number(counts, "prompts with identical answers")
    if prompts and same >= MOST * prompts:
        said = f"all answers are the same words for {_of(same, prompts, 'prompts')}"
        yield Suspicion("candidates", f"{said}; raise candidates.sampling.temperature")


def _judgements(counts: Mapping[str, Count], who: str) -> Iterator[Suspicion]:
    made, unscored = _number(counts, "judgements"), _number(counts, "judgements unscored")
    if made and unscored >= MOST * made and not counts.get("warning"):
        prefix = "judgements unscored: "
        why = ", ".join(
            f"{_number(counts, key):,.0f} {key.removeprefix(prefix)}" for key in counts if key.startswith(prefix)
        )
        said = _of(unscored, made, "judgements")
        yield Suspicion("judge", f"{who}: {said} have no score{f' ({why})' if why else ''}")
    completed = _number(counts, "judgements completed")
    if made and completed >= MOST * made:
        yield Suspicion(
            "judge",
            f"{who}: {_of(completed, made, 'judgements')} named no score, and were only completed with one "
            "(judge.complete): such scores follow the judge's words little",
        )
    tied = counts.get("ties")
    if isinstance(tied, float | int) and tied >= TIED:
        yield Suspicion(
            "judge",
            f"{who}: of two answers to the same prompt {tied:.0%} have the same score, so few prompts give pairs",
        )
    interval = counts.get("accuracy interval")
    low, high = (interval.get("low"), interval.get("high")) if isinstance(interval, Mapping) else (None, None)
    if low is not None and high is not None and low <= CHANCE:
        share = _number(counts, "pairwise accuracy, ties half")
        pairs = counted(round(_number(counts, "pairs")), "pairs")
        yield Suspicion(
            "judge",
            f"{who}: {share:.0%} of {pairs} are ordered as people did (a tie is half), 95% interval {low:.0%} to "
            f"{high:.0%}: a judge at chance has 50%",
        )


def _number(counts: Mapping[str, Count], key: str) -> float:
    value = counts.get(key)
    return value if isinstance(value, int | float) else 0


def _of(number: float, total: float, things: str) -> str:
    return f"{number:,.0f} of {counted(round(total), things)}"
