"""A chat server as a benchmark of language models asks it, over real HTTP."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from srlm.engines.openai.client import Client
from srlm.engines.openai.endpoint import Endpoint
from srlm.engines.openai.engine import OpenAIEngine
from srlm.engines.openai.text import Conversation
from srlm.engines.plain_text import Likelihood, TextPair, text_of
from srlm.errors import EngineError
from srlm.records import Message, user
from srlm.settings import Sampling
from tests.chat_server import Reply, Serve, refusal, words

ASKED = Conversation(messages=user("2 + 2?"), begun=False).model_dump_json()
GREEDY = Sampling(temperature=0, max_new_tokens=16)
VOCABULARY = {"2 + 2?": 1, "The": 2, " answer": 3, " is": 4, " 4": 5, " 5": 6}
CHANCES = {3: (-0.5, 1), 4: (-0.25, 1), 5: (-1.0, 1), 6: (-2.0, 3)}


@pytest.fixture
def opened(serve: Serve) -> Iterator[Any]:
    engines: list[OpenAIEngine] = []

    def start(reply: Any) -> OpenAIEngine:
        server = serve(reply)
        engines.append(OpenAIEngine(Client(Endpoint(service="compatible", base_url=server.url, tries=1)), "m"))
        return engines[-1]

    yield start
    for engine in engines:
        engine.close()


def as_vllm(body: dict[str, Any], number: int) -> Reply:
    """The log-probabilities of a conversation's tokens, with ranks, as `vllm serve` gives them."""
    text = "".join(message["content"] for message in body["messages"])
    tokens: list[int] = []
    while text:
        token = next(one for one in VOCABULARY if text.startswith(one))
        tokens.append(VOCABULARY[token])
        text = text[len(token) :]
    rows = [
        {str(token): {"logprob": CHANCES.get(token, (-1.0, 1))[0], "rank": CHANCES.get(token, (-1.0, 1))[1]}}
        for token in tokens
    ]
    return words("x", prompt_logprobs=[None, *rows])


def test_vllm_says_how_likely_words_are_behind_a_conversation(opened: Any) -> None:
    begun = (*user("2 + 2?"), Message(role="assistant", content="The answer is"))
    context = Conversation(messages=begun, begun=True).model_dump_json()
    pairs = [TextPair(context, " 4"), TextPair(context, " 5"), TextPair(context, " 4")]
    found = text_of(opened(as_vllm)).likelihoods(pairs, rendered=True)
    assert found == [Likelihood(-1.0, True), Likelihood(-2.0, False), Likelihood(-1.0, True)]


def test_answers_end_before_the_first_stop(opened: Any) -> None:
    def reply(body: dict[str, Any], number: int) -> Reply:
        assert body["messages"] == [{"role": "user", "content": "2 + 2?"}]
        return words("It is 4.\nQuestion: 3 + 3?")

    assert text_of(opened(reply)).write([ASKED], ["Question:"], GREEDY, 0, rendered=True) == ["It is 4.\n"]


def test_a_server_without_log_probabilities_is_refused_by_name(opened: Any) -> None:
    engine = opened(lambda body, number: words("x"))
    with pytest.raises(EngineError, match="has no log-probabilities; use vLLM"):
        text_of(engine).likelihoods([TextPair(ASKED, " 4")], rendered=True)


def test_plain_text_is_refused_before_anything_is_sent(opened: Any) -> None:
    text = text_of(opened(lambda body, number: refusal(500, "asked")))
    for ask in (
        lambda: text.likelihoods([TextPair("2 + 2 =", " 4")]),
        lambda: text.rolling(["2 + 2 = 4"]),
        lambda: text.write(["2 + 2 ="], [], GREEDY, 0),
    ):
        with pytest.raises(EngineError, match="a chat server cannot be asked for plain text"):
            ask()
    with pytest.raises(EngineError, match="not a conversation"):
        text.write([json.dumps({"messages": "no list"})], [], GREEDY, 0, rendered=True)


def test_a_refused_prompt_is_no_empty_answer(opened: Any) -> None:
    def reply(body: dict[str, Any], number: int) -> Reply:
        return refusal(400, "flagged by the content policy") if "bad" in str(body["messages"]) else words("4")

    bad = Conversation(messages=user("bad"), begun=False).model_dump_json()
    with pytest.raises(EngineError, match="refused 1 of 2 prompts of a benchmark, the first one with: flagged"):
        text_of(opened(reply)).write([ASKED, bad], [], GREEDY, 0, rendered=True)
