"""Text from a checkpoint by vLLM in this process: paged KV cache, continuous batching, shared prefixes read once.

Prompts are tokenised and answers decoded by the code of the transformers engine, so both see and write the same tokens.
Each request draws from its own seed. Rounding depends on what is computed together; every call starts with an empty
prefix cache, so that what was asked before has no part in it.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from srlm.engines.base import Completion, Request
from srlm.engines.plain_text import TokenPair, TokenText
from srlm.engines.vllm_text import scores, vllm_text
from srlm.engines.weights import check_weights, give_memory_back, load_chat, serving_format
from srlm.engines.written import completion, generation_ends, used, used_to_score
from srlm.errors import DeadEngineError, EngineError, ModelError, RoomError, first_line
from srlm.processes import OWNER
from srlm.records import seed_for
from srlm.settings import ModelSettings, Sampling, VllmSettings
from srlm.text.counts import counted
from srlm.usage import count


class VllmEngine:
    """A model folder or hub id in vLLM."""

    def __init__(self, path: str | Path, id: str, model: ModelSettings, settings: VllmSettings, seed: int) -> None:
        """`seed` is vLLM's own; draws have theirs. Raises EngineError without vLLM, ModelError where it cannot load."""
        os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")  # it would count its uses at its makers'
        os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
        os.environ[OWNER] = str(os.getpid())
        if torch.cuda.is_available():
            # To ask for a GPU is enough for a fork of this process to be unable to use it, and vLLM starts afresh only
            # where CUDA is in use already.
            os.environ.setdefault("VLLM_WORKER_MULTIPROC_METHOD", "spawn")
        try:
            import vllm
            from vllm.v1.engine.exceptions import EngineDeadError
        except ModuleNotFoundError as error:
            if error.name != "vllm":
                raise
            raise EngineError("engine.kind vllm: the package vllm is not installed; pip install 'srlm[vllm]'") from None
        self._id = id
        self._vllm, self._dead = vllm, EngineDeadError
        self.chat = load_chat(path, model)
        check_weights(path, model)
        give_memory_back()  # vLLM's process takes its share of the GPU at once, or does not start
        try:
            self._llm = vllm.LLM(
                model=str(path),
                skip_tokenizer_init=True,
                trust_remote_code=model.trust_remote_code,
                revision=model.revision,
                dtype=serving_format(path, model),  # its own `auto` would halve float32
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
            raise ModelError(f"{path}: vLLM cannot load it: {first_line(error)}") from error
        self.longest: int = self._llm.model_config.max_model_len
        self.parameters = vllm.SamplingParams
        own = _generation_ends(path, model.revision)
        self.ends = sorted({*self.chat.ends, *own})
        """Tokens that end an answer."""
        self.text_ends = sorted({self.chat.tokenizer.eos_token_id, *own})
        """Tokens that end a plain text."""

    @property
    def id(self) -> str:
        return self._id

    @property
    def concurrency(self) -> int:
        """See Engine: the requests of one call run side by side already."""
        return 1

    def plain_text(self) -> TokenText:
        """See HasText."""
        return vllm_text(self)

    def generate(self, requests: Sequence[Request], sampling: Sampling, seed: int) -> list[tuple[Completion, ...]]:
        """See Engine. A prompt that leaves no room for an answer gets the empty text, marked as cut."""
        greedy = sampling.temperature == 0  # all draws would be the same, and vLLM refuses to draw twice
        prompts = [self.chat.prompt_ids(r.messages, r.prefix) for r in requests]
        rooms = [max(0, min(sampling.max_new_tokens, self.longest - len(prompt))) for prompt in prompts]
        roomy = [row for row, room in enumerate(rooms) if room]
        wanted = [
            self.parameters(
                n=1 if greedy else requests[row].draws,
                temperature=sampling.temperature,
                top_p=1.0 if greedy else sampling.top_p,
                max_tokens=rooms[row],
                stop_token_ids=self.ends,
                seed=seed_for(seed, row),
                detokenize=False,
            )
            for row in roomy
        ]
        cut = Completion(text="", finish="length", tokens=0)
        written = [(cut,) * request.draws for request in requests]
        for row, answer in zip(roomy, self.ask([prompts[row] for row in roomy], wanted), strict=True):
            drawn = tuple(completion(self.chat, prompts[row], list(one.token_ids), self.ends) for one in answer.outputs)
            written[row] = drawn * requests[row].draws if greedy else drawn
        count(used(prompts, written, sampling))
        return written

    def loglikelihood(self, requests: Sequence[Request], continuations: Sequence[Sequence[str]]) -> list[list[float]]:
        """See Engine: sums of token log-probabilities, in nats, of letters and of whole answers alike."""
        asked = [
            self.chat.scored(request.messages, request.prefix, texts)
            for request, texts in zip(requests, continuations, strict=True)
        ]
        if any(len(one.prompt) + len(ids) > self.longest for one in asked for ids in one.continuations):
            raise RoomError(f"{self._id}: no room for a continuation in {counted(self.longest, 'tokens')} of context")
        count(used_to_score([one.prompt for one in asked], [one.continuations for one in asked]))
        found = iter(scores(self, [TokenPair(one.prompt, ids) for one in asked for ids in one.continuations]))
        return [[next(found).total for _ in one.continuations] for one in asked]

    def ask(self, prompts: Sequence[list[int]], wanted: Sequence[Any], afresh: bool = True) -> list[Any]:
        """vLLM's answers, in the order of the prompts; not `afresh`: these go on where the last ones ended."""
        if not prompts:
            return []
        # In this order prompts that begin alike stand together, and what they share is still in the cache.
        order = sorted(range(len(prompts)), key=lambda row: (prompts[row], row))
        asked = [self._vllm.TokensPrompt(prompt_token_ids=prompts[row]) for row in order]
        try:
            if afresh:
                self._llm.reset_prefix_cache()
            answers: list[Any] = self._llm.generate(asked, [wanted[row] for row in order], use_tqdm=False)
        except self._dead as error:
            raise DeadEngineError(
                f"{self._id}: vLLM's process has died ({first_line(error)}); is there enough memory? Lower "
                "engine.vllm.gpu_memory_utilization or max_model_len, and run the same command again to resume"
            ) from error
        return [answer for _, answer in sorted(zip(order, answers, strict=True), key=lambda pair: pair[0])]

    def close(self) -> None:
        """End vLLM's own process and free what is left of it here; closing again does nothing."""
        llm, self._llm = self._llm, None
        if llm is None:
            return
        llm.llm_engine.engine_core.shutdown()
        del llm
        give_memory_back()


def _generation_ends(path: str | Path, revision: str | None) -> set[int]:
    """End tokens that the model's generation_config.json names beside the chat's."""
    from transformers import GenerationConfig

    try:
        return generation_ends(GenerationConfig.from_pretrained(path, revision=revision))
    except OSError:  # it has none
        return set()
