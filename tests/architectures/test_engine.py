"""On every architecture, what the transformers engine writes and scores is what plain forward passes of a single row,
unpadded and with nothing remembered, say."""

import functools
import math
from typing import Any, NamedTuple

import pytest
import torch

from srlm.engines.base import Request
from srlm.engines.memory import Memory, Way
from srlm.engines.transformers import TransformersEngine
from srlm.records import user
from srlm.settings import Sampling
from srlm.text.chat import Chat
from tests.architectures import zoo

WAYS: dict[str, Way] = {
    "llama": "shared",
    "qwen2.5": "shared",
    "qwen3": "shared",
    "olmo2": "shared",
    "phi3-longrope": "shared",  # but rows beyond its short factors
    "deepseek-v3": "shared",
    "gpt2": "shared",
    "smollm3": "shared",
    "bloom": "shared",
    "glm4": "shared",
    # Windows shorter than the trial's rows
    "mistral": "padded",
    "gemma2": "padded",
    "gemma3": "padded",
    "gpt-oss": "padded",
    "phi3": "padded",
    "cohere2": "padded",
    "gpt-neo": "padded",
    "llama4": "padded",
    # States beside or instead of attention, kept clean of padding by the model's own code
    "qwen3-next": "padded",
    "qwen3.5": "padded",
    "granite4-hybrid": "padded",
    "mamba2": "padded",
    "lfm2": "padded",
    "falcon-h1": "padded",
    # States into which padding leaks
    "mamba": "even",
    "recurrent-gemma": "even",
}
HEAD = zoo.sentence(40, seed=7)
CASES = {
    "one": [zoo.sentence(9, seed=1)],
    "unequal": [zoo.sentence(words, seed=words) for words in (5, 9, 21, 30)],
    "shared": [f"{HEAD} {zoo.sentence(words, seed=words)}" for words in (2, 7, 18)],
    "shared, equally long": [f"{HEAD} {zoo.sentence(6, seed=seed)}" for seed in (3, 4)],
}
"""Windows are 12 tokens, longrope's short factors reach to 24; all but the first prompts are longer than that."""
CONTINUATIONS = ("w1 w2", "w1 w3", "w9", "w4 w5 w6")
NEW = 20


class Tolerance(NamedTuple):
    """What sums in another order may change."""

    tie: float
    """A word counts as the likeliest whose logit lies this far below the best, in standard deviations of all."""
    score: float
    """Nats, of a continuation."""


TOLERANCES = {"float32": Tolerance(1e-4, 1e-4), "bfloat16": Tolerance(0.06, 0.1)}


@torch.no_grad()  # type: ignore[untyped-decorator]
def likeliest(model: Any, start: list[int], text: str, words: Any, tie: float) -> bool:
    """Whether each word of the text, and its end, is the likeliest behind those before it, in a pass over a row."""
    new = [int(token) for token in words(text, add_special_tokens=False)["input_ids"]]
    wanted = [*new, words.eos_token_id] if len(new) < NEW else new
    row = [*start, *new]
    if hasattr(model.config, "rope_parameters") and model.config.rope_parameters.get("rope_type") == "longrope":
        # Its rotary factors hang on the whole row's length: a pass for each word.
        passes = [model(torch.tensor([row[:end]])).logits[0, -1] for end in range(len(start), len(row) + 1)]
        logits = torch.stack(passes).float()
    else:
        logits = model(torch.tensor([row]), use_cache=False).logits[0, len(start) - 1 :].float()
    below = [float((own.max() - own[token]) / own.std()) for own, token in zip(logits, wanted, strict=False)]
    return max(below) <= tie


@torch.no_grad()  # type: ignore[untyped-decorator]
def log_probability(model: Any, start: list[int], new: list[int]) -> float:
    logits = model(torch.tensor([[*start, *new]]), use_cache=False).logits[0].float().log_softmax(-1)
    return sum(float(logits[len(start) - 1 + place, token]) for place, token in enumerate(new))


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("name", zoo.CONFIGS)
def test_words_and_scores_are_those_of_a_single_unpadded_row(name: str, dtype: str) -> None:
    torch.set_num_threads(1)
    model, words, tolerance = zoo.random_model(name, dtype), zoo.tokenizer(), TOLERANCES[dtype]
    engine = TransformersEngine(model, Chat(words), "M0", batch_size=8)
    for case, texts in CASES.items():
        requests = [Request(messages=user(text)) for text in texts]
        starts = [Chat(words).prompt_ids(request.messages) for request in requests]
        written = engine.generate(requests, Sampling(temperature=0, max_new_tokens=NEW), seed=0)
        for start, (completion,) in zip(starts, written, strict=True):
            assert likeliest(model, start, completion.text, words, tolerance.tie), case
        scores = engine.loglikelihood(requests, [CONTINUATIONS] * len(requests))
        for start, own in zip(starts, scores, strict=True):
            ids = [words(text, add_special_tokens=False)["input_ids"] for text in CONTINUATIONS]
            expected = [log_probability(model, start, new) for new in ids]
            assert own == pytest.approx(expected, abs=tolerance.score), case


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("name", zoo.CONFIGS)
def test_rows_are_read_in_the_quickest_way_that_is_right(name: str, dtype: str) -> None:
    torch.set_num_threads(1)
    engine = TransformersEngine(zoo.random_model(name, dtype), Chat(zoo.tokenizer()), "M0", batch_size=8)
    assert engine.way == WAYS[name]


@pytest.mark.parametrize("name", ["llama", "gemma3", "mamba", "granite4-hybrid", "gpt-oss", "phi3-longrope"])
def test_draws_are_those_of_the_models_own_probabilities(name: str) -> None:
    torch.set_num_threads(1)
    model, words = zoo.random_model(name), zoo.tokenizer()
    engine = TransformersEngine(model, Chat(words), "M0", batch_size=512)
    texts = CASES["unequal"][:2]
    drawn = engine.generate(
        [Request(messages=user(text), draws=256) for text in texts],
        Sampling(temperature=1, top_p=1, max_new_tokens=1),
        seed=3,
    )
    for request, completions in zip(texts, drawn, strict=True):
        with torch.no_grad():
            logits = model(torch.tensor([Chat(words).prompt_ids(user(request))]), use_cache=False).logits[0, -1].float()
        chances = logits.softmax(-1)
        best = int(chances.argmax())
        share = sum(one.text == words.decode([best], skip_special_tokens=True) for one in completions) / len(
            completions
        )
        p = float(chances[best])
        assert share == pytest.approx(p, abs=4 * math.sqrt(p * (1 - p) / 256))


def test_continuations_of_unequal_lengths_are_scored_where_rotary_factors_change_with_the_length() -> None:
    """No row reaches the 24 tokens of the short factors, but the longest start and the longest continuation would."""
    torch.set_num_threads(1)
    model, words = zoo.random_model("phi3-longrope"), zoo.tokenizer()
    chat = Chat(words)
    requests = [Request(messages=user(zoo.sentence(count, seed=count))) for count in (5, 17)]
    texts = [zoo.sentence(14, seed=1), "w1 w2"]
    found = TransformersEngine(model, chat, "M0", batch_size=8).loglikelihood(requests, [[text] for text in texts])
    for request, text, (score,) in zip(requests, texts, found, strict=True):
        new = words(text, add_special_tokens=False)["input_ids"]
        expected = log_probability(model, chat.prompt_ids(request.messages), new)
        assert score == pytest.approx(expected, abs=1e-4)


def test_a_model_under_autocast_is_judged_by_what_16_bits_can_tell() -> None:
    """Its logits come in 32 bits, as accelerate hands them on; what rounding does to them is no reason to go slowly."""
    torch.set_num_threads(1)
    model = zoo.random_model("phi3-longrope")
    narrow = torch.autocast("cpu", torch.bfloat16)(model.forward)

    @functools.wraps(model.forward)
    def forward(*ids: Any, **named: Any) -> Any:
        output = narrow(*ids, **named)
        output.logits = output.logits.float()
        return output

    model.forward = forward
    pad = zoo.tokenizer().pad_token_id
    assert [Memory(model, pad, autocast).way for autocast in (False, True)] == ["even", "shared"]
