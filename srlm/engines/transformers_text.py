"""Plain text on the transformers engine: what many texts begin with (few-shot examples) is read once for all of them.

lm-eval's own `hf` model reads it again for every text, and each continuation of several tokens with all before it.
"""

from collections.abc import Sequence
from functools import partial

import torch

from srlm.engines.beginnings import beginnings
from srlm.engines.memory import WORTH_SHARING, Head
from srlm.engines.plain_text import Likelihood, TextTokens, TokenPair, TokenText, up_to_end
from srlm.engines.transformers import TransformersEngine, Work, batches, stems_of
from srlm.records import seed_for
from srlm.settings import Sampling

Stem = tuple[int, ...]
"""All but the last token of a continuation."""


def transformers_text(engine: TransformersEngine) -> TokenText:
    """Plain text on this engine's model."""
    words = TextTokens(engine.tokenizer, engine.memory.longest)
    return TokenText(words, _Scorer(engine).scores, _Writer(engine, words).go_on)


class _Scorer:
    def __init__(self, engine: TransformersEngine) -> None:
        self._engine, self._memory = engine, engine.memory

    def scores(self, pairs: Sequence[TokenPair]) -> list[Likelihood]:
        """Of each continuation, in nats; equal pairs are read once."""
        asked: dict[Stem, dict[Stem, None]] = {}
        for context, continuation in pairs:
            asked.setdefault(tuple(context), {})[tuple(continuation)] = None
        contexts = list(asked)
        width = max((len(continuation) for _, continuation in pairs), default=0)
        sizes = [len(stems_of(asked[context])) for context in contexts]
        found: dict[tuple[Stem, Stem], Likelihood] = {}
        for alike in beginnings(contexts, WORTH_SHARING):
            head = self._memory.head([contexts[row] for row in alike.rows], alike.shared, width)
            order = sorted(alike.rows, key=lambda row: (len(contexts[row]), row))
            cut = batches(order, lambda row: None, sizes.__getitem__, self._engine.batch_size)
            for _, scored in self._engine.in_parts(cut, partial(self._score, contexts, asked, head)):
                found.update(scored)
        return [found[tuple(context), tuple(continuation)] for context, continuation in pairs]

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def _score(
        self, contexts: Sequence[Stem], asked: dict[Stem, dict[Stem, None]], head: Head | None, rows: Sequence[int]
    ) -> dict[tuple[Stem, Stem], Likelihood]:
        """By context and continuation, of the contexts of these rows."""
        found = {}
        some = [contexts[row] for row in rows]
        stems = [(row, stem) for row, context in enumerate(some) for stem in stems_of(asked[context])]
        logits = self._memory.behind(some, stems, head, ahead=0)
        for (row, stem), own in zip(stems, logits, strict=True):
            logs = own.float().log_softmax(-1)  # (tokens of the stem + 1, words)
            best = logs.argmax(-1).tolist()
            for continuation in asked[some[row]]:
                if continuation[:-1] == stem:
                    scored = logs.gather(1, torch.tensor(continuation, device=logs.device)[:, None])
                    found[some[row], continuation] = Likelihood(float(scored.sum()), best == list(continuation))
        return found


class _Writer:
    def __init__(self, engine: TransformersEngine, words: TextTokens) -> None:
        self._engine, self._memory, self._words = engine, engine.memory, words

    def go_on(
        self, prompts: Sequence[Sequence[int]], stops: Sequence[str], sampling: Sampling, seed: int, rendered: bool
    ) -> list[list[int]]:
        """See TokenText."""
        ends = self._engine.ends if rendered else self._engine.text_ends
        found: dict[int, list[int]] = {}
        room, limit, number = sampling.max_new_tokens, self._engine.batch_size, 0
        kinds = [self._memory.alike(len(prompt), room) for prompt in prompts]
        for alike in beginnings(prompts, WORTH_SHARING):
            head = self._memory.head([prompts[row] for row in alike.rows], alike.shared, room)
            order = sorted(alike.rows, key=lambda row: (len(prompts[row]), row))
            for rows in batches(order, kinds.__getitem__, lambda row: 1, self._engine.batch_size):
                work = Work(
                    [prompts[row] for row in rows],
                    1,
                    sampling,
                    room,
                    seed_for(seed, "batch", number),
                    tuple(ends),
                    head,
                    lambda ids: any(stop and stop in self._words.words(ids) for stop in stops),
                )
                written, limit = self._engine.within_memory(work, limit)
                found.update(zip(rows, written, strict=True))
                number += 1
        return [up_to_end(found[row], ends, rendered) for row in range(len(prompts))]
