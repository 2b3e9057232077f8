"""Judgements and comparisons as they are made: what the progress line says, and when there is no use in more."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

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
        self._say(f"{_silent(self._unread, self._made, 'a score')}{completed}")

    def _refuse_hopeless(self) -> None:
        if _is_hopeless(self._unread, self._settings):
            advice = [*remedies(self._unread, FIRST), "another judge.template"]
            raise _collapse(self._stage, self._settings, self._unread, "judgements", "a score", advice)


class Compared(Protocol):
    """What a judge says of two answers, in the order in which it was shown them."""

    @property
    def preference(self) -> float | None:
        """1 = the first is better, 0.5 = equal, 0 = the second is. None: not readable."""
        ...

    @property
    def unread(self) -> Unread | None:
        """Why there is no preference."""
        ...


class VerdictWatch:
    """The same for comparisons of two answers: where nearly none of the first FIRST has a verdict.

    `room`: the setting by which the judge may write more; None: it writes none but a letter. `advice`: what else may
    give it a verdict.
    """

    def __init__(
        self,
        stage: str,
        settings: JudgeSettings,
        say: Callable[[str], None],
        *,
        room: str | None,
        advice: Sequence[str],
    ) -> None:
        self._stage, self._settings, self._say, self._room, self._advice = stage, settings, say, room, advice
        self._made = 0
        self._unread: Counter[Unread | None] = Counter()
        self._preferred: Counter[float] = Counter()

    def __call__(self, comparisons: Iterable[Compared]) -> None:
        for one in comparisons:
            self._made += 1
            if one.preference is None:
                self._unread[one.unread] += 1
            else:
                self._preferred[one.preference] += 1
            if self._made == FIRST:
                self._refuse_hopeless()
        sides = f"; {self._preferred[1.0]:,} prefer the first shown, {self._preferred[0.0]:,} the second"
        self._say(f"{_silent(self._unread, self._made, 'a verdict')}{sides if self._preferred else ''}")

    def _refuse_hopeless(self) -> None:
        if _is_hopeless(self._unread, self._settings):
            cut = self._unread["cut"] + self._unread["open thought"]
            room = [f"raise {self._room} ({cut} of {counted(FIRST, 'comparisons')} were cut)"]
            advice = [*(room if self._room and cut else []), *self._advice]
            raise _collapse(self._stage, self._settings, self._unread, "comparisons", "a verdict", advice)


def counting(settings: JudgeSettings) -> JudgeSettings:
    """The same for a stage that measures and is not stopped, whatever its judge says."""
    return settings.model_copy(update={"min_scored": 0})


def _is_hopeless(unread: Counter[Unread | None], settings: JudgeSettings) -> bool:
    """Whether too few of the first FIRST could be read to go on."""
    return FIRST - unread.total() < settings.min_scored * FIRST and settings.on_collapse == "stop"


def _silent(unread: Counter[Unread | None], made: int, what: str) -> str:
    total = unread.total()
    return f"{total:,} of {made:,} without {what}" + (f" ({reasons(unread)})" if total else "")


def _collapse(
    stage: str, settings: JudgeSettings, unread: Counter[Unread | None], made: str, what: str, advice: Sequence[str]
) -> CollapseError:
    """`made`: judgements; `what` they lack."""
    return CollapseError(
        f"{stage}: stopped early: {FIRST - unread.total()} of the first {FIRST} {made} have {what} (judge.min_scored "
        f"{settings.min_scored:.0%}); {_silent(unread, FIRST, what)}. What may help: {', '.join(advice)}, or another "
        "model. To go on all the same: --set judge.min_scored=0"
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
