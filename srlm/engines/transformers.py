"""Text from a checkpoint on this machine, CPU or GPU: KV cache, batches of similar length that fit into memory.

Words that a batch's prompts all begin with (the judge's rubric, a conversation) are read once for all of them.
"""

import logging
from collections.abc import Iterator, Sequence
from itertools import chain, groupby, islice, takewhile
from pathlib import Path
from typing import Any, NamedTuple, Self

import torch
from transformers import DynamicCache, GenerationConfig

from srlm.engines.base import Completion, Request
from srlm.engines.weights import context_of, give_memory_back, load_chat, load_model
from srlm.engines.written import completion, generation_ends
from srlm.records import seed_for
from srlm.settings import ModelSettings, Sampling
from srlm.text.chat import Chat

log = logging.getLogger(__name__)

STRIDE = 16
"""Tokens between two looks for rows that have ended."""
WORTH_SHARING = 32
"""Fewest tokens that are read apart from what follows them: a forward pass more must pay."""


class TransformersEngine:
    """A model in memory as an engine; `load` takes it from a folder or the hub."""

    def __init__(self, model: Any, chat: Chat, id: str, batch_size: int) -> None:
        self._id = id
        self._batch_size = batch_size
        self.chat = chat
        self.tokenizer = chat.tokenizer
        self.model = model
        self._ends = sorted({*chat.ends, *generation_ends(self.model.generation_config)})
        self._longest: int = context_of(self.model.config)

    @classmethod
    def load(cls, path: str | Path, id: str, model: ModelSettings, batch_size: int) -> Self:
        """An engine on a model folder or hub id. Raises ModelError where it lacks a part."""
        chat = load_chat(path, model)
        return cls(load_model(path, model).eval(), chat, id, batch_size)

    @property
    def id(self) -> str:
        return self._id

    @property
    def concurrency(self) -> int:
        """See Engine: one model, one batch at a time."""
        return 1

    def generate(self, requests: Sequence[Request], sampling: Sampling, seed: int) -> list[tuple[Completion, ...]]:
        """See Engine. A prompt that leaves no room for an answer gets the empty text, marked as cut."""
        prompts = [self.chat.prompt_ids(r.messages, r.prefix) for r in requests]
        rooms = [max(0, min(sampling.max_new_tokens, self._longest - len(prompt))) for prompt in prompts]
        written: dict[int, tuple[Completion, ...]] = {}
        limit = self._batch_size
        for number, rows in enumerate(self._batches(requests, prompts, rooms)):
            draws, room = requests[rows[0]].draws, rooms[rows[0]]
            if room == 0:
                written.update({row: (Completion(text="", finish="length", tokens=0),) * draws for row in rows})
                continue
            work = _Work([prompts[row] for row in rows], draws, sampling, room, seed_for(seed, "batch", number))
            drawn, limit = self._within_memory(work, limit)
            for place, row in enumerate(rows):
                written[row] = tuple(drawn[place * draws : (place + 1) * draws])
        return [written[row] for row in range(len(requests))]

    def _within_memory(self, work: "_Work", limit: int) -> tuple[list[Completion], int]:
        """The answers, made at most `limit` rows at a time, and the limit that memory leaves for what comes next.

        It is found anew in every call of `generate`, so that a run that was stopped goes on as if it had not been.
        """
        if work.rows <= limit:
            try:
                return self._draw(work), limit
            except RuntimeError as error:
                limit = self._halved(error, work.rows)
        drawn: list[Completion] = []
        for part in work.halves():
            made, limit = self._within_memory(part, limit)
            drawn += made
        return drawn, limit

    def _halved(self, error: RuntimeError, rows: int) -> int:
        """Half of the rows, where memory did not reach for them (torch.OutOfMemoryError, and what it says on a CPU)."""
        from accelerate.utils.memory import should_reduce_batch_size  # slow to import, and seldom asked

        if rows == 1 or not should_reduce_batch_size(error):
            raise error
        log.warning("%s: memory does not reach for %d rows at once; going on with %d", self.id, rows, rows // 2)
        return rows // 2

    def _batches(
        self, requests: Sequence[Request], prompts: Sequence[Sequence[int]], rooms: Sequence[int]
    ) -> Iterator[list[int]]:
        """Rows of similar prompt length that want equally many draws and have equal room: none is cut for another."""
        order = sorted(range(len(requests)), key=lambda row: (requests[row].draws, len(prompts[row]), row))
        batch: list[int] = []
        for row in order:
            draws, room = requests[row].draws, rooms[row]
            full = (len(batch) + 1) * draws > self._batch_size
            if batch and (full or (requests[batch[0]].draws, rooms[batch[0]]) != (draws, room)):
                yield batch
                batch = []
            batch.append(row)
        if batch:
            yield batch

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def _draw(self, work: "_Work") -> list[Completion]:
        prompts, draws, sampling, room, seed = work
        settings: dict[str, Any] = {"do_sample": False}
        if sampling.temperature > 0:
            settings = {"do_sample": True, "temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": 0}
        config = GenerationConfig(
            eos_token_id=self._ends,
            pad_token_id=self.tokenizer.pad_token_id,
            **settings,
        )
        devices = [self.model.device] if self.model.device.type == "cuda" else []
        copies = draws if sampling.temperature > 0 else 1
        # generate() would read each prompt once a draw; read here, the draws share it.
        ids, mask, cache = self._prefilled(prompts, copies)
        # generate() fills what a request leaves open from the model's own configuration: a top-k, a penalty or a
        # length that nobody asked for. It is put back, for a model in training is saved with it.
        own, self.model.generation_config = self.model.generation_config, GenerationConfig()
        try:
            with torch.random.fork_rng(devices):
                torch.manual_seed(seed)
                new = self._write(ids, mask, cache, config, room)
        finally:
            self.model.generation_config = own
        if sampling.temperature == 0:  # greedy draws are all the same
            new = [row for row in new for _ in range(draws)]
        return [completion(self.chat, prompts[number // draws], row, self._ends) for number, row in enumerate(new)]

    def _prefilled(
        self, prompts: Sequence[Sequence[int]], copies: int
    ) -> tuple[torch.Tensor, torch.Tensor, DynamicCache]:
        """Prompts, each `copies` times, as ids and mask, (rows, length), and the memory of all but the last token."""
        shared = _alike([prompt[:-1] for prompt in prompts])
        if len(prompts) == 1 or shared < WORTH_SHARING:
            shared = 0
        rest = {"input_ids": [prompt[shared:] for prompt in prompts]}
        inputs = self.tokenizer.pad(rest, return_tensors="pt").to(self.model.device)
        head = torch.tensor([prompts[0][:shared]], dtype=torch.long, device=self.model.device)
        cache = self._read(head)
        cache.batch_repeat_interleave(len(prompts))
        # What pads a short prompt stands between the shared words and its own: masked, and left out of the positions.
        ids = torch.cat([head.repeat_interleave(len(prompts), 0), inputs["input_ids"]], 1)
        mask = torch.cat([torch.ones_like(ids[:, :shared]), inputs["attention_mask"]], 1)
        self._read(ids[:, :-1], mask[:, :-1], cache)
        cache.batch_repeat_interleave(copies)
        return ids.repeat_interleave(copies, 0), mask.repeat_interleave(copies, 0), cache

    def _write(
        self, ids: torch.Tensor, mask: torch.Tensor, cache: DynamicCache, config: GenerationConfig, room: int
    ) -> list[list[int]]:
        """Up to `room` new tokens of each row of ids, (rows, length), whose memory but for the last token is `cache`.

        Rows that have ended leave the batch every few tokens: the longest answer would else be paid for by all.
        """
        rows, ends = torch.arange(len(ids), device=ids.device), torch.tensor(self._ends, device=ids.device)
        written: list[list[int]] = [[] for _ in range(len(ids))]
        while room and len(rows):
            config.max_new_tokens = min(STRIDE, room)
            output = self.model.generate(ids, attention_mask=mask, past_key_values=cache, generation_config=config)
            new = output[:, ids.shape[1] :]
            for row, tokens in zip(rows.tolist(), new.tolist(), strict=True):
                written[row] += tokens
            room -= new.shape[1]
            ids, mask = output, torch.cat([mask, mask.new_ones(new.shape)], 1)
            going_on = (~torch.isin(new, ends).any(1)).nonzero()[:, 0]
            if len(going_on) < len(rows):
                rows, ids, mask = rows[going_on], ids[going_on], mask[going_on]
                cache.batch_select_indices(going_on)
        return written

    def score(self, requests: Sequence[Request], continuations: Sequence[Sequence[str]]) -> list[list[float]]:
        """See Engine: sums of token log-probabilities, in nats."""
        scored = [
            self.chat.scored(request.messages, request.prefix, own)
            for request, own in zip(requests, continuations, strict=True)
        ]
        starts, ends = [one.prompt for one in scored], [one.continuations for one in scored]
        together = [list(rows) for _, rows in groupby(range(len(requests)), key=lambda row: requests[row].messages)]
        questions = [_Question.of([starts[row] for row in rows], [ends[row] for row in rows]) for rows in together]
        asked = sorted((n for n, one in enumerate(questions) if one.ends), key=lambda n: (len(questions[n].start), n))
        totals: list[list[float]] = [[] for _ in questions]
        waiting: list[list[int]] = []
        room = 0
        for number in asked:  # as many sequences at once as are drawn at once
            size = len(_stems(questions[number].ends))
            if size > room:
                waiting.append([])
                room = self._batch_size
            waiting[-1].append(number)
            room -= size
        while waiting:
            numbers = waiting.pop()
            try:
                scores = self._score([questions[number] for number in numbers])
            except RuntimeError as error:
                half = self._halved(error, len(numbers))
                waiting += [numbers[:half], numbers[half:]]
            else:
                for number, own in zip(numbers, scores, strict=True):
                    totals[number] = own
        in_order = iter(chain.from_iterable(totals))
        return [list(islice(in_order, len(own))) for own in ends]

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def _score(self, questions: Sequence["_Question"]) -> list[list[float]]:
        device = self.model.device
        starts = [question.start for question in questions]
        # A prompt is read once, and so is all but the last token of continuations that differ in it alone.
        stems = [(row, stem) for row, question in enumerate(questions) for stem in _stems(question.ends)]
        width = max(len(stem) for _, stem in stems) + 1
        _, mask, cache = self._prefilled(starts, 1)
        copied = torch.tensor([row for row, _ in stems], device=device)
        cache.batch_select_indices(copied)
        rows = torch.tensor([[starts[row][-1], *stem] + [0] * (width - 1 - len(stem)) for row, stem in stems]).to(
            device
        )
        # What fills up a short row stands behind it and is never read.
        lengths = torch.tensor([len(stem) + 1 for _, stem in stems], device=device)
        new = (torch.arange(width, device=device) < lengths[:, None]).long()
        mask = torch.cat([mask[copied, :-1], new], 1)
        first = mask[:, :-width].sum(-1, keepdim=True)
        places = first + torch.arange(width, device=device)
        logits = self.model(rows, attention_mask=mask, position_ids=places, past_key_values=cache).logits
        totals = [[0.0] * len(question.ends) for question in questions]
        for (row, stem), own in zip(stems, logits, strict=True):
            logs = own.float().log_softmax(-1)  # (width, words); of all rows at once they would be the most in memory
            for number, (ids, known) in enumerate(zip(questions[row].ends, questions[row].known, strict=True)):
                if tuple(ids[:-1]) == stem:
                    scored = list(enumerate(ids))[known:]
                    totals[row][number] = sum(float(logs[place, token]) for place, token in scored)
        return totals

    def _read(
        self, ids: torch.Tensor, mask: torch.Tensor | None = None, cache: DynamicCache | None = None
    ) -> DynamicCache:
        """The model's memory of prompts, (rows, length), padded where `mask` is 0; `cache` knows how they begin."""
        if cache is None:
            cache = DynamicCache(config=self.model.config)
        known = cache.get_seq_length()
        if ids.shape[1] > known:
            new = slice(known, ids.shape[1])
            places = None if mask is None else (mask.cumsum(-1) - 1).clamp(min=0)[:, new]
            self.model(ids[:, new], attention_mask=mask, position_ids=places, past_key_values=cache, logits_to_keep=1)
        return cache

    def close(self) -> None:
        """Free the weights."""
        del self.model
        give_memory_back()


class _Question(NamedTuple):
    """Continuations of one conversation, which is read once, as far as what was begun of its answers is the same."""

    start: Sequence[int]
    ends: list[Sequence[int]]
    known: list[int]
    """How many tokens of each end were begun already, and are not scored."""

    @classmethod
    def of(cls, starts: Sequence[Sequence[int]], ends: Sequence[Sequence[Sequence[int]]]) -> Self:
        shared = _alike(starts)
        pairs = [(start[shared:], ids) for start, own in zip(starts, ends, strict=True) for ids in own]
        return cls(starts[0][:shared], [[*begun, *ids] for begun, ids in pairs], [len(begun) for begun, _ in pairs])


def _alike(rows: Sequence[Sequence[int]]) -> int:
    """How many tokens all rows begin with."""
    return sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, zip(*rows, strict=False)))


def _stems(continuations: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
    """All but the last token of each continuation, once each."""
    return list(dict.fromkeys(tuple(ids[:-1]) for ids in continuations))


class _Work(NamedTuple):
    """One batch: its prompts' token ids, and what is drawn for each of them."""

    prompts: Sequence[Sequence[int]]
    draws: int
    sampling: Sampling
    room: int
    """New tokens, at most."""
    seed: int

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
