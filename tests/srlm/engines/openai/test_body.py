"""What a server sends is read within bounds, and whatever it is, nothing but a fault comes of it."""

import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srlm.engines.openai.body import MOST, MOST_TOKENS, body_of, room_for
from srlm.engines.openai.calls import Answer
from srlm.engines.openai.completion import Disguised, OtherShape, reply_of
from srlm.engines.openai.engine import read_as_chat
from srlm.secrets import Secrets
from tests.canary import found_in

KEY = "sk-Canary_7Qx2-0aZ9"
PACKED = gzip.compress(b" " * 101)
HIDES = Secrets([KEY])
NAMES = (
    "message",
    "content",
    "logprobs",
    "token",
    "bytes",
    "text",
    "type",
    "choices",
    "refusal",
    "usage",
    "error",
    "1",
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("request_", "room"),
    [
        pytest.param({"max_tokens": 1}, 2**20 + 2**10, id="a-token"),
        pytest.param({"max_completion_tokens": 100, "n": 3}, 2**20 + 300 * 2**10, id="three-choices"),
        pytest.param({"max_tokens": 1, "logprobs": True}, 2**20 + 4 * 2**10, id="log-probabilities"),
        pytest.param({"max_tokens": 10**9}, MOST, id="at-most"),
        pytest.param({"max_tokens": 32_768, "logprobs": True, "top_logprobs": 20}, MOST_TOKENS, id="a-long-thought"),
        pytest.param({}, MOST, id="no-limit"),
        pytest.param({"max_tokens": 1, "prompt_logprobs": 0}, MOST, id="of-the-prompt"),
    ],
)
def test_an_answer_has_room_for_what_was_asked(request_: dict[str, Any], room: int) -> None:
    assert room_for(request_) == room


@pytest.mark.parametrize(
    ("raw", "headers", "fault"),
    [
        pytest.param(b"[" * 101, {}, "with more than 9.54e-05 MiB", id="too-long"),
        pytest.param(PACKED, {"content-encoding": "gzip"}, "with more than 9.54e-05 MiB", id="unpacked"),
        pytest.param(b"x", {"content-encoding": "br"}, "in an encoding that was not asked for", id="other-encoding"),
        pytest.param(b"not packed", {"content-encoding": "gzip"}, "with text that is not gzip", id="not-packed"),
        pytest.param(b"\xff", {}, "with text that is not UTF-8", id="not-utf-8"),
        pytest.param(b"<html>", {}, "with a web page", id="page"),
        pytest.param(b"data: {}", {}, "with a stream of events, which was not asked for", id="events"),
        pytest.param(b" ", {}, "with nothing", id="nothing"),
        pytest.param(b'{"a": NaN}', {}, "with text that is not JSON (NaN is no number)", id="nan"),
        pytest.param(b'{"a": 1, "a": 2}', {}, "with text that is not JSON (a name is there twice)", id="twice"),
        pytest.param(b"[" * 65 + b"]" * 65, {}, None, id="too-deep"),
    ],
)  # fmt: skip
def test_a_fault_is_named(raw: bytes, headers: dict[str, str], fault: str | None) -> None:
    found = body_of(raw, headers, HIDES, 200 if fault is None else 100)
    assert found.fault == (fault or "with text that is not JSON (nested too deeply)")
    assert found.value is None


def test_a_long_thought_with_log_probabilities_is_read_whole() -> None:
    """Each token with twenty others, as OpenAI writes them: 252 values a token, over a million in all."""
    entry = {"token": " thought", "logprob": -0.10213049, "bytes": list(b" thought")}
    token = json.dumps({**entry, "top_logprobs": [entry] * 20}, separators=(",", ":"))
    text = f'{{"content":[{",".join([token] * 4_096)}]}}'
    room = room_for({"max_tokens": 4_096, "logprobs": True, "top_logprobs": 20})
    found = body_of(text.encode(), {}, HIDES, room)
    assert found.fault is None and len(found.value["content"]) == 4_096
    assert body_of(("[" + "0," * 2**21 + "0]").encode(), {}, HIDES, MOST // 2).fault == (
        "with text that is not JSON (too many values)"
    )


@pytest.mark.parametrize(("begin", "end"), [("[", "]"), ('{"error":', "}"), ('[{"a":1,"a":', "}]")])
def test_a_body_of_any_depth_is_read_or_a_fault_without_the_key(begin: str, end: str) -> None:
    halves = json.dumps([KEY[:9], KEY[9:]])
    # Between what the parser takes and what a walk by recursion takes are few levels, or thousands: as Python has it.
    for depth in (*range(60, 1000, 13), *range(900, 1001), 2_000, 20_000):
        found = body_of((begin * depth + halves + end * depth).encode(), {}, HIDES, MOST)
        assert not found_in(json.dumps([found.value, found.text]), KEY)
        assert found.value is None or depth < 64


@given(st.binary(max_size=80), st.sampled_from(["", "gzip", "deflate", "br"]))
def test_any_bytes_are_a_body_that_can_be_written(raw: bytes, encoding: str) -> None:
    found = body_of(raw, {"content-encoding": encoding}, HIDES, 60)
    json.dumps([found.value, found.text], ensure_ascii=False).encode()


@given(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=4), st.integers(0, len(KEY)))
def test_any_chat_completion_is_read_or_named_and_stored_without_the_key(choice: dict[str, Any], place: int) -> None:
    parts = [{"type": "text", "text": text} for text in (KEY[:place], KEY[place:])]
    whole = {"choices": [{"message": {"content": parts}, **choice}, choice], "usage": choice}
    found = body_of(json.dumps(whole).encode(), {}, HIDES, MOST)
    assert found.fault is None
    try:
        reply = reply_of(found.value, {})
    except (Disguised, OtherShape):
        return
    known: dict[str, Any] = {
        "seconds": 1.0,
        "attempts": 1,
        "more": tuple(reply.choices[1:]),
        "prompt_logprobs": reply.prompt_logprobs,
    }
    counts: dict[str, Any] = {"prompt_tokens": reply.prompt_tokens, "completion_tokens": reply.completion_tokens}
    kept = Answer.model_construct(choice=reply.choices[0], **counts, **known).model_dump_json()
    assert not found_in(kept, KEY)
    read_as_chat(Answer.model_validate_json(kept))
