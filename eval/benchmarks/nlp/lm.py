"""Our engines behind lm-eval's `LM`. This imports lm-eval, which is slow: import it inside functions only."""

import math
import sys
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, Self

from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.models.utils import handle_stop_sequences, normalize_gen_kwargs

from srlm.engines.base import Engine
from srlm.engines.once import Once
from srlm.engines.plain_text import TextPair, text_of
from srlm.engines.weights import load_chat
from srlm.errors import EngineError
from srlm.methods.untrained import is_served, model_of, models_of
from srlm.records import Checkpoint, Message, digest, seed_for
from srlm.settings import Sampling, Settings
from srlm.store.folder import RunFolder

from ..base import OpenEngine
from .kept import KEPT, Ask, KeptAnswer, KeptAnswers, likelihood_of
from .rendering import ChatRendering, Rendering, ServerRendering

NEW_TOKENS = 256
"""Written where a task sets no limit, as by lm-eval's own models."""
MEANS_NOTHING: Mapping[str, tuple[Any, ...]] = {
    "num_beams": (1, None),
    "repetition_penalty": (1, 1.0, None),
    "top_k": (0, -1, None),
    "use_cache": (True, False, None),
}
"""Arguments of generation that leave these engines' way as it is, with the values that do."""


class Blocks(NamedTuple):
    """How much is asked between two writes to disk."""

    pairs: int = 512
    """Continuations that are scored, at most."""
    texts: int = 64
    """Texts that are written, or scored as a whole."""
    characters: int = 65_536
    """About as many are read for the continuations of a block; what one begins with as the one before it is read once.
    Five examples of a subject before each question make 512 of them a quarter of an hour on a small processor."""
    fewest: int = 32
    """Continuations of a block where each is long: engines score them side by side."""


BLOCKS = Blocks()
SERVED_BLOCKS = Blocks(pairs=64, fewest=64, texts=64)
"""Of a server: as many as are under way at once by default."""


class Generation(NamedTuple):
    """A request to write."""

    prompt: str
    stops: tuple[str, ...]
    max_new_tokens: int
    temperature: float
    top_p: float
    draw: int
    """The same request for the `draw`-th time."""

    @property
    def way(self) -> tuple[object, ...]:
        """Requests of one way are written together."""
        return self.stops, self.max_new_tokens, self.temperature, self.top_p


class EngineLM(LM):  # type: ignore[misc]
    """An engine as lm-eval asks it. It is opened at the first request whose answer is not kept; `with` closes it."""

    def __init__(
        self,
        open: Callable[[], Engine],
        keep: Path,
        facts: Mapping[str, Any],
        *,
        rendering: Rendering | None = None,
        seed: int = 0,
        report: Callable[[int, int], None] = lambda done, total: None,
        blocks: Blocks = BLOCKS,
    ) -> None:
        """`keep`: the file of its answers; `facts`: what tells the model from all others. `rendering` None: no chat
        template. `report(done, total)` is called as requests are answered."""
        super().__init__()
        self._engine = Once(open)
        self._kept = KeptAnswers(keep, {**facts, "rendered": rendering is not None})
        self._facts = digest("model", dict(facts))
        self._rendering, self._seed, self._report, self._blocks = rendering, seed, report, blocks

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the engine, if it was opened."""
        self._engine.close()

    @property
    def renders(self) -> bool:
        """Whether conversations are rendered by a chat template: lm-eval's `apply_chat_template`."""
        return self._rendering is not None

    @property
    def asked(self) -> int:
        """Requests that were put to the model."""
        return self._kept.asked

    @property
    def reused(self) -> int:
        """Requests whose answers were known."""
        return self._kept.reused

    # What lm-eval asks ----------------------------------------------------------------------------------------------

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        """See LM: (natural log-probability of the continuation, whether it is what the model would write)."""
        pairs = [TextPair(*request.args) for request in requests]

        def answer(some: Sequence[TextPair], _: str) -> list[KeptAnswer]:
            scored = text_of(self._engine()).likelihoods(some, self.renders)
            return [KeptAnswer(key="", total=_finite(one.total), greedy=one.greedy) for one in scored]

        keyed = [(self._kept.key("likelihood", *pair), pair) for pair in pairs]
        found = self._answers(keyed, Ask(answer, tuple), pairs_of_a_block(pairs, self._blocks))
        return [(one.total, one.greedy) for one in map(likelihood_of, found)]

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        """See LM: natural log-probability of each whole text."""

        def answer(some: Sequence[str], _: str) -> list[KeptAnswer]:
            return [KeptAnswer(key="", total=_finite(total)) for total in text_of(self._engine()).rolling(some)]

        keyed = [(self._kept.key("rolling", *request.args), str(request.args[0])) for request in requests]
        return [one.total or 0.0 for one in self._answers(keyed, Ask(answer, str), self._blocks.texts)]

    def generate_until(self, requests: list[Instance]) -> list[str]:
        """See LM. The same request asked several times is drawn as often where it is sampled."""
        seen = Counter[Generation]()
        keyed: dict[int, tuple[str, Generation]] = {}
        for place, request in enumerate(requests):
            first = generation_of(*request.args)
            drawn = first._replace(draw=seen[first] if first.temperature > 0 else 0)
            seen[first] += 1
            keyed[place] = self._kept.key("text", *drawn, *([self._seed] if drawn.temperature > 0 else [])), drawn
        ways: dict[tuple[object, ...], list[int]] = {}
        for place, (_, one) in keyed.items():
            ways.setdefault(one.way, []).append(place)
        found: dict[int, str] = {}
        for places in ways.values():
            way = keyed[places[0]][1]
            sampling = Sampling(temperature=way.temperature, top_p=way.top_p, max_new_tokens=way.max_new_tokens)

            def answer(
                some: Sequence[Generation], name: str, stops: Sequence[str] = way.stops, sampling: Sampling = sampling
            ) -> list[KeptAnswer]:
                seed = seed_for(self._seed, "nlp", name)
                prompts = [one.prompt for one in some]
                written = text_of(self._engine()).write(prompts, stops, sampling, seed, self.renders)
                return [KeptAnswer(key="", text=text) for text in written]

            answers = self._answers(
                [keyed[place] for place in places],
                Ask(answer, lambda one: (one.prompt, one.draw)),
                self._blocks.texts,
            )
            found.update((place, one.text or "") for place, one in zip(places, answers, strict=True))
        return [found[place] for place in range(len(requests))]

    def _answers(self, keyed: Sequence[tuple[str, Any]], ask: Ask[Any], block: int) -> list[KeptAnswer]:
        return self._kept.answers(keyed, ask, block, lambda: self._engine().concurrency, self._report)

    # Chat -----------------------------------------------------------------------------------------------------------

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """See LM."""
        if self._rendering is None:
            raise EngineError("a chat template is asked for, but this model is asked without one (chat: false)")
        messages = [Message(role=turn["role"], content=turn["content"]) for turn in chat_history]
        return self._rendering.text(messages, begun=not add_generation_prompt)

    def chat_template(self, chat_template: bool | str = False) -> str:
        """See LM: the template's own text, for lm-eval's notes; empty without one."""
        return "" if self._rendering is None or chat_template is False else self._rendering.template

    @property
    def tokenizer_name(self) -> str:
        """See LM: names this model and its template wherever lm-eval keeps requests."""
        return digest("tokenizer", self._facts, "" if self._rendering is None else self._rendering.template)


def checkpoint_lm(
    settings: Settings,
    folder: RunFolder,
    checkpoint: Checkpoint,
    open_engine: OpenEngine,
    *,
    chat: bool,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> EngineLM:
    """One of a run's checkpoints, with or without its chat template; what it answers is kept in the run's folder."""
    rendering: Rendering | None = None
    served = is_served(settings, checkpoint.name)
    if chat and served:
        rendering = ServerRendering()
    elif chat:
        place = folder.path / checkpoint.path
        own = model_of(folder, checkpoint.name) if models_of(settings) else settings.model
        rendering = ChatRendering(load_chat(place if place.is_dir() else checkpoint.path, own))
    return EngineLM(
        lambda: open_engine(checkpoint),
        folder.step("evaluation") / checkpoint.name / KEPT,
        folder.model_facts(checkpoint),
        rendering=rendering,
        seed=seed_for(settings.seed, "nlp", checkpoint.name),
        report=report,
        blocks=SERVED_BLOCKS if served else BLOCKS,
    )


def pairs_of_a_block(pairs: Sequence[TextPair], blocks: Blocks) -> int:
    """How many of these are scored between two writes to disk: a power of two, or all that a block may have.

    It follows from all that is asked, and not from what is left: a run that was killed goes on with the same blocks.
    """
    texts = [context + continuation for context, continuation in sorted(set(pairs))]
    if not texts:
        return blocks.pairs
    new = len(texts[0]) + sum(len(text) - _shared(before, text) for before, text in pairwise(texts))
    affordable = max(1, blocks.characters * len(texts) // max(1, new))
    return min(blocks.pairs, max(blocks.fewest, 1 << affordable.bit_length() - 1))


def _shared(one: str, other: str) -> int:
    """How many characters two texts begin alike with."""
    return bisect_left(range(1, min(len(one), len(other)) + 1), True, key=lambda n: one[:n] != other[:n])


def _finite(total: float) -> float:
    """A log-probability as JSON holds it: of what a model can never write, the lowest number there is.

    Raises EngineError for NaN.
    """
    if math.isnan(total):
        raise EngineError(
            "the model's log-probabilities are NaN; its weights are damaged, or too large for their format"
        )
    return max(total, -sys.float_info.max)


def generation_of(prompt: str, arguments: Mapping[str, Any]) -> Generation:
    """A request as lm-eval makes it, from a prompt and a task's generation_kwargs.

    Raises EngineError for arguments that these engines have not.
    """
    left = dict(normalize_gen_kwargs(dict(arguments), NEW_TOKENS))
    stops = handle_stop_sequences(left.pop("until", None), eos=None)
    drawn, temperature = left.pop("do_sample", False), float(left.pop("temperature", 0.0) or 0.0)
    top_p = left.pop("top_p", 1.0)
    limit = left.pop("max_gen_toks")
    others = [f"{name}: {value}" for name, value in left.items() if value not in MEANS_NOTHING.get(name, ())]
    if others or (drawn and not temperature):
        what = ", ".join(others) if others else "do_sample: true with temperature 0"
        raise EngineError(
            f"a task asks for {what}, which the engines do not do; leave it out of the task's generation_kwargs"
        )
    return Generation(prompt, tuple(stops), int(limit), temperature if drawn else 0.0, float(top_p or 1.0), 0)
