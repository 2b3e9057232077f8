"""What calls cost, in US dollars: estimated before, counted while answers come, stopped at a cap."""

from functools import cache
from importlib import resources

from pydantic import Field

from srlm.engines.openai.calls import Answer, Call, CallStore
from srlm.errors import EngineError
from srlm.records import Record
from srlm.settings import Price

BYTES_A_TOKEN = 4.8
"""UTF-8 bytes of template, instruction and both outputs to a token of GPT-4: the mean of the 7,226 official annotations
of ten models whose tokens are known, used to estimate."""
BYTES_A_TOKEN_AT_LEAST = 2.5
"""All but one in a thousand of them have more: used to keep below a cap."""
BATCH_SHARE = 0.5
"""Price of a call in a batch beside the same call by itself: OpenAI's, and that of others with a batch API."""


class Prices(Record):
    """The price list that ships."""

    date: str
    """When it was last true."""
    source: str
    usd_per_million_tokens: dict[str, Price]
    """By the exact name of the model; a name that is not there has no known price."""
    unknown: dict[str, str] = Field(default={})
    """Why a model's price is not known, where that can be told."""


@cache
def price_list() -> Prices:
    """The shipped price list."""
    text = resources.files(__package__).joinpath("prices.json").read_text(encoding="utf-8")
    return Prices.model_validate_json(text)


def price_of(service: str, model: str) -> Price | None:
    """The price of a model by its exact name; None where it is not known, as on any server but the provider's own."""
    return price_list().usd_per_million_tokens.get(model) if service == "openai" else None


def estimated(call: Call, price: Price, bytes_a_token: float = BYTES_A_TOKEN) -> float:
    """What a call may cost, for all the tokens it may write."""
    text, limit = tokens_at_most(call)
    return price.of(text * BYTES_A_TOKEN_AT_LEAST / bytes_a_token, limit)


def tokens_at_most(call: Call) -> tuple[float, int]:
    """Input tokens of a call by its bytes, and the limit of its output tokens."""
    return len(call.text.encode()) / BYTES_A_TOKEN_AT_LEAST, call.limit * call.settings.get("n", 1)


def paid(answer: Answer, price: Price | None) -> float | None:
    """What an answer cost by the server's own count of tokens; None where price or count is not known."""
    if price is None or answer.prompt_tokens is None or answer.completion_tokens is None:
        return None
    return price.of(answer.prompt_tokens, answer.completion_tokens) * share_of(answer)


def share_of(answer: Answer) -> float:
    """What an answer cost as a share of the price: one that came in a batch half."""
    return 1.0 if answer.batch is None else BATCH_SHARE


def spent_on(store: CallStore, model: str, price: Price) -> float:
    """What all answers of a model in a store have cost; by the estimate where the server counts no tokens."""
    total = 0.0
    for call, answer in store.every(model):
        cost = paid(answer, price)
        total += estimated(call, price, BYTES_A_TOKEN_AT_LEAST) * share_of(answer) if cost is None else cost
    return total


class BudgetSpent(EngineError):
    """A call was not sent, for the budget has no room for it."""


class Budget:
    """Money spent in this run, and the cap that no call may be sent beyond.

    A call under way counts with the most it may cost: at first by its length and its limit of new tokens, once a number
    of answers has come by the dearest of these for its length. What was answered in earlier runs is paid for, and
    counts only where it is given as `spent`.
    """

    def __init__(self, price: Price | None = None, most: float | None = None, spent: float = 0.0) -> None:
        if most is not None and price is None:
            raise EngineError(
                "--max-cost needs a price: this judge is not in the price list; give --price INPUT OUTPUT (US dollars "
                "per million tokens; 0 0 for your own server; in a run file judge.max_cost and judge.price)"
            )
        self.price, self.most = price, most
        self.spent = spent
        self.held_back = 0
        """Calls not sent, for the cap."""
        self._over = False
        self._under_way: dict[str, float] = {}
        self._answers = 0
        self._dearest = 0.0
        """Most input tokens to a token of the estimate that an answer has had."""
        self._longest = 0
        """Most output tokens that an answer has had."""

    def reserve(self, call: Call) -> bool:
        """Whether a call may be sent; it then counts until it is spent or dropped.

        Once a call is held back for good, so are all after it: what is paid for is then the first part of what was to
        be asked, and holds no fewer long calls than the rest.
        """
        if self.price is None:
            return True
        if self.most is not None and not self._fits(call):
            if not self.may_have_room:
                self._over = True
                self.held_back += 1
            return False
        self._under_way[call.key] = self._most_of(call)
        return True

    def reserve_in_batch(self, call: Call, submitted: bool = False) -> bool:
        """The same for a call of a batch, at its price; `submitted`: it was sent by an earlier run, and counts anyway.

        A batch is paid for as a whole, so its calls do not wait for a first answer that tells what they cost.
        """
        if self.price is None:
            return True
        most = self._most_of(call) * BATCH_SHARE
        sure = self.spent + sum(self._under_way.values()) + most
        if not submitted and self.most is not None and (self._over or sure > self.most):
            if not self.may_have_room:
                self._over = True
                self.held_back += 1
            return False
        self._under_way[call.key] = most
        return True

    @property
    def may_have_room(self) -> bool:
        """Whether a call that does not fit now may fit when those under way have come in."""
        return bool(self._under_way) and not self._over

    def _fits(self, call: Call) -> bool:
        assert self.most is not None
        if self._over or (self._under_way and not self._answers):  # the first answer tells what calls cost
            return False
        return self.spent + sum(self._under_way.values()) + self._most_of(call) <= self.most

    def _most_of(self, call: Call) -> float:
        """The most that a call may cost, as far as it is known."""
        assert self.price is not None
        text, limit = tokens_at_most(call)
        if self._answers < KNOWN:
            return self.price.of(text * max(1.0, self._dearest), max(limit, self._longest))
        wider = 1 + MARGIN
        new = self._longest * wider
        return self.price.of(text * self._dearest * wider, min(new, limit) if limit >= self._longest else new)

    def spend(self, call: Call, answer: Answer) -> None:
        """Count what an answer cost; by the estimate where the server counts no tokens."""
        self._under_way.pop(call.key, None)
        if self.price is None:
            return
        cost = paid(answer, self.price)
        self.spent += estimated(call, self.price, BYTES_A_TOKEN_AT_LEAST) * share_of(answer) if cost is None else cost
        self._answers += 1
        text, limit = tokens_at_most(call)
        counted = (answer.prompt_tokens, answer.completion_tokens)
        read, new = (text, limit) if None in counted else (answer.prompt_tokens or 0, answer.completion_tokens or 0)
        self._dearest = max(self._dearest, read / max(text, 1.0))
        self._longest = max(self._longest, new)

    def drop(self, call: Call) -> None:
        """A call that brought no answer; one that was answered counts already."""
        self._under_way.pop(call.key, None)


KNOWN = 20
"""Answers from which on calls are expected to cost what these did."""
MARGIN = 0.1
"""By how much a call may yet be dearer than the dearest of these."""
