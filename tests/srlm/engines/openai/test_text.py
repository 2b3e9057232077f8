"""A server as a benchmark of language models asks it, over real HTTP: conversations, and plain text of real models."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from tokenizers.processors import TemplateProcessing

from srlm.engines.openai.calls import Call, CallStore
from srlm.engines.openai.client import Client
from srlm.engines.openai.cost import estimated
from srlm.engines.openai.endpoint import Endpoint
from srlm.engines.openai.engine import OpenAIEngine, unread
from srlm.engines.openai.text import Conversation
from srlm.engines.plain_text import Likelihood, PlainText, TextPair, text_of
from srlm.engines.transformers import TransformersEngine
from srlm.errors import DataError, EngineError, RoomError
from srlm.records import Message, user
from srlm.settings import Price, Sampling, ScratchModel
from srlm.text.chat import Chat
from srlm.training import scratch
from tests.chat_server import Reply, Serve, refusal, words
from tests.served_model import ServedModel
from tests.tiny_tokenizers import byte_level, metaspace

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


def test_a_text_that_is_no_conversation_is_refused_before_anything_is_sent(opened: Any) -> None:
    text = text_of(opened(lambda body, number: refusal(500, "asked")))
    with pytest.raises(EngineError, match="not a conversation"):
        text.write([json.dumps({"messages": "no list"})], [], GREEDY, 0, rendered=True)


def test_a_refused_prompt_is_no_empty_answer(opened: Any) -> None:
    def reply(body: dict[str, Any], number: int) -> Reply:
        return refusal(400, "flagged by the content policy") if "bad" in str(body["messages"]) else words("4")

    bad = Conversation(messages=user("bad"), begun=False).model_dump_json()
    with pytest.raises(EngineError, match="refused 1 of 2 prompts of a benchmark, the first one with: flagged"):
        text_of(opened(reply)).write([ASKED, bad], [], GREEDY, 0, rendered=True)


# Plain text -----------------------------------------------------------------------------------------------------------

SPECIAL = ["<s>", "<|user|>", "<|assistant|>", "<|end|>"]
CONTEXT = "Name three colours:"
PAIRS = [
    TextPair(CONTEXT, " red, green and blue."),
    TextPair(CONTEXT, " white"),
    TextPair(f"{CONTEXT} ", "blue"),  # the space belongs to the word behind it
    TextPair("Which answer? ", "zebra"),  # no word begins so, and the space is a token of the continuation
    TextPair("Größe: ", "größer"),  # letters of several tokens
    TextPair("Which answer is better?\nAnswer:", " 日本"),
]


def beginning(words: Any) -> Any:
    """The same tokenizer with a token that it puts before every text."""
    first = words.convert_tokens_to_ids("<s>")
    words.backend_tokenizer.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", first)])
    words.bos_token = "<s>"
    return words


TOKENIZERS = {
    "bytes": lambda: byte_level(SPECIAL, "<|end|>"),
    "bytes-behind-a-first-token": lambda: beginning(byte_level(SPECIAL, "<|end|>")),
    "spaces-that-are-lost-behind-a-first-token": lambda: beginning(metaspace(SPECIAL, "<|end|>")),
}


TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


class Both(NamedTuple):
    """Plain text of one model, behind a server and in this process."""

    there: PlainText
    here: PlainText
    server: ServedModel
    has_first: bool
    """Whether its tokenizer puts a token before a text."""


@pytest.fixture(params=list(TOKENIZERS))
def both(request: pytest.FixtureRequest, opened: Any) -> Both:
    torch.set_num_threads(1)
    words = TOKENIZERS[request.param]()
    words.chat_template = TEMPLATE
    shape = ScratchModel(width=32, layers=2, heads=2, feed_forward=64, max_positions=256)
    model = scratch.random_model(shape, words, seed=3).eval()
    with torch.no_grad():  # so that tokens differ in likelihood
        for weight in model.parameters():
            weight.mul_(4 if weight.dim() > 1 else 1)
    here = TransformersEngine(model, Chat(words), "M1", batch_size=4).plain_text()
    server = ServedModel(model, words, longest=256)
    return Both(text_of(opened(server)), here, server, words.bos_token is not None)


def test_given_text_is_as_likely_as_to_the_same_model_here(both: Both) -> None:
    contexts = [
        "A B",
        "Which",
        "Name three",
        "Score:",
        "The answer is",
        "red, green",
        "Hello there",
        "user",
        "1 2",
        "Write",
    ]
    likeliest = both.here.write(contexts, [], Sampling(temperature=0, max_new_tokens=1), 0)
    pairs = [*PAIRS, *(TextPair(*pair) for pair in zip(contexts, likeliest, strict=True) if pair[1].strip())]
    found, expected = both.there.likelihoods(pairs), both.here.likelihoods(pairs)
    assert [one.total for one in found] == pytest.approx([one.total for one in expected], abs=1e-3)
    assert [one.greedy for one in found] == [one.greedy for one in expected]
    assert {one.greedy for one in found} == {True, False}


def test_a_token_of_both_is_scored_as_the_server_reads_the_whole(both: Both) -> None:
    """lm-eval's `hf` gives the continuation all tokens of the whole but as many as the context has alone."""
    context, continuation = "Name three col", "ours: red, green and blue."
    encode = both.server.tokenizer.encode
    whole = encode(context + continuation)
    assert whole[: len(encode(context))] != encode(context)
    expected = sum(both.server.logprobs(whole)["token_logprobs"][len(encode(context)) :])
    (found,) = both.there.likelihoods([TextPair(context, continuation)])
    assert found.total == pytest.approx(expected, abs=1e-3)


def test_a_continuation_without_a_token_of_its_own_is_nothing_to_score(both: Both) -> None:
    for text in (both.there, both.here):
        with pytest.raises(DataError, match="nothing to score"):
            text.likelihoods([TextPair("Name three col", "ours")])


def test_a_text_goes_on_as_with_the_same_model_here(both: Both) -> None:
    prompts = [CONTEXT, "Which answer is better?", "A B"]
    whole = both.here.write(prompts, [], GREEDY, 0)
    stops = [text[4:6] for text in whole]
    assert all(stops)
    assert both.there.write(prompts, [], GREEDY, 0) == whole
    assert both.there.write(prompts, stops, GREEDY, 0) == both.here.write(prompts, stops, GREEDY, 0) != whole


def test_whole_texts_need_a_token_before_them(both: Both) -> None:
    texts = ["The answer is B.", "", "Name three colours: red."]
    expected = [one.total for one in both.here.likelihoods([TextPair("", text) for text in texts if text])]
    if not both.has_first:
        with pytest.raises(DataError, match="the server puts no token before a text"):
            both.there.rolling(texts)
        return
    assert both.there.rolling(texts) == pytest.approx([expected[0], 0.0, expected[1]], abs=1e-3)


def test_a_text_that_is_too_long_costs_its_task_alone(both: Both) -> None:
    with pytest.raises(RoomError, match="too long: This model's maximum context length is 256"):
        both.there.likelihoods([TextPair("A B " * 300, " C")])
    with pytest.raises(RoomError, match="too long"):
        both.there.write(["A B " * 300], [], GREEDY, 0)
    asked = Conversation(messages=user("A B " * 300), begun=False).model_dump_json()
    with pytest.raises(RoomError, match="refused 1 of 1 prompt of a benchmark"):
        both.there.write([asked], [], GREEDY, 0, rendered=True)


GIVEN: dict[str, list[Any]] = {
    "tokens": ["2 + 2", " =", " 4", "!"],
    "token_logprobs": [None, -1.0, -0.5, -2.0],
    "top_logprobs": [None, {" =": -1.0}, {" 4": -0.5}, {"!": -2.0}],
    "text_offset": [0, 5, 7, 9],
}


def given(prompt_tokens: Any = 3, **lists: Any) -> Reply:
    """An honest answer to `2 + 2 = 4` but for these lists."""
    choice = {
        "index": 0,
        "text": "2 + 2 = 4!",
        "finish_reason": "length",
        "logprobs": None if "logprobs" in lists else GIVEN | lists,
    }
    usage = {"prompt_tokens": prompt_tokens, "completion_tokens": 1}
    return Reply({"id": "1", "object": "text_completion", "model": "m", "choices": [choice], "usage": usage})


@pytest.mark.parametrize("prompt_tokens", [3, None, 4])  # 4: with a token that is not listed
def test_the_token_that_is_written_behind_a_given_text_is_not_scored(opened: Any, prompt_tokens: int | None) -> None:
    text = text_of(opened(lambda body, number: given(prompt_tokens)))
    assert text.likelihoods([TextPair("2 + 2 =", " 4")]) == [Likelihood(-0.5, True)]


@pytest.mark.parametrize(
    ("lists", "said"),
    [
        ({"token_logprobs": [None, -1.0, 0.5, -2.0]}, "a log-probability of 0.5"),
        ({"token_logprobs": [None, -1.0, "-0.5", -2.0]}, "a log-probability of '-0.5'"),
        ({"token_logprobs": [None, -1.0, True, -2.0]}, "a log-probability of True"),
        ({"token_logprobs": [None, None, -0.5, -2.0]}, "no log-probability of a token behind others"),
        ({"token_logprobs": [None, -1.0, -0.5]}, "lists of 4, 3 and 4 (tokens, token_logprobs, top_logprobs)"),
        ({"tokens": ["2 + 2", " =", 4, "!"]}, "a token that is no text"),
        ({"tokens": {"0": "2"}}, "no list of tokens"),
        ({"top_logprobs": None}, "no list of top_logprobs"),
        ({"top_logprobs": [None, None, None, None]}, "no word on which token is the likeliest"),
        ({"top_logprobs": [None, {" =": -1.0}, [" 4", -0.5], {}]}, "top_logprobs that are no object a token"),
        ({"top_logprobs": [None, {" =": 1e9}, {" 4": -0.5}, {}]}, "a log-probability of 1000000000.0"),
        ({"top_logprobs": [None, {" =": None}, {" 4": -0.5}, {}]}, "a log-probability of None among the likeliest"),
        ({"text_offset": [0, 7, 5, 9]}, "text_offset that does not ascend"),
        ({"text_offset": [0, 5, 7]}, "text_offset that is no list of a number a token"),
        ({"prompt_tokens": 40}, "4 tokens, where 40 were read and 1 written"),
        ({"prompt_tokens": 2}, "4 tokens, where 2 were read and 1 written"),
    ],
)
def test_log_probabilities_that_are_none_of_the_text_are_refused(opened: Any, lists: dict[str, Any], said: str) -> None:
    text = text_of(opened(lambda body, number: given(**lists)))
    with pytest.raises(EngineError, match=re.escape(said)) as refused:
        text.likelihoods([TextPair("2 + 2 =", " 4")])
    assert "tasks that only write, such as gsm8k, nq_open and ifeval, can be asked of it" in str(refused.value)


@pytest.mark.parametrize("number", ["NaN", "-Infinity"])
def test_what_is_no_json_number_is_no_answer(opened: Any, number: str) -> None:
    content = json.dumps(given().body).replace("-0.5, -2.0", f"{number}, -2.0").encode()
    text = text_of(opened(lambda body, count: Reply(content)))
    with pytest.raises(EngineError, match=f"{number} is no number|not with a text completion"):
        text.likelihoods([TextPair("2 + 2 =", " 4")])


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(given(logprobs=None), id="none"),
        pytest.param(given(**{name: own[-1:] for name, own in GIVEN.items()}), id="of-what-it-wrote-alone"),
        pytest.param(
            Reply({"choices": [{"index": 0, "text": "!", "logprobs": {"content": [{"token": "!", "logprob": -1}]}}]}),
            id="as-llama.cpp-gives-them",
        ),
        pytest.param(refusal(400, "Only no echo is supported"), id="llama.cpp-refuses-echo"),
        pytest.param(refusal(400, "Unsupported parameter: 'echo' is not supported"), id="refused-by-name"),
    ],
)
def test_a_server_without_log_probabilities_of_given_text_is_told_what_it_can_do(opened: Any, reply: Reply) -> None:
    text = text_of(opened(lambda body, number: reply))
    with pytest.raises(EngineError, match="no log-probabilities of given text") as refused:
        text.likelihoods([TextPair("2 + 2 =", " 4"), TextPair("2 + 2 =", " 5")])
    assert "tasks that only write" in str(refused.value)


def test_a_server_without_completions_can_be_asked_as_a_chat(opened: Any) -> None:
    text = text_of(opened(lambda body, number: refusal(404, "Not Found")))
    with pytest.raises(EngineError, match=r"ask it as a chat \(--chat\), if it has no /completions"):
        text.write(["2 + 2 ="], [], GREEDY, 0)


def test_a_server_that_takes_no_stops_is_asked_without_them(opened: Any) -> None:
    def reply(body: dict[str, Any], number: int) -> Reply:
        if "stop" in body:
            return refusal(400, "Unsupported parameter: 'stop' is not supported")
        return Reply({"choices": [{"index": 0, "text": " 4.\n\nQ: 3 + 3?", "finish_reason": "length"}]})

    assert text_of(opened(reply)).write(["2 + 2 ="], ["\n\n", "Q:"], GREEDY, 0) == [" 4."]


def test_what_is_written_is_kept_as_it_comes_and_log_probabilities_are_not(serve: Serve, tmp_path: Path) -> None:
    def reply(body: dict[str, Any], number: int) -> Reply:
        return given() if "echo" in body else Reply({"choices": [{"index": 0, "text": " 4", "logprobs": None}]})

    server = serve(reply)
    for _ in range(2):
        with CallStore(tmp_path / "calls.sqlite") as store:
            client = Client(Endpoint(service="compatible", base_url=server.url), store, unread=unread)
            engine = OpenAIEngine(client, "m")
            assert text_of(engine).write(["2 + 2 ="], [], GREEDY, 0) == [" 4"]
            assert text_of(engine).likelihoods([TextPair("2 + 2 =", " 4")]) == [Likelihood(-0.5, True)]
            engine.close()
    assert server.paths == ["/v1/completions"] * 3
    assert ["echo" in body for body in server.asked] == [False, True, True]


def test_a_conversation_has_the_key_of_times_when_there_were_no_prompts() -> None:
    hi = ({"role": "user", "content": "hi"},)
    chat = Call(service="compatible", model="m", messages=hi, settings={}, template="")
    assert chat.key == "e3a652599eaf1176"
    assert "prompt" not in chat.model_dump_json()
    text, other = (
        Call(service="compatible", model="m", messages=(), settings={}, template="", prompt=prompt)
        for prompt in ("hi", "ho")
    )
    assert len({chat.key, text.key, other.key}) == 3
    assert Call.model_validate_json(text.model_dump_json()) == text


def test_a_text_costs_by_its_length_and_limit() -> None:
    call = Call(service="compatible", model="m", messages=(), settings={"max_tokens": 8}, template="", prompt="a" * 480)
    assert estimated(call, Price(input=1.0, output=10.0)) == pytest.approx((480 / 4.8 * 1.0 + 8 * 10.0) / 1e6)
