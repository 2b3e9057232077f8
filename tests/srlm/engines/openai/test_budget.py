"""A budget is spent on a fair sample, nearly whole, and never more than it."""

import random
import statistics
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from srlm.engines.openai.calls import Answer, Call, CallStore
from srlm.engines.openai.client import Client
from srlm.engines.openai.cost import Budget, estimated, price_list, price_of
from srlm.engines.openai.endpoint import Endpoint
from srlm.engines.openai.retired import retired_models, retirement
from srlm.settings import Price
from tests.chat_server import Reply, Serve, refusal, words

PRICE = Price(input=10, output=30)
NUMBER = 400


def questions(seed: int = 1) -> list[Call]:
    """Prompts with lengths as answers of models have them: most are short, a few are twenty times as long."""
    draws = random.Random(seed)
    lengths = [int(300 + draws.lognormvariate(7, 0.9)) for _ in range(NUMBER)]
    return [
        Call(
            service="compatible", model="judge",
            messages=({"role": "user", "content": f"{n} " + "word " * (length // 5)},), settings={"max_tokens": 300},
            template="t",
        )
        for n, length in enumerate(lengths)
    ]  # fmt: skip


def size(call: Call) -> int:
    return len(call.messages[0]["content"])


def counted(body: dict[str, Any]) -> Reply:
    """An answer whose tokens are counted: between 3.6 and 5.5 bytes a token, and 20 to 120 new ones."""
    content = body["messages"][0]["content"]
    draws = random.Random(content[:20])
    usage = {"prompt_tokens": int(len(content) / draws.uniform(3.6, 5.5)), "completion_tokens": draws.randint(20, 120)}
    return words("m", usage=usage)


def dollars(call: Call) -> float:
    usage = counted({"messages": call.messages}).body["usage"]
    return PRICE.of(usage["prompt_tokens"], usage["completion_tokens"])


Open = Callable[..., Client]


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Open]:
    opened: list[Client] = []
    stores: list[CallStore] = []

    def start(url: str, most: float, **settings: Any) -> Client:
        given = {"service": "compatible", "base_url": url, "timeout": 20.0, "pause": 0.001, **settings}
        stores.append(CallStore(tmp_path / "calls.sqlite"))
        opened.append(Client(Endpoint(**given), stores[-1], Budget(PRICE, most)))
        return opened[-1]

    yield start
    for one in opened:
        one.close()
    for store in stores:
        store.close()


@pytest.mark.parametrize(("share", "concurrency"), [(0.33, 1), (0.33, 64), (0.6, 16)])
def test_the_budget_is_spent_nearly_whole_on_prompts_as_long_as_all(
    serve: Serve, client: Open, share: float, concurrency: int
) -> None:
    calls = questions()
    whole = sum(map(dollars, calls))
    asked = client(serve(lambda body, _: counted(body)).url, share * whole, concurrency=concurrency)
    said = asked.ask(calls)
    answered = [call for call, one in zip(calls, said, strict=True) if isinstance(one, Answer)]
    assert answered == calls[: len(answered)]  # the first ones in the order of asking, whatever each cost
    assert asked.budget.held_back > 0
    assert asked.budget.spent == pytest.approx(sum(map(dollars, answered)))
    assert 0.95 * share * whole < asked.budget.spent <= share * whole
    # A random order: the mean length of the first is that of all, within its sampling error.
    error = statistics.stdev(map(size, calls)) * ((1 - share) / len(answered)) ** 0.5
    assert abs(statistics.mean(map(size, answered)) - statistics.mean(map(size, calls))) < 2.5 * error


def test_slow_answers_to_long_prompts_are_no_reason_to_leave_them_out(serve: Serve, client: Open) -> None:
    """Long prompts are answered when many short ones have been, and those behind them are not asked in their stead."""
    calls = questions(2)
    long = sorted(map(size, calls))[-40]
    quick = threading.Semaphore(0)

    def reply(body: dict[str, Any], _: int) -> Reply:
        if len(body["messages"][0]["content"]) >= long:
            quick.acquire(timeout=0.05)
        else:
            quick.release()
        return counted(body)

    whole = sum(map(dollars, calls))
    asked = client(serve(reply).url, whole / 3, concurrency=32)
    said = asked.ask(calls)
    answered = sum(isinstance(one, Answer) for one in said)
    assert [isinstance(one, Answer) for one in said] == [True] * answered + [False] * (NUMBER - answered)
    assert whole / 3 * 0.95 < asked.budget.spent <= whole / 3


def test_a_larger_budget_pays_only_the_rest(serve: Serve, client: Open) -> None:
    calls = questions()
    server = serve(lambda body, _: counted(body))
    whole = sum(map(dollars, calls))
    first = client(server.url, whole / 4)
    said = first.ask(calls)
    second = client(server.url, whole)
    assert all(isinstance(one, Answer) for one in second.ask(calls))
    assert len(server.asked) == NUMBER
    assert second.tally["found"] == sum(isinstance(one, Answer) for one in said)
    assert first.budget.spent + second.budget.spent == pytest.approx(whole)


def test_failures_and_second_tries_cost_nothing_and_leave_no_room_unused(serve: Serve, client: Open) -> None:
    calls = questions(3)

    def reply(body: dict[str, Any], number: int) -> Reply:
        if number % 5 == 2:
            return refusal(500, "oops")
        return refusal(400, "not this") if number % 31 == 30 else counted(body)

    whole = sum(map(dollars, calls))
    asked = client(serve(reply).url, whole / 2, concurrency=16)
    asked.ask(calls)
    assert whole / 2 * 0.95 < asked.budget.spent <= whole / 2


def test_a_first_answer_that_costs_more_than_was_thought_stops_the_burst(serve: Serve, client: Open) -> None:
    """The server counts ten times the tokens that the text suggests: until it has said so, one call is under way."""

    def reply(body: dict[str, Any], _: int) -> Reply:
        return words("m", usage={"prompt_tokens": 5000, "completion_tokens": 1})

    server = serve(reply)
    short = [call.model_copy(update={"messages": ({"role": "user", "content": call.key},)}) for call in questions()]
    asked = client(server.url, 0.12, concurrency=64)  # 0.05003 dollars each
    asked.ask(short)
    assert len(server.asked) == 2
    assert asked.budget.spent == pytest.approx(2 * 0.05003)


def test_an_estimate_is_of_bytes_and_of_the_limit() -> None:
    one = questions()[0]
    assert estimated(one, PRICE, 2.5) == pytest.approx((10 * size(one) / 2.5 + 30 * 300) / 1e6)


def test_todays_models_have_a_price_where_one_is_known_and_a_reason_where_none_is() -> None:
    assert price_of("openai", "gpt-6.1-sol") == Price(input=2, output=10)
    assert price_of("openai", "gpt-5.6-sol") is None  # a promotion has ended, or not
    assert price_list().unknown["gpt-5.6-sol"].endswith("until 2026-11-21 only")
    assert not price_list().unknown.keys() & price_list().usd_per_million_tokens.keys()
    living = {name for row in retired_models().models.values() for name in row.instead if retirement(name) is None}
    assert living - price_list().usd_per_million_tokens.keys() == {"gpt-5.6-sol"}
