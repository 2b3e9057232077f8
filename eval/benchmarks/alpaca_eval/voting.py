"""Votes of a judge that gives no log-probabilities: found out from its first answers, before the others cost anything.

An annotator of alpaca_eval reads the probability of a letter. A judge that refuses or lacks them leaves the letter that
it happened to write, 0 or 1. Where nobody says how many judgements there are to be (`--votes`), such a judge is asked
VOTES times in both orders, as the judges of srlm.judge.asked are.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from srlm.engines.openai.calls import Answer, Call, CallStore
from srlm.engines.openai.client import Client
from srlm.judge.asked import VOTES

from ...judging.annotating import AnnotatingJudge, Ask, Question, Report, Said, calls_of
from .judging import Asking

FIRST = 4
"""Questions whose answers settle how all are asked; they are asked in any case."""


class Settled(NamedTuple):
    """A judge, and how it is asked."""

    judge: AnnotatingJudge
    how: Asking


def settled(judge: AnnotatingJudge, asked: Sequence[Question], how: Asking, say: Callable[[str], None]) -> Settled:
    """The judge with its first questions answered, and `how` with as many judgements as their answers call for.

    `asked`: the questions in the order in which they are asked, each once. A replay asks what was recorded.
    """
    if not _is_open(judge, how):
        return Settled(judge, how)
    client = judge.ask
    assert isinstance(client, Client)
    first = [question for question in asked if question.switched is not None][:FIRST]
    if client.store is not None and client.store.replay:
        return _chosen(judge, how, _were_voted(judge, first, client.store), say)
    calls = calls_of(judge, first)
    said = dict(zip((call.key for call in calls), client.ask(calls), strict=True))
    return _chosen(judge._replace(ask=Continued(client, said)), how, _by_letter(judge, list(said.values())), say)


def foreseen(judge: AnnotatingJudge, asked: Sequence[Question], how: Asking, store: CallStore) -> Asking | None:
    """The same from what the store holds; nobody is asked. None: it cannot be told."""
    if not _is_open(judge, how):
        return how
    calls = calls_of(judge, [question for question in asked if question.switched is not None][:FIRST])
    known = list(store.answers([call.key for call in calls], judge.origin).values())
    return (_voting(how) if _by_letter(judge, known) else how) if known else None


def voting(judge: AnnotatingJudge, how: Asking) -> Asking | None:
    """How the judge would be asked if it gave no log-probabilities; None: no otherwise."""
    return _voting(how) if _is_open(judge, how) else None


def _is_open(judge: AnnotatingJudge, how: Asking) -> bool:
    """Whether the first answers settle how the judge is asked."""
    return how.draws is None and isinstance(judge.ask, Client) and judge.annotator.verdicts is not None


def _voting(how: Asking) -> Asking:
    return how.model_copy(update={"both_orders": True, "draws": VOTES})


def _chosen(judge: AnnotatingJudge, how: Asking, votes: bool, say: Callable[[str], None]) -> Settled:
    if not votes:
        return Settled(judge, how)
    say(
        f"{judge.id}: gives no log-probabilities; {VOTES} verdicts are sampled in both orders instead, {2 * VOTES} "
        "calls for each pair of outputs (--votes 1: the one letter it writes)"
    )
    how = _voting(how)
    return Settled(judge._replace(manner=how.manner), how)


def _by_letter(judge: AnnotatingJudge, said: Sequence[Said]) -> bool:
    """Whether verdicts were read from letters, and none from probabilities. What cannot be read settles nothing."""
    read = [judge.annotator.read(one.choice) for one in said if isinstance(one, Answer)]
    by = {one.by for one in read if one.second is not None}
    return by == {"letter"}


def _were_voted(judge: AnnotatingJudge, first: Sequence[Question], store: CallStore) -> bool:
    """Whether the last of the votes that would be asked for was recorded."""
    last = [question._replace(switched=not question.switched, draw=VOTES - 1) for question in first]
    return bool(store.answers([call.key for call in calls_of(judge, last)]))


class Continued(NamedTuple):
    """Asks what was not answered before, as an Ask."""

    ask_others: Ask
    said: Mapping[str, Said]
    """By the key of the call; None: the budget had no room for it, and has none now."""

    def ask(self, calls: Sequence[Call], report: Report = lambda done, total: None) -> list[Said]:
        others = [call for call in calls if call.key not in self.said]
        known = len(calls) - len(others)
        answers = self.ask_others.ask(others, lambda done, total: report(known + done, known + total))
        found = {**self.said, **dict(zip((call.key for call in others), answers, strict=True))}
        return [found[call.key] for call in calls]
