"""A model's critiques of its answers, and its revisions (Constitutional AI, Bai et al. 2022, section 3.1).

An answer goes through so many rounds. In each a principle is drawn; the model is asked for a critique of the answer by
this principle, and for a new answer in the light of it. The next round begins with the new answer.
"""

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from srlm.engines.base import Completion, Engine, Request
from srlm.judge.pointwise import Answered, Report, quiet
from srlm.judge.unread import may_go_on, parted, why_unread
from srlm.records import OTHER_ID, Record, Unread, digest, seed_for, user
from srlm.settings import Sampling
from srlm.store.files import resumable
from srlm.text.principles import Constitution, Principle

Unrevised = Literal["critique empty", "revision empty"] | Unread
"""Why a round has no new answer: the model said nothing when it was asked for a critique, or for the new answer; or the
new answer was cut at the token limit, within a thought, had no room, or was refused."""


class Revision(Record):
    """One round: a critique of an answer and the answer that the model wrote then."""

    id: str
    response_id: str
    """Of the answer with which the first round began."""
    round: int
    """From 0."""
    principle: str
    """Name of the principle that was drawn."""
    author: str
    """Id of the model that wrote both."""
    critique: str
    text: str | None
    """The new answer. None: there is none, and the next round begins with the answer of this one."""
    unrevised: Unrevised | None = None
    """Why `text` is None."""
    critique_cut: bool = False
    """The critique was cut at the token limit; it was used as far as it went."""
    thought: str | None = None
    """What a reasoning model thought before the new answer."""

    @classmethod
    def of(
        cls,
        response_id: str,
        round: int,
        principle: str,
        author: str,
        critique: Completion,
        revised: Completion | None,
    ) -> "Revision":
        """`revised` None: there was no critique to revise by."""
        why = "critique empty" if revised is None else _unrevised(revised)
        text = None if revised is None or why is not None else revised.text.strip()
        return cls(
            id=digest("revision", response_id, round, principle, author, critique.text, text),
            response_id=response_id,
            round=round,
            principle=principle,
            author=author,
            critique=critique.text,
            text=text,
            unrevised=why,
            critique_cut=why_unread(critique) == "cut",
            thought=None if revised is None or text is None else revised.thought,
        )

    def fault(self) -> str | None:
        identity = (self.response_id, self.round, self.principle, self.author, self.critique, self.text)
        if self.id != digest("revision", *identity):
            return OTHER_ID
        if (self.text is None) == (self.unrevised is None):
            return "it has a new answer and a reason why it has none, or neither"
        return None


def _unrevised(written: Completion) -> Unrevised | None:
    return why_unread(written) or (None if written.text.strip() else "revision empty")


def revises(answered: Answered, revision: Revision) -> bool:
    """Whether it is a revision of this answer."""
    return revision.response_id == answered.response.id


def drawn_principle(principles: Sequence[Principle], response_id: str, round: int, seed: int) -> Principle:
    """The principle of a round, by the answer's id: the order of the answers, and of the blocks, plays no part."""
    return random.Random(seed_for(seed, "principle", response_id, round)).choice(principles)


def revise(
    engine: Engine,
    answered: Sequence[Answered],
    constitution: Constitution,
    rounds: int,
    *,
    critique: Sampling,
    revision: Sampling,
    seed: int,
    path: Path,
    block: int,
    report: Report = quiet,
) -> Sequence[Revision]:
    """`rounds` revisions of each answer, in order, kept in `path` block by block."""
    principles = constitution.revising

    def work(chunk: Sequence[Answered], index: int) -> list[Revision]:
        texts = [one.response.text for one in chunk]
        found: list[list[Revision]] = [[] for _ in chunk]
        for number in range(rounds):
            drawn = [drawn_principle(principles, one.response.id, number, seed) for one in chunk]
            questions = [
                constitution.critique_of(principle, one.prompt.transcript, text)
                for principle, one, text in zip(drawn, chunk, texts, strict=True)
            ]
            critiques = _said(engine, questions, critique, seed_for(seed, "critique", index, number))
            # A thought that took all the room, a refusal or silence leaves nothing to revise by.
            rows = [row for row, said in enumerate(critiques) if may_go_on(said) and said.text.strip()]
            questions = [
                constitution.revision_of(
                    drawn[row], chunk[row].prompt.transcript, texts[row], critiques[row].text.strip()
                )
                for row in rows
            ]
            said = _said(engine, questions, revision, seed_for(seed, "revision", index, number))
            revised = dict(zip(rows, said, strict=True))
            for row, one in enumerate(chunk):
                made = Revision.of(
                    one.response.id, number, drawn[row].name, engine.id, critiques[row], revised.get(row)
                )
                found[row].append(made)
                texts[row] = texts[row] if made.text is None else made.text
        return [one for own in found for one in own]

    return resumable(
        path,
        Revision,
        answered,
        work,
        per_item=rounds,
        block=block,
        report=report,
        concurrency=lambda: engine.concurrency,
        belongs=revises,
    )


def _said(engine: Engine, questions: Sequence[str], sampling: Sampling, seed: int) -> list[Completion]:
    if not questions:
        return []
    requests = [Request(messages=user(question)) for question in questions]
    return [parted(one) for (one,) in engine.generate(requests, sampling, seed)]


def last_revisions(revisions: Sequence[Revision]) -> dict[str, Revision]:
    """By answer: the last round that gave a new answer; an answer without any is absent."""
    return {one.response_id: one for one in sorted(revisions, key=lambda one: one.round) if one.text is not None}


def revision_counts(answered: Sequence[Answered], revisions: Sequence[Revision]) -> dict[str, int]:
    """What became of every answer and of every round, for a manifest."""
    last = last_revisions(revisions)
    before = {one.response.id: one.response.text.strip() for one in answered}
    why = Counter(one.unrevised for one in revisions if one.unrevised is not None)
    return {
        "answers": len(answered),
        "answers revised": len(last),
        "answers never revised": len(answered) - len(last),
        "answers whose last revision is the same words": sum(one.text == before[id] for id, one in last.items()),
        "revisions": len(revisions),
        "critiques cut": sum(one.critique_cut for one in revisions),
        **{f"unrevised: {reason}": number for reason, number in sorted(why.items())},
        **{
            f"principle: {name}": number for name, number in sorted(Counter(one.principle for one in revisions).items())
        },
    }
