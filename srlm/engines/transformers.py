"""Text from a checkpoint on this machine, CPU or GPU: left padding, KV cache, batches of similar length."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import GenerationConfig

from srlm.engines.base import Completion, Request
from srlm.engines.weights import load_model, load_tokenizer
from srlm.records import seed_for
from srlm.settings import ModelSettings, Sampling
from srlm.text.chat import prompt_ids


class TransformersEngine:
    """A model folder (or hub id) as an engine."""

    def __init__(self, path: str | Path, id: str, model: ModelSettings, batch_size: int) -> None:
        self._id = id
        self._batch_size = batch_size
        self.tokenizer = load_tokenizer(path, model)
        self.model = load_model(path, model).eval()
        ends = self.model.generation_config.eos_token_id
        self._ends = sorted({self.tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])} - {None})
        # generate() fills what a request leaves open from here: a top-k, a penalty or a length that nobody asked for.
        self.model.generation_config = GenerationConfig()
        self._longest: int = getattr(self.model.config, "max_position_embeddings", None) or 2**31

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
            max_new_tokens=room,
            num_return_sequences=draws if sampling.temperature > 0 else 1,
            eos_token_id=self._ends,
            pad_token_id=self.tokenizer.pad_token_id,
            **settings,
        )
        devices = [self.model.device] if self.model.device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            torch.manual_seed(seed)
            output = self.model.generate(**inputs, generation_config=config)
        new = output[:, inputs["input_ids"].shape[1] :].tolist()
        if sampling.temperature == 0:  # greedy draws are all the same
            new = [row for row in new for _ in range(draws)]
        return [self._completion(ids) for ids in new]

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
        if (
            all(ends) and len({tuple(ids[:-1]) for ids in ends}) == 1
        ):  # one reading of what they share answers for all of them
            shared = ends[0][:-1]
            logs = self._log_probabilities(start + shared, len(shared) + 1)
            before = sum(float(logs[place, token]) for place, token in enumerate(shared))
            return [before + float(logs[-1, ids[-1]]) for ids in ends]
        totals = []
        for ids in ends:
            logs = self._log_probabilities(start + ids, len(ids) + 1)[:-1]
            totals.append(float(logs.gather(-1, torch.tensor(ids, device=logs.device)[:, None]).sum()))
        return totals

    def _log_probabilities(self, ids: list[int], last: int) -> torch.Tensor:
        """Of the next token after each of the `last` places: (last, vocabulary), float32."""
        logits = self.model(torch.tensor([ids], device=self.model.device), logits_to_keep=last).logits[0]
        log_probabilities: torch.Tensor = logits.float().log_softmax(-1)
        return log_probabilities

    def close(self) -> None:
        """Free the weights."""
        del self.model
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
