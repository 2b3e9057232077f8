"""Judgements of two answers, kept as records: sampled ones, to be trained on, and a judge's opinions.

`PairSampler` draws N verdicts of each pair, in words or as the letter alone. `kept_opinions` asks any pairwise judge
once, as an evaluation asks it.
"""

import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path

from srlm.engines.base import Completion, Engine, Request
from srlm.errors import CapabilityError
from srlm.judge.chances import chances, meant, prefix_for
from srlm.judge.pairwise import PairItem, PairwiseJudge, opinion_of, parse
from srlm.judge.pointwise import BLOCK, Report, quiet
from srlm.judge.unread import parted, why_unread
from srlm.records import PairJudgement, Prompt, Record, Response, Unread, seed_for, user
from srlm.settings import Sampling
from srlm.store.files import resumable
from srlm.text.pair_prompt import LEAD, PairTemplate
from srlm.usage import judging

Watch = Callable[[Sequence[PairJudgement]], None]
"""Shown judgements, in their order, as they are made (`srlm.store.files.resumable`); what it raises ends the stage."""


class ShownPair(Record):
    """Two responses to one prompt, in the order in which a judge sees them."""

    prompt: Prompt
    first: Response
    second: Response

    @property
    def turned(self) -> "ShownPair":
        """The same with the second response shown first."""
        return ShownPair(prompt=self.prompt, first=self.second, second=self.first)

    @property
    def item(self) -> PairItem:
        """What the judge is shown of it."""
        return PairItem(prompt=self.prompt.transcript, first=self.first.text, second=self.second.text)

    def asked(self, template: PairTemplate) -> str:
        """The judge's whole prompt."""
        return template.prompt(self.prompt.transcript, self.first.text, self.second.text)


def judges_pair(shown: ShownPair, judgement: PairJudgement) -> bool:
    """Whether it is a judgement of this pair, in this order."""
    there = (shown.prompt.id, shown.first.id, shown.second.id)
    return there == (judgement.prompt_id, judgement.first_id, judgement.second_id)


class PairSampler:
    """A language model of which several verdicts on each pair are sampled.

    A template that asks for one letter is answered by its letter alone, drawn from the model's own probabilities of
    both at the sampling's temperature; where the engine has none, or both are as good as impossible, the model writes.
    A verdict is read from its words alone; what is cut, unclear or names both has none and the reason. With `complete`
    a judge that gave no verdict is made to give its letter, behind `[[` where the template asks for words, however
    unlikely both letters are. Those are marked.
    """

    def __init__(self, engine: Engine, template: PairTemplate, sampling: Sampling, complete: bool = False) -> None:
        self._engine, self._template, self._sampling, self._complete = engine, template, sampling, complete

    def judge(
        self,
        pairs: Sequence[ShownPair],
        draws: int,
        seed: int,
        path: Path,
        report: Report = quiet,
        block: int = BLOCK,
        watch: Watch | None = None,
    ) -> Sequence[PairJudgement]:
        """`draws` judgements of each pair, in order; kept in `path`, `block` pairs at a time."""

        def work(chunk: Sequence[ShownPair], index: int) -> list[PairJudgement]:
            with judging():
                return self._draw(chunk, draws, seed_for(seed, "pair judgements", index))

        return resumable(
            path,
            PairJudgement,
            pairs,
            work,
            per_item=draws,
            block=block,
            report=report,
            concurrency=lambda: self._engine.concurrency,
            belongs=judges_pair,
            watch=watch,
        )

    def _draw(self, pairs: Sequence[ShownPair], draws: int, seed: int) -> list[PairJudgement]:
        requests = [Request(messages=user(pair.asked(self._template)), draws=draws) for pair in pairs]
        found: dict[tuple[int, int], PairJudgement] = {}
        if self._template.form == "letter":
            for row, logs in self._letters(requests).items():
                if self._complete or meant(logs):
                    for draw in range(draws):
                        found[row, draw] = self._lettered(pairs[row], draw, logs, seed_for(seed, row, draw))
        silent = [row for row in range(len(pairs)) if (row, 0) not in found]
        written = self._engine.generate([requests[row] for row in silent], self._sampling, seed) if silent else []
        words = {
            (row, draw): parted(completion)
            for row, own in zip(silent, written, strict=True)
            for draw, completion in enumerate(own)
        }
        for (row, draw), completion in words.items():
            opinion = parse(completion, self._template.read)
            found[row, draw] = self._judgement(
                pairs[row], draw, opinion.raw, opinion.preference, thought=completion.thought, unread=opinion.unread
            )
        if self._complete:
            found |= self._completed(pairs, requests, words, found, seed_for(seed, "completed"))
        return [found[row, draw] for row in range(len(pairs)) for draw in range(draws)]

    def _letters(self, requests: Sequence[Request]) -> dict[int, list[float]]:
        """Row -> log-probabilities of both labels; without those for which there is no room. Empty: the engine has
        none."""
        texts = [text for label in self._template.labels for text in (label, f" {label}")]
        try:
            every = chances(self._engine, requests, texts)
        except CapabilityError:
            return {}
        return {row: logs for row, logs in enumerate(every) if logs is not None}

    def _lettered(self, pair: ShownPair, draw: int, logs: Sequence[float], seed: int) -> PairJudgement:
        first, chance = drawn_letter(logs, self._sampling.temperature, seed)
        if first is None:
            return self._judgement(pair, draw, "", None, unread="no verdict")
        raw = self._template.labels[0 if first else 1]
        return self._judgement(pair, draw, raw, float(first), probability=chance, completed=not meant(logs))

    def _completed(
        self,
        pairs: Sequence[ShownPair],
        requests: Sequence[Request],
        words: "dict[tuple[int, int], Completion]",
        found: "dict[tuple[int, int], PairJudgement]",
        seed: int,
    ) -> dict[tuple[int, int], PairJudgement]:
        """Those that wrote no verdict, with the letter that they were made to give."""
        if self._template.form != "verdict":
            return {}
        open_ended = {
            place: prefix_for(found[place].raw, LEAD)
            for place, completion in words.items()
            if found[place].unread == "no verdict"
            or (why_unread(completion) == "cut" and self._template.read(completion.text).unread == "no verdict")
        }
        asked = [Request(messages=requests[row].messages, prefix=prefix) for (row, _), prefix in open_ended.items()]
        try:
            every = chances(self._engine, asked, list(self._template.labels)) if asked else []
        except CapabilityError:
            return {}
        made = {}
        for (place, prefix), logs in zip(open_ended.items(), every, strict=True):
            if logs is None:
                continue
            both = [logs[0], -math.inf, logs[1], -math.inf]
            first, chance = drawn_letter(both, self._sampling.temperature, seed_for(seed, *place))
            if first is None:
                continue
            raw = f"{prefix}{self._template.labels[0 if first else 1]}]]"
            made[place] = self._judgement(
                pairs[place[0]],
                place[1],
                raw,
                float(first),
                probability=chance,
                completed=True,
                thought=found[place].thought,
            )
        return made

    def _judgement(
        self,
        pair: ShownPair,
        draw: int,
        raw: str,
        preference: float | None,
        *,
        probability: float | None = None,
        completed: bool = False,
        thought: str | None = None,
        unread: Unread | None = None,
    ) -> PairJudgement:
        return PairJudgement.of(
            pair.prompt.id,
            pair.first.id,
            pair.second.id,
            self._engine.id,
            draw,
            raw,
            preference,
            probability,
            completed,
            thought,
            unread,
        )


def drawn_letter(logs: Sequence[float], temperature: float, seed: int) -> tuple[bool | None, float | None]:
    """Whether the first label is drawn, and its probability where only both can be said.

    `logs`: natural log-probabilities of the first label written in two ways, then of the second. At a temperature T the
    odds are raised to 1 / T; at 0 the likelier one is taken, the first of equals. None: the engine gave no numbers.
    """
    import numpy as np

    chance = opinion_of(float(np.logaddexp(logs[0], logs[1])), float(np.logaddexp(logs[2], logs[3]))).probability
    if chance is None:
        return None, None
    if temperature == 0 or chance in (0, 1):
        return chance >= 0.5, chance
    odds = math.log(chance / (1 - chance)) / temperature
    return random.Random(seed).random() < 1 / (1 + math.exp(-max(-700.0, min(700.0, odds)))), chance


def kept_opinions(
    judge: PairwiseJudge,
    pairs: Sequence[ShownPair],
    seed: int,
    path: Path,
    report: Report = quiet,
    block: int = BLOCK,
    watch: Watch | None = None,
) -> Sequence[PairJudgement]:
    """What a pairwise judge says of each pair, asked once; kept in `path`, `block` pairs at a time."""

    def work(chunk: Sequence[ShownPair], index: int) -> list[PairJudgement]:
        said = judge.compare([pair.item for pair in chunk], seed_for(seed, "opinions", index))
        return [
            PairJudgement.of(
                pair.prompt.id,
                pair.first.id,
                pair.second.id,
                judge.id,
                0,
                opinion.raw,
                opinion.preference,
                opinion.probability,
                unread=opinion.unread or ("no verdict" if opinion.preference is None else None),
            )
            for pair, opinion in zip(chunk, said, strict=True)
        ]

    return resumable(
        path,
        PairJudgement,
        pairs,
        work,
        per_item=1,
        block=block,
        report=report,
        concurrency=lambda: judge.concurrency,
        belongs=judges_pair,
        watch=watch,
    )
