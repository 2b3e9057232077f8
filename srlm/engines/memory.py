"""What a model remembers of the rows it reads, kept so that each row's words are those it would write alone.

Rows of a batch differ in length, and often begin alike. The quickest way to read them together, what they share once
and each row's own words padded, is right for plain attention. It is wrong without a word where the model counts the
padding as words (windows shorter than the row, states instead of attention, positions the model makes itself). So the
ways below are tried on the model itself, on a few short rows against plain forward passes, and the quickest that
agrees is taken. What short rows cannot show (windows, rotary factors that change with the length) is read off the
configuration.
"""

from collections.abc import Sequence
from copy import deepcopy
from inspect import signature
from typing import Any, Literal, NamedTuple, get_args

import torch

from srlm.engines.beginnings import common_tokens
from srlm.engines.cache import new_cache
from srlm.engines.weights import context_of
from srlm.errors import ModelError, first_line
from srlm.terminal import logger

log = logger(__name__)

Way = Literal["shared", "padded", "even", "whole"]
"""How rows are read together, the quickest first. `shared`: what they begin with is read once, and the rest of each is
padded behind it; `padded`: each is read whole, padded on the left; `even`: only rows of one length are read together;
`whole`: the same, with nothing remembered: every token reads the whole row again."""
WAYS: tuple[Way, ...] = get_args(Way)
MEANS: dict[Way, str] = {
    "shared": "prompts are padded and batched; their common prefix is computed once",
    "padded": "prompts are padded and batched; no prefix is shared",
    "even": "only prompts of equal length are batched",
    "whole": "no cache: the whole prompt is computed again for every token, which is very slow",
}

WORTH_SHARING = 32
"""Fewest tokens that are read apart from what follows them: a forward pass more must pay."""
WINDOWS = ("sliding_window", "attention_chunk_size", "window_size", "attention_window_size", "local_attention")
"""What configurations call the number of tokens that a layer of theirs looks back."""
EXACT, NARROW = 2e-3, 0.03
"""How far a way's log-probabilities may lie from those of plain forward passes, as a share of their spread over the
words: in 32 bits and in 16. On tiny random models of 26 architectures sums in another order made up to 1e-6 and .012,
words that were counted wrong .11 and more."""
NOISE = 2.0
"""Or how many times as far as rows by themselves, remembered but not padded, lie: deep models in 16 bits."""
BROKEN = 0.3
"""No sum in another order moves them as far as this."""


BEGUN = 6
"""Tokens that the rows of the trial begin with alike."""


class Switch(NamedTuple):
    """Rotary factors that are others in long rows."""

    tokens: int
    """Rows up to this length have the factors for short ones."""
    once: bool
    """True: one other set of factors. False: other factors for every length beyond."""


class Head(NamedTuple):
    """Tokens that many prompts begin with, and what the model remembers of them."""

    tokens: tuple[int, ...]
    cache: Any


class Memory:
    """How a model's rows are read and remembered. Raises ModelError where it cannot write text at all.

    `autocast`: the model computes in 16 bits, though its logits come in 32.
    """

    def __init__(self, model: Any, pad: int, autocast: bool = False) -> None:
        self.model = model
        self._autocast = autocast
        self._pad = pad
        takes = signature(model.forward).parameters
        self._cache_name = "cache_params" if "cache_params" in takes else "past_key_values"
        self._takes_places = "position_ids" in takes
        self._last = {"logits_to_keep": 1} if "logits_to_keep" in takes else {}
        config = model.config.get_text_config(decoder=True)
        self._window = _window(config)
        self._switch = _switch(config)
        self.longest = context_of(model.config)
        self.way: Way = self._right_way()

    def alike(self, length: int, room: int) -> tuple[Way, int]:
        """Rows for which this differs are not read together; `length` and `room` are tokens there and to come."""
        way = self.way
        if self._switch is not None and length + room > self._switch.tokens:
            way = max(way, "even" if self._switch.once else "whole", key=WAYS.index)
        return way, 0 if way in ("shared", "padded") else length

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def read(
        self, prompts: Sequence[Sequence[int]], room: int, copies: int = 1, head: "Head | None" = None
    ) -> "CacheRows":
        """Prompts that are alike, each `copies` times in a row, with all but their last token read.

        `head`: what all of them begin with, read before.
        """
        way, _ = self.alike(max(map(len, prompts)), room)
        return self._read(prompts, way, self._shared(prompts, way, room, head), copies, head)

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def head(self, prompts: Sequence[Sequence[int]], shared: int, room: int) -> "Head | None":
        """The `shared` tokens that all prompts begin with, read once for all batches of them; None where it is no use
        to read them apart."""
        if self.way != "shared" or shared < WORTH_SHARING or max(map(len, prompts)) + room > self._window:
            return None
        tokens, cache = tuple(prompts[0][:shared]), new_cache(self.model.config)
        self.look(torch.tensor([tokens], dtype=torch.long, device=self.model.device), None, cache, 0)
        return Head(tokens, cache)

    def _shared(self, prompts: Sequence[Sequence[int]], way: Way, room: int, head: "Head | None" = None) -> int:
        """How many tokens that the prompts begin with are read once."""
        shared = common_tokens([prompt[:-1] for prompt in prompts]) if head is None else len(head.tokens)
        if way != "shared" or (head is None and len(prompts) == 1) or shared < WORTH_SHARING:
            return 0
        # What pads a short row would take up a part of the window.
        uneven = len({len(prompt) for prompt in prompts}) > 1
        return 0 if uneven and max(map(len, prompts)) + room > self._window else shared

    def _read(
        self,
        prompts: Sequence[Sequence[int]],
        way: Way,
        shared: int,
        copies: int,
        begun: "Head | None" = None,
    ) -> "CacheRows":
        device = self.model.device
        head = torch.tensor([prompts[0][:shared]], dtype=torch.long, device=device)
        width = max(len(prompt) for prompt in prompts) - shared
        own = [[*[self._pad] * (width - len(prompt) + shared), *prompt[shared:]] for prompt in prompts]
        ids = torch.cat([head.repeat_interleave(len(prompts), 0), torch.tensor(own, device=device)], 1)
        mask = None
        if way in ("shared", "padded"):
            # What pads a short prompt stands between the shared words and its own: masked, left out of the positions.
            lengths = torch.tensor([len(prompt) - shared for prompt in prompts], device=device)
            real = torch.arange(width, device=device) >= width - lengths[:, None]
            mask = torch.cat([torch.ones_like(ids[:, :shared]), real.long()], 1)
        rows = CacheRows(self, ids, mask, None if way == "whole" else new_cache(self.model.config), 0)
        if way != "whole":
            if shared:
                if begun is None:
                    self.look(head, None, rows.cache, 0)
                else:
                    rows.cache = deepcopy(begun.cache)
                rows.cache.reorder_cache(torch.zeros(len(prompts), dtype=torch.long, device=device))
                rows.read = shared
            if ids.shape[1] - 1 > rows.read:
                self.look(ids[:, :-1], None if mask is None else mask[:, :-1], rows.cache, rows.read)
                rows.read = ids.shape[1] - 1
        if copies > 1:
            rows.keep(torch.arange(len(prompts), device=device).repeat_interleave(copies))
        return rows

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def behind(
        self,
        starts: Sequence[Sequence[int]],
        stems: Sequence[tuple[int, Sequence[int]]],
        head: "Head | None" = None,
        ahead: int = 1,
    ) -> list[torch.Tensor]:
        """Logits behind the last token of a start and behind each token of the stem that goes on from it.

        A stem is (number of its start, tokens); it gets a tensor (its tokens + 1, words). Starts are read once, and
        `head`, which all of them begin with, was read before. Rotary factors that hang on a row's length are those of a
        row that is `ahead` tokens longer: 1 counts the token that is scored and never read, 0 does not.
        """
        found: dict[int, torch.Tensor] = {}
        together: dict[tuple[Way, int], list[int]] = {}
        for number, (start, stem) in enumerate(stems):
            length = len(starts[start]) + len(stem)
            together.setdefault(self.alike(length, ahead), []).append(number)
        waiting = [(way, numbers) for (way, _), numbers in together.items()]
        while waiting:
            way, numbers = waiting.pop()
            some = [stems[number] for number in numbers]
            padded = way in ("shared", "padded")
            if padded and len(some) > 1 and self._too_wide(starts, some):
                numbers.sort(key=lambda number: (len(starts[stems[number][0]]), number))
                half = len(numbers) // 2
                waiting += [(way, numbers[:half]), (way, numbers[half:])]
                continue
            logits = self._behind(starts, some, way, head) if padded else self._behind_whole(starts, some, ahead)
            found.update(zip(numbers, logits, strict=True))
        return [found[number] for number in range(len(stems))]

    def _too_wide(self, starts: Sequence[Sequence[int]], stems: Sequence[tuple[int, Sequence[int]]]) -> bool:
        """Whether rows that fit one by one are wider than the model reads, with what pads them."""
        return max(len(starts[start]) for start, _ in stems) + max(len(stem) for _, stem in stems) > self.longest

    def _behind(
        self,
        starts: Sequence[Sequence[int]],
        stems: Sequence[tuple[int, Sequence[int]]],
        way: Way,
        head: "Head | None",
    ) -> list[torch.Tensor]:
        device = self.model.device
        width = max(len(stem) for _, stem in stems) + 1
        used = sorted({start for start, _ in stems})
        place = {start: row for row, start in enumerate(used)}
        prompts = [starts[start] for start in used]
        rows = self._read(prompts, way, self._shared(prompts, way, width, head), 1, head)
        rows.keep(torch.tensor([place[start] for start, _ in stems], device=device))
        # What fills up a short row stands behind it and is never read.
        more = torch.tensor([[*stem, *[0] * (width - 1 - len(stem))] for _, stem in stems], device=device)
        lengths = torch.tensor([len(stem) for _, stem in stems], device=device)
        ids = torch.cat([rows.ids, more.long().reshape(len(stems), width - 1)], 1)
        assert rows.mask is not None
        new = (torch.arange(width - 1, device=device) < lengths[:, None]).long()
        logits = self.look(ids, torch.cat([rows.mask, new], 1), rows.cache, rows.read, last=False)
        return [own[: len(stem) + 1] for own, (_, stem) in zip(logits, stems, strict=True)]

    def _behind_whole(
        self, starts: Sequence[Sequence[int]], stems: Sequence[tuple[int, Sequence[int]]], ahead: int
    ) -> list[torch.Tensor]:
        """The same for rows that are equally long, each read whole."""
        # What comes behind the stem changes no logits before it, but rotary factors may hang on how long the row is.
        more = [self._pad] * ahead
        ids = torch.tensor([[*starts[start], *stem, *more] for start, stem in stems], device=self.model.device)
        logits = self.look(ids, None, None, 0, last=False)
        return [
            own[len(own) - ahead - len(stem) - 1 : len(own) - ahead]
            for own, (_, stem) in zip(logits, stems, strict=True)
        ]

    def look(self, ids: torch.Tensor, mask: torch.Tensor | None, cache: Any, read: int, last: bool = True) -> Any:
        """Logits behind the tokens of ids, (rows, length), that come after the `read` first: of the last one alone, or
        of all of them."""
        extra: dict[str, Any] = dict(self._last if last else {})
        if mask is not None:
            extra["attention_mask"] = mask
            if self._takes_places:
                extra["position_ids"] = (mask.cumsum(-1) - 1).clamp(min=0)[:, read:]
        if cache is None:
            return self.model(ids, use_cache=False, **extra).logits
        return self.model(ids[:, read:], use_cache=True, **{self._cache_name: cache}, **extra).logits

    def outgrown(self, length: int) -> bool:
        """Whether what was remembered of rows of `length - 1` tokens is of no use to rows that are one token longer."""
        return self._switch is not None and self._switch.once and length == self._switch.tokens + 1

    # Which way is right ---------------------------------------------------------------------------------------------

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def _right_way(self) -> Way:
        rows, more = self._trial()
        try:
            plain = [self._plain(row) for row in rows]
            short = self._plain(rows[0][:-more])
        except Exception as error:  # a model's code may raise anything
            raise ModelError(f"{type(self.model).__name__}: the model fails to run: {first_line(error)}") from error
        expected = torch.stack([logits[-more:].float().log_softmax(-1) for logits in plain])
        if not torch.isfinite(expected).all():
            raise ModelError(
                f"{type(self.model).__name__}: its probabilities are NaN or infinite; the weights are damaged, or too "
                "large for their number format"
            )
        spread = expected.std(-1).mean().clamp(min=1e-6)
        exact = plain[0].dtype in (torch.float32, torch.float64) and not self._autocast
        before = plain[0][: len(short)].float().log_softmax(-1)
        if (before - short.float().log_softmax(-1)).square().mean().sqrt() > (0.01 if exact else BROKEN / 3) * spread:
            raise ModelError(
                f"{type(self.model).__name__}: its tokens depend on later tokens, so it cannot generate text from "
                "left to right; use a causal language model"
            )
        found: dict[Way, float | str] = {}

        def off(way: Way) -> float:
            """How far its log-probabilities lie from the plain ones, as a share of their spread."""
            if way not in found:
                try:
                    moved = (self._tried(rows, more, way) - expected).square().mean((-1, -2)).sqrt().max()
                    found[way] = float(moved / spread)
                except Exception as error:  # as above
                    found[way] = first_line(error)
            said = found[way]
            return said if isinstance(said, float) else float("inf")

        # What stands between a row's words gets into its states; in 16 bits a small leak would pass for noise.
        states = any(hasattr(layer, "recurrent_states") for layer in new_cache(self.model.config).layers)
        ways = WAYS[1:-1] if states else WAYS[:-1]
        narrow = EXACT if exact else NARROW
        right: Way = "whole"
        for way in ways:
            if off(way) <= narrow or off(way) <= NOISE * off("even") < BROKEN:
                right = way
                break
        if right != WAYS[0]:
            moved = {
                way: f"log-probabilities change by {why:.2g} of their spread" if isinstance(why, float) else why
                for way, why in found.items()
                if way != right
            }
            quicker = "; ".join(f"not {way}: {why}" for way, why in moved.items())
            log.info("%s: rows are read %s (%s)", type(self.model).__name__, right, quicker or "it has states")
        return right

    def _plain(self, row: Sequence[int]) -> torch.Tensor:
        """Logits behind each token of one row, (length, words), with nothing remembered or padded."""
        logits: torch.Tensor = self.look(torch.tensor([row], device=self.model.device), None, None, 0, last=False)[0]
        return logits

    def _trial(self) -> tuple[list[list[int]], int]:
        """A short and a long row that begin alike, and how many of their last tokens are written."""
        words = self.model.get_input_embeddings().weight.shape[0]
        draw = torch.Generator().manual_seed(0)
        drawn = torch.randint(words, (71,), generator=draw).tolist()
        most = min(self.longest, self._switch.tokens if self._switch else self.longest)
        return [drawn[: BEGUN + 5], [*drawn[:BEGUN], *drawn[BEGUN + 5 :]][:most]], 4

    def _tried(self, rows: Sequence[Sequence[int]], more: int, way: Way) -> torch.Tensor:
        """Log-probabilities behind each of the `more` last tokens of the rows, (rows, more, words), in this way."""
        apart = [[row] for row in rows] if way == "even" else [list(rows)]
        found = []
        for batch in apart:
            held = self._read([row[: -more + 1] for row in batch], way, BEGUN if way == "shared" else 0, 1)
            logs = [held.following().float().log_softmax(-1)]
            for place in range(1 - more, 0):
                held.write(torch.tensor([row[place] for row in batch], device=self.model.device))
                logs.append(held.following().float().log_softmax(-1))
            held.keep(torch.arange(len(batch), device=self.model.device))
            found.append(torch.stack(logs, 1))
        return torch.cat(found)


class CacheRows:
    """Rows being written: `ids`, (rows, length), and what the model remembers of their `read` first tokens."""

    def __init__(self, memory: Memory, ids: torch.Tensor, mask: torch.Tensor | None, cache: Any, read: int) -> None:
        self._memory = memory
        self.ids, self.mask, self.cache, self.read = ids, mask, cache, read

    def following(self) -> torch.Tensor:
        """Logits of the next token of each row, (rows, words); afterwards all tokens so far are read."""
        length = self.ids.shape[1]
        if self.cache is not None and self._memory.outgrown(length):
            self.cache, self.read = new_cache(self._memory.model.config), 0
        logits = self._memory.look(self.ids, self.mask, self.cache, self.read)
        self.read = length
        return logits[:, -1]

    def write(self, tokens: torch.Tensor) -> None:
        """Add a token to each row: (rows,)."""
        self.ids = torch.cat([self.ids, tokens[:, None]], 1)
        if self.mask is not None:
            self.mask = torch.cat([self.mask, self.mask.new_ones(len(tokens), 1)], 1)

    def keep(self, rows: torch.Tensor) -> None:
        """Go on with these rows, in this order; a row may come more than once."""
        self.ids = self.ids[rows]
        if self.mask is not None:
            self.mask = self.mask[rows]
        if self.cache is not None and self.read:
            self.cache.reorder_cache(rows)


def _window(config: Any) -> int:
    """Tokens that the model's nearest-sighted layer looks back; a very large number where all see everything."""
    named = [getattr(config, name, None) for name in WINDOWS]
    layers = [getattr(layer, "sliding_window", None) for layer in new_cache(config).layers]
    return min((size for size in (*named, *layers) if isinstance(size, int) and size > 0), default=2**31)


def _switch(config: Any) -> Switch | None:
    """Where the rotary factors change, of all kinds of layers the first."""
    said = getattr(config, "rope_parameters", None) or {}
    kinds = [said, *(part for part in said.values() if isinstance(part, dict))]
    found = []
    for part in kinds:
        if part.get("rope_type") in ("longrope", "dynamic"):
            tokens = part.get("original_max_position_embeddings") or config.max_position_embeddings
            found.append(Switch(int(tokens), part["rope_type"] == "longrope"))
    return min(found, default=None)
