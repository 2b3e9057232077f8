"""Text from a checkpoint on this machine, CPU or GPU: left padding, KV cache, batches of similar length."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from transformers import DynamicCache, GenerationConfig

from srlm.engines.base import Completion, Request
from srlm.engines.weights import load_model, load_tokenizer
from srlm.records import seed_for
from srlm.settings import ModelSettings, Sampling
from srlm.text.chat import prompt_ids

STRIDE = 16
"""Tokens between two looks for rows that have ended."""


class TransformersEngine:
    """A model in memory as an engine; `load` takes it from a folder or the hub."""

    def __init__(self, model: Any, tokenizer: Any, id: str, batch_size: int) -> None:
        self._id = id
        self._batch_size = batch_size
        self.tokenizer = tokenizer
        self.model = model
        ends = self.model.generation_config.eos_token_id
        self._ends = sorted({self.tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])} - {None})
        self._longest: int = getattr(self.model.config, "max_position_embeddings", None) or 2**31

    @classmethod
    def load(cls, path: str | Path, id: str, model: ModelSettings, batch_size: int) -> Self:
        """An engine on a model folder or hub id. Raises ModelError where it lacks a part."""
        tokenizer = load_tokenizer(path, model)
        return cls(load_model(path, model).eval(), tokenizer, id, batch_size)

    @property
    def id(self) -> str:
        return self._id

    def generate(self, requests: Sequence[Request], sampling: Sampling, seed: int) -> list[tuple[Completion, ...]]:
        """See Engine. A prompt that leaves no room for an answer gets the empty text, marked as cut."""
        prompts = [prompt_ids(self.tokenizer, r.messages, r.prefix) for r in requests]
        rooms = [max(0, min(sampling.max_new_tokens, self._longest - len(prompt))) for prompt in prompts]
        written: dict[int, tuple[Completion, ...]] = {}
        for number, rows in enumerate(self._batches(requests, prompts, rooms)):
            draws, room = requests[rows[0]].draws, rooms[rows[0]]
            if room == 0:
                written.update({row: (Completion(text="", finish="length", tokens=0),) * draws for row in rows})
                continue
            drawn = self._draw([prompts[row] for row in rows], draws, sampling, room, seed_for(seed, "batch", number))
            for place, row in enumerate(rows):
                written[row] = tuple(drawn[place * draws : (place + 1) * draws])
        return [written[row] for row in range(len(requests))]

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
    def _draw(
        self, prompts: Sequence[Sequence[int]], draws: int, sampling: Sampling, room: int, seed: int
    ) -> list[Completion]:
        inputs = self.tokenizer.pad({"input_ids": list(prompts)}, return_tensors="pt").to(self.model.device)
        settings: dict[str, Any] = {"do_sample": False}
        if sampling.temperature > 0:
            settings = {"do_sample": True, "temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": 0}
        config = GenerationConfig(
            eos_token_id=self._ends,
            pad_token_id=self.tokenizer.pad_token_id,
            **settings,
        )
        devices = [self.model.device] if self.model.device.type == "cuda" else []
        ids, mask = inputs["input_ids"], inputs["attention_mask"]
        copies = draws if sampling.temperature > 0 else 1
        # generate() would read each prompt once a draw; read here, the draws share it.
        cache = self._read(ids[:, :-1], mask[:, :-1], copies)
        # generate() fills what a request leaves open from the model's own configuration: a top-k, a penalty or a
        # length that nobody asked for. It is put back, for a model in training is saved with it.
        own, self.model.generation_config = self.model.generation_config, GenerationConfig()
        try:
            with torch.random.fork_rng(devices):
                torch.manual_seed(seed)
                new = self._write(
                    ids.repeat_interleave(copies, 0), mask.repeat_interleave(copies, 0), cache, config, room
                )
        finally:
            self.model.generation_config = own
        if sampling.temperature == 0:  # greedy draws are all the same
            new = [row for row in new for _ in range(draws)]
        return [self._completion(row) for row in new]

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

    def _completion(self, ids: list[int]) -> Completion:
        stop = next((place for place, token in enumerate(ids) if token in self._ends), None)
        kept = ids if stop is None else ids[:stop]
        text = self.tokenizer.decode(kept, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return Completion(text=text, finish="length" if stop is None else "stop", tokens=len(kept))

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def score(self, request: Request, continuations: Sequence[str]) -> list[float]:
        """See Engine: sums of token log-probabilities, in nats."""
        start = prompt_ids(self.tokenizer, request.messages, request.prefix)
        ends = [self.tokenizer(text, add_special_tokens=False)["input_ids"] for text in continuations]
        if not ends:
            return []
        device = self.model.device
        # The prompt is read once, and so is all but the last token of continuations that differ in it alone.
        stems = list(dict.fromkeys(tuple(ids[:-1]) for ids in ends))
        width = max(len(stem) for stem in stems) + 1
        cache = self._read(torch.tensor([start[:-1]], device=device), None, len(stems))
        rows = torch.tensor([[start[-1], *stem] + [0] * (width - 1 - len(stem)) for stem in stems], device=device)
        mask = torch.ones(len(stems), len(start) - 1 + width, dtype=torch.long, device=device)
        for row, stem in enumerate(stems):  # what fills up a short row stands behind it and is never read
            mask[row, len(start) + len(stem) :] = 0
        logits = self.model(rows, attention_mask=mask, past_key_values=cache).logits
        logs = logits.float().log_softmax(-1)
        totals = []
        for ids in ends:
            row = logs[stems.index(tuple(ids[:-1]))]
            totals.append(sum(float(row[place, token]) for place, token in enumerate(ids)))
        return totals

    def _read(self, ids: torch.Tensor, mask: torch.Tensor | None, copies: int) -> DynamicCache:
        """The model's memory of prompts, (rows, length) left-padded by `mask`, each copied in place."""
        cache = DynamicCache(config=self.model.config)
        if ids.shape[1]:
            places = None if mask is None else (mask.cumsum(-1) - 1).clamp(min=0)
            self.model(ids, attention_mask=mask, position_ids=places, past_key_values=cache, logits_to_keep=1)
            cache.batch_repeat_interleave(copies)
        return cache

    def close(self) -> None:
        """Free the weights."""
        del self.model
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
