"""Propositions: yes-or-no questions about an answer, of which rule-based rewards are made (Mu et al. 2024).

One YAML file:

    question: |            slots {prompt}, {response}, {question}; asks for yes or no
    reasons: |             instead: slots {prompt}, {response}; the grader writes up to `tokens` first, once for an
    tokens: 56             answer, and each proposition is read behind its `lead` in those words
    answers: ["yes", "no"]
    propositions:
      - {name: apology, question: "Does the answer apologise?"}
      - {name: insult, question: "Does the answer insult the user?", lead: " insult"}
    type_question: |       slots {prompt}, {question}; only where there are several types
    types:                 none: one type, with all propositions
      - name: refuse
        question: "Should the assistant refuse this?"
        propositions: [apology, insult]
        classes:           best first; an answer is of the first class whose conditions it meets
          - {name: ideal, all: [apology], none: [insult]}
          - {name: poor, none: [insult]}
          - {name: bad}
"""

import re
from collections.abc import Mapping

from pydantic import Field, model_validator

from srlm.errors import SettingsError
from srlm.records import Record, digest
from srlm.text.template import fill, frame
from srlm.text.written import from_yaml

_WORD = re.compile(r"\w(?:[^\n]*\w)?")


class Proposition(Record):
    """One yes-or-no question about an answer."""

    name: str = Field(min_length=1)
    question: str = ""
    """What the slot {question} is filled with."""
    lead: str = ""
    """The words of the grader's reasons behind which yes or no stands."""


class AnswerClass(Record):
    """Answers that are as good as each other."""

    name: str = Field(min_length=1)
    all: tuple[str, ...] = ()
    """Propositions that must hold."""
    any: tuple[str, ...] = ()
    """Propositions of which one must hold, where there are some."""
    none: tuple[str, ...] = ()
    """Propositions that must not hold."""

    def holds(self, facts: Mapping[str, bool]) -> bool:
        """Whether an answer of which these propositions hold is of this class."""
        some = not self.any or any(facts[name] for name in self.any)
        return some and all(facts[name] for name in self.all) and not any(facts[name] for name in self.none)


class ResponseType(Record):
    """A way in which prompts want to be answered."""

    name: str = Field(min_length=1)
    question: str = ""
    """What the slot {question} of `type_question` is filled with; prompts are of the type that is likeliest."""
    propositions: tuple[str, ...] = ()
    """Whose probabilities make up its reward; empty: all."""
    classes: tuple[AnswerClass, ...] = ()
    """Best first."""

    def rank(self, facts: Mapping[str, bool]) -> int | None:
        """The place of the first class that holds, 0 the best; None: no class does."""
        return next((place for place, one in enumerate(self.classes) if one.holds(facts)), None)


class Propositions(Record):
    """Questions, and the types of prompts that weigh them."""

    question: str | None = None
    reasons: str | None = None
    tokens: int = Field(default=64, ge=1)
    """Most tokens of the grader's reasons."""
    answers: tuple[str, str] = ("yes", "no")
    propositions: tuple[Proposition, ...] = Field(min_length=1)
    type_question: str | None = None
    types: tuple[ResponseType, ...] = (ResponseType(name="any"),)

    @model_validator(mode="after")
    def _whole(self) -> "Propositions":
        if (self.question is None) == (self.reasons is None):
            raise ValueError("give `question` or `reasons`, and not both")
        frames = {"question": ("prompt", "response", "question"), "reasons": ("prompt", "response")}
        for name, slots in {**frames, "type_question": ("prompt", "question")}.items():
            if (text := getattr(self, name)) is not None:
                try:
                    fill(text, dict.fromkeys(slots, ""))
                except SettingsError as error:
                    raise ValueError(f"{name}: {error}") from None
        needed = "question" if self.reasons is None else "lead"
        if lacking := [one.name for one in self.propositions if not getattr(one, needed)]:
            raise ValueError(f"the proposition {lacking[0]!r} has no {needed}")
        if len({one.casefold() for one in self.answers}) < 2 or not all(map(_WORD.fullmatch, self.answers)):
            raise ValueError("answers: two different words are needed, large and small letters being the same")
        for what, names in (("propositions", self.names), ("types", [one.name for one in self.types])):
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"two {what} are called {twice[0]!r}")
        if not self.types or (
            len(self.types) > 1 and not (self.type_question and all(one.question for one in self.types))
        ):
            raise ValueError("several types need `type_question`, and a question each, by which prompts are told apart")
        for one in self.types:
            used = {*one.propositions, *(name for kind in one.classes for name in (*kind.all, *kind.any, *kind.none))}
            if twice := sorted({name for name in one.propositions if one.propositions.count(name) > 1}):
                raise ValueError(f"type {one.name!r}: names the proposition {twice[0]!r} twice")
            if strangers := sorted(used - set(self.names)):
                raise ValueError(f"type {one.name!r}: there is no proposition {strangers[0]!r}")
        return self

    @property
    def names(self) -> list[str]:
        return [one.name for one in self.propositions]

    @property
    def digest(self) -> str:
        """Id of all of it, kept with the weights."""
        return digest("propositions", self.model_dump(mode="json"))

    def features(self, kind: ResponseType) -> list[str]:
        """The propositions that a type weighs."""
        return list(kind.propositions) or self.names

    def asked(self, proposition: Proposition, prompt: str, response: str) -> str:
        """What a grader is asked; text in an answer fills no slot."""
        if self.reasons is not None:
            return frame(self.reasons.rstrip("\n"), {"prompt": prompt, "response": response})
        assert self.question is not None
        slots = {"prompt": prompt, "response": response, "question": proposition.question}
        return frame(self.question.rstrip("\n"), slots)

    def asked_type(self, kind: ResponseType, prompt: str) -> str:
        """What a grader is asked about a prompt's type."""
        return frame((self.type_question or "").rstrip("\n"), {"prompt": prompt, "question": kind.question})


def read_propositions(text: str, name: str) -> Propositions:
    """The propositions in a YAML text; `name` is what messages call it. Raises SettingsError where there are none."""
    what = "a file of propositions is a mapping with question or reasons, and propositions"
    return from_yaml(Propositions, text, name, what)
