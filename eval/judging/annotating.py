"""A judge's preferences between a model's outputs and the baseline's, from whoever judges.

A server, or a model on this machine that is asked for the probability of either verdict token. Both go through the
store of calls and the annotator's own parser, so what was said once is never asked again.
"""

import json
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

from srlm.engines.base import Engine, Request
from srlm.engines.once import Once
from srlm.engines.openai.calls import Answer, Call, CallStore, Failure, lacking
from srlm.engines.openai.client import Client
from srlm.engines.openai.cost import Budget, paid, price_of
from srlm.engines.openai.endpoint import Endpoint
from srlm.engines.openai.origin import Origin
from srlm.errors import SettingsError
from srlm.judge.open import local_model
from srlm.records import Message, digest
from srlm.settings import PairSettings, Price
from srlm.terminal import logger
from srlm.text.counts import counted

from ..records import Annotation, annotation_id
from .annotator import Annotator, OutputPair

log = logger(__name__)

Report = Callable[[int, int], None]
Said = Answer | Failure | None


class Ask(Protocol):
    """Whatever gets an answer to each call; None: not asked, for the budget is spent."""

    def ask(self, calls: Sequence[Call], report: Report) -> list[Said]: ...


class AnnotatingJudge(NamedTuple):
    """Who judges, and by which annotator."""

    annotator: Annotator
    service: str
    """`openai`, `azure`, `compatible`, or `engine` for a model on this machine."""
    model: str
    settings: dict[str, Any]
    """As they are sent."""
    ask: Ask
    price: Price | None
    close: Callable[[], None] = lambda: None
    manner: str = ""
    """How its verdicts are put together where not one call decides a pair: `both orders`, `3 draws`; part of its id."""
    official: bool = False
    """Whether the provider itself is asked: only there does a model's name say which model answers."""
    origin: Origin | None = None
    """Whose answers the store is asked for, where that is known before anything is sent."""

    @property
    def id(self) -> str:
        """The annotator's own name where it is asked as alpaca_eval asks it: then its figures are comparable."""
        official = self.official and self.model == self.annotator.model
        name = self.annotator.name if official else f"{self.model} ({self.annotator.name})"
        return f"{name}, {self.manner}" if self.manner else name

    def call(self, instruction: str, first: str, second: str, draw: int = 0) -> Call:
        """The question which of two outputs is better."""
        return Call(
            service=self.service,
            model=self.model,
            messages=self.annotator.messages(instruction, first, second),
            settings=self.settings,
            template=self.annotator.template,
            draw=draw,
        )


def open_judge(
    spec: str,
    annotator: Annotator,
    endpoint: Endpoint,
    store: CallStore,
    price: Price | None,
    most: float | None,
    reasoning: PairSettings | None = None,
) -> AnnotatingJudge:
    """The judge a specification names: `openai`, `openai:MODEL` or `hf:DIR_OR_ID` (`transformers:`).

    `price` None: that of the price list, where it has the model. `reasoning`: how a judge that reasons is asked, with
    room for its thought; None: as the annotator's own settings say. Raises SettingsError where there is no such judge.
    """
    kind, _, name = spec.partition(":")
    match kind:
        case "openai":
            model = name or annotator.model
            settings = dict(annotator.settings)
            if reasoning is not None:
                settings["max_tokens"] = reasoning.thought_tokens
                if reasoning.reasoning_effort is not None:
                    settings["reasoning_effort"] = reasoning.reasoning_effort
            if endpoint.service != "compatible" and model != annotator.model:
                # The limit's newer name, without which newer models refuse.
                settings["max_completion_tokens"] = settings.pop("max_tokens")
            price = price or price_of(endpoint.provider, model)
            client = Client(endpoint, store, Budget(price, most), lambda answer: annotator.read(answer.choice).missing)
            official = endpoint.official or endpoint.service == "azure"
            origin = store.last_origin(endpoint.address, model)
            return AnnotatingJudge(
                annotator, endpoint.service, model, settings, client, price, client.close,
                official=official, origin=origin,
            )  # fmt: skip
        case "hf" | "transformers" if name:
            local = LocalAsker.open(name, annotator, store)
            settings = {**local.facts, "verdicts": local.verdicts}
            return AnnotatingJudge(
                annotator, "engine", local.name, settings, local, Price(input=0, output=0), local.close
            )
    raise SettingsError(f"--judge {spec!r} is not one of openai, openai:MODEL, hf:DIR, file:ANNOTATIONS.json")


class LocalAsker:
    """A model on this machine: the probability it gives to either verdict token, in the form a server would answer."""

    def __init__(
        self,
        engine: Callable[[], Engine],
        verdicts: tuple[str, str],
        store: CallStore,
        name: str,
        facts: Mapping[str, str],
    ) -> None:
        self._engine, self._store = Once(engine), store
        self.verdicts, self.name, self.facts = verdicts, name, facts

    @classmethod
    def open(cls, name: str, annotator: Annotator, store: CallStore) -> "LocalAsker":
        """From a model's folder or the hub. Raises SettingsError where the annotator reads words and no tokens."""
        from srlm.engines.transformers import TransformersEngine
        from srlm.engines.weights import called

        if annotator.verdicts is None:
            raise SettingsError(
                f"annotator {annotator.name} parses text; a local judge needs one that reads token probabilities"
            )
        local = local_model(name)
        short = called(local.place)
        load = partial(TransformersEngine.load, local.place, short, local.settings, 1)
        return cls(load, annotator.verdicts, store, short, local.facts)

    def ask(self, calls: Sequence[Call], report: Report = lambda done, total: None) -> list[Said]:
        said: list[Said] = []
        for number, call in enumerate(calls, 1):
            found = self._store.answers([call.key]).get(call.key)
            if found is None:
                if self._store.replay:
                    raise lacking(self._store, call)
                found = self._scored(call)
                self._store.put(call, found)
            said.append(found)
            report(number, len(calls))
        return said

    def _scored(self, call: Call) -> Answer:
        began = time.monotonic()
        messages = tuple(Message(role=turn["role"], content=turn["content"]) for turn in call.messages)
        (scores,) = self._engine().loglikelihood([Request(messages=messages)], [self.verdicts])
        # A probability of 0 has a log that no JSON holds; the parser takes a token that is not there for it.
        top: list[dict[str, Any]] = [
            {"token": token, "logprob": score}
            for token, score in zip(self.verdicts, scores, strict=True)
            if math.isfinite(score)
        ]
        written = max(top, key=lambda one: one["logprob"], default={"token": "", "logprob": 0.0})
        choice = {
            "index": 0,
            "finish_reason": "length",
            "message": {"role": "assistant", "content": written["token"]},
            "logprobs": {"content": [{**written, "top_logprobs": top}]},
        }
        return Answer(
            choice=choice, prompt_tokens=None, completion_tokens=None, seconds=time.monotonic() - began, attempts=1
        )

    def close(self) -> None:
        self._engine.close()


class Question(NamedTuple):
    """One pair in one order."""

    pair: OutputPair
    switched: bool | None
    """Whether the model's output is shown first; None: the outputs are the same words, and nobody is asked."""
    draw: int = 0


def questions(
    annotator: Annotator, pairs: Sequence[OutputPair], both_orders: bool = False, draws: int = 1
) -> list[Question]:
    """What is asked: every pair in alpaca_eval's own order, or in both, `draws` times."""
    order = annotator.switched([pair.instruction for pair in pairs])
    asked = []
    for pair, switched in zip(pairs, order, strict=True):
        if pair.output == pair.baseline:
            asked.append(Question(pair, None))
            continue
        orders = (switched, not switched) if both_orders else (switched,)
        asked += [Question(pair, shown, draw) for draw in range(draws) for shown in orders]
    return asked


def calls_of(judge: AnnotatingJudge, asked: Sequence[Question]) -> list[Call]:
    """The calls behind questions; none for outputs of the same words."""
    calls = []
    for pair, switched, draw in asked:
        if switched is not None:
            first, second = (pair.output, pair.baseline) if switched else (pair.baseline, pair.output)
            calls.append(judge.call(pair.instruction, first, second, draw))
    return calls


def annotate(
    judge: AnnotatingJudge,
    asked: Sequence[Question],
    model: str,
    baseline: str,
    report: Report = lambda done, total: None,
) -> list[Annotation]:
    """What the judge says to each question; see annotations_of."""
    return annotations_of(judge, asked, judge.ask.ask(calls_of(judge, asked), report), model, baseline)


class KnownAnswers(NamedTuple):
    """Answers that were asked for before, as an Ask."""

    said: Mapping[str, Said]
    """By the key of the call."""

    def ask(self, calls: Sequence[Call], report: Report = lambda done, total: None) -> list[Said]:
        report(len(calls), len(calls))
        return [self.said[call.key] for call in calls]


def by_prompt(asked: Sequence[Sequence[Question]], order: Sequence[str]) -> list[Question]:
    """The questions about several models, prompt by prompt, in the order of these ids."""
    found: dict[str, list[Question]] = {}
    for questions_of_one in asked:
        for question in questions_of_one:
            found.setdefault(question.pair.prompt_id, []).append(question)
    return [question for id in order for question in found.get(id, ())]


def asked_by_prompt(
    judge: AnnotatingJudge, asked: Sequence[Sequence[Question]], order: Sequence[str], report: Report
) -> AnnotatingJudge:
    """The judge with all questions about several models asked: prompt by prompt, in the order of these ids.

    What a budget lets through is then the same prompts of every model.
    """
    calls = calls_of(judge, by_prompt(asked, order))
    said = judge.ask.ask(calls, report)
    return judge._replace(ask=KnownAnswers({call.key: one for call, one in zip(calls, said, strict=True)}))


def annotations_of(
    judge: AnnotatingJudge, asked: Sequence[Question], answers: Sequence[Said], model: str, baseline: str
) -> list[Annotation]:
    """The annotations that follow from the answers to `calls_of(judge, asked)`.

    Questions that the budget held back are left out. So are, from the first of these on, the draws of equal outputs,
    which cost nothing: a sample that holds all of them and few others is none.
    """
    said = iter(answers)
    found = []
    held = False
    letters = Counter[str]()
    for question in asked:
        pair, switched = question.pair, question.switched
        answer = None if switched is None else next(said)
        held = held or (switched is not None and answer is None)
        if answer is None and (held or switched is not None):
            continue
        fields = (
            {"preference": 0.5, "price": 0.0} if answer is None else _fields_of(judge, answer, bool(switched), letters)
        )
        known = {"prompt_id": pair.prompt_id, "model": model, "baseline": baseline, "judge": judge.id}
        id = annotation_id(pair.prompt_id, pair.output, pair.baseline, judge.id, switched, question.draw)
        found.append(
            Annotation.model_validate({"id": id, "draw": question.draw, "switched": switched, **known, **fields})
        )
    if letters["letter"] and not any(question.draw for question in asked):
        log.warning(
            "%s: %d of %s the letter written, 0 or 1: the server gave no log-probabilities of use; "
            "sample several (--votes N)",
            judge.id, letters["letter"], counted(letters.total(), "preferences are"),
        )  # fmt: skip
    return found


def _fields_of(judge: AnnotatingJudge, said: Answer | Failure, switched: bool, letters: Counter[str]) -> dict[str, Any]:
    """The fields of an annotation that come from the judge; `letters` counts what its preferences are read by."""
    if isinstance(said, Failure):
        return {"preference": None, "missing": said.kind, "raw": said.words}
    read = judge.annotator.read(said.choice)
    preference = 1 - read.second if read.second is not None and switched else read.second
    letters[read.by] += read.second is not None
    local = judge.service == "engine"
    return {
        "preference": preference,
        "missing": read.missing,
        "raw": json.dumps(said.choice),
        "price": 0.0 if local else paid(said, judge.price),
        "seconds": said.seconds,
    }


def in_both_orders(annotations: Sequence[Annotation]) -> list[Annotation]:
    """One annotation a prompt and draw: the mean preference of both orders; missing where either is."""
    groups: dict[tuple[str, int], list[Annotation]] = {}
    for one in annotations:
        groups.setdefault((one.prompt_id, one.draw), []).append(one)
    return [_joined(group) for group in groups.values() if len(group) == 2 or group[0].switched is None]


def _joined(group: Sequence[Annotation]) -> Annotation:
    known = [one.preference for one in group if one.preference is not None]
    amounts = [one.price for one in group if one.price is not None]
    first = group[0].model_dump() | {
        "id": digest("annotation in both orders", *(one.id for one in group)),
        "switched": None,
        "raw": None if group[0].raw is None else json.dumps([one.raw for one in group]),
        "preference": sum(known) / len(known) if len(known) == len(group) else None,
        "missing": next((one.missing for one in group if one.missing), None),
        "price": sum(amounts) if len(amounts) == len(group) else None,
    }
    return Annotation.model_validate(first)


def flips(annotations: Sequence[Annotation]) -> list[tuple[str, bool]]:
    """Of each prompt read in both orders: its id, and whether the order decided which output is preferred."""
    groups: dict[tuple[str, int], list[float]] = {}
    for one in annotations:
        if one.switched is not None and one.preference is not None:
            groups.setdefault((one.prompt_id, one.draw), []).append(one.preference)
    return [(id, (said[0] - 0.5) * (said[1] - 0.5) < 0) for (id, _), said in groups.items() if len(said) == 2]
