"""What calls cost, in US dollars: estimated before, counted while answers come, stopped at a cap."""

from functools import cache
from importlib import resources

from srlm.engines.openai.calls import Answer, Call, CallStore
from srlm.errors import EngineError
from srlm.records import Record
from srlm.settings import Price

BYTES_A_TOKEN = 4.8
"""UTF-8 bytes of template, instruction and both outputs to a token of GPT-4: the mean of the 7,226 official annotations
of ten models whose tokens are known, used to estimate."""
BYTES_A_TOKEN_AT_LEAST = 2.5
"""All but one in a thousand of them have more: used to keep below a cap."""


class Prices(Record):
    """The price list that ships."""

    date: str
    """When it was last true."""
    source: str
    usd_per_million_tokens: dict[str, Price]
    """By the exact name of the model; a name that is not there has no known price."""


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
    text = sum(len(message["content"].encode()) for message in call.messages)
    limit = call.settings.get("max_tokens") or call.settings.get("max_completion_tokens") or 0
    return price.of(text / bytes_a_token, limit * call.settings.get("n", 1))


def paid(answer: Answer, price: Price | None) -> float | None:
    """What an answer cost by the server's own count of tokens; None where price or count is not known."""
    if price is None or answer.prompt_tokens is None or answer.completion_tokens is None:
        return None
    return price.of(answer.prompt_tokens, answer.completion_tokens)


def spent_on(store: CallStore, model: str, price: Price) -> float:
    """What all answers of a model in a store have cost; by the estimate where the server counts no tokens."""
    total = 0.0
    for call, answer in store.every(model):
        cost = paid(answer, price)
        total += estimated(call, price, BYTES_A_TOKEN_AT_LEAST) if cost is None else cost
    return total


class Budget:
    """Money spent in this run, and the cap that no call may be sent beyond.

    A call under way counts with the most it may cost. What was answered in earlier runs is paid for, and counts only
    where it is given as `spent`.
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
        self._under_way: dict[str, float] = {}
        self._dearest = 1.0  # how many times its estimate a call has cost at most

    def reserve(self, call: Call) -> bool:
        """Whether a call may be sent; it then counts until it is spent or dropped."""
        if self.price is None:
            return True
        amount = estimated(call, self.price, BYTES_A_TOKEN_AT_LEAST) * self._dearest
        if self.most is not None and self.spent + sum(self._under_way.values()) + amount > self.most:
            self.held_back += 1
            return False
        self._under_way[call.key] = amount
        return True

    def spend(self, call: Call, answer: Answer) -> None:
        """Count what an answer cost; by the estimate where the server counts no tokens."""
        self._under_way.pop(call.key, None)
        if self.price is not None:
            estimate, cost = estimated(call, self.price, BYTES_A_TOKEN_AT_LEAST), paid(answer, self.price)
            self.spent += estimate if cost is None else cost
            if cost and estimate:
                self._dearest = max(self._dearest, cost / estimate)

    def drop(self, call: Call) -> None:
        """A request that brought no answer; it counts again when it is sent again."""
        self._under_way.pop(call.key, None)
