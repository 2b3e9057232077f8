"""Everything that crosses a file or a stage boundary, each with an id computed from its content.

A record is frozen, forbids unknown fields, NaN and infinity, and is one line of JSON in a run's files.
"Could not tell" is None and is counted; no -1, NaN or 0 stands in for it.
"""

import datetime
import hashlib
import json
import math
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer, model_validator


class Record(BaseModel):
    """A frozen value that forbids unknown fields, NaN and infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def fault(self) -> str | None:
        """What in the record contradicts the rest of it; None: nothing. Asked of files that no run vouches for."""
        return None


class Growing(Record):
    """A record that gained fields later: one that still has its default is not written, so that old files and new ones
    of the same content are the same bytes. `LATER` names them."""

    LATER: ClassVar[tuple[str, ...]] = ()

    @model_serializer(mode="wrap")
    def _as_before(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = dump(self)
        for name in self.LATER:
            if getattr(self, name) == type(self).model_fields[name].default:
                written.pop(name, None)
        return written


_AS_JSON = json.JSONEncoder(ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode


def digest(*parts: object) -> str:
    """16 hexadecimal digits of SHA-256 over the parts as JSON: equal content, equal id, on every machine."""
    return hashlib.sha256(_AS_JSON(parts).encode()).hexdigest()[:16]


OTHER_ID = "its id is not that of its content"


def seed_for(seed: int, *use: object) -> int:
    """A seed of its own for one use (`seed_for(seed, "judge", response.id)`), in 0 .. 2**31 - 1."""
    return int(digest("seed", seed, *use), 16) % 2**31


class Message(Record):
    """One turn of a conversation."""

    role: str
    """`system`, `user` or `assistant`."""
    content: str


def user(text: str) -> tuple[Message, ...]:
    """A conversation of one user turn."""
    return (Message(role="user", content=text),)


def transcript_of(messages: Sequence[Message]) -> str:
    """A conversation as a judge's template shows it: each turn behind its role (`User: ...`), an empty line apart."""
    return "\n\n".join(f"{turn.role.capitalize()}: {turn.content}" for turn in messages)


class Prompt(Record):
    """One instruction, and the conversation that led to it."""

    id: str
    text: str
    """The last user turn: what is to be answered."""
    source: str
    """Where it came from: `oasst`, `alpaca_eval`, the name of a world, or the id of the model that wrote it."""
    category: str | None = None
    before: tuple[Message, ...] = ()
    """Turns before `text`, oldest first; empty for a conversation that begins with it."""

    @classmethod
    def of(cls, text: str, source: str, category: str | None = None, before: tuple[Message, ...] = ()) -> Self:
        return cls(id=cls._identity(text, before), text=text, source=source, category=category, before=before)

    @staticmethod
    def _identity(text: str, before: tuple[Message, ...]) -> str:
        turns = [[turn.role, turn.content] for turn in before]
        return digest("prompt", text, turns) if turns else digest("prompt", text)

    def fault(self) -> str | None:
        return OTHER_ID if self.id != self._identity(self.text, self.before) else None

    @property
    def messages(self) -> tuple[Message, ...]:
        """The whole conversation up to where the answer starts."""
        return (*self.before, *user(self.text))

    @property
    def transcript(self) -> str:
        """The conversation as one text: `text` alone, or with turns before it `transcript_of` all."""
        return transcript_of(self.messages) if self.before else self.text


class Response(Record):
    """One answer to a prompt, written by a model or a person."""

    id: str
    prompt_id: str
    text: str
    author: str
    """Id of the checkpoint or model that wrote it, or `human`."""
    draw: int
    """Number of the sample for this prompt, from 0."""
    finish: Literal["stop", "length"] | None = None
    """`length`: cut off at the token limit. None: unknown (a person's answer, a server that does not say)."""
    thought: str | None = None
    """What a reasoning model wrote before `text`; it is not part of the answer. None: no thought was written."""

    @classmethod
    def of(
        cls,
        prompt_id: str,
        text: str,
        author: str,
        draw: int,
        finish: Literal["stop", "length"] | None = None,
        thought: str | None = None,
    ) -> Self:
        return cls(
            id=digest("response", prompt_id, author, draw, text),
            prompt_id=prompt_id,
            text=text,
            author=author,
            draw=draw,
            finish=finish,
            thought=thought,
        )

    def fault(self) -> str | None:
        if self.draw < 0:
            return f"draw {self.draw} is negative"
        content = digest("response", self.prompt_id, self.author, self.draw, self.text)
        return OTHER_ID if self.id != content else None


class RankedSet(Record):
    """One prompt with two or more answers that people ranked."""

    id: str
    prompt: Prompt
    responses: tuple[Response, ...]
    ranks: tuple[int, ...]
    """Human rank of each response, 0 = best; equal numbers = a tie."""
    reviews: tuple[str, ...] = ()
    """Judgements demonstrated by people, one a response; empty where none were written."""

    @model_validator(mode="after")
    def _aligned(self) -> Self:
        if len(self.responses) < 2 or len(self.ranks) != len(self.responses):
            raise ValueError("a ranked set needs at least two responses, each with a rank")
        if self.reviews and len(self.reviews) != len(self.responses):
            raise ValueError("reviews must be one per response, or none at all")
        return self

    @classmethod
    def of(
        cls, prompt: Prompt, responses: tuple[Response, ...], ranks: tuple[int, ...], reviews: tuple[str, ...] = ()
    ) -> Self:
        identity = digest("ranked", prompt.id, [r.id for r in responses], ranks)
        return cls(id=identity, prompt=prompt, responses=responses, ranks=ranks, reviews=reviews)

    def fault(self) -> str | None:
        if any(response.prompt_id != self.prompt.id for response in self.responses):
            return "a response is of another prompt"
        content = digest("ranked", self.prompt.id, [r.id for r in self.responses], self.ranks)
        within = (part.fault() for part in (self.prompt, *self.responses))
        return OTHER_ID if self.id != content else next((f"in it, {found}" for found in within if found), None)


class Demonstration(Record):
    """One supervised example: what the user said and what the model should say."""

    id: str
    kind: Literal["ift", "eft"]
    """`ift` instruction following, `eft` evaluation following (the judge's prompt and a judgement)."""
    prompt: str
    response: str
    source_id: str
    """Id of the Response (ift) or Judgement (eft) it was made from."""
    before: tuple[Message, ...] = ()
    """Turns of the conversation before `prompt`, oldest first."""
    thought: str | None = None
    """What a reasoning model thought before `response`; trained on where `model.thoughts` is `train`."""

    @classmethod
    def of(
        cls,
        kind: Literal["ift", "eft"],
        prompt: str,
        response: str,
        source_id: str,
        before: tuple[Message, ...] = (),
        thought: str | None = None,
    ) -> Self:
        return cls(
            id=cls._identity(kind, prompt, response, before, thought),
            kind=kind,
            prompt=prompt,
            response=response,
            source_id=source_id,
            before=before,
            thought=thought,
        )

    @staticmethod
    def _identity(kind: str, prompt: str, response: str, before: tuple[Message, ...], thought: str | None) -> str:
        turns = [[turn.role, turn.content] for turn in before]
        beside = [*([turns] if turns else []), *([] if thought is None else [thought])]
        return digest("demonstration", kind, prompt, response, *beside)

    def fault(self) -> str | None:
        content = self._identity(self.kind, self.prompt, self.response, self.before, self.thought)
        return OTHER_ID if self.id != content else None

    @property
    def messages(self) -> tuple[Message, ...]:
        """The whole conversation up to where the response starts."""
        return (*self.before, *user(self.prompt))

    @property
    def transcript(self) -> str:
        """The same as one text, as a prompt's."""
        return transcript_of(self.messages) if self.before else self.prompt


class SeedData(Record):
    """What a run starts from, disjoint by prompt: nothing a model is trained on is in a set it is measured on."""

    ift: tuple[Demonstration, ...]
    seed_prompts: tuple[Prompt, ...]
    """The prompts of `ift`, the examples from which new prompts are written."""
    eft_sets: tuple[RankedSet, ...]
    heldout_sets: tuple[RankedSet, ...]
    """On these the judge is measured."""
    evaluation_prompts: tuple[Prompt, ...]
    """All models answer these for the head-to-head."""
    validation_prompts: tuple[Prompt, ...]
    """For early stopping."""
    account: dict[str, int]
    """What was found, used and dropped, and why."""


Unread = (
    Literal["no score", "not on the scale", "cut", "open thought", "no room", "refused"]
    | Literal["no verdict", "unclear verdict", "contradiction"]
)
"""Why a judgement has no score: it names none; its last one is not 0 to 5; it was cut at the token limit, or within a
thought; its prompt left no room for an answer; the server refused the request. Why a comparison has no preference: as
before, or its words prefer neither answer, may be understood in more than one way, or name the answer that the judge's
own log-probabilities disfavour."""


class Judgement(Record):
    """One judge's judgement of one response."""

    id: str
    response_id: str
    judge: str
    """Id of the checkpoint or model that judged."""
    draw: int
    raw: str
    """All that the judge wrote, so a better parser can be run again."""
    score: float | None
    """0 to 5. None: `raw` holds no score; such a judgement is counted, never averaged."""
    completed: bool = False
    """True: the judge stopped without a score line and was asked for it behind `Score:` (both are in `raw`)."""
    cut: bool = False
    """True: its words were cut at the token limit before it was asked for the score. It has one, and teaches nobody."""
    thought: str | None = None
    """What a reasoning judge wrote before `raw`; no score is read from it."""
    unread: Unread | None = None
    """Why `score` is None; None where there is a score, or where nobody asked why (older files)."""

    @classmethod
    def of(
        cls,
        response_id: str,
        judge: str,
        draw: int,
        raw: str,
        score: float | None,
        completed: bool = False,
        thought: str | None = None,
        unread: Unread | None = None,
        cut: bool = False,
    ) -> Self:
        return cls(
            id=digest("judgement", response_id, judge, draw, raw),
            response_id=response_id,
            judge=judge,
            draw=draw,
            raw=raw,
            score=score,
            completed=completed,
            thought=thought,
            unread=unread,
            cut=cut,
        )

    def fault(self) -> str | None:
        """A score that today's parser reads otherwise is none: older files were read by older parsers."""
        if self.id != digest("judgement", self.response_id, self.judge, self.draw, self.raw):
            return OTHER_ID
        if self.draw < 0:
            return f"draw {self.draw} is negative"
        if self.score is None:
            return "it is marked as scored after it was cut, and has no score" if self.cut else None
        if self.unread is not None:
            return f"it has a score and a reason why it has none ({self.unread})"
        if not self.raw.strip():
            return f"a score of {self.score:g} without words"
        if not 0 <= self.score <= 5 and not _says(self.raw, self.score):
            return f"a score of {self.score:g} is not within 0 to 5"
        return None


def _says(raw: str, number: float) -> bool:
    """Whether the words are a number alone, rounded: a program or a reward model has a scale of its own."""
    try:
        return math.isclose(float(raw), number, rel_tol=1e-4)
    except ValueError:
        return False


class PairJudgement(Record):
    """One judge's judgement of two responses, in the order in which it saw them."""

    id: str
    prompt_id: str
    first_id: str
    """Of the response that was shown first."""
    second_id: str
    judge: str
    """Id of the checkpoint or model that judged."""
    draw: int
    raw: str
    """All that the judge wrote, or the log-probabilities of its letters."""
    preference: float | None
    """1 = the first is better, 0.5 = equal, 0 = the second is. None: not readable; counted, never averaged."""
    probability: float | None = None
    """Probability the judge gives to the first. None: it does not say."""
    completed: bool = False
    """True: the judge stopped without a verdict, and its letter was drawn from its own probabilities."""
    thought: str | None = None
    """What a reasoning judge wrote before `raw`; no verdict is read from it."""
    unread: Unread | None = None
    """Why `preference` is None; None where there is one."""

    @classmethod
    def of(
        cls,
        prompt_id: str,
        first_id: str,
        second_id: str,
        judge: str,
        draw: int,
        raw: str,
        preference: float | None,
        probability: float | None = None,
        completed: bool = False,
        thought: str | None = None,
        unread: Unread | None = None,
    ) -> Self:
        return cls(
            id=digest("pair judgement", prompt_id, first_id, second_id, judge, draw, raw),
            prompt_id=prompt_id,
            first_id=first_id,
            second_id=second_id,
            judge=judge,
            draw=draw,
            raw=raw,
            preference=preference,
            probability=probability,
            completed=completed,
            thought=thought,
            unread=unread,
        )

    def fault(self) -> str | None:
        content = (self.prompt_id, self.first_id, self.second_id, self.judge, self.draw, self.raw)
        if self.id != digest("pair judgement", *content):
            return OTHER_ID
        if self.draw < 0:
            return f"draw {self.draw} is negative"
        if self.preference is None:
            return None
        if self.unread is not None:
            return f"it has a verdict and a reason why it has none ({self.unread})"
        return None if self.preference in (0, 0.5, 1) else f"a preference of {self.preference:g} is not 0, 0.5 or 1"


class MetaJudgement(Record):
    """What a meta-judge said of two judgements of one response, in the order in which it was shown them."""

    id: str
    response_id: str
    first_id: str
    """Of the Judgement shown first."""
    second_id: str
    judge: str
    """Id of the checkpoint that compared them."""
    raw: str
    """All that it wrote, or the votes it gave as JSON."""
    preference: float | None
    """1 = the first is better, 0.5 = neither, 0 = the second is. None: `raw` holds no verdict; it is counted."""
    unread: Unread | None = None
    """Why there is no preference."""

    @classmethod
    def of(
        cls,
        response_id: str,
        first_id: str,
        second_id: str,
        judge: str,
        raw: str,
        preference: float | None,
        unread: Unread | None = None,
    ) -> Self:
        return cls(
            id=digest("meta-judgement", first_id, second_id, judge, raw),
            response_id=response_id,
            first_id=first_id,
            second_id=second_id,
            judge=judge,
            raw=raw,
            preference=preference,
            unread=unread,
        )

    def fault(self) -> str | None:
        if self.id != digest("meta-judgement", self.first_id, self.second_id, self.judge, self.raw):
            return OTHER_ID
        if self.preference not in (None, 0, 0.5, 1):
            return f"a preference of {self.preference:g} is none of 0, 0.5 and 1"
        return None


class JudgementRating(Record):
    """The Elo rating of one judgement among those of its response."""

    judgement_id: str
    response_id: str
    elo: float | None
    """In units of log-odds; the ratings of a response sum to 0. None: no comparison with a winner had it in it."""


class AnswerReward(Record):
    """The number that one answer got from something else than the mean of a judge's scores."""

    response_id: str
    source: str
    """`rules`, `random`, `world`, or the reward model's name."""
    reward: float | None
    """None: it could not be rewarded; such an answer is counted, and in no pair."""


class Sample(Record):
    """An answer that was sampled in online training, and what its training took from it."""

    response_id: str
    step: int
    """Optimiser steps that were made before it was sampled."""
    reward: float | None
    """None: it could not be rewarded; such an answer has no part in the gradient."""
    advantage: float
    """What weighed its gradient: its reward, less the KL penalty where that is taken off, compared with those of the
    prompt's other answers; 0 where it has no reward, or nothing to compare with."""

    def fault(self) -> str | None:
        if self.step < 0:
            return f"step {self.step} is negative"
        if self.reward is None and self.advantage:
            return f"an advantage of {self.advantage:g} without a reward"
        return None


Finish = Literal["stop", "length"]


class AnswerLikelihood(Record):
    """How likely a model finds one answer behind its prompt."""

    response_id: str
    model: str
    """Id of the checkpoint."""
    tokens: int
    """Of the answer's words; the token that ends it is not among them."""
    log_probability: float | None
    """Natural, summed over these tokens. None: the answer does not fit the model's context."""


class RankAgreement(Record):
    """How far two models agree on the order of the answers to one prompt."""

    prompt_id: str
    answers: int
    """Answers that both have rewarded, and that are ranked."""
    tau: float | None
    """Kendall's, -1..1. None: fewer than two answers are ranked."""
    consistency: float | None
    """(tau + 1) / 2, the share of pairs of answers in the same order."""

    def fault(self) -> str | None:
        if self.answers < 0 or (self.tau is None) != (self.answers < 2):
            return f"{self.answers} ranked answers and a tau of {self.tau}"
        expected = None if self.tau is None else (self.tau + 1) / 2
        return None if self.consistency == expected else "its consistency is not (tau + 1) / 2"


class PreferencePair(Growing):
    """Two continuations of one conversation, the better one and the worse one.

    `prompt`, `chosen` and `rejected` have the names and the form of TRL's conversational preference data.
    """

    LATER: ClassVar[tuple[str, ...]] = ("label_weight",)

    id: str
    prompt_id: str
    chosen_id: str
    """Of the Response, Judgement or Demonstration that `chosen` is."""
    rejected_id: str
    chosen_score: float
    rejected_score: float
    margin: float
    """chosen_score - rejected_score, in points of the reward; negative only where `selection.flip` swaps both."""
    prompt: tuple[Message, ...] = ()
    """The conversation up to where both continue it. Empty, as `chosen` and `rejected`, in pairs of an older srlm."""
    chosen: tuple[Message, ...] = ()
    """One turn of the assistant."""
    rejected: tuple[Message, ...] = ()
    chosen_finish: Finish | None = None
    """`length`: the turn was cut at the token limit, and has no end to train on."""
    rejected_finish: Finish | None = None
    chosen_thought: str | None = None
    """What a reasoning model wrote before it; trained on where `model.thoughts` is `train`."""
    rejected_thought: str | None = None
    label_weight: float = 1.0
    """How sure the label is, 0..1: in training this pair has this weight, and the same pair with chosen and rejected
    swapped the rest."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if [len(self.chosen), len(self.rejected)] != [bool(self.prompt)] * 2:
            raise ValueError(
                "a pair must have a prompt and one message each in chosen and rejected, or none of the three"
            )
        return self

    @classmethod
    def of(
        cls, prompt: Prompt, chosen: Response, rejected: Response, chosen_score: float, rejected_score: float
    ) -> Self:
        """Of two answers to a prompt."""
        return cls(
            id=digest("pair", prompt.id, chosen.id, rejected.id),
            prompt_id=prompt.id,
            chosen_id=chosen.id,
            rejected_id=rejected.id,
            chosen_score=chosen_score,
            rejected_score=rejected_score,
            margin=chosen_score - rejected_score,
            prompt=prompt.messages,
            chosen=(Message(role="assistant", content=chosen.text),),
            rejected=(Message(role="assistant", content=rejected.text),),
            chosen_finish=chosen.finish,
            rejected_finish=rejected.finish,
            chosen_thought=chosen.thought,
            rejected_thought=rejected.thought,
        )

    @classmethod
    def of_judgements(
        cls,
        prompt_id: str,
        asked: tuple[Message, ...],
        chosen: Judgement,
        rejected: Judgement,
        chosen_score: float,
        rejected_score: float,
    ) -> Self:
        """Of two judgements of one answer to a prompt; `asked` is what the judge was shown."""
        return cls(
            id=digest("pair", prompt_id, chosen.id, rejected.id),
            prompt_id=prompt_id,
            chosen_id=chosen.id,
            rejected_id=rejected.id,
            chosen_score=chosen_score,
            rejected_score=rejected_score,
            margin=chosen_score - rejected_score,
            prompt=asked,
            chosen=(Message(role="assistant", content=chosen.raw),),
            rejected=(Message(role="assistant", content=rejected.raw),),
            chosen_thought=chosen.thought,
            rejected_thought=rejected.thought,
        )

    def fault(self) -> str | None:
        if self.id != digest("pair", self.prompt_id, self.chosen_id, self.rejected_id):
            return OTHER_ID
        if self.margin != self.chosen_score - self.rejected_score:
            return "its margin is not the difference of its scores"
        if not 0 <= self.label_weight <= 1:
            return f"a label weight of {self.label_weight:g} is not within 0 to 1"
        return None


class Step(Record):
    """One model or data set that a method makes."""

    name: str
    """Also its folder's: `data`, `M0`, `SFT`, `M1`, `M2`, ..."""
    parent: str | None = None
    """The model that its training starts from."""
    role: Literal["data", "base", "baseline", "intermediate", "iteration", "given"]
    """`base` is M0, which is measured where it can answer (RunFolder.not_measured); an iteration's models are M1, M2,
    ...; `intermediate` is a model, or a data set, on the way to one of these, and is not measured; `given` is a model
    that is there, and is measured as it is."""
    number: int = 0
    """t of the iteration that makes M_t, or that an intermediate step is part of; 0 before the loop."""
    shaped_by: tuple[str, ...] = ("",)
    """How the names of the settings begin whose change would make it another; the empty word: all of them."""
    alike_for: tuple[str, ...] = ()
    """How the names of those among them begin that may not change within a run, but differ between two runs which make
    this step alike: M1 is the same whatever `method` follows."""

    def changes_with(self, setting: str) -> bool:
        """Whether another run, in which this setting is another, makes another step of this name."""
        return setting.startswith(self.shaped_by) and not setting.startswith(self.alike_for)


class Checkpoint(Record):
    """One model of a run."""

    name: str
    """`M0`, `SFT`, `M1`, `M2`, ..."""
    parent: str | None
    path: str
    """Folder with config, tokenizer and safetensors; relative to the run's folder unless it is absolute."""
    digest: str
    """SHA-256 of the weight files."""


class FileFact(Record):
    """What a manifest says of one file."""

    sha256: str
    records: int | None = None


class Input(Record):
    """A file, a folder or an entry of the hub that a run is made from, as it was when a step first used it."""

    name: str
    """As the setting has it."""
    revision: str | None = None
    """What was asked for of an entry of the hub; None: its newest."""
    files: dict[str, str] = {}
    """SHA-256 by file: of a model's folder, all that make the model."""
    size: int | None = None
    """Bytes of a file to which lines may be added in mid-run (prompts.path, prompts.source); None: of any other."""
    commit: str | None = None
    """Of an entry of the hub; it is what all later steps read, whatever is published meanwhile."""


class Taken(Record):
    """Where a finished step comes from that another run has made."""

    run: str
    """Folder of the run from which it was taken, as it was named then; it may be gone since."""
    made_in: str
    """Folder of the run that made it: another one where that run had taken it, too."""
    manifest: str
    """SHA-256 of the step's manifest. A step with another one was made anew, here."""


class RunInputs(Growing):
    """What a run is made from besides its settings; RUN/inputs.json."""

    LATER: ClassVar[tuple[str, ...]] = ("taken",)
    date: datetime.date
    """What chat templates with a clock are told: `model.date`, or the day the run began."""
    inputs: dict[str, Input] = {}
    """By the setting that names them."""
    taken: dict[str, Taken] = {}
    """By step, those that were taken from another run."""

    def commit(self, setting: str, name: str | None) -> str | None:
        """The commit at which the run reads an entry of the hub; None where the setting names none, or another."""
        found = self.inputs.get(setting)
        return found.commit if found is not None and found.name == name else None


Count = int | float | str | None | dict[str, int | float | None]


class RunManifest(Record):
    """What one finished step was made from and made; written last, so its presence means done."""

    step: str
    """`data`, `M0`, `SFT`, `M1`, `M2`, ..."""
    settings_digest: str
    seed: int
    versions: dict[str, str]
    commit: str | None
    checkpoint: Checkpoint | None
    inputs: dict[str, FileFact]
    outputs: dict[str, FileFact]
    counts: dict[str, Count]

    @property
    def warnings(self) -> dict[str, str]:
        """What the step's counts warn of, by what it is about: `` the judge's scores, `held-out` its scores there,
        `movement` how far the training moved the model."""
        named = {key.rpartition(": "): value for key, value in self.counts.items()}
        return {about: str(value) for (about, _, last), value in named.items() if last == "warning" and value}
