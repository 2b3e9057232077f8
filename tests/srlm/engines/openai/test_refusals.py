"""What servers say when they refuse, fail or are not to be used, in the words of each, and what it costs the run."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from srlm.engines.openai.calls import Answer, Call, CallStore, Failure
from srlm.engines.openai.client import Client
from srlm.engines.openai.endpoint import Endpoint
from srlm.errors import EngineError
from tests.chat_server import Reply, Serve, words

KEY = "sk-a-key-nobody-may-see"
NUMBER = 12


class Case(NamedTuple):
    """What a server says to one question."""

    name: str
    status: int
    body: Any
    """An object, a list, or text as it is."""
    comes_of_it: str
    """`too long`, `filtered` or `invalid`: costs the item. `again`: asked again. Else a part of the error that ends
    the run."""


def error(message: str, **rest: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", **rest}}


NGINX = (
    "<!DOCTYPE html>\r\n<html>\r\n<head><title>{0}</title><style>"
    + 30 * "p {{color: black;}}\r\n"
    + ("</style></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n</body></html>")
)
CASES = [
    # One request is too long ------------------------------------------------------------------------------------------
    Case("openai-context", 400, error(
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens. Please "
        "reduce the length of the messages.", param="messages", code="context_length_exceeded"), "too long"),
    Case("openai-string", 400, error(
        "Invalid 'messages[0].content': string too long. Expected a string with maximum length 1048576, but got a "
        "string with length 1200000 instead.", param="messages[0].content", code="string_above_max_length"),
        "too long"),
    Case("openai-larger-than-a-minute", 429, error(
        "Request too large for gpt-4o in organization org-1 on tokens per min (TPM): Limit 30000, Requested 35000. The "
        "input or output tokens must be reduced in order to run successfully.", type="tokens",
        code="rate_limit_exceeded"), "too long"),
    Case("azure-context", 400, error(
        "This model's maximum context length is 16385 tokens, however you requested 17000 tokens (16000 in your "
        "prompt; 1000 for the completion).", code="context_length_exceeded"), "too long"),
    Case("vllm-0.6", 400, {"object": "error", "type": "BadRequestError", "param": None, "code": 400, "message":
        "This model's maximum context length is 4096 tokens. However, you requested 4200 tokens (4100 in the messages, "
        "100 in the completion). Please reduce the length of the messages or completion."}, "too long"),
    Case("vllm-0.10", 400, error(
        "'max_tokens' or 'max_completion_tokens' is too large: 512. This model's maximum context length is 64 tokens "
        "and your request has 60 input tokens (512 > 64 - 60). None", type="BadRequestError", code=400), "too long"),
    Case("vllm-decoder", 400, error(
        "The decoder prompt (length 5000) is longer than the maximum model length of 4096. Make sure that "
        "`max_model_len` is no smaller than the number of text tokens.", code=400), "too long"),
    Case("llama.cpp", 400, error(
        "the request exceeds the available context size. try increasing the context size or enable context shift",
        type="exceed_context_size_error", code=400, n_prompt_tokens=5000, n_ctx=4096), "too long"),
    Case("llama.cpp-as-500", 500, error(
        "the request exceeds the available context size, try increasing it", type="server_error", code=500),
        "too long"),
    Case("llama.cpp-batch", 500, error(
        "input is too large to process. increase the physical batch size", type="server_error", code=500), "too long"),
    Case("tgi", 422, {"error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: "
        "4000 `inputs` tokens and 512 `max_new_tokens`", "error_type": "validation"}, "too long"),
    Case("tgi-inputs", 422, {"error": "Input validation error: `inputs` must have less than 1024 tokens. Given: 2000",
        "error_type": "validation"}, "too long"),
    Case("ollama", 500, error("the input length exceeds the context length", type="api_error"), "too long"),
    Case("together", 422, error("Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193. Given: "
        "9000 `inputs` tokens and 64 `max_new_tokens`"), "too long"),
    Case("fireworks", 400, error("The prompt is too long: 140000, model maximum context length: 131071"), "too long"),
    Case("anthropic", 400, error("prompt is too long: 210000 tokens > 200000 maximum"), "too long"),
    Case("anthropic-bytes", 413, {"type": "error", "error": {"type": "request_too_large", "message":
        "Request exceeds the maximum size"}}, "too long"),
    Case("mistral", 400, {"object": "error", "type": "invalid_request_prompt", "code": "3051", "message":
        "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length"},
        "too long"),
    Case("gemini", 400, [{"error": {"code": 400, "status": "INVALID_ARGUMENT", "message":
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."}}], "too long"),
    Case("groq", 413, error("Request too large for model `llama` in organization `o` on tokens per minute (TPM): Limit "
        "6000, Requested 9000", type="tokens", code="rate_limit_exceeded"), "too long"),
    Case("openrouter", 400, error("This endpoint's maximum context length is 32768 tokens. However, you requested "
        "about 40000 tokens (39000 of text input, 1000 in the output).", code=400), "too long"),
    Case("sglang", 400, {"object": "error", "type": "BadRequestError", "code": 400, "message":
        "The input (5000 tokens) is longer than the model's context length (4096 tokens)."}, "too long"),
    Case("cohere", 400, {"message": "too many tokens: total number of tokens in the prompt exceeds the limit of 4081"},
        "too long"),
    Case("xai", 400, {"code": "Client specified an invalid argument", "error": "This model's maximum prompt length is "
        "131072 but the request contains 140000 tokens."}, "too long"),
    Case("lm-studio", 400, {"error": "Trying to keep the first 5000 tokens when context the overflows. However, the "
        "model is loaded with context length of only 4096 tokens"}, "too long"),
    Case("bedrock", 400, error("Input is too long for requested model."), "too long"),
    Case("tensorrt", 400, error("Prompt length (5000) exceeds maximum input length (4096)"), "too long"),
    Case("anthropic-limit", 400, error("input length and `max_tokens` exceed context limit: 198000 + 8192 > 200000, "
        "decrease input length or `max_tokens` and try again"), "too long"),
    Case("moonshot", 400, error("Invalid request: Your request exceeded model token limit: 8192"), "too long"),
    Case("dashscope", 400, error("Range of input length should be [1, 30720]"), "too long"),
    Case("sambanova", 400, error("Requested generation length 4096 is not possible! The provided prompt is 5000 tokens "
        "long, but the maximum supported sequence length is just 8192."), "too long"),
    Case("tabby", 400, error("Prompt length 5000 is greater than max_seq_len 4096"), "too long"),
    Case("plain-text", 400, "prompt too long", "too long"),
    Case("nginx-413", 413, NGINX.format("413 Request Entity Too Large"), "too long"),
    # One request is filtered ------------------------------------------------------------------------------------------
    Case("azure-filter", 400, error(
        "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please "
        "modify your prompt and retry.", param="prompt", code="content_filter", status=400,
        innererror={"code": "ResponsibleAIPolicyViolation"}), "filtered"),
    Case("openai-flagged", 400, error("Invalid prompt: your prompt was flagged as potentially violating our usage "
        "policy.", code="invalid_prompt"), "filtered"),
    Case("openai-safety", 400, error("Your request was rejected as a result of our safety system."), "filtered"),
    Case("deepseek-risk", 400, error("Content Exists Risk", code="invalid_request_error"), "filtered"),
    Case("qwen", 400, error("Input data may contain inappropriate content.", code="data_inspection_failed"),
        "filtered"),
    Case("openrouter-moderation", 403, error("Your chosen model requires moderation and your input was flagged",
        code=403), "filtered"),
    Case("xai-guidelines", 403, {"code": "The caller does not have permission to execute the specified operation",
        "error": "Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_DATA_LEAKAGE"}, "filtered"),
    Case("moonshot-risk", 400, {"error": {"message": "The request was rejected because it was considered high risk",
        "type": "content_filter"}}, "filtered"),
    Case("gemini-prohibited", 400, [{"error": {"code": 400, "message": "The request has prohibited content."}}],
        "filtered"),
    Case("bedrock-guardrail", 400, error("The content was stopped by a guardrail."), "filtered"),
    Case("legal-reasons", 451, "", "filtered"),
    # One request is not taken for another reason ----------------------------------------------------------------------
    Case("vllm-roles", 400, error("Conversation roles must alternate user/assistant/user/assistant/...", code=400),
        "invalid"),
    Case("tgi-template", 422, {"error": "Template error: unknown method: string has no method named strip",
        "error_type": "template_error"}, "invalid"),
    Case("fastapi", 422, {"detail": [{"type": "string_type", "loc": ["body", "messages", 0, "content"], "msg":
        "Input should be a valid string"}]}, "invalid"),
    Case("fastapi-quotes-a-prompt", 422, {"detail": [{"type": "string_type", "loc": ["body", "messages", 0, "content"],
        "msg": "Input should be a valid string", "input": ["How do I put an API key into a billing form?"]}]},
        "invalid"),
    Case("gemini-argument", 400, [{"error": {"code": 400, "message": "Request contains an invalid argument.",
        "status": "INVALID_ARGUMENT"}}], "invalid"),
    Case("zhipu", 400, error("系统检测到输入或生成内容可能包含不安全或敏感内容", code="1301"), "invalid"),
    Case("plain-400", 400, "Bad Request", "invalid"),
    Case("empty-400", 400, "", "invalid"),
    Case("nginx-400", 400, NGINX.format("400 Bad Request"), "invalid"),
    Case("firewall-403", 403, NGINX.format("403 Forbidden"), "invalid"),
    # All requests would be refused ------------------------------------------------------------------------------------
    Case("openai-key", 401, error(f"Incorrect API key provided: {KEY}.", code="invalid_api_key"),
        "refused the key (401)"),
    Case("azure-key", 401, error("Access denied due to invalid subscription key or wrong API endpoint.", code="401"),
        "refused the key (401)"),
    Case("mistral-key", 401, {"message": "Unauthorized", "request_id": "1"}, "refused the key (401)"),
    Case("gemini-key", 400, [{"error": {"code": 400, "message": "API key not valid. Please pass a valid API key.",
        "status": "INVALID_ARGUMENT"}}], "refused the key (400)"),
    Case("openai-project", 403, error("Project `p` does not have access to model `judge`", code="model_not_found"),
        "has no model judge"),
    Case("forbidden", 403, error("You are not allowed here"), "refused the key (403)"),
    Case("openai-model", 404, error("The model `judge` does not exist or you do not have access to it.",
        code="model_not_found"), "has no model judge"),
    Case("azure-model", 404, error("The API deployment for this resource does not exist.", code="DeploymentNotFound"),
        "has no model judge"),
    Case("ollama-model", 404, error("model \"judge\" not found, try pulling it first", type="api_error"),
        "has no model judge"),
    Case("groq-model", 400, error("The model `judge` has been decommissioned and is no longer supported.",
        code="model_decommissioned"), "has no model judge"),
    Case("no-such-page", 404, NGINX.format("404 Not Found"), "has no model judge, or no such address (404)"),
    Case("openai-quota", 429, error("You exceeded your current quota, please check your plan and billing details.",
        code="insufficient_quota"), "no quota left"),
    Case("openai-hard-limit", 400, error("Billing hard limit has been reached", code="billing_hard_limit_reached"),
        "no quota left"),
    Case("deepseek-balance", 402, error("Insufficient Balance"), "no quota left"),
    Case("openrouter-credit", 402, error("This request requires more credits, or fewer max_tokens.", code=402),
        "no quota left"),
    Case("dashscope-arrears", 400, error("Access denied, please make sure your account is in good standing.",
        code="Arrearage"), "no quota left"),
    Case("anthropic-credit", 400, error("Your credit balance is too low to access the Anthropic API."),
        "no quota left"),
    # Waiting mends it -------------------------------------------------------------------------------------------------
    Case("openai-rate", 429, error("Rate limit reached for gpt-4o on requests per min (RPM): Limit 500, Used 500.",
        code="rate_limit_exceeded"), "again"),
    Case("azure-rate", 429, error("Requests to the ChatCompletions_Create Operation have exceeded token rate limit of "
        "your current OpenAI S0 pricing tier. Please retry after 1 second.", code="429"), "again"),
    Case("gemini-rate", 429, [{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message":
        "You exceeded your current quota, please check your plan and billing details."}}], "again"),
    Case("plain-429", 429, "slow down", "again"),
    Case("500", 500, error("The server had an error while processing your request."), "again"),
    Case("500-took-too-long", 500, error("The request took too long to process."), "again"),
    Case("nginx-502", 502, NGINX.format("502 Bad Gateway"), "again"),
    Case("llama.cpp-loading", 503, error("Loading model", type="unavailable_error", code=503), "again"),
    Case("504", 504, NGINX.format("504 Gateway Time-out"), "again"),
    Case("cloudflare-524", 524, NGINX.format("A timeout occurred"), "again"),
    Case("anthropic-529", 529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
        "again"),
    Case("408", 408, error("timed out"), "again"),
    Case("error-with-200", 200, {"error": {"code": 502, "message": "Provider returned error"}}, "again"),
    Case("empty-200", 200, "", "again"),
    Case("page-200", 200, NGINX.format("Welcome"), "again"),
]  # fmt: skip
OF = {
    kind: [case for case in CASES if case.comes_of_it == kind] for kind in ("too long", "filtered", "invalid", "again")
}


def call(number: int) -> Call:
    asked = ({"role": "user", "content": f"question {number}"},)
    return Call(service="compatible", model="judge", messages=asked, settings={"max_tokens": 1}, template="t")


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    opened: list[Client] = []
    stores: list[CallStore] = []

    def start(url: str, **settings: Any) -> Client:
        given = {"service": "compatible", "base_url": url, "timeout": 20.0, "pause": 0.001, "tries": 3, **settings}
        stores.append(CallStore(tmp_path / "calls.sqlite"))
        opened.append(Client(Endpoint(**given), stores[-1]))
        return opened[-1]

    yield start
    for one in opened:
        one.close()
    for store in stores:
        store.close()


def reply_of(case: Case) -> Reply:
    return Reply(case.body.encode() if isinstance(case.body, str) else case.body, case.status)


def test_there_are_many_cases() -> None:
    assert len(CASES) >= 80
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", OF["too long"] + OF["filtered"] + OF["invalid"], ids=lambda case: case.name)
def test_a_request_that_is_refused_alone_costs_that_item_and_is_sent_once(
    serve: Serve, client: Any, case: Case
) -> None:
    ill = ("question 0", "question 5", "question 6", "question 7")  # also the very first one

    def reply(body: dict[str, Any], _: int) -> Reply:
        return reply_of(case) if body["messages"][0]["content"] in ill else words("m")

    server = serve(reply)
    said = client(server.url).ask([call(n) for n in range(NUMBER)])
    failed = {n: one for n, one in enumerate(said) if isinstance(one, Failure)}
    assert {n: one.why for n, one in failed.items()} == dict.fromkeys((0, 5, 6, 7), case.comes_of_it)
    assert {one.kind for one in failed.values()} == {"refusal" if case.comes_of_it == "filtered" else "api"}
    assert sum(isinstance(one, Answer) for one in said) == NUMBER - 4
    assert len(server.asked) == NUMBER
    assert not any("<" in one.words for one in failed.values() if isinstance(case.body, str))  # no page's markup


@pytest.mark.parametrize("case", [c for c in CASES if c.comes_of_it not in OF], ids=lambda case: case.name)
def test_what_would_be_said_to_every_request_ends_the_run_with_one_line(serve: Serve, client: Any, case: Case) -> None:
    server = serve(lambda body, _: reply_of(case))
    with pytest.raises(EngineError) as told:
        client(server.url, concurrency=2).ask([call(n) for n in range(50)])
    assert case.comes_of_it in str(told.value)
    assert str(told.value).startswith("judge at http://127.0.0.1") and "\n" not in str(told.value)
    assert KEY not in str(told.value) and "<" not in str(told.value)
    assert len(server.asked) <= 4


@pytest.mark.parametrize("case", OF["again"], ids=lambda case: case.name)
def test_what_waiting_mends_is_asked_again(serve: Serve, client: Any, case: Case) -> None:
    seen: dict[str, int] = {}

    def reply(body: dict[str, Any], _: int) -> Reply:
        content = body["messages"][0]["content"]
        seen[content] = seen.get(content, 0) + 1
        return reply_of(case) if content == "question 3" and seen[content] <= 2 else words("m")

    server = serve(reply)
    said = client(server.url, concurrency=1).ask([call(n) for n in range(NUMBER)])
    assert all(isinstance(one, Answer) for one in said)
    assert seen["question 3"] == 3
    assert len(server.asked) == NUMBER + 2


def test_a_server_that_fails_on_most_items_ends_the_run_though_it_answers_some(serve: Serve, client: Any) -> None:
    def reply(body: dict[str, Any], _: int) -> Reply:
        number = int(body["messages"][0]["content"].split()[1])
        return words("m") if number % 3 == 0 else reply_of(Case("", 500, error("out of memory"), ""))

    server = serve(reply)
    with pytest.raises(EngineError, match="out of memory"):
        client(server.url, concurrency=1, tries=1).ask([call(n) for n in range(300)])
    assert len(server.asked) < 60
    few = client(serve(reply).url, concurrency=1, tries=1)
    with pytest.raises(
        EngineError, match=r"4 of 6 calls failed as often as they may, the last one with: out of memory"
    ):
        few.ask([call(n) for n in range(6)])


def test_no_secret_of_the_address_or_the_headers_is_kept_or_said(
    serve: Serve, client: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def reply(body: dict[str, Any], number: int) -> Reply:
        echoed = f"key=hidden-in-query, user:hidden-password, {server.keys[-1]}, {KEY}"
        if number == 0:
            return Reply(error(f"invalid request with headers {echoed}"), 400)
        return words(f"m {echoed}") if number < 4 else Reply(error(f"wrong key {echoed}"), 401)

    caplog.set_level("DEBUG")  # as a library may for the whole process
    server = serve(reply)
    url = server.url.replace("http://", "http://user:hidden-password@") + "?key=hidden-in-query"
    asked = client(url, concurrency=1)
    with pytest.raises(EngineError, match="refused the key") as told:
        asked.ask([call(n) for n in range(9)])
    assert server.paths[0] == "/v1/chat/completions?key=hidden-in-query"
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir()).decode(errors="replace")
    assert "question 1" in kept and server.url in kept
    for text in (str(told.value), caplog.text, kept, json.dumps(asked.tally)):
        for secret in (KEY, "hidden-password", "hidden-in-query", "dXNlcjpoaWRkZW4tcGFzc3dvcmQ="):
            assert secret not in text
