"""The engine for servers against a real HTTP server on this machine, which answers from a list."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from srlm.engines.base import Request
from srlm.engines.openai.client import Client
from srlm.engines.openai.endpoint import Endpoint
from srlm.engines.openai.engine import OpenAIEngine
from srlm.errors import EngineError, RoomError
from srlm.records import seed_for, user
from srlm.settings import EngineSettings, Sampling
from tests.chat_server import OUT_OF_ROOM, Reply, Serve, refusal, words

KEY = "sk-a-key-nobody-may-see"
SAMPLING = Sampling(temperature=0.7, top_p=0.9, max_new_tokens=64)
AT_ONCE = {"Retry-After": "0.001"}
"""The client takes a fraction of a second, though not 0, for a server's wish."""


Open = Callable[..., OpenAIEngine]


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    monkeypatch.setenv("TEST_KEY", KEY)
    opened: list[OpenAIEngine] = []

    def start(url: str, **settings: Any) -> OpenAIEngine:
        given = {"model": "tiny", "base_url": url, "api_key_env": "TEST_KEY", "timeout": 20.0, **settings}
        opened.append(OpenAIEngine(Client(Endpoint.of(EngineSettings(kind="openai", **given))), "tiny"))
        return opened[-1]

    yield start
    for engine in opened:
        engine.close()


def ask(text: str, draws: int = 1, prefix: str = "") -> Request:
    return Request(messages=user(text), draws=draws, prefix=prefix)


def test_three_draws_are_one_request_and_come_back_in_order(serve: Serve, connect: Open) -> None:
    server = serve(lambda body, _: words("one", "two", "three", usage={"completion_tokens": 9}))
    (drawn,) = connect(server.url).generate([ask("Count.", 3)], SAMPLING, seed=7)
    assert [c.text for c in drawn] == ["one", "two", "three"]
    assert [c.finish for c in drawn] == ["stop", "stop", "stop"]
    assert [c.tokens for c in drawn] == [None, None, None]  # 9 in all; the server does not say how many each
    assert server.asked == [
        {
            "model": "tiny",
            "messages": [{"role": "user", "content": "Count."}],
            "temperature": 0.7,
            "top_p": 0.9,
            "max_tokens": 64,
            "n": 3,
            "seed": seed_for(seed_for(7, 0), 0),
        }
    ]
    assert server.paths == ["/v1/chat/completions"]
    assert server.keys == [f"Bearer {KEY}"]


def test_a_single_draw_says_how_many_tokens_it_took(serve: Serve, connect: Open) -> None:
    server = serve(lambda body, _: words("cut", finish="length", usage={"completion_tokens": 64}))
    ((drawn,),) = connect(server.url).generate([ask("Go on.")], SAMPLING, seed=1)
    assert (drawn.text, drawn.finish, drawn.tokens) == ("cut", "length", 64)


def test_answers_keep_the_order_of_the_requests_however_late_the_first_ones_are(serve: Serve, connect: Open) -> None:
    all_but_first = threading.Semaphore(0)

    def reply(body: dict[str, Any], _: int) -> Reply:
        text = body["messages"][0]["content"]
        if text == "0":
            for _ in range(7):
                assert all_but_first.acquire(timeout=20)
        else:
            all_but_first.release()
        return words(f"answer {text}")

    server = serve(reply)
    drawn = connect(server.url, concurrency=2).generate([ask(str(n)) for n in range(8)], SAMPLING, seed=1)
    assert [c.text for (c,) in drawn] == [f"answer {n}" for n in range(8)]


def test_no_more_requests_than_the_concurrency_are_under_way_at_once(serve: Serve, connect: Open) -> None:
    lock, now, most = threading.Lock(), [0], [0]
    both = threading.Barrier(2, timeout=20)

    def reply(_: dict[str, Any], __: int) -> Reply:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        both.wait()  # goes on only when two are here
        with lock:
            now[0] -= 1
        return words("yes")

    server = serve(reply)
    connect(server.url, concurrency=2).generate([ask(str(n)) for n in range(8)], SAMPLING, seed=1)
    assert most == [2]


def test_every_request_has_a_seed_of_its_own_and_the_same_one_again(serve: Serve, connect: Open) -> None:
    server = serve(lambda body, _: words(str(body["seed"])))
    engine = connect(server.url)
    first = engine.generate([ask("a"), ask("a")], SAMPLING, seed=3)
    again = engine.generate([ask("a"), ask("a")], SAMPLING, seed=3)
    assert first == again
    assert first[0] != first[1]


def test_a_server_that_gives_fewer_choices_is_asked_again_for_the_rest(serve: Serve, connect: Open) -> None:
    server = serve(lambda body, number: words(*[f"{number}"] * min(2, body["n"])))
    (drawn,) = connect(server.url).generate([ask("x", 5)], SAMPLING, seed=1)
    assert [c.text for c in drawn] == ["0", "0", "1", "1", "2"]
    assert [body["n"] for body in server.asked] == [5, 3, 1]
    assert len({body["seed"] for body in server.asked}) == 3


def test_a_server_that_gives_more_choices_than_asked_for_is_cut_to_what_was_asked(serve: Serve, connect: Open) -> None:
    server = serve(lambda body, _: words("a", "b", "c"))
    (drawn,) = connect(server.url).generate([ask("x", 2)], SAMPLING, seed=1)
    assert [c.text for c in drawn] == ["a", "b"]


def test_a_server_that_refuses_several_choices_is_asked_for_one_at_a_time(serve: Serve, connect: Open) -> None:
    def reply(body: dict[str, Any], number: int) -> Reply:
        return words(str(number)) if body["n"] == 1 else refusal(400, "Only one completion choice is allowed")

    server = serve(reply)
    (drawn,) = connect(server.url).generate([ask("x", 3)], SAMPLING, seed=1)
    assert [c.text for c in drawn] == ["1", "2", "3"]


def test_greedy_draws_are_asked_for_once(serve: Serve, connect: Open) -> None:
    server = serve(lambda body, _: words("the same"))
    (drawn,) = connect(server.url).generate([ask("x", 3)], Sampling(temperature=0), seed=1)
    assert [c.text for c in drawn] == ["the same"] * 3
    assert [body["n"] for body in server.asked] == [1]


def test_a_prefix_is_the_start_of_the_assistants_message(serve: Serve, connect: Open) -> None:
    server = serve(lambda body, _: words("4"))
    connect(server.url).generate([ask("Judge.", prefix="Fine.\nScore: ")], SAMPLING, seed=1)
    (body,) = server.asked
    assert body["messages"] == [
        {"role": "user", "content": "Judge."},
        {"role": "assistant", "content": "Fine.\nScore: "},
    ]
    assert (body["continue_final_message"], body["add_generation_prompt"]) == (True, False)


@pytest.mark.parametrize(
    ("choice", "finish"),
    [
        pytest.param({"finish_reason": "stop", "message": {"role": "assistant", "content": ""}}, "stop", id="empty"),
        pytest.param({"finish_reason": "stop", "message": {"role": "assistant", "content": None}}, "stop", id="null"),
        pytest.param(
            {"finish_reason": "stop", "message": {"role": "assistant", "refusal": "No."}}, "stop", id="refusal"
        ),
        pytest.param({"finish_reason": "content_filter", "message": {"content": None}}, None, id="content-filter"),
        pytest.param({"finish_reason": "content_filter", "message": {"content": "half a"}}, None, id="filtered-midway"),
        pytest.param({"finish_reason": "sensitive", "message": {"content": "half a"}}, None, id="filtered-by-zhipu"),
        pytest.param({"finish_reason": None, "message": {"content": None}}, None, id="no-reason"),
        pytest.param({"message": {"content": None}}, None, id="reason-left-out"),
    ],
)
def test_an_answer_without_words_is_the_empty_text(
    serve: Serve, connect: Open, choice: dict[str, Any], finish: str | None
) -> None:
    server = serve(lambda body, _: Reply({"choices": [choice]}))
    ((drawn,),) = connect(server.url).generate([ask("x")], SAMPLING, seed=1)
    assert (drawn.text, drawn.finish) == ("", finish)


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("MAX_TOKENS", "length"),
        ("model_length", "length"),
        ("model_context_window_exceeded", "length"),
        ("error", "length"),
        ("abort", "length"),
        ("network_error", "length"),
        ("insufficient_system_resource", "length"),
        ("eos", None),
        ("tool_calls", None),
    ],
)
def test_why_an_answer_ended_is_read_in_any_servers_words(
    serve: Serve, connect: Open, reason: str, finish: str | None
) -> None:
    choice = {"finish_reason": reason, "message": {"content": "A is better, alth"}}
    server = serve(lambda body, _: Reply({"choices": [choice]}))
    ((drawn,),) = connect(server.url).generate([ask("x")], SAMPLING, seed=1)
    assert (drawn.text, drawn.finish) == ("A is better, alth", finish)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_or_failing_server_is_asked_again_when_it_wishes(serve: Serve, connect: Open, status: int) -> None:
    server = serve(lambda body, number: words("late") if number == 2 else refusal(status, "Later.", **AT_ONCE))
    ((drawn,),) = connect(server.url).generate([ask("x")], SAMPLING, seed=1)
    assert drawn.text == "late"
    assert len(server.asked) == 3


def test_a_server_that_stays_busy_is_an_error_after_all_tries(serve: Serve, connect: Open) -> None:
    server = serve(lambda body, _: refusal(429, "Rate limit reached.", **AT_ONCE))
    with pytest.raises(EngineError, match=r"received too many requests: Rate limit reached\.; lower the concurrency"):
        connect(server.url, retries=2).generate([ask("x")], SAMPLING, seed=1)
    assert len(server.asked) == 3  # once, and two retries


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        pytest.param(
            401, "Incorrect API key provided.", r"refused the key \(401\): Incorrect API key .*TEST_KEY", id="401"
        ),
        pytest.param(403, "Not your project.", r"refused the key \(403\): Not your project.*TEST_KEY", id="403"),
        pytest.param(404, "The model `tiny` does not exist.", "has no model tiny.*`tiny` does not exist", id="404"),
        pytest.param(
            400, "This model's limit is 64 tokens.", r"refused the request \(400\): This model's limit", id="400"
        ),
        pytest.param(422, "top_p: not here", r"refused the request \(422\): top_p: not here", id="422"),
    ],
)
def test_what_waiting_cannot_mend_fails_at_once_in_the_servers_words(
    serve: Serve, connect: Open, status: int, said: str, expected: str
) -> None:
    server = serve(lambda body, _: refusal(status, said))
    with pytest.raises(EngineError, match=expected):
        connect(server.url).generate([ask("x")], SAMPLING, seed=1)
    assert len(server.asked) == 1


def test_words_outside_an_error_object_are_shown_too(serve: Serve, connect: Open) -> None:
    server = serve(lambda body, _: Reply(b"<html>\n  Bad  gateway\n</html>", 400))
    with pytest.raises(EngineError, match="<html> Bad gateway </html>"):
        connect(server.url).generate([ask("x")], SAMPLING, seed=1)


def test_the_first_error_stops_the_other_requests(serve: Serve, connect: Open) -> None:
    server = serve(lambda body, _: refusal(401, "No."))
    with pytest.raises(EngineError, match="refused the key"):
        connect(server.url, concurrency=1).generate([ask(str(n)) for n in range(50)], SAMPLING, seed=1)
    assert len(server.asked) < 50


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
def test_the_key_is_in_no_error_even_when_the_server_says_it(serve: Serve, connect: Open, status: int) -> None:
    server = serve(lambda body, _: refusal(status, f"Bad key {KEY} in Bearer {KEY}."))
    with pytest.raises(EngineError) as caught:
        connect(server.url, retries=0).generate([ask("x")], SAMPLING, seed=1)
    assert KEY not in str(caught.value)
    assert "Bad key *** in Bearer ***." in str(caught.value)


def test_the_key_is_not_in_an_answer_shown_because_it_is_no_completion(serve: Serve, connect: Open) -> None:
    server = serve(lambda body, _: Reply({"echo": KEY}))
    with pytest.raises(EngineError) as caught:
        connect(server.url).generate([ask("x")], SAMPLING, seed=1)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b'{"choices": [', id="cut-json"),
        pytest.param(b"", id="empty-body"),
        pytest.param(b"<html>Welcome</html>", id="a-web-page"),
        pytest.param(b'{"choices": []}', id="no-choices"),
        pytest.param(b'{"choices": null, "id": "1"}', id="null-choices"),
        pytest.param(b'{"error": {"message": "Overloaded."}}', id="an-error-with-status-200"),
        pytest.param(b'{"choices": [{"message": {"content": 5}}]}', id="content-that-is-no-text"),
        pytest.param(b'\xff\xfe{"choices"', id="not-utf-8"),
    ],
)
def test_an_answer_that_is_no_chat_completion_is_an_error_that_shows_it(
    serve: Serve, connect: Open, content: bytes
) -> None:
    server = serve(lambda body, _: Reply(content, headers=AT_ONCE))
    shown = " ".join(content.decode(errors="replace").split()) or "(no words)"
    with pytest.raises(EngineError) as caught:
        connect(server.url).generate([ask("x")], SAMPLING, seed=1)
    assert f"not with a chat completion: {shown}; does base_url end in /v1?" in str(caught.value)


def test_a_server_that_is_not_running_is_an_error_at_once(connect: Open) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # bound and not listening: nobody else can answer here
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        # With its retries the client would take more than a day.
        with pytest.raises(EngineError, match=r"cannot be reached .*; is the server running"):
            connect(url, retries=10_000).generate([ask("x")], SAMPLING, seed=1)


def test_a_silent_server_is_an_error_after_the_timeout(serve: Serve, connect: Open) -> None:
    def reply(_: dict[str, Any], __: int) -> Reply:
        server.stopping.wait(20)
        return words("too late")

    server = serve(reply)
    with pytest.raises(EngineError, match=r"no answer in 0\.2 s \(0 more tries\); raise the timeout"):
        connect(server.url, timeout=0.2, retries=0).generate([ask("x")], SAMPLING, seed=1)


def test_whoever_asks_for_more_tokens_waits_longer(serve: Serve) -> None:
    def reply(_: dict[str, Any], __: int) -> Reply:
        server.stopping.wait(20)
        return words("too late")

    server = serve(reply)
    endpoint = Endpoint(service="compatible", base_url=server.url, tries=1, start=0.2, per_token=0.001)
    for tokens, seconds in ((100, "0.3"), (500, "0.7")):
        sampling = SAMPLING.model_copy(update={"max_new_tokens": tokens})
        engine = OpenAIEngine(Client(endpoint), "tiny")
        with closing(engine), pytest.raises(EngineError, match=rf"no answer in {seconds} s \(0 more tries\)"):
            engine.generate([ask("x")], sampling, seed=1)


def test_a_thought_has_the_same_time_whoever_reads_it() -> None:
    named, section = Endpoint.at("http://127.0.0.1/v1"), EngineSettings(kind="openai", model="m")
    for one in (named, Endpoint.of(section)):
        # 100 s, and a tenth of a second each: a letter, a judgement, a grade of MT-Bench, a thought and a grade.
        assert [one.patience(tokens) for tokens in (0, 256, 2048, 6144)] == pytest.approx([100, 125.6, 304.8, 714.4])
    assert Endpoint.of(section.model_copy(update={"timeout": 5.0})).patience(6144) == 5


def test_a_server_that_was_lost_for_a_moment_is_asked_again(serve: Serve, connect: Open) -> None:
    def reply(_: dict[str, Any], number: int) -> Reply:
        return words("back") if number else Reply(b"", headers={"Content-Length": "100"})

    server = serve(reply)
    engine = connect(server.url, timeout=0.2)
    ((drawn,),) = engine.generate([ask("x")], SAMPLING, seed=1)
    assert drawn.text == "back"


def test_a_server_on_this_machine_needs_no_key(serve: Serve, connect: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_KEY")
    server = serve(lambda body, _: words("hello"))
    connect(server.url).generate([ask("x")], SAMPLING, seed=1)
    assert server.keys == ["Bearer none"]


def test_a_server_on_this_machine_is_not_asked_through_a_proxy(
    serve: Serve, connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    server = serve(lambda body, _: words("hello"))
    ((drawn,),) = connect(server.url).generate([ask("x")], SAMPLING, seed=1)
    assert drawn.text == "hello"


@pytest.mark.parametrize("url", [None, "https://models.example/v1"])
def test_any_other_server_without_a_key_is_an_error_that_names_the_variable(
    connect: Open, monkeypatch: pytest.MonkeyPatch, url: str | None
) -> None:
    monkeypatch.setenv("TEST_KEY", " ")
    with pytest.raises(EngineError, match="set the environment variable TEST_KEY"):
        connect(url or "", base_url=url)


def test_a_key_with_characters_no_header_carries_is_an_error_that_does_not_show_it(
    connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_KEY", "sk-gehe\u00efm")
    with pytest.raises(
        EngineError, match=r"^the environment variable TEST_KEY contains characters that are not valid in a key$"
    ):
        connect("http://127.0.0.1:1/v1")


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8000/v1", "localhost", "ftp://x/v1", "http://", "http://[::1/v1", "http://h:x/"]
)
def test_an_address_that_is_none_is_an_error_with_an_example(connect: Open, url: str) -> None:
    with pytest.raises(EngineError, match="is not an address; write it as http:"):
        connect(url)


def test_a_password_in_the_address_is_not_shown(connect: Open) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(EngineError) as caught:
            connect(f"http://me:s3cret@127.0.0.1:{free.getsockname()[1]}/v1").generate([ask("x")], SAMPLING, seed=1)
    assert "s3cret" not in str(caught.value)


def test_the_engine_answers_again_after_an_error_and_may_be_closed_twice(serve: Serve, connect: Open) -> None:
    server = serve(lambda body, number: words("better") if number else refusal(400, "No."))
    engine = connect(server.url)
    with pytest.raises(EngineError):
        engine.generate([ask("x")], SAMPLING, seed=1)
    assert engine.generate([ask("x")], SAMPLING, seed=1)[0][0].text == "better"
    assert engine.generate([], SAMPLING, seed=1) == []
    engine.close()
    engine.close()


def test_the_id_is_the_one_given(connect: Open) -> None:
    assert connect("http://127.0.0.1:1/v1").id == "tiny"


# Errors with status 200 ----------------------------------------------------------------------------------------------


ERRORS = [
    pytest.param({"error": {"message": "Overloaded.", "code": 529}}, id="with-a-status"),
    pytest.param({"error": {"message": "Overloaded."}}, id="without-one"),
    pytest.param({"error": "Overloaded."}, id="in-words"),
    pytest.param({"choices": None, "error": {"message": "Overloaded."}}, id="beside-null-choices"),
    pytest.param({"choices": []}, id="no-choices"),
    pytest.param({"choices": [{"error": {"code": 502}, "message": {"content": ""}}]}, id="in-the-choice"),
]


@pytest.mark.parametrize("body", ERRORS)
def test_an_error_with_status_200_is_tried_again_like_any_other(serve: Serve, connect: Open, body: Any) -> None:
    server = serve(lambda _, number: words("late") if number == 2 else Reply(body, headers=AT_ONCE))
    ((drawn,),) = connect(server.url).generate([ask("x")], SAMPLING, seed=1)
    assert drawn.text == "late"
    assert len(server.asked) == 3


def test_an_error_with_status_200_that_stays_is_told_after_all_tries(serve: Serve, connect: Open) -> None:
    server = serve(lambda body, _: Reply({"error": {"message": "No engine."}}, headers=AT_ONCE))
    with pytest.raises(EngineError, match=r"not with a chat completion: .*No engine\."):
        connect(server.url, retries=2).generate([ask("x")], SAMPLING, seed=1)
    assert len(server.asked) == 3


def test_an_error_with_status_200_that_no_waiting_mends_is_told_at_once(serve: Serve, connect: Open) -> None:
    server = serve(lambda body, _: Reply({"error": {"message": "No such key.", "code": 401}}))
    with pytest.raises(EngineError, match=r"refused the key \(401\): No such key"):
        connect(server.url).generate([ask("x")], SAMPLING, seed=1)
    assert len(server.asked) == 1


# One refused request --------------------------------------------------------------------------------------------------


def error(message: str, status: int = 400, code: str | None = None, param: str | None = None) -> Reply:
    return Reply({"error": {"message": message, "type": "invalid_request_error", "code": code, "param": param}}, status)


def bad(body: dict[str, Any]) -> bool:
    return bool(body["messages"][0]["content"] == "bad")


REFUSALS = [
    pytest.param(error("The response was filtered.", code="content_filter"), id="azures-filter"),
    pytest.param(error("Your request violates our usage policies.", 403), id="policy-403"),
    pytest.param(error("This model's maximum context length is 64 tokens.", code="context_length_exceeded"), id="long"),
    pytest.param(error("'max_tokens' is too large: 64. The context length is 64 tokens."), id="vllm-too-long"),
    pytest.param(error("the request exceeds the available context size"), id="llama-cpp-too-long"),
    pytest.param(error("Request entity too large", 413), id="413"),
    pytest.param(error("invalid unicode in messages[0]", 422), id="invalid"),
]


@pytest.mark.parametrize("refused", REFUSALS)
def test_a_refused_request_costs_its_own_answer_and_no_other(serve: Serve, connect: Open, refused: Reply) -> None:
    server = serve(lambda body, _: refused if bad(body) else words("yes"))
    asked = [ask("good"), ask("bad", draws=2), ask("good")]
    drawn = connect(server.url, concurrency=1).generate(asked, Sampling(temperature=0), seed=1)
    assert [c.text for own in drawn for c in own] == ["yes", "", "", "yes"]
    assert [c.refused for own in drawn for c in own] == [None, *[refused.body["error"]["message"]] * 2, None]
    assert {c.finish for c in drawn[1]} == {None}


def test_a_filter_that_answers_is_a_refusal_too(serve: Serve, connect: Open) -> None:
    choice = {"finish_reason": "content_filter", "message": {"content": "half of an ans"}}
    server = serve(lambda body, _: Reply({"choices": [choice]}))
    ((drawn,),) = connect(server.url).generate([ask("x")], SAMPLING, seed=1)
    assert (drawn.text, drawn.refused, drawn.finish) == ("", "content_filter", None)


def test_the_key_is_in_no_refusal(serve: Serve, connect: Open) -> None:
    server = serve(lambda body, _: error(f"Filtered for {KEY}.", code="content_filter"))
    ((drawn,),) = connect(server.url).generate([ask("x")], SAMPLING, seed=1)
    assert drawn.refused == "Filtered for ***."


def test_several_draws_that_are_refused_without_a_reason_are_asked_for_one_by_one_and_that_is_not_kept(
    serve: Serve, connect: Open
) -> None:
    server = serve(lambda body, _: error("No.") if bad(body) else words(*["yes"] * body["n"]))
    engine = connect(server.url, concurrency=1)
    engine.generate([ask("good", 2), ask("bad", 2), ask("good", 2)], SAMPLING, seed=1)
    assert [body["n"] for body in server.asked] == [2, 2, 1, 2]


def test_a_server_that_refuses_everything_for_no_clear_reason_stops_the_run(serve: Serve, connect: Open) -> None:
    server = serve(lambda body, _: error("Bad request."))
    with pytest.raises(EngineError, match=r"refused the request \(400\): Bad request\."):
        connect(server.url, concurrency=1).generate([ask("a"), ask("b")], SAMPLING, seed=1)


def test_a_server_that_never_answered_stops_the_run_after_twenty_refusals(serve: Serve, connect: Open) -> None:
    server = serve(lambda body, _: error("Filtered.", code="content_filter"))
    with pytest.raises(EngineError, match=r"Filtered\..*the server refused the first 20 requests and answered none"):
        connect(server.url, concurrency=1).generate([ask("x")] * 50, SAMPLING, seed=1)
    assert len(server.asked) == 20


def test_a_server_that_has_answered_may_refuse_any_number(serve: Serve, connect: Open) -> None:
    server = serve(lambda body, _: error("Filtered.", code="content_filter") if bad(body) else words("yes"))
    drawn = connect(server.url, concurrency=1).generate([ask("good"), *[ask("bad")] * 30], SAMPLING, seed=1)
    assert sum(c.refused is not None for (c,) in drawn) == 30


# What an answer is made of --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "thought", "text"),
    [
        pytest.param({"content": [{"type": "text", "text": "Score"}, {"type": "text", "text": ": 4"}]}, None,
                     "Score: 4", id="parts"),
        pytest.param({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
                                  {"type": "text", "text": "Four."}]}, "Hm.", "Four.", id="mistrals-thought"),
        pytest.param({"content": [{"type": "image_url", "image_url": {"url": "x"}}]}, None, "", id="no-text-part"),
        pytest.param({"content": "Four.", "reasoning_content": "Hm."}, "Hm.", "Four.", id="vllms-thought"),
        pytest.param({"content": "Four.", "reasoning": "Hm."}, "Hm.", "Four.", id="another-field"),
        pytest.param({"content": "Four.", "reasoning": {"effort": "low"}}, None, "Four.", id="no-text"),
        pytest.param({"content": "<think>Hm.</think>\n\nFour."}, "Hm.", "Four.", id="in-the-text"),
        pytest.param({"content": "Hm.</think>\n\nFour."}, "Hm.", "Four.", id="opened-by-the-prompt"),
        pytest.param({"content": "A stray </think> mark."}, None, "A stray </think> mark.", id="a-mark-that-is-quoted"),
        pytest.param({"content": "Four.\n</think>"}, None, "Four.\n</think>", id="a-mark-with-nothing-behind"),
        pytest.param({"content": "Four.", "reasoning_content": ""}, None, "Four.", id="empty-thought"),
    ],
)  # fmt: skip
def test_thought_and_text_are_told_apart(
    serve: Serve, connect: Open, message: dict[str, Any], thought: str | None, text: str
) -> None:
    server = serve(lambda body, _: Reply({"choices": [{"finish_reason": "stop", "message": message}]}))
    ((drawn,),) = connect(server.url).generate([ask("x")], SAMPLING, seed=1)
    assert (drawn.thought, drawn.text, drawn.finish) == (thought, text, "stop")


@pytest.mark.parametrize(
    "message", [{"content": "<think>Score: 1"}, {"content": None, "reasoning_content": "Score: 1"}]
)
def test_a_thought_that_never_closed_has_no_text_and_was_cut(
    serve: Serve, connect: Open, message: dict[str, Any]
) -> None:
    server = serve(lambda body, _: Reply({"choices": [{"finish_reason": "length", "message": message}]}))
    ((drawn,),) = connect(server.url).generate([ask("x")], SAMPLING, seed=1)
    assert (drawn.thought, drawn.text, drawn.finish) == ("Score: 1", "", "length")


def test_a_thought_that_leaves_no_room_was_cut_also_where_the_server_refuses(serve: Serve, connect: Open) -> None:
    server = serve(lambda body, _: words("Four.") if body["messages"][0]["content"] == "x" else error(OUT_OF_ROOM))
    (good,), (bad,) = connect(server.url).generate([ask("x"), ask("y")], SAMPLING, seed=1)
    assert (good.text, good.finish) == ("Four.", "stop")
    assert (bad.text, bad.thought, bad.finish, bad.refused) == ("", "", "length", None)


# Parameters -----------------------------------------------------------------------------------------------------------

TAKEN = ("model", "messages", "max_tokens", "temperature", "top_p", "seed", "n")


def picky(takes: tuple[str, ...]) -> Callable[[dict[str, Any], int], Reply]:
    """A server that refuses, one by one, the parameters it does not take."""

    def reply(body: dict[str, Any], _: int) -> Reply:
        refused = next((name for name in body if name not in takes), None)
        if refused is None:
            return words(*[f"said {len(body)}"] * body.get("n", 1))
        return error(f"Unsupported parameter: '{refused}' is not supported.", 400, "unsupported_parameter", refused)

    return reply


def test_parameters_a_server_does_not_take_are_left_out_and_logged_once(
    serve: Serve, connect: Open, caplog: pytest.LogCaptureFixture
) -> None:
    server = serve(picky(("model", "messages", "max_completion_tokens", "n")))
    engine = connect(server.url, concurrency=4)
    drawn = engine.generate([ask(str(number)) for number in range(12)], SAMPLING, seed=1)
    assert [c.text for (c,) in drawn] == ["said 4"] * 12
    asked = len(server.asked)
    engine.generate([ask("again")], SAMPLING, seed=1)
    assert len(server.asked) == asked + 1
    assert server.asked[-1].keys() == {"model", "messages", "max_completion_tokens", "n"}
    assert server.asked[-1]["max_completion_tokens"] == 64
    told = [
        record.getMessage().split(": does not accept ")[1]
        for record in caplog.records
        if "not accept" in record.message
    ]
    assert sorted(told) == [
        "max_tokens; max_completion_tokens is sent instead",
        "seed; it is left out: the same request may get a different answer the next time",
        "temperature; it is left out: answers are sampled at the server's own temperature, not at the configured one",
        "top_p; it is left out: answers are sampled with the server's own top_p, not with the configured one",
    ]
    assert {record.levelname for record in caplog.records} == {"WARNING"}


@pytest.mark.parametrize("absent", TAKEN[2:])
def test_any_one_parameter_can_be_missing(serve: Serve, connect: Open, absent: str) -> None:
    server = serve(picky(tuple(name for name in (*TAKEN, "max_completion_tokens") if name != absent)))
    (drawn,) = connect(server.url).generate([ask("x", 2)], SAMPLING, seed=1)
    assert len(drawn) == 2
    assert {c.refused for c in drawn} == {None}


def test_draws_of_a_server_without_temperature_are_drawn_each_by_itself_though_greedy(
    serve: Serve, connect: Open
) -> None:
    server = serve(picky(tuple(name for name in TAKEN if name != "temperature")))
    (drawn,) = connect(server.url).generate([ask("x", 3)], Sampling(temperature=0), seed=1)
    assert len(drawn) == 3
    # The refused one, then without it one draw, as it was asked, and both others.
    assert [body["n"] for body in server.asked] == [1, 1, 2]


def test_a_server_without_log_probabilities_is_asked_once(serve: Serve, connect: Open) -> None:
    server = serve(picky(TAKEN))
    engine = connect(server.url, concurrency=1)
    for _ in range(3):
        with pytest.raises(EngineError, match=r"refused prompt_logprobs: .*it has no log-probabilities"):
            engine.loglikelihood([ask("which ?")], [["yes"]])
    assert len(server.asked) == 1


def test_a_server_that_cannot_go_on_with_an_answer_is_an_error_and_not_asked_without_its_beginning(
    serve: Serve, connect: Open
) -> None:
    server = serve(picky(TAKEN))
    with pytest.raises(EngineError, match="it has no way to continue a partial answer"):
        connect(server.url).generate([ask("x", prefix="Score:")], SAMPLING, seed=1)


def test_a_text_too_long_to_be_scored_has_no_room(serve: Serve, connect: Open) -> None:
    server = serve(lambda body, _: error("Too long.", code="context_length_exceeded"))
    with pytest.raises(RoomError, match="Too long"):
        connect(server.url).loglikelihood([ask("which ?")], [["yes"]])


# Log-probabilities ----------------------------------------------------------------------------------------------------


def tokens(body: dict[str, Any]) -> Reply:
    """As vLLM: every token of the prompt with its log-probability, -1 for the first, -2 for the second, ..."""
    text = " ".join(m["content"] for m in body["messages"]).split()
    rows: list[Any] = [None, *({str(len(word)): {"logprob": -n, "rank": 1}} for n, word in enumerate(text, 1))]
    return words("x", prompt_logprobs=rows)


def test_score_is_the_sum_over_the_tokens_of_the_continuation_alone(serve: Serve, connect: Open) -> None:
    server = serve(lambda body, _: tokens(body))
    # "which one ? " has 3 tokens; "yes" is the 4th (-4), "not at all" the 4th to 6th (-4 -5 -6 = -15).
    # "what ?" has 2 tokens; "no" is the 3rd (-3). What nothing is asked of is not read.
    asked, texts = [ask("which one ?"), ask("why ?"), ask("what ?")], [["yes", "not at all", ""], [], ["no"]]
    assert connect(server.url).loglikelihood(asked, texts) == [[-4.0, -15.0, 0.0], [], [-3.0]]
    assert len(server.asked) == 6
    assert {body["prompt_logprobs"] for body in server.asked} == {0}


def test_score_takes_the_prefix_as_given(serve: Serve, connect: Open) -> None:
    server = serve(lambda body, _: tokens(body))
    assert connect(server.url).loglikelihood([ask("which ?", prefix="I say ")], [["yes"]]) == [[-5.0]]


def test_a_server_without_log_probabilities_is_an_error(serve: Serve, connect: Open) -> None:
    server = serve(lambda body, _: words("x"))
    with pytest.raises(EngineError, match="has no log-probabilities"):
        connect(server.url).loglikelihood([ask("which ?")], [["yes"]])


def test_a_server_that_refuses_log_probabilities_is_an_error_in_its_words(serve: Serve, connect: Open) -> None:
    server = serve(lambda body, _: refusal(400, "Unrecognized argument: prompt_logprobs"))
    with pytest.raises(EngineError, match=r"Unrecognized argument: prompt_logprobs.*has no log-probabilities"):
        connect(server.url).loglikelihood([ask("which ?")], [["yes"]])


def test_tokens_that_merge_over_the_seam_have_no_score(serve: Serve, connect: Open) -> None:
    server = serve(lambda body, _: tokens(body))
    with pytest.raises(EngineError, match="merges with the text before it"):
        connect(server.url).loglikelihood([ask("which ?", prefix="I s")], [["ay yes"]])
