"""Judgements as they are made: what the progress line says of them, and when there is no use in making more."""

from collections import Counter
from collections.abc import Callable, Sequence

from srlm.errors import CollapseError
from srlm.records import Judgement, Unread
from srlm.settings import FIRST, JudgeSettings
from srlm.text.counts import counted


class JudgementWatch:
    """Counts judgements, in their order, and raises CollapseError where nearly none of the first FIRST has a score.

    It looks at the first FIRST and at nothing else, so neither blocks nor stops decide where a stage ends.
    """

    def __init__(self, stage: str, settings: JudgeSettings, say: Callable[[str], None]) -> None:
        self._stage, self._settings, self._say = stage, settings, say
        self._made = self._completed = 0
        self._unread: Counter[Unread | None] = Counter()

    def __call__(self, judgements: Sequence[Judgement]) -> None:
        for judgement in judgements:
            self._made += 1
            self._completed += judgement.completed
            if judgement.score is None:
                self._unread[judgement.unread] += 1
            if self._made == FIRST:
                self._refuse_hopeless()
        completed = f", {self._completed:,} completed" if self._completed else ""
        self._say(f"{self._silent()}{completed}")

    def _silent(self) -> str:
        total = self._unread.total()
        return f"{total:,} of {self._made:,} without a score" + (f" ({reasons(self._unread)})" if total else "")

    def _refuse_hopeless(self) -> None:
        scored, least = FIRST - self._unread.total(), self._settings.min_scored
        if scored >= least * FIRST or self._settings.on_collapse == "continue":
            return
        raise CollapseError(
            f"{self._stage}: stopped early: {scored} of the first {FIRST} judgements have a score (judge.min_scored "
            f"{least:.0%}); {self._silent()}. What may help: {', '.join(remedies(self._unread, FIRST))}, another "
            "judge.template, or another model. To go on all the same: --set judge.min_scored=0"
        )


def reasons(unread: Counter[Unread | None]) -> str:
    """Why judgements have no score: `8 cut, 2 no score`."""
    return ", ".join(f"{number:,} {reason or 'for a reason not kept'}" for reason, number in unread.most_common())


def remedies(unread: Counter[Unread | None], judgements: int) -> list[str]:
    """What may give a score to judgements that have none, for these reasons."""
    said = f"of {counted(judgements, 'judgements')}"
    found = []
    if number := unread["no room"]:
        found.append(
            f"take a shorter judge.template, or a model with a longer context ({number} {said} had no room in it)"
        )
    if number := unread["cut"]:
        found.append(f"raise judge.sampling.max_new_tokens ({number} {said} were cut)")
    if number := unread["open thought"]:
        found.append(f"raise judge.thought_tokens ({number} {said} were still a thought)")
    return [*found, "let the judge complete its score (judge.complete=true)"]
