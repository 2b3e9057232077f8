"""On every kind of architecture, plain text is scored and continued as lm-eval's `hf` does on the same weights.

lm-eval reads one row at a time here (batches of 1): padding of its own would change rows that count it.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
import torch

from srlm.engines.plain_text import Likelihood, TextPair
from srlm.engines.transformers import TransformersEngine
from srlm.errors import DataError, RoomError
from srlm.settings import Sampling
from srlm.text.chat import Chat
from tests.architectures import zoo
from tests.tiny_tokenizers import byte_level, metaspace

pytest.importorskip("lm_eval", reason="needs lm-eval (pip install 'srlm[nlp]')")

SHOWN = zoo.sentence(60, seed=7)
"""What questions of one kind begin with, as few-shot examples do."""
PAIRS = [
    *(
        TextPair(f"{SHOWN} {zoo.sentence(3 + number, seed=number)}", ending)
        for number in range(6)
        for ending in (" w1", " w2", " w1 w2 w3", " w9 w4 w5 w6")
    ),
    TextPair("", "w1 w2 w3"),
    TextPair("w5 ", "w6"),
    TextPair(zoo.sentence(300, seed=5), " w1 w2"),
    TextPair(zoo.sentence(300, seed=5), " w3"),
    TextPair(zoo.sentence(zoo.PLACES, seed=6), " w3"),
]
WHOLE = [zoo.sentence(words, seed=words) for words in (5, 191, 192, 193, 500)]
PROMPTS = [*(f"{SHOWN} {zoo.sentence(3 + number, seed=number)}" for number in range(5)), zoo.sentence(300, seed=5)]
NEW = 20
NAMES = ("llama", "gpt2", "gpt-neo", "gemma3", "phi3-longrope", "mamba", "granite4-hybrid")
"""Plain attention, learnt positions, a mask of fixed size, windows, two sets of rotary factors, states, both."""


TOLERANCES = {"float32": 1e-3, "bfloat16": 0.1}
"""Nats, of a continuation. 16 bits keep a number to a 256th of its size, so that sums in another order move each logit
by about as much; the same tolerance as for conversations (test_engine.py)."""


def asked(kind: str, arguments: Iterable[tuple[Any, ...]]) -> list[Any]:
    from lm_eval.api.instance import Instance

    return [Instance(request_type=kind, doc={}, arguments=one, idx=number) for number, one in enumerate(arguments)]


def hf(model: Any, tokenizer: Any, **more: Any) -> Any:
    from lm_eval.models.huggingface import HFLM

    return HFLM(pretrained=model, tokenizer=tokenizer, batch_size=1, **more)


def likelihoods(lm: Any, pairs: Sequence[TextPair]) -> list[Likelihood]:
    return [Likelihood(*one) for one in lm.loglikelihood(asked("loglikelihood", pairs), disable_tqdm=True)]


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("name", NAMES)
def test_given_text_is_as_likely_as_lm_eval_finds_it(name: str, dtype: str) -> None:
    torch.set_num_threads(1)
    model, words = zoo.random_model(name, dtype), zoo.tokenizer()
    text = TransformersEngine(model, Chat(words), "M0", batch_size=8).plain_text()
    expected, found = likelihoods(hf(model, words), PAIRS), text.likelihoods(PAIRS)
    assert [one.total for one in found] == pytest.approx([one.total for one in expected], abs=TOLERANCES[dtype])
    if dtype == "float32":
        assert [one.greedy for one in found] == [one.greedy for one in expected]


@pytest.mark.parametrize("name", NAMES)
def test_whole_texts_and_continuations_are_those_of_lm_eval(name: str) -> None:
    torch.set_num_threads(1)
    model, words = zoo.random_model(name), zoo.tokenizer()
    text, lm = TransformersEngine(model, Chat(words), "M0", batch_size=4).plain_text(), hf(model, words)
    rolling = lm.loglikelihood_rolling(asked("loglikelihood_rolling", [(one,) for one in WHOLE]), disable_tqdm=True)
    assert text.rolling(WHOLE) == pytest.approx(rolling, abs=1e-3)
    stops = ["w7", "w1 w2"]
    wanted = [(prompt, {"until": stops, "max_gen_toks": NEW}) for prompt in PROMPTS]
    written = lm.generate_until(asked("generate_until", wanted), disable_tqdm=True)
    assert text.write(PROMPTS, stops, Sampling(temperature=0, max_new_tokens=NEW), 0) == written


UNICODE = [
    TextPair("Question: Which colour is better?\nAnswer:", " green"),
    TextPair("Question: Which colour is better?\nAnswer: ", "red"),
    TextPair("Question: Which colour is better?\nAnswer:", " naïve café ☕ 日本"),
    TextPair("世界 🎉🎉 Ünïcödé", "🎉 and 界"),
    TextPair("two trailing spaces  ", "  and two leading ones"),
    TextPair("a line\n", "\nanother"),
    TextPair("", "Hello there"),
    TextPair("", "<bos>Hello there"),
    TextPair("<bos>Hello", " there"),
    TextPair("   ", "only spaces before"),
]


@pytest.mark.parametrize("kind", [byte_level, metaspace])
@pytest.mark.parametrize("bos", [True, False])
def test_words_become_tokens_as_in_lm_eval(kind: Any, bos: bool) -> None:
    """With a token in front of every text (Gemma, Llama) and without, of tokenizers of both families."""
    from tokenizers import processors
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.set_num_threads(1)
    words = kind(["<bos>"], "<eos>", bos_token="<bos>")
    words.chat_template = zoo.CHAT
    if bos:
        number = words.convert_tokens_to_ids("<bos>")
        words.backend_tokenizer.post_processor = processors.TemplateProcessing(
            single="<bos> $A", special_tokens=[("<bos>", number)]
        )
    torch.manual_seed(3)
    shape = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    model = LlamaForCausalLM(LlamaConfig(**shape, vocab_size=len(words), max_position_embeddings=128)).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.1 * torch.randn(weight.shape)
    text = TransformersEngine(model, Chat(words), "M0", batch_size=4).plain_text()
    # lm-eval's cache of logits scores the wrong tokens where one request is another's text, divided elsewhere.
    lm = hf(model, words, logits_cache=False)
    pairs = UNICODE if bos else UNICODE[:-1]  # lm-eval fails for a context that has no token
    expected, found = likelihoods(lm, pairs), text.likelihoods(pairs)
    assert [one.total for one in found] == pytest.approx([one.total for one in expected], abs=1e-3)
    whole = [pair.context + pair.continuation for pair in pairs]
    rolling = lm.loglikelihood_rolling(asked("loglikelihood_rolling", [(one,) for one in whole]), disable_tqdm=True)
    assert text.rolling(whole) == pytest.approx(rolling, abs=1e-3)
    prompts = [pair.context or "Hello" for pair in UNICODE[:8]]
    wanted = [(prompt, {"until": ["e"], "max_gen_toks": 12}) for prompt in prompts]
    written = lm.generate_until(asked("generate_until", wanted), disable_tqdm=True)
    assert text.write(prompts, ["e"], Sampling(temperature=0, max_new_tokens=12), 0) == written


def tokens_read(model: Any) -> list[int]:
    """Tokens that each forward pass from now on reads, over all its rows."""
    read: list[int] = []
    model.get_input_embeddings().register_forward_hook(lambda _, given, __: read.append(given[0].numel()))
    return read


def test_a_beginning_is_read_once_and_a_question_once_for_all_its_letters() -> None:
    torch.set_num_threads(1)
    model, words = zoo.random_model("llama"), zoo.tokenizer()
    text = TransformersEngine(model, Chat(words), "M0", batch_size=4).plain_text()
    pairs = [
        TextPair(f"{zoo.sentence(60, seed=subject)} {zoo.sentence(8, seed=number)}", f" w{letter}")
        for subject in (1, 2)
        for number in range(10, 22)
        for letter in range(4)
    ]
    read = tokens_read(model)
    text.likelihoods(pairs)
    assert sum(read) == 2 * (60 + 12 * 8)  # of the 2 * 12 * 4 * 68 that the texts have


def test_what_rows_add_behind_a_beginning_is_not_added_to_it() -> None:
    torch.set_num_threads(1)
    words = zoo.tokenizer()
    memory = TransformersEngine(zoo.random_model("llama"), Chat(words), "M0", batch_size=4).memory
    prompts = [words(f"{SHOWN} {zoo.sentence(own, seed=own)}")["input_ids"] for own in (4, 9)]
    head = memory.head(prompts, 60, room=10)
    assert head is not None
    for _ in range(2):
        assert memory.read(prompts, 10, head=head).cache.get_seq_length() == 68  # all but the last token
    assert head.cache.get_seq_length() == 60


def test_a_continuation_longer_than_the_model_reads_is_refused_by_name() -> None:
    torch.set_num_threads(1)
    text = TransformersEngine(zoo.random_model("llama"), Chat(zoo.tokenizer()), "M0", batch_size=4).plain_text()
    with pytest.raises(RoomError, match="a continuation of 200 tokens; the model reads 192 at once"):
        text.likelihoods([TextPair("w1", " " + zoo.sentence(200, seed=1))])
    with pytest.raises(RoomError, match="192 new tokens are asked for, but the model reads and writes 192 in all"):
        text.write(["w1"], [], Sampling(temperature=0, max_new_tokens=192), 0)
    with pytest.raises(DataError, match="nothing to score: '' adds no token to the text before it"):
        text.likelihoods([TextPair("w1", "")])


def test_drawn_continuations_are_the_same_for_the_same_seed() -> None:
    torch.set_num_threads(1)
    text = TransformersEngine(zoo.random_model("llama"), Chat(zoo.tokenizer()), "M0", batch_size=4).plain_text()
    drawn = Sampling(temperature=1, top_p=1, max_new_tokens=8)
    first = text.write(PROMPTS, [], drawn, 1)
    assert text.write(PROMPTS, [], drawn, 1) == first
    assert text.write(PROMPTS, [], drawn, 2) != first
