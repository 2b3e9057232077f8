"""Which figures are on another scale than AlpacaEval 2.0's published ones, in words."""

from pathlib import Path
from typing import Any

import pytest

from eval.benchmarks.alpaca_eval import setups
from eval.data import cited
from eval.data.alpaca_eval import AlpacaEval, annotations_in
from eval.data.alpaca_files import read_annotations
from eval.data.cited import Setup, differences, warning
from eval.judging.annotator import Annotator

CITED: dict[str, Any] = {
    "judge": "gpt-4-1106-preview",
    "annotator": "weighted_alpaca_eval_gpt4_turbo",
    "template": cited.TEMPLATE_DIGEST,
    "decoding": dict(cited.DECODING),
    "baseline": "gpt4_1106_preview",
    "baseline_outputs": cited.BASELINE_DIGEST,
    "prompts": cited.PROMPTS_DIGEST,
    "scored": 805,
}


def test_the_published_setup_has_no_warning() -> None:
    assert differences(Setup(**CITED)) == ([], [])
    assert warning(Setup(**CITED)) == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"judge": "gpt-4.1"}, "judge gpt-4.1, not gpt-4-1106-preview"),
        ({"annotator": "alpaca_eval_gpt4"}, "annotator alpaca_eval_gpt4, not weighted_alpaca_eval_gpt4_turbo"),
        ({"template": "0123"}, "template 0123, not weighted_alpaca_eval_gpt4_turbo's 67a36aade31297f5"),
        ({"decoding": {**cited.DECODING, "temperature": 0}}, "temperature 0, not 1"),
        (
            {"decoding": {k: v for k, v in cited.DECODING.items() if k != "top_logprobs"}},
            "top_logprobs not set, not 5",
        ),
        ({"address": "llm.example.org"}, "answers of llm.example.org, not of api.openai.com"),
        ({"manner": "both orders"}, "both orders, not one verdict in one order"),
        ({"without_probabilities": 805}, "805 verdicts without log-probabilities"),
    ],
)
def test_another_way_of_judging_needs_the_bridge(change: dict[str, Any], said: str) -> None:
    assert warning(Setup(**CITED | change)) == (
        f"{said}: not comparable with the published figures; use `srlm-eval bridge`"
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"baseline": "davinci003"}, "baseline davinci003, not gpt4_1106_preview"),
        ({"baseline_outputs": "0123"}, "other outputs of the baseline gpt4_1106_preview than AlpacaEval's"),
        ({"prompts": "0123", "scored": 12}, "12 prompts of another set, not AlpacaEval's 805"),
    ],
)
def test_what_is_judged_may_differ_too_and_no_bridge_mends_that(change: dict[str, Any], said: str) -> None:
    assert warning(Setup(**CITED | change)) == f"{said}: not comparable with the published figures"


def test_fewer_of_the_same_prompts_are_another_sample() -> None:
    assert warning(Setup(**CITED | {"scored": 804})) == "804 of 805 prompts: not the sample of the published figures"


def test_every_difference_is_named_at_once() -> None:
    found = warning(Setup(**CITED | {"judge": "gpt-4o", "scored": 100}))
    assert found.startswith("judge gpt-4o, not gpt-4-1106-preview, 100 of 805 prompts: not comparable")


def test_the_newer_name_of_the_limit_is_no_difference() -> None:
    newer = {key: value for key, value in cited.DECODING.items() if key != "max_tokens"}
    assert warning(Setup(**CITED | {"decoding": {**newer, "max_completion_tokens": 1}})) == ""


def test_the_installed_annotator_is_the_cited_one() -> None:
    official = Annotator()
    assert (official.model, official.template) == (cited.JUDGE, cited.TEMPLATE_DIGEST)
    assert official.settings == cited.DECODING


@pytest.mark.parametrize(
    ("url", "host"),
    [
        (None, None),
        ("https://api.openai.com/v1", None),
        ("https://mine.openai.azure.com", None),
        ("https://key@llm.example.org:8000/v1", "llm.example.org"),
        ("http://127.0.0.1:8000/v1", "127.0.0.1"),
        ("sk-a-key@nowhere", "another address"),
        ("https://api.openai.com.example.org/v1", "api.openai.com.example.org"),
    ],
)
def test_an_address_is_told_by_its_host_and_never_with_a_key(url: str | None, host: str | None) -> None:
    assert cited.other_host(url) == host


@pytest.mark.parametrize(
    ("model", "said"),
    [("vicuna-13b", ""), ("gpt35_turbo_instruct", "804 of 805 prompts: not the sample of the published figures")],
)
def test_official_annotations_are_the_cited_ones(data: AlpacaEval, model: str, said: str) -> None:
    path = annotations_in(data.results() / model)
    assert isinstance(path, Path)
    assert warning(setups.of_annotations(read_annotations(path, data.prompts), data)) == said
