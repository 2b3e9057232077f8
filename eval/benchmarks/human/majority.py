"""Votes of people put together: what most of them say of each pair of answers, and why a pair has no outcome.

The majority is more than half of the votes on a pair, skips apart, of at least as many votes as are needed. Three votes
for three different outcomes have none, and are unscored; so are two that differ.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from srlm.judge.pairwise import Outcome

from ...data.votes import Choice, Votes
from .key import Contest, PageKey, ShownContest, Side

Unscored = Literal["nobody has voted", "skipped by all", "contradictory votes", "too few votes", "no majority"]
OUTCOMES: tuple[Outcome, ...] = ("win", "tie", "lose")


class Told(NamedTuple):
    """What people said of one pair of answers."""

    contest: Contest
    votes: Mapping[str, Outcome]
    """For `contest.model`, by annotator; skips and votes that contradict each other are left out."""
    skips: int
    contradicting: int
    """People who gave two different votes, on two pages."""
    asked: int
    """Annotators of the pages that show it."""
    sides: tuple[Side, ...] = ()
    """Of each vote that chose an answer, where that stood."""
    alike: bool = False
    """Both answers are the same words, and nobody was asked."""

    @property
    def most(self) -> Outcome | None:
        """What more than half of the votes say."""
        if self.alike:
            return "tie"
        return majority(list(self.votes.values()))

    def outcome(self, needed: int | None) -> Outcome | None:
        """The same, if there are votes enough; `needed` None: from at least half of the annotators."""
        return self.most if self.alike or self._enough(needed) else None

    def unscored(self, needed: int | None) -> Unscored | None:
        """Why there is no outcome."""
        if self.outcome(needed) is not None:
            return None
        if not self.votes:
            if self.contradicting:
                return "contradictory votes"
            return "skipped by all" if self.skips else "nobody has voted"
        return "no majority" if self._enough(needed) else "too few votes"

    def _enough(self, needed: int | None) -> bool:
        return bool(self.votes) and len(self.votes) >= (self.asked / 2 if needed is None else needed)


def majority(votes: Sequence[Outcome]) -> Outcome | None:
    """What more than half of them say."""
    if not votes:
        return None
    outcome, count = Counter(votes).most_common(1)[0]
    return outcome if count > len(votes) / 2 else None


def outcome_of_choice(choice: Choice, shown: ShownContest) -> Outcome | None:
    """A vote as an outcome for the model; None: a skip."""
    if choice == "skip":
        return None
    if choice == "tie":
        return "tie"
    return "win" if choice == shown.model_side else "lose"


def put_together(votes: Sequence[tuple[PageKey, Sequence[Votes]]], names: Mapping[str, str]) -> list[Told]:
    """What people said of every pair of answers on these pages, each once. `names`: of annotators, by `Votes.person`.

    A pair that several pages show counts once for each person. Pages without votes are left out.
    """
    said: dict[Contest, dict[str, set[Outcome | None]]] = defaultdict(lambda: defaultdict(set))
    sides: dict[Contest, list[Side]] = defaultdict(list)
    asked: dict[Contest, set[str]] = defaultdict(set)
    alike: dict[Contest, None] = {}
    for key, ballots in votes:
        if not ballots:
            continue
        alike |= dict.fromkeys(key.alike)
        for shown in key.shown:
            asked[shown.contest] |= {one.person for one in ballots}
        by_id = {shown.id: shown for shown in key.shown}
        for ballot in ballots:
            for one in ballot.votes:
                shown = by_id[one.item]
                said[shown.contest][ballot.person].add(outcome_of_choice(one.vote, shown))
                if one.vote in ("left", "right"):
                    sides[shown.contest].append(one.vote)
    told = [_told(contest, said[contest], names, len(people), sides[contest]) for contest, people in asked.items()]
    return [*told, *(Told(contest, {}, 0, 0, 0, alike=True) for contest in alike)]


def _told(
    contest: Contest,
    said: Mapping[str, set[Outcome | None]],
    names: Mapping[str, str],
    asked: int,
    sides: Sequence[Side],
) -> Told:
    votes, skips, contradicting = {}, 0, 0
    for person, own in sorted(said.items()):
        outcomes = [one for one in own if one is not None]
        if len(outcomes) == 1:
            votes[names[person]] = outcomes[0]
        elif outcomes:
            contradicting += 1
        else:
            skips += 1
    return Told(contest, votes, skips, contradicting, asked, tuple(sides))
