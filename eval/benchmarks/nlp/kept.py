"""What a model answered lm-eval's requests, kept as it comes: each request is asked once, whatever stops the run.

A request is known by what was asked, of which model and in which way, so that another task, more documents or another
order of them find what was asked before.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from srlm.engines.plain_text import Likelihood
from srlm.errors import RecordError
from srlm.records import Record, digest
from srlm.store.files import worked
from srlm.store.growing import GrowingFile

KEPT = "nlp.jsonl"
"""The file of a model's answers, in evaluation/CHECKPOINT of a run."""
WAY = "tokens as in lm-eval 0.4"
"""How text becomes tokens; another way of asking gets another name."""


class KeptAnswer(Record):
    """One request's answer: a likelihood has `total` and `greedy`, a whole text's `total` alone, words are `text`."""

    key: str
    """Digest of the request, the model and the way of asking."""
    total: float | None = None
    greedy: bool | None = None
    text: str | None = None


Q = TypeVar("Q", bound=Hashable)


class KeptAnswers:
    """The answers of one model, in a file that grows."""

    def __init__(self, path: Path, facts: Mapping[str, Any]) -> None:
        """`facts`: what tells the model from all others, and what shapes its answers."""
        self._facts = digest("nlp answers", WAY, dict(facts))
        self._file = GrowingFile(path, KeptAnswer)
        self._known = {one.key: one for one in self._file}
        self.asked = 0
        """Requests that were put to the model."""
        self.reused = 0
        """Requests whose answers were found, on disk or among those just asked."""

    def key(self, kind: str, *asked: object) -> str:
        """The name of a request."""
        return digest(self._facts, kind, *asked)

    def answers(
        self,
        keyed: Sequence[tuple[str, Q]],
        ask: "Ask[Q]",
        block: int,
        concurrency: Callable[[], int],
        report: Callable[[int, int], None],
    ) -> list[KeptAnswer]:
        """One a request, in their order; `ask` answers those that are not known, `block` at a time.

        What is asked together hangs on what is asked in all and on what was kept in whole blocks: a run that was killed
        goes on with the same blocks.
        """
        missing = {key: asked for key, asked in keyed if key not in self._known}
        self.asked += len(missing)
        self.reused += len(keyed) - len(missing)
        total = len({key for key, _ in keyed})
        done = total - len(missing)
        report(done, total)
        order = sorted(missing, key=lambda key: (ask.place(missing[key]), key))

        def answer(start: int) -> list[KeptAnswer]:
            keys = order[start : start + block]
            return ask(keys, [missing[key] for key in keys])

        for _, found in worked(answer, range(0, len(order), block), concurrency):
            self._file.add(found)
            self._known.update((one.key, one) for one in found)
            done += len(found)
            report(done, total)
        return [self._known[key] for key, _ in keyed]


class Ask(Generic[Q]):
    """How requests are put to a model: `answer(requests, seed's name)`, those that begin alike side by side."""

    def __init__(self, answer: Callable[[Sequence[Q], str], Iterable[KeptAnswer]], place: Callable[[Q], Any]) -> None:
        self._answer, self.place = answer, place

    def __call__(self, keys: Sequence[str], requests: Sequence[Q]) -> list[KeptAnswer]:
        answers = self._answer(requests, keys[0])
        return [one.model_copy(update={"key": key}) for key, one in zip(keys, answers, strict=True)]


def likelihood_of(one: KeptAnswer) -> Likelihood:
    """A kept likelihood. Raises RecordError where it is none."""
    if one.total is None or one.greedy is None:
        raise RecordError(f"the kept answer {one.key} is no likelihood; move the file away and evaluate again")
    return Likelihood(one.total, one.greedy)
