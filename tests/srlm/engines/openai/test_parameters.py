"""What servers say of parameters they do not take, in the words of each, and what only sounds like it."""

from typing import Any

import httpx2
import openai
import pytest

from srlm.engines.openai.parameters import Parameters, refused_parameter

SENT = {
    "max_tokens": 64,
    "temperature": 0.7,
    "top_p": 0.9,
    "n": 3,
    "seed": 1,
    "logprobs": True,
    "top_logprobs": 5,
    "stop": ["."],
    "logit_bias": {"1": 1},
}


def refusal(body: Any, status: int = 400) -> openai.APIStatusError:
    response = httpx2.Response(status, json=body, request=httpx2.Request("POST", "http://127.0.0.1/v1"))
    inner = body.get("error", body) if isinstance(body, dict) else body
    return openai.APIStatusError("refused", response=response, body=inner)


def message(text: str, **rest: Any) -> dict[str, Any]:
    return {"error": {"message": text, "type": "invalid_request_error", **rest}}


@pytest.mark.parametrize(
    ("body", "name"),
    [
        pytest.param(
            message(
                "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' "
                "instead.",
                param="max_tokens",
                code="unsupported_parameter",
            ),
            "max_tokens",
            id="openai-limit",
        ),
        pytest.param(
            message(
                "Unsupported value: 'temperature' does not support 0.7 with this model. Only the default (1) value is "
                "supported.",
                param="temperature",
                code="unsupported_value",
            ),
            "temperature",
            id="openai-temperature",
        ),
        pytest.param(message("Unrecognized request argument supplied: seed"), "seed", id="azure"),
        pytest.param(message("You are not allowed to request logprobs from it"), "logprobs", id="openai-logprobs"),
        pytest.param(
            {"detail": [{"type": "extra_forbidden", "loc": ["body", "n"], "msg": "Extra inputs are not permitted"}]},
            "n",
            id="fastapi",
        ),
        pytest.param(
            {"message": {"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "no"}]}},
            "seed",
            id="mistral",
        ),
        pytest.param(
            {"message": "[{'type': 'extra_forbidden', 'loc': ('body', 'top_p'), 'msg': 'Extra inputs are not "
             "permitted'}]", "code": 400},
            "top_p",
            id="vllm",
        ),
        pytest.param(message("Only one completion choice is allowed", code=400), "n", id="llama-cpp-choices"),
        pytest.param(message("Unsupported param: logprobs", code=400), "logprobs", id="llama-cpp"),
        pytest.param(message("property 'seed' is unsupported"), "seed", id="groq"),
        pytest.param(message("'n' : number must be at most 1"), "n", id="groq-choices"),
        pytest.param(
            message('Invalid JSON payload received. Unknown name "seed": Cannot find field.'), "seed", id="gemini"
        ),
        pytest.param(message("Argument not supported on this model: logprobs"), "logprobs", id="xai"),
        pytest.param(
            message("`temperature` and `top_p` cannot both be specified for this model. Please use only one."),
            "temperature",
            id="anthropic",
        ),
        pytest.param(
            message("The model doesn't support the temperature field. Remove temperature and try again."),
            "temperature",
            id="bedrock",
        ),
        pytest.param(message("Extra inputs are not permitted, field: 'logprobs'"), "logprobs", id="fireworks"),
        pytest.param(
            message("this model has beta-limitations, temperature, top_p and n are fixed at 1"), "temperature", id="o1"
        ),
        pytest.param(message("unknown field `n`, expected one of `model`"), "n", id="serde"),
        pytest.param(message("logprobs are not supported with reasoning models."), "logprobs", id="openai-reasoning"),
        pytest.param(
            message("Unsupported parameter: 'top_logprobs' is not supported with this model.", param="top_logprobs",
                    code="unsupported_parameter"), "top_logprobs", id="openai-top-logprobs",
        ),
        pytest.param(message("Unsupported parameter: 'stop' is not supported with this model."), "stop", id="azure-o"),
        pytest.param(message("Unsupported parameter: 'logit_bias' is not supported with this model."), "logit_bias",
                     id="openai-logit-bias"),
        pytest.param(message("Argument not supported on this model: stop"), "stop", id="xai-stop"),
        pytest.param([{"error": {"code": 400, "message": "Logprobs is not enabled for models/gemini-3"}}], "logprobs",
                     id="gemini-logprobs"),
        pytest.param(
            message("`temperature` may only be set to 1 when thinking is enabled."), "temperature", id="anthropic-only"
        ),
        pytest.param(
            message("`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled."), "top_p",
            id="anthropic-top-p",
        ),
        pytest.param(message("max_tokens is not compatible with this model"), "max_tokens", id="limit-not-compatible"),
        pytest.param(message("deepseek-reasoner does not support the parameter `logprobs`"), "logprobs", id="deepseek"),
        pytest.param(message("Malformed input request: extraneous key [seed] is not permitted"), "seed", id="key"),
        pytest.param(message("'top_p' is deprecated for this model."), "top_p", id="deprecated"),
        pytest.param(message("Parameter seed is not yet implemented"), "seed", id="not-yet"),
        pytest.param(message("top_p is not currently supported"), "top_p", id="not-currently"),
        pytest.param(message("logprobs is unavailable for this deployment"), "logprobs", id="unavailable"),
        pytest.param(message("This model does not return logprobs"), "logprobs", id="not-returned"),
        pytest.param(
            message("Requested sample logprobs of 5, which is greater than max allowed: 0", param="logprobs"),
            "logprobs",
            id="vllm-max-logprobs",
        ),
        pytest.param(
            {"object": "error", "message": "Requested sample logprobs of 5, which is greater than max allowed: 0"},
            "logprobs",
            id="vllm-max-logprobs-older",
        ),
        pytest.param(message("5 is greater than the maximum of 1 - 'logprobs'", param="logprobs"), "logprobs",
                     id="together"),
        pytest.param(message("top_logprobs must be between 0 and 3"), "top_logprobs", id="top-range"),
        pytest.param(message("Should be less than or equal to 3", param="top_logprobs"), "top_logprobs",
                     id="top-range-by-its-field"),
    ],
)  # fmt: skip
def test_the_refused_parameter_is_found_in_each_servers_words(body: Any, name: str) -> None:
    assert refused_parameter(refusal(body), SENT) == name
    assert refused_parameter(refusal(body, 422), SENT) == name


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(message("The model `x` is not supported"), id="model"),
        pytest.param(message("Unsupported parameter: 'reasoning_effort'", param="reasoning_effort"), id="not-sent"),
        pytest.param(
            message(
                "'max_tokens' or 'max_completion_tokens' is too large: 512. This model's maximum context length is 64 "
                "tokens and your request has 60 input tokens"
            ),
            id="no-room-for-this-one",
        ),
        pytest.param(message("top_p: not here"), id="says-no-more"),
        pytest.param(message("content not allowed by policy"), id="filter"),
        pytest.param(message("Unknown error in n-gram cache"), id="n-within-a-word"),
        pytest.param("Unsupported", id="no-object"),
        pytest.param({"detail": "x"}, id="other-object"),
    ],
)
def test_what_is_said_of_something_else_is_no_refused_parameter(body: Any) -> None:
    assert refused_parameter(refusal(body), SENT) is None


def test_openais_403_for_log_probabilities_of_its_reasoning_models_is_a_refused_parameter() -> None:
    body = message("You are not allowed to request logprobs from this model.", param=None, code=None)
    assert refused_parameter(refusal(body, 403), SENT) == "logprobs"
    assert refused_parameter(refusal(message("You are not allowed to sample from this model."), 403), SENT) is None


@pytest.mark.parametrize("name", ["logprobs", "top_logprobs"])
def test_both_parameters_of_log_probabilities_are_left_out_together(name: str) -> None:
    """Alone, the second is refused, and the first says nothing of the other letter."""
    known = Parameters("tiny at here")
    wanted = {"max_tokens": 1, "logprobs": True, "top_logprobs": 5}
    assert known.learn(unsupported(name), "no", wanted, wanted)
    assert known.fit(wanted) == {"max_tokens": 1}
    assert not known.takes("logprobs")


def test_a_failing_server_says_nothing_of_parameters() -> None:
    body = message("Unsupported parameter: 'seed'", param="seed", code="unsupported_parameter")
    assert refused_parameter(refusal(body, 500), SENT) is None


def unsupported(name: str) -> openai.APIStatusError:
    return refusal(message(f"Unsupported parameter: '{name}'", param=name, code="unsupported_parameter"))


def test_the_limit_has_two_names_and_is_left_out_where_neither_is_taken() -> None:
    known = Parameters("tiny at here")
    wanted = {"max_tokens": 64}
    assert known.learn(unsupported("max_tokens"), "", wanted, {"max_tokens": 64})
    assert known.fit(wanted) == {"max_completion_tokens": 64}
    assert known.learn(unsupported("max_completion_tokens"), "no", wanted, {"max_completion_tokens": 64})
    assert known.fit(wanted) == {}
    assert (known.takes("max_tokens"), known.said("max_tokens")) == (False, "no")


def test_a_request_that_was_under_way_when_another_learnt_is_asked_again_and_teaches_nothing() -> None:
    known = Parameters("tiny at here")
    wanted = {"temperature": 0.7, "seed": 1}
    assert known.learn(unsupported("seed"), "", wanted, wanted)
    assert known.learn(unsupported("seed"), "", wanted, wanted)  # sent before the first was refused
    assert known.fit(wanted) == {"temperature": 0.7}
    assert not known.learn(refusal(message("Bad request.")), "", wanted, {"temperature": 0.7})
