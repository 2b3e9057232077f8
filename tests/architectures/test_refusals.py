"""Models that cannot write text are refused by name when they are opened; what is not remembered is read again."""

import logging

import pytest
import torch

from srlm.engines.base import Request
from srlm.engines.transformers import TransformersEngine
from srlm.errors import EngineError, ModelError
from srlm.records import user
from srlm.settings import Sampling
from srlm.text.chat import Chat
from tests.architectures import zoo


def test_a_model_whose_weights_are_no_numbers_is_refused() -> None:
    model = zoo.random_model("llama")
    with torch.no_grad():
        model.model.layers[1].mlp.down_proj.weight[3, 5] = float("nan")
    with pytest.raises(ModelError, match=r"^LlamaForCausalLM: its probabilities are NaN or infinite; the weights are"):
        TransformersEngine(model, Chat(zoo.tokenizer()), "M0", batch_size=4)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_model_that_reads_both_ways_is_refused() -> None:
    from transformers import BertConfig, BertLMHeadModel

    torch.manual_seed(1)
    small = BertConfig(
        vocab_size=zoo.WORDS, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48
    )
    model = BertLMHeadModel(small).eval()
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight += 0.15 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(2))
    with pytest.raises(ModelError, match=r"^BertLMHeadModel: its tokens depend on later tokens.*causal language"):
        TransformersEngine(model, Chat(zoo.tokenizer()), "M0", batch_size=4)


def test_a_model_with_a_cache_of_its_own_kind_reads_every_row_whole(caplog: pytest.LogCaptureFixture) -> None:
    model = zoo.random_model("llama")
    inner = model.model.forward

    def forgetful(*arguments: object, **named: object) -> object:
        """As a model does whose code keeps what it remembers in a place of its own: the cache stays empty."""
        named.pop("past_key_values", None)
        return inner(*arguments, **named)

    model.model.forward = forgetful
    with caplog.at_level(logging.INFO, "srlm.engines.memory"):
        engine = TransformersEngine(model, Chat(zoo.tokenizer()), "M0", batch_size=4)
    assert engine.way == "whole"
    assert "LlamaForCausalLM: rows are read whole (not shared: log-probabilities change by" in caplog.text
    sound = TransformersEngine(zoo.random_model("llama"), Chat(zoo.tokenizer()), "M0", batch_size=4)
    requests = [Request(messages=user(zoo.sentence(words, seed=words))) for words in (4, 9, 9, 17)]
    greedy = Sampling(temperature=0, max_new_tokens=10)
    assert engine.generate(requests, greedy, seed=0) == sound.generate(requests, greedy, seed=0)


def test_a_continuation_beyond_the_context_is_refused_and_an_answer_without_room_is_cut() -> None:
    engine = TransformersEngine(zoo.random_model("gpt2"), Chat(zoo.tokenizer()), "M0", batch_size=4)
    # <bos>, <user>, 187 words and <asst> are 190 of 192 tokens.
    request = Request(messages=user(zoo.sentence(187, seed=1)))
    assert len(engine.loglikelihood([request], [["w1 w2"]])[0]) == 1
    with pytest.raises(EngineError, match="M0: no room for a continuation in 192 tokens of context"):
        engine.loglikelihood([request], [["w1 w2 w3"]])
    ((written,),) = engine.generate([request], Sampling(temperature=0, max_new_tokens=9), seed=0)
    assert written.tokens is not None and written.tokens <= 2
    full = Request(messages=user(zoo.sentence(200, seed=1)))
    ((nothing,),) = engine.generate([full], Sampling(temperature=0, max_new_tokens=9), seed=0)
    assert (nothing.text, nothing.finish, nothing.tokens) == ("", "length", 0)
