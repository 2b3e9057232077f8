"""A server as the judge of the head-to-head."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from srlm.engines.openai.calls import CallStore
from srlm.engines.openai.client import Client
from srlm.engines.openai.endpoint import Endpoint
from srlm.errors import EngineError
from srlm.judge.asked import AskedPairJudge
from srlm.judge.pairwise import Opinion, PairItem
from tests.chat_server import Reply, Serve, refusal, words

ITEMS = [PairItem(prompt=f"Say {number}.", first=f"{number}!", second="No.") for number in range(4)]
Open = Callable[..., AskedPairJudge]


@pytest.fixture
def judge(tmp_path: Path) -> Iterator[Open]:
    opened: list[Client] = []

    def start(url: str) -> AskedPairJudge:
        endpoint = Endpoint(service="compatible", base_url=url, pause=0.001, tries=2)
        opened.append(Client(endpoint, CallStore(tmp_path / "calls.sqlite")))
        return AskedPairJudge("judge", lambda: opened[-1], opened[-1].close)

    yield start
    for client in opened:
        client.close()


def test_letters_are_read_and_kept(serve: Serve, judge: Open) -> None:
    server = serve(lambda body, _: words("B" if "Say 2." in body["messages"][0]["content"] else "A"))
    said = judge(server.url).compare(ITEMS, seed=1)
    assert said == [Opinion(preference=p, raw="A" if p else "B") for p in (1.0, 1.0, 0.0, 1.0)]
    assert judge(server.url).compare(ITEMS, seed=2) == said
    assert len(server.asked) == 4


def test_probabilities_are_read_where_the_server_tells_them(serve: Serve, judge: Open) -> None:
    def reply(body: dict[str, Any], _: int) -> Reply:
        top = [{"token": token, "logprob": math.log(p)} for token, p in (("A", 0.3), (" A", 0.3), ("B", 0.2))]
        made = words("A")
        made.body["choices"][0]["logprobs"] = {"content": [{**top[0], "top_logprobs": top}]}
        return made

    (said,) = judge(serve(reply).url).compare(ITEMS[:1], seed=1)
    assert said.preference == 1.0
    assert said.probability == pytest.approx(0.6 / 0.8)


def test_a_server_that_refuses_log_probabilities_is_asked_without(serve: Serve, judge: Open) -> None:
    server = serve(lambda body, _: refusal(400, "no logprobs") if "logprobs" in body else words("A"))
    assert [one.preference for one in judge(server.url).compare(ITEMS, seed=1)] == [1.0] * 4


def test_a_server_that_refuses_either_way_is_told(serve: Serve, judge: Open) -> None:
    server = serve(lambda body, _: refusal(400, "no such thing"))
    with pytest.raises(EngineError, match="no such thing"):
        judge(server.url).compare(ITEMS, seed=1)


def test_failed_calls_make_no_verdicts_and_are_asked_again(serve: Serve, judge: Open) -> None:
    down = [True]

    def reply(body: dict[str, Any], _: int) -> Reply:
        broken = down[0] and "Say 2." in body["messages"][0]["content"]
        return refusal(500, "down") if broken else words("A")

    server = serve(reply)
    with pytest.raises(EngineError, match=r"1 call failed \(down\); run again"):
        judge(server.url).compare(ITEMS, seed=1)
    down.clear()
    down.append(False)
    assert [one.preference for one in judge(server.url).compare(ITEMS, seed=1)] == [1.0] * 4
    assert len(server.asked) == 4 + 2


def test_an_answer_without_a_letter_is_no_verdict(serve: Serve, judge: Open) -> None:
    server = serve(lambda body, _: words("Both are fine."))
    assert judge(server.url).compare(ITEMS[:1], seed=1) == [
        Opinion(preference=None, raw="Both are fine.", unread="no verdict")
    ]


def test_a_refused_question_is_no_verdict(serve: Serve, judge: Open) -> None:
    error = {"error": {"message": "unsafe", "code": "content_filter"}}
    server = serve(lambda body, _: Reply(error, 400))
    assert judge(server.url).compare(ITEMS[:1], seed=1) == [Opinion(preference=None, raw="unsafe", unread="refused")]


def test_a_judge_that_was_still_thinking_is_given_room(serve: Serve, judge: Open) -> None:
    def reply(body: dict[str, Any], _: int) -> Reply:
        if body["max_tokens"] == 64:
            return words("<think>A is short, but", finish="length")
        return words("<think>A is short, but B is rude.</think>\n\nA")

    server = serve(reply)
    (said,) = judge(server.url).compare(ITEMS[:1], seed=1)
    assert (said.preference, said.raw, said.unread) == (1.0, "A", None)
    assert [body["max_tokens"] for body in server.asked] == [64, 4096]


def test_an_item_that_is_too_long_is_no_verdict_and_the_others_are(serve: Serve, judge: Open) -> None:
    error = {"error": {"message": "too long", "code": "context_length_exceeded"}}
    server = serve(lambda body, _: Reply(error, 400) if "Say 2." in body["messages"][0]["content"] else words("B"))
    said = judge(server.url).compare(ITEMS, seed=1)
    assert [one.preference for one in said] == [0.0, 0.0, None, 0.0]
    assert said[2].unread == "no room"


def test_log_probabilities_that_the_server_says_it_does_not_take_are_left_out_once(serve: Serve, judge: Open) -> None:
    def reply(body: dict[str, Any], _: int) -> Reply:
        refused = next((name for name in ("logprobs", "top_logprobs") if name in body), None)
        return words("A") if refused is None else refusal(400, f"Unsupported parameter: '{refused}'")

    server = serve(reply)
    asked = judge(server.url)
    assert [one.preference for one in asked.compare(ITEMS[:1], seed=1)] == [1.0]
    assert [one.preference for one in asked.compare(ITEMS, seed=1)] == [1.0] * 4
    # One refusal for both and no more, the answer that then came, and three votes for each item.
    assert len(server.asked) == 1 + 1 + 4 * 3
