"""How likely it is, to a model, that a proposition holds of an answer: its probability of `yes` against `no`."""

import math
import re
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from srlm.bounded import yaml_text
from srlm.engines.base import Completion, Engine, Request
from srlm.errors import CapabilityError, RoomError
from srlm.judge.chances import chances, meant, prefix_for
from srlm.judge.pointwise import Answered, Report, quiet
from srlm.judge.unread import may_go_on, parted, why_unread
from srlm.judge.wording import shipped, text_of
from srlm.records import OTHER_ID, Prompt, Record, Unread, digest, seed_for, user
from srlm.settings import Sampling
from srlm.store.files import resumable
from srlm.text.propositions import Propositions, read_propositions
from srlm.text.taken_back import taken_back
from srlm.usage import judging

GENERAL = "general"
SHIPPED = shipped({GENERAL: "propositions.yaml"}, "propositions.yaml")
ONE_WORD = Sampling(temperature=0.0, top_p=1.0, max_new_tokens=8)
"""How a grader without log-probabilities says yes or no."""


def load(name: str, setting: str) -> Propositions:
    """Shipped propositions by their name, or a file. Raises SettingsError, which names the setting, for none."""
    return read_propositions(text_of(name, SHIPPED, setting, yaml_text.SIZE), f"{setting} {name}")


class Grade(Record):
    """What a model says of one proposition about one answer, or of one type of one prompt."""

    id: str
    of: str
    """Id of the answer; of a type, of the prompt."""
    about: str
    """Name of the proposition or of the type."""
    grader: str
    yes: float | None
    """P(yes) / (P(yes) + P(no)); without log-probabilities 1 or 0, as the grader wrote. None: it could not be read."""
    raw: str
    """The log-probabilities, behind what the grader had written; or its words."""
    unread: Unread | None = None
    """Why `yes` is None."""

    @classmethod
    def of_answer(cls, of: str, about: str, grader: str, said: "Said") -> "Grade":
        identity = digest("grade", of, about, grader, said.raw)
        return cls(id=identity, of=of, about=about, grader=grader, yes=said.yes, raw=said.raw, unread=said.unread)

    def fault(self) -> str | None:
        if self.id != digest("grade", self.of, self.about, self.grader, self.raw):
            return OTHER_ID
        if self.yes is not None and self.unread is not None:
            return f"it has a probability and a reason why it has none ({self.unread})"
        if self.yes is not None and not 0 <= self.yes <= 1:
            return f"a probability of {self.yes:g} is not within 0 to 1"
        return None


class Said(NamedTuple):
    """An answer to a yes-or-no question."""

    yes: float | None
    raw: str
    unread: Unread | None = None


def grade(
    engine: Engine,
    answered: Sequence[Answered],
    propositions: Propositions,
    *,
    seed: int,
    path: Path,
    block: int,
    report: Report = quiet,
) -> Sequence[Grade]:
    """A grade for each proposition of each answer, in order, kept in `path` block by block."""
    every, grader = propositions.propositions, Grader(engine)

    def work(chunk: Sequence[Answered], index: int) -> list[Grade]:
        requests = [
            Request(messages=user(propositions.asked(one, answer.prompt.transcript, answer.response.text)))
            for answer in chunk
            for one in every
        ]
        with judging():
            if propositions.reasons is None:
                said = grader.ask(requests, propositions.answers, seed_for(seed, "grades", index))
            else:
                said = grader.ask_behind_reasons(requests, propositions, seed_for(seed, "reasons", index))
        asked = [(answer.response.id, one.name) for answer in chunk for one in every]
        return [Grade.of_answer(*pair, engine.id, one) for pair, one in zip(asked, said, strict=True)]

    return resumable(
        path,
        Grade,
        answered,
        work,
        per_item=len(every),
        block=block,
        report=report,
        concurrency=lambda: engine.concurrency,
        belongs=lambda answer, found: found.of == answer.response.id,
    )


def grade_types(
    engine: Engine, prompts: Sequence[Prompt], propositions: Propositions, *, seed: int, path: Path, block: int
) -> Sequence[Grade]:
    """How likely each prompt is of each type, kept in `path` block by block."""

    grader = Grader(engine)

    def work(chunk: Sequence[Prompt], index: int) -> list[Grade]:
        asked = [(prompt, kind) for prompt in chunk for kind in propositions.types]
        requests = [Request(messages=user(propositions.asked_type(kind, prompt.transcript))) for prompt, kind in asked]
        with judging():
            said = grader.ask(requests, propositions.answers, seed_for(seed, "types", index))
        return [
            Grade.of_answer(prompt.id, kind.name, engine.id, one)
            for (prompt, kind), one in zip(asked, said, strict=True)
        ]

    return resumable(
        path,
        Grade,
        prompts,
        work,
        per_item=len(propositions.types),
        block=block,
        concurrency=lambda: engine.concurrency,
        belongs=lambda prompt, found: found.of == prompt.id,
    )


class Grader:
    """Asks a model yes-or-no questions: by its probabilities where the engine has them, else in words."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._has_scores: bool | None = None  # settled by the first request, so that one run never mixes both ways
        self._settling = threading.Lock()  # blocks may be graded in several threads

    def ask(self, requests: Sequence[Request], answers: tuple[str, str], seed: int) -> list[Said]:
        """What the model answers to each request."""
        if not requests:
            return []
        if not self._scored(requests[0]):
            written = [parted(one) for (one,) in self._engine.generate(requests, ONE_WORD, seed)]
            return [_read(one, answers) for one in written]
        return self._by_chances(requests, answers)

    def ask_behind_reasons(self, requests: Sequence[Request], propositions: Propositions, seed: int) -> list[Said]:
        """The model writes once for an answer, greedily; each proposition is asked behind its lead in those words.

        `requests`: one for each proposition of each answer; those of one answer are alike.
        """
        every = propositions.propositions
        sampling = Sampling(temperature=0.0, top_p=1.0, max_new_tokens=propositions.tokens)
        each = requests[:: len(every)]
        written = [parted(one) for (one,) in self._engine.generate(each, sampling, seed)]
        said = [_read(one, propositions.answers, proposition.lead) for one in written for proposition in every]
        rows = [row for row in range(len(requests)) if may_go_on(written[row // len(every)])]
        if not rows or not self._scored(each[0]):
            return said
        behind = [
            requests[row].model_copy(
                update={"prefix": prefix_for(written[row // len(every)].text, every[row % len(every)].lead)}
            )
            for row in rows
        ]
        for row, found in zip(rows, self._by_chances(behind, propositions.answers), strict=True):
            said[row] = found
        return said

    def _by_chances(self, requests: Sequence[Request], answers: tuple[str, str]) -> list[Said]:
        spelled = [spellings(word) for word in answers]
        logs = chances(self._engine, requests, [*spelled[0], *spelled[1]])
        return [_by_chance(own, len(spelled[0]), request.prefix) for own, request in zip(logs, requests, strict=True)]

    def _scored(self, request: Request) -> bool:
        """Whether the engine has log-probabilities."""
        with self._settling:
            if self._has_scores is None:
                try:
                    self._engine.loglikelihood([request], [["yes"]])
                    self._has_scores = True
                except RoomError:
                    self._has_scores = True  # if not for this request
                except CapabilityError:
                    self._has_scores = False
            return self._has_scores


def spellings(word: str) -> list[str]:
    """How a model may begin its answer with a word: with a space or without, small or with a capital letter."""
    forms = dict.fromkeys((word, word[:1].upper() + word[1:]))
    return [f"{space}{form}" for space in ("", " ") for form in forms]


def _by_chance(logs: Sequence[float] | None, split: int, prefix: str) -> Said:
    """From natural log-probabilities: those up to `split` are of yes, the others of no."""
    if logs is None:
        return Said(None, prefix, "no room")
    if not meant(logs):
        return Said(None, prefix, "no verdict")
    yes, no = (sum(map(math.exp, part)) for part in (logs[:split], logs[split:]))
    raw = f"P(yes) {yes:.6g}, P(no) {no:.6g}"
    return Said(yes / (yes + no), f"{prefix}\n{raw}" if prefix else raw)


def _read(written: Completion, answers: tuple[str, str], lead: str = "") -> Said:
    """Yes or no as the first word, or the first behind the last `lead`; not `yes and no`, nor a word that may go on."""
    unread = why_unread(written)
    if unread not in (None, "cut"):
        return Said(None, written.text, unread)
    _, found, behind = written.text.rpartition(lead) if lead else ("", "", written.text)
    yes, no = map(re.escape, answers)
    word = re.match(rf"\W*({yes}|{no})\b", behind, re.IGNORECASE) if found or not lead else None
    if word is None or (unread == "cut" and word.end() == len(behind)):
        return Said(None, written.text, unread or "no verdict")
    both = re.match(rf"\W*(?:(?:and|or|but)\W+)?({yes}|{no})\b", behind[word.end() :], re.IGNORECASE)
    if (both and both[1].casefold() != word[1].casefold()) or (not lead and taken_back(behind)):
        return Said(None, written.text, "unclear verdict")
    return Said(float(word[1].casefold() == answers[0].casefold()), written.text)


def grade_counts(grades: Sequence[Grade]) -> dict[str, int]:
    """How many grades there are, and why some could not be read, for a manifest."""
    why = Counter(one.unread or "no verdict" for one in grades if one.yes is None)
    return {
        "grades": len(grades),
        "grades unread": sum(why.values()),
        **{f"grades unread: {reason}": number for reason, number in sorted(why.items())},
    }
