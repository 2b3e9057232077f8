"""Text from a checkpoint by vLLM in this process: paged KV cache, continuous batching, shared prefixes read once.

Prompts are tokenised and answers decoded by the code of the transformers engine, so both see and write the same tokens.
Each request draws from its own seed. Rounding depends on what is computed together; every call starts with an empty
prefix cache, so that what was asked before has no part in it.
"""

import gc
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from srlm.engines.base import Completion, Request
from srlm.engines.weights import check_weights, load_tokenizer
from srlm.errors import EngineError, ModelError
from srlm.records import seed_for
from srlm.settings import ModelSettings, Sampling, VllmSettings
from srlm.text.chat import prompt_ids


class VllmEngine:
    """A model folder or hub id in vLLM."""

    def __init__(self, path: str | Path, id: str, model: ModelSettings, settings: VllmSettings, seed: int) -> None:
        """`seed` is vLLM's own; draws have theirs. Raises EngineError without vLLM, ModelError where it cannot load."""
        os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")  # it would count its uses at its makers'
        os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
        try:
            import vllm
            from vllm.v1.engine.exceptions import EngineDeadError
        except ModuleNotFoundError as error:
            if error.name != "vllm":
                raise
            raise EngineError("engine.kind vllm: the package vllm is not installed; pip install 'srlm[vllm]'") from None
        self._id = id
        self._vllm, self._dead = vllm, EngineDeadError
        self.tokenizer = load_tokenizer(path, model)
        check_weights(path, model)
        try:
            self._llm = vllm.LLM(
                model=str(path),
                skip_tokenizer_init=True,
                trust_remote_code=model.trust_remote_code,
                revision=model.revision,
                dtype=model.dtype,
                seed=seed,
                enable_prefix_caching=True,
                # A prompt that is read in parts is drawn for after each, and the draw taken back: a generator on a CPU
                # cannot go back, and vLLM dies of it. None: as vLLM has it.
                enable_chunked_prefill=False if vllm.platforms.current_platform.is_cpu() else None,
                generation_config="vllm",  # no top-k, penalty or length that nobody asked for
                tensor_parallel_size=settings.tensor_parallel_size,
                gpu_memory_utilization=settings.gpu_memory_utilization,
                max_model_len=settings.max_model_len,
                enforce_eager=settings.enforce_eager,
            )
        except (ValueError, RuntimeError, OSError) as error:
            raise ModelError(f"{path}: vLLM cannot load it: {_first_line(error)}") from error
        self._longest: int = self._llm.model_config.max_model_len
        ends = _generation_ends(path)
        self._ends = sorted({self.tokenizer.eos_token_id, *ends} - {None})

    @property
    def id(self) -> str:
        return self._id

    @property
    def concurrency(self) -> int:
        """See Engine: the requests of one call run side by side already."""
        return 1

    def generate(self, requests: Sequence[Request], sampling: Sampling, seed: int) -> list[tuple[Completion, ...]]:
        """See Engine. A prompt that leaves no room for an answer gets the empty text, marked as cut."""
        greedy = sampling.temperature == 0  # all draws would be the same, and vLLM refuses to draw twice
        prompts = [prompt_ids(self.tokenizer, r.messages, r.prefix) for r in requests]
        rooms = [max(0, min(sampling.max_new_tokens, self._longest - len(prompt))) for prompt in prompts]
        # In this order prompts that begin alike stand together, and what they share is still in the cache.
        order = sorted((row for row, room in enumerate(rooms) if room), key=lambda row: (prompts[row], row))
        wanted = [
            self._vllm.SamplingParams(
                n=1 if greedy else requests[row].draws,
                temperature=sampling.temperature,
                top_p=1.0 if greedy else sampling.top_p,
                max_tokens=rooms[row],
                stop_token_ids=self._ends,
                seed=seed_for(seed, row),
                detokenize=False,
            )
            for row in order
        ]
        cut = Completion(text="", finish="length", tokens=0)
        written = [(cut,) * request.draws for request in requests]
        for row, answer in zip(order, self._ask([prompts[row] for row in order], wanted), strict=True):
            drawn = tuple(self._completion(list(one.token_ids)) for one in answer.outputs)
            written[row] = drawn * requests[row].draws if greedy else drawn
        return written

    def _completion(self, ids: list[int]) -> Completion:
        stop = next((place for place, token in enumerate(ids) if token in self._ends), None)
        kept = ids if stop is None else ids[:stop]
        text = self.tokenizer.decode(kept, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return Completion(text=text, finish="length" if stop is None else "stop", tokens=len(kept))

    def score(self, requests: Sequence[Request], continuations: Sequence[Sequence[str]]) -> list[list[float]]:
        """See Engine: sums of token log-probabilities, in nats."""
        starts = [prompt_ids(self.tokenizer, request.messages, request.prefix) for request in requests]
        asked = [
            (row, self.tokenizer(text, add_special_tokens=False)["input_ids"])
            for row, texts in enumerate(continuations)
            for text in texts
        ]
        if any(len(starts[row]) + len(ids) >= self._longest for row, ids in asked):
            raise EngineError(f"{self._id}: no room for a continuation in {self._longest} tokens of context")
        wanted = self._vllm.SamplingParams(temperature=0, max_tokens=1, prompt_logprobs=0, detokenize=False)
        answers = self._ask([starts[row] + ids for row, ids in asked], [wanted] * len(asked))
        totals: list[list[float]] = [[] for _ in requests]
        for (row, ids), answer in zip(asked, answers, strict=True):
            logs = answer.prompt_logprobs[len(starts[row]) :]
            totals[row].append(float(sum(log[token].logprob for token, log in zip(ids, logs, strict=True))))
        return totals

    def _ask(self, prompts: Sequence[list[int]], wanted: Sequence[Any]) -> list[Any]:
        """vLLM's answers, in the order of the prompts."""
        if not prompts:
            return []
        self._llm.reset_prefix_cache()
        asked = [self._vllm.TokensPrompt(prompt_token_ids=prompt) for prompt in prompts]
        try:
            answers: list[Any] = self._llm.generate(asked, list(wanted), use_tqdm=False)
        except self._dead as error:
            raise EngineError(
                f"{self._id}: vLLM's process has died ({_first_line(error)}); is there memory enough? Lower "
                "engine.vllm.gpu_memory_utilization or max_model_len, and run again: it goes on where it was"
            ) from error
        return answers

    def close(self) -> None:
        """End vLLM's own process and free what is left of it here; closing again does nothing."""
        llm, self._llm = self._llm, None
        if llm is None:
            return
        llm.llm_engine.engine_core.shutdown()
        del llm
        gc.collect()
        import torch

        if torch.accelerator.is_available():
            torch.accelerator.empty_cache()


def _generation_ends(path: str | Path) -> list[int]:
    """End tokens that the model's generation_config.json names beside the tokenizer's."""
    from transformers import GenerationConfig

    try:
        ends = GenerationConfig.from_pretrained(path).eos_token_id
    except OSError:  # it has none
        return []
    return ends if isinstance(ends, list) else [ends]


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
