"""M0 from random weights: a small Llama and a word-level tokenizer."""

from collections.abc import Sequence
from typing import Any

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from srlm.settings import ScratchModel
from srlm.training.batches import IGNORED
from srlm.training.sft import Example

SPECIAL = ("<pad>", "<unk>", "<bos>", "<eos>", "<user>", "<asst>")
CHAT = (
    "{{ bos_token }}{% for message in messages %}{{ ' <user> ' if message['role'] == 'user' else ' <asst> ' }}"
    "{{ message['content'] }}{% if message['role'] == 'assistant' %}{{ ' ' + eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ ' <asst> ' }}{% endif %}"
)


def tokenizer(vocabulary: Sequence[str]) -> Any:
    """A word of `vocabulary` a token; words are parted by single spaces, and a newline is a word."""
    words = {word: number for number, word in enumerate((*SPECIAL, *vocabulary))}
    plain = Tokenizer(WordLevel(words, unk_token="<unk>"))
    plain.pre_tokenizer = Split(" ", behavior="removed")
    return PreTrainedTokenizerFast(
        tokenizer_object=plain,
        bos_token="<bos>",
        eos_token="<eos>",
        pad_token="<pad>",
        unk_token="<unk>",
        additional_special_tokens=["<user>", "<asst>"],
        chat_template=CHAT,
        padding_side="left",
        clean_up_tokenization_spaces=False,
        model_input_names=["input_ids", "attention_mask"],
    )


def random_model(shape: ScratchModel, vocabulary: Any, seed: int) -> Any:
    """A Llama with random weights; the same seed gives the same weights."""
    torch.manual_seed(seed)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(vocabulary),
            hidden_size=shape.width,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.heads,
            intermediate_size=shape.feed_forward,
            max_position_embeddings=shape.max_positions,
            rope_parameters={"rope_type": "default", "rope_theta": shape.rope_theta},
            initializer_range=shape.init_std,
            tie_word_embeddings=True,
            bos_token_id=vocabulary.bos_token_id,
            eos_token_id=vocabulary.eos_token_id,
            pad_token_id=vocabulary.pad_token_id,
        )
    )
    if shape.tie_query_key:
        for layer in model.model.layers:
            layer.self_attn.k_proj.weight.data.copy_(layer.self_attn.q_proj.weight.data)
    return model


def base_examples(vocabulary: Any, lines: Sequence[tuple[list[str], list[bool]]]) -> list[Example]:
    """Lines of words with loss on those marked as predictable, and on the end."""
    examples = []
    for words, predictable in lines:
        ids = vocabulary.convert_tokens_to_ids(words)
        labels = [token if known else IGNORED for token, known in zip(ids, predictable, strict=True)]
        bos, eos = vocabulary.bos_token_id, vocabulary.eos_token_id
        examples.append(Example([bos, *ids, eos], [IGNORED, *labels, eos]))
    return examples
