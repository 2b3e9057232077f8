"""What benchmarks would ask of judges, before anything is sent: numbers and lengths, from the settings alone."""

from collections.abc import Iterator

from srlm.judge.open import WRITERS
from srlm.judge.pair_template import load
from srlm.methods.base import ASSUMED
from srlm.methods.work import CHARACTERS_A_TOKEN
from srlm.settings import Settings

from .base import Asked

ASKED = (*WRITERS, "reward-model")
"""Kinds of judges that take time or money; the others compute a verdict."""


def comparisons(what: str, settings: Settings, contests: int) -> Iterator[Asked]:
    """Both orders of so many pairs of answers, by the run's pairwise judge; nothing where that judge only computes."""
    judge, pairs = settings.evaluation.judge, settings.evaluation.pairs
    kind = judge.partition(":")[0]
    if kind not in ASKED or not contests:
        return
    answer = min(ASSUMED.answer, settings.evaluation.sampling.max_new_tokens)
    if kind == "reward-model":  # it scores each answer by itself
        yield Asked(what, judge, 2 * contests, ASSUMED.prompt + answer, 0)
        return
    template = load(pairs.template)
    writes = pairs.tokens or (1 if template.form == "letter" else template.tokens)
    if pairs.reasoning_effort is not None:
        writes = pairs.thought_tokens
    reads = len(template.text) // CHARACTERS_A_TOKEN + ASSUMED.prompt + 2 * answer
    wanted = settings.evaluation
    yield Asked(what, judge, 2 * contests * (pairs.votes or 1), reads, writes, wanted.price, wanted.base_url)
