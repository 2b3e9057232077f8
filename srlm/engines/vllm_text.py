"""Tokens on vLLM: what stands before a continuation is in its prefix cache, and read once for all that share it.

vLLM generates at least one token, so that it reads one token less at once than the model could.
"""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from srlm.engines.plain_text import Likelihood, TextTokens, TokenPair, TokenText, until, up_to_end
from srlm.records import seed_for
from srlm.settings import Sampling

if TYPE_CHECKING:
    from srlm.engines.vllm import VllmEngine

NEXT = 4
"""Longest continuation of which each token is asked as what comes next, from the prefix cache. A longer one is read
once, with `prompt_logprobs`, for which vLLM reads all before it again."""
STRIDE = 64
"""Tokens between two looks for stops: vLLM has no tokenizer here, and cannot look itself."""
Place = tuple[int, ...]
"""Tokens, behind which one is scored."""


def vllm_text(engine: "VllmEngine") -> TokenText:
    """Plain text on this engine's model."""
    words = TextTokens(engine.chat.tokenizer, engine.longest - 1)
    return TokenText(words, partial(scores, engine), _Writer(engine, words).go_on)


def scores(engine: "VllmEngine", pairs: Sequence[TokenPair]) -> list[Likelihood]:
    """Of each continuation, in nats."""

    def is_short(pair: TokenPair) -> bool:
        # A prompt as long as the model reads leaves no room for the token that vLLM generates.
        return len(pair.continuation) <= NEXT or sum(map(len, pair)) >= engine.longest

    short = [row for row, pair in enumerate(pairs) if is_short(pair)]
    long = [row for row, pair in enumerate(pairs) if not is_short(pair)]
    found = dict(zip(short, _as_next(engine, [pairs[row] for row in short]), strict=True))
    found.update(zip(long, _as_read(engine, [pairs[row] for row in long]), strict=True))
    return [found[row] for row in range(len(pairs))]


def _as_next(engine: "VllmEngine", pairs: Sequence[TokenPair]) -> list[Likelihood]:
    """Each token of a continuation as what comes next behind all before it; equal places are asked once."""
    following: dict[Place, set[int]] = defaultdict(set)
    for context, continuation in pairs:
        for place, token in enumerate(continuation):
            following[(*context, *continuation[:place])].add(token)
    wanted = [
        engine.parameters(temperature=0, max_tokens=1, logprob_token_ids=sorted(tokens), detokenize=False)
        for tokens in following.values()
    ]
    answers = engine.ask([list(place) for place in following], wanted)
    came = {place: answer.outputs[0] for place, answer in zip(following, answers, strict=True)}
    found = []
    for context, continuation in pairs:
        outputs = [came[(*context, *continuation[:place])] for place in range(len(continuation))]
        logs = [one.logprobs[0][token].logprob for one, token in zip(outputs, continuation, strict=True)]
        best = [one.token_ids[0] for one in outputs]
        found.append(Likelihood(float(sum(logs)), best == continuation))
    return found


def _as_read(engine: "VllmEngine", pairs: Sequence[TokenPair]) -> list[Likelihood]:
    """The tokens of each continuation as vLLM reads them; the likeliest one has the rank 1."""
    wanted = [engine.parameters(temperature=0, max_tokens=1, prompt_logprobs=0, detokenize=False)] * len(pairs)
    answers = engine.ask([[*context, *continuation] for context, continuation in pairs], wanted)
    found = []
    for (_, continuation), answer in zip(pairs, answers, strict=True):
        read: list[Any] = answer.prompt_logprobs[-len(continuation) :]
        said = [one[token] for one, token in zip(read, continuation, strict=True)]
        found.append(Likelihood(float(sum(one.logprob for one in said)), all(one.rank == 1 for one in said)))
    return found


class _Writer:
    def __init__(self, engine: "VllmEngine", words: TextTokens) -> None:
        self._engine, self._words = engine, words

    def go_on(
        self, prompts: Sequence[Sequence[int]], stops: Sequence[str], sampling: Sampling, seed: int, rendered: bool
    ) -> list[list[int]]:
        """See TokenText; texts that hold a stop are not continued."""
        ends = set(self._engine.ends if rendered else self._engine.text_ends)
        written: list[list[int]] = [[] for _ in prompts]
        going_on, room, turn = list(range(len(prompts))), sampling.max_new_tokens, 0
        while going_on and room:
            step = min(STRIDE, room)
            wanted = [
                self._engine.parameters(
                    temperature=sampling.temperature,
                    top_p=1.0 if sampling.temperature == 0 else sampling.top_p,
                    max_tokens=step,
                    stop_token_ids=sorted(ends),
                    seed=seed_for(seed, row, turn),
                    detokenize=False,
                )
                for row in going_on
            ]
            asked = [[*prompts[row], *written[row]] for row in going_on]
            answers = self._engine.ask(asked, wanted, afresh=turn == 0)
            left = []
            for row, answer in zip(going_on, answers, strict=True):
                new = list(answer.outputs[0].token_ids)
                written[row] += up_to_end(new, ends, rendered)
                text = self._words.words(written[row])
                if ends.isdisjoint(new) and len(new) == step and until(text, stops) == text:
                    left.append(row)
            going_on, room, turn = left, room - step, turn + 1
        return written
