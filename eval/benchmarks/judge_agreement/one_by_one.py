"""Answers scored one by one: each is asked for in the same words, whichever others are asked about with it.

The seed of a request follows from its place in a block of answers. Where a budget may stop at any answer, and a later
run goes on with the others, it has to follow from the answer alone. A mark beside the judgements says that they are
asked for like this.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from srlm.judge.open import Judge
from srlm.judge.pointwise import Answered, PointwiseJudge
from srlm.records import Judgement, seed_for
from srlm.store import files

AT_ONCE = 16
"""Answers that are asked about side by side."""


def begin(judge: Judge) -> None:
    """Ask this judge one by one, from now on, for what its file of calls does not hold."""
    if (mark := _mark(judge)) is not None:
        files.write_json(mark, {"seeds": "of each answer"})


def exists(judge: Judge) -> bool:
    """Whether it is."""
    return (mark := _mark(judge)) is not None and mark.exists()


def judgements(judge: PointwiseJudge, answers: Sequence[Answered], draws: int, seed: int) -> list[Judgement]:
    """`draws` judgements of each answer, in order; kept nowhere but among the server's calls."""
    if not answers:
        return []
    with TemporaryDirectory() as nowhere:

        def ask(place: int) -> list[Judgement]:
            own = seed_for(seed, "one by one", answers[place].prompt.id, answers[place].response.text)
            return list(judge.judge([answers[place]], draws, own, Path(nowhere) / f"{place}.jsonl"))

        said = [ask(0)]  # settles for all what the server takes
        with ThreadPoolExecutor(AT_ONCE) as pool:
            said += pool.map(ask, range(1, len(answers)))
    return [one for own in said for one in own]


def _mark(judge: Judge) -> Path | None:
    return judge.calls and judge.calls.with_name(f"{judge.calls.name}.{judge.file}.one-by-one.json")
