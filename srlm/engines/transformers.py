"""Text from a checkpoint on this machine, CPU or GPU: KV cache, batches of similar length that fit into memory.

Words that a batch's prompts all begin with (the judge's rubric, a conversation) are read once for all of them.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, groupby, islice
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

import torch

from srlm.engines.base import Completion, Request
from srlm.engines.beginnings import common_tokens
from srlm.engines.draws import next_tokens
from srlm.engines.memory import CacheRows, Head, Memory, Way
from srlm.engines.plain_text import TokenText
from srlm.engines.weights import give_memory_back, load_chat, load_model
from srlm.engines.written import completion, generation_ends, used, used_to_score
from srlm.errors import RoomError
from srlm.records import seed_for
from srlm.settings import ModelSettings, Sampling
from srlm.terminal import logger
from srlm.text.chat import Chat
from srlm.text.counts import counted
from srlm.usage import count

log = logger(__name__)

T = TypeVar("T")

STRIDE = 16
"""Tokens between two looks for rows that have ended."""


class TransformersEngine:
    """A model in memory as an engine; `load` takes it from a folder or the hub. `autocast` as in `Memory`."""

    def __init__(self, model: Any, chat: Chat, id: str, batch_size: int, autocast: bool = False) -> None:
        self._id = id
        self.batch_size = batch_size
        self.chat = chat
        self.tokenizer = chat.tokenizer
        self.model = model
        own = generation_ends(self.model.generation_config)
        self.ends = sorted({*chat.ends, *own})
        """Tokens that end an answer."""
        self.text_ends = sorted({self.tokenizer.eos_token_id, *own})
        """Tokens that end a plain text."""
        self.memory = Memory(model, self.tokenizer.pad_token_id, autocast)
        self._longest = self.memory.longest

    @classmethod
    def load(cls, path: str | Path, id: str, model: ModelSettings, batch_size: int) -> Self:
        """An engine on a model folder or hub id. Raises ModelError where it lacks a part."""
        chat = load_chat(path, model)
        return cls(load_model(path, model).eval(), chat, id, batch_size)

    @property
    def id(self) -> str:
        return self._id

    @property
    def way(self) -> Way:
        """How rows are read together on this architecture (srlm/engines/memory.py)."""
        way: Way = self.memory.way
        return way

    @property
    def concurrency(self) -> int:
        """See Engine: one model, one batch at a time."""
        return 1

    def plain_text(self) -> TokenText:
        """See HasText."""
        from srlm.engines.transformers_text import transformers_text

        return transformers_text(self)

    def generate(self, requests: Sequence[Request], sampling: Sampling, seed: int) -> list[tuple[Completion, ...]]:
        """See Engine. A prompt that leaves no room for an answer gets the empty text, marked as cut."""
        prompts = [self.chat.prompt_ids(r.messages, r.prefix) for r in requests]
        drawn = self.draw_ids(prompts, [request.draws for request in requests], sampling, seed)
        answers = [
            tuple(
                completion(self.chat, prompt, ids, self.ends) if ids else Completion(text="", finish="length", tokens=0)
                for ids in own
            )
            for prompt, own in zip(prompts, drawn, strict=True)
        ]
        count(used(prompts, answers, sampling))
        return answers

    def draw_ids(
        self, prompts: Sequence[Sequence[int]], draws: Sequence[int], sampling: Sampling, seed: int
    ) -> list[list[list[int]]]:
        """So many draws of new token ids behind each prompt's; none count from the first of `ends` on, and there are
        none at all where the prompt leaves no room."""
        rooms = [max(0, min(sampling.max_new_tokens, self._longest - len(prompt))) for prompt in prompts]
        written: dict[int, list[list[int]]] = {}
        limit = self.batch_size
        for number, rows in enumerate(self._batches(draws, prompts, rooms)):
            copies, room = draws[rows[0]], rooms[rows[0]]
            if room == 0:
                written.update({row: [[] for _ in range(copies)] for row in rows})
                continue
            asked = [prompts[row] for row in rows]
            work = Work(asked, copies, sampling, room, seed_for(seed, "batch", number), tuple(self.ends))
            drawn, limit = self.within_memory(work, limit)
            for place, row in enumerate(rows):
                written[row] = drawn[place * copies : (place + 1) * copies]
        return [written[row] for row in range(len(prompts))]

    def within_memory(self, work: "Work", limit: int) -> tuple[list[list[int]], int]:
        """The new tokens, made at most `limit` rows at a time, and the limit that memory leaves for what comes next.

        It is found anew in every call of `generate`, so that a run that was stopped goes on as if it had not been.
        """
        if work.rows <= limit:
            try:
                return self._draw(work), limit
            except RuntimeError as error:
                limit = self.halved(error, work.rows)
        drawn: list[list[int]] = []
        for part in work.halves():
            generated, limit = self.within_memory(part, limit)
            drawn += generated
        return drawn, limit

    def halved(self, error: RuntimeError, rows: int) -> int:
        """Half of the rows, where memory did not reach for them (torch.OutOfMemoryError, and what it says on a CPU)."""
        from accelerate.utils.memory import should_reduce_batch_size  # slow to import, and seldom asked

        if rows == 1 or not should_reduce_batch_size(error):
            raise error
        log.warning("%s: out of memory at batch size %d; retrying with %d", self.id, rows, rows // 2)
        return rows // 2

    def _batches(
        self, draws: Sequence[int], prompts: Sequence[Sequence[int]], rooms: Sequence[int]
    ) -> Iterator[list[int]]:
        """Rows of similar prompt length that want equally many draws, have equal room (none is cut for another) and may
        be read together."""
        order = sorted(range(len(prompts)), key=lambda row: (draws[row], len(prompts[row]), row))
        return batches(
            order,
            lambda row: (draws[row], rooms[row], self.memory.alike(len(prompts[row]), rooms[row])),
            lambda row: draws[row],
            self.batch_size,
        )

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def _draw(self, work: "Work") -> list[list[int]]:
        """`draws` rows of new tokens a prompt."""
        draws, sampling = work.draws, work.sampling
        # Each prompt is read once; its draws share what was read.
        rows = self.memory.read(work.prompts, work.room, draws if sampling.temperature > 0 else 1, work.head)
        devices = [self.model.device] if self.model.device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            torch.manual_seed(work.seed)
            new = self._write(rows, work)
        # Greedy draws are all the same.
        return [row for row in new for _ in range(draws)] if sampling.temperature == 0 else new

    def _write(self, rows: CacheRows, work: "Work") -> list[list[int]]:
        """Up to `room` new tokens of each row.

        Rows that have ended leave the batch every few tokens: the longest answer would else be paid for by all.
        """
        sampling, room = work.sampling, work.room
        device = rows.ids.device
        ends = torch.tensor(work.ends, device=device)
        numbers, ended = (
            torch.arange(len(rows.ids), device=device),
            torch.zeros(len(rows.ids), dtype=bool, device=device),
        )
        written: list[list[int]] = [[] for _ in range(len(rows.ids))]
        while room and len(numbers):
            start = rows.ids.shape[1]
            for _ in range(min(STRIDE, room)):
                tokens = next_tokens(rows.ids, rows.following().float(), sampling)
                tokens = tokens.masked_fill(ended, self.tokenizer.pad_token_id)
                rows.write(tokens)
                ended |= torch.isin(tokens, ends)
                if ended.all():
                    break
            new = rows.ids[:, start:]
            for row, tokens in zip(numbers.tolist(), new.tolist(), strict=True):
                written[row] += tokens
            room -= new.shape[1]
            if work.stopped is not None:
                for place, row in enumerate(numbers.tolist()):
                    ended[place] |= work.stopped(written[row])
            if ended.any():
                going_on = (~ended).nonzero()[:, 0]
                rows.keep(going_on)
                numbers, ended = numbers[going_on], ended[going_on]
        return written

    def loglikelihood(self, requests: Sequence[Request], continuations: Sequence[Sequence[str]]) -> list[list[float]]:
        """See Engine: sums of token log-probabilities, in nats."""
        scored = [
            self.chat.scored(request.messages, request.prefix, own)
            for request, own in zip(requests, continuations, strict=True)
        ]
        starts, ends = [one.prompt for one in scored], [one.continuations for one in scored]
        for start, own in zip(starts, ends, strict=True):
            if any(len(start) + len(ids) > self._longest for ids in own):
                raise RoomError(
                    f"{self._id}: no room for a continuation in {counted(self._longest, 'tokens')} of context"
                )
        count(used_to_score(starts, ends))
        together = [list(rows) for _, rows in groupby(range(len(requests)), key=lambda row: requests[row].messages)]
        questions = [_Question.of([starts[row] for row in rows], [ends[row] for row in rows]) for rows in together]
        asked = sorted((n for n, one in enumerate(questions) if one.ends), key=lambda n: (len(questions[n].start), n))
        totals: list[list[float]] = [[] for _ in questions]
        # As many sequences at once as are drawn at once.
        cut = batches(asked, lambda number: None, lambda number: len(stems_of(questions[number].ends)), self.batch_size)
        for numbers, scores in self.in_parts(cut, lambda some: self._score([questions[number] for number in some])):
            for number, own in zip(numbers, scores, strict=True):
                totals[number] = own
        in_order = iter(chain.from_iterable(totals))
        return [list(islice(in_order, len(own))) for own in ends]

    def in_parts(self, parts: Iterable[list[int]], work: Callable[[list[int]], T]) -> Iterator[tuple[list[int], T]]:
        """Each part, the last one first, with what `work` makes of it; where memory does not reach for one, its
        halves."""
        waiting = list(parts)
        while waiting:
            some = waiting.pop()
            try:
                found = work(some)
            except RuntimeError as error:
                half = self.halved(error, len(some))
                waiting += [some[:half], some[half:]]
            else:
                yield some, found

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def _score(self, questions: Sequence["_Question"]) -> list[list[float]]:
        # A prompt is read once, and so is all but the last token of continuations that differ in it alone.
        stems = [(row, stem) for row, question in enumerate(questions) for stem in stems_of(question.ends)]
        totals = [[0.0] * len(question.ends) for question in questions]
        every = self.memory.behind([question.start for question in questions], stems)
        for (row, stem), own in zip(stems, every, strict=True):
            logs = own.float().log_softmax(-1)  # (width, words); of all rows at once they would be the most in memory
            for number, (ids, known) in enumerate(zip(questions[row].ends, questions[row].known, strict=True)):
                if tuple(ids[:-1]) == stem:
                    scored = list(enumerate(ids))[known:]
                    totals[row][number] = sum(float(logs[place, token]) for place, token in scored)
        return totals

    def close(self) -> None:
        """Free the weights."""
        del self.model, self.memory
        give_memory_back()


class _Question(NamedTuple):
    """Continuations of one conversation, which is read once, as far as what was begun of its answers is the same."""

    start: Sequence[int]
    ends: list[Sequence[int]]
    known: list[int]
    """How many tokens of each end were begun already, and are not scored."""

    @classmethod
    def of(cls, starts: Sequence[Sequence[int]], ends: Sequence[Sequence[Sequence[int]]]) -> Self:
        shared = common_tokens(starts)
        pairs = [(start[shared:], ids) for start, own in zip(starts, ends, strict=True) for ids in own]
        return cls(starts[0][:shared], [[*begun, *ids] for begun, ids in pairs], [len(begun) for begun, _ in pairs])


def stems_of(continuations: Iterable[Sequence[int]]) -> list[tuple[int, ...]]:
    """All but the last token of each continuation, once each."""
    return list(dict.fromkeys(tuple(ids[:-1]) for ids in continuations))


def batches(
    rows: Iterable[int], kind: Callable[[int], object], size: Callable[[int], int], most: int
) -> Iterator[list[int]]:
    """The rows, in their order, in batches of one kind each and of `most` sequences, `size` of a row."""
    batch: list[int] = []
    room, first = most, None
    for row in rows:
        if batch and (kind(row) != first or size(row) > room):
            yield batch
            batch, room = [], most
        first = kind(row)
        batch.append(row)
        room -= size(row)
    if batch:
        yield batch


class Work(NamedTuple):
    """One batch: its prompts' token ids, and what is drawn for each of them."""

    prompts: Sequence[Sequence[int]]
    draws: int
    sampling: Sampling
    room: int
    """New tokens, at most."""
    seed: int
    ends: tuple[int, ...]
    """Tokens that end a row."""
    head: Head | None = None
    """What all prompts begin with, where it was read before."""
    stopped: Callable[[list[int]], bool] | None = None
    """Whether new tokens hold what ends a row, beside the tokens that do; asked every few tokens."""

    @property
    def rows(self) -> int:
        """Sequences that are in memory at once."""
        return len(self.prompts) * (self.draws if self.sampling.temperature > 0 else 1)

    def halves(self) -> tuple[Self, Self]:
        """Half of the prompts each or, of one prompt, half of its draws; with seeds of their own."""
        seeds = seed_for(self.seed, "half", 0), seed_for(self.seed, "half", 1)
        if len(self.prompts) > 1:
            half = len(self.prompts) // 2
            parts = self.prompts[:half], self.prompts[half:]
            return self._replace(prompts=parts[0], seed=seeds[0]), self._replace(prompts=parts[1], seed=seeds[1])
        half = self.draws // 2
        return self._replace(draws=half, seed=seeds[0]), self._replace(draws=self.draws - half, seed=seeds[1])
