"""Tiny random models, one an architecture, in the shape that its real ones have: tied or untied weights, a window
shorter than the prompts, experts, states instead of attention. Their weights are louder than a fresh model's, so that
what they write hangs on every word of the prompt.
"""

import random
from collections.abc import Callable, Mapping
from typing import Any

WORDS = 64
"""Words of the vocabulary."""
WINDOW = 12
"""Tokens of a sliding window: fewer than the prompts have."""
PLACES = 192
"""Longest sequence, in tokens."""

_SMALL: dict[str, Any] = {
    "vocab_size": WORDS,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": PLACES,
    "bos_token_id": 2,
    "eos_token_id": 3,
    "pad_token_id": 0,
}


def _llama() -> Any:
    from transformers import LlamaConfig

    return LlamaConfig(**_SMALL, tie_word_embeddings=False)


def _qwen2() -> Any:
    from transformers import Qwen2Config

    return Qwen2Config(**_SMALL, tie_word_embeddings=True)


def _qwen3() -> Any:
    from transformers import Qwen3Config

    return Qwen3Config(**_SMALL, head_dim=8, tie_word_embeddings=True)


def _qwen3_next() -> Any:
    from transformers import Qwen3NextConfig

    return Qwen3NextConfig(
        **_SMALL,
        head_dim=8,
        layer_types=["linear_attention", "full_attention"],
        linear_num_value_heads=4,
        linear_num_key_heads=2,
        linear_key_head_dim=8,
        linear_value_head_dim=8,
        num_experts=4,
        num_experts_per_tok=2,
        moe_intermediate_size=16,
        shared_expert_intermediate_size=16,
    )


def _qwen3_5() -> Any:
    from transformers import Qwen3_5TextConfig

    return Qwen3_5TextConfig(
        **_SMALL,
        head_dim=8,
        layer_types=["linear_attention", "full_attention"],
        linear_num_value_heads=4,
        linear_num_key_heads=2,
        linear_key_head_dim=8,
        linear_value_head_dim=8,
    )


def _mistral() -> Any:
    from transformers import MistralConfig

    return MistralConfig(**_SMALL, sliding_window=WINDOW, head_dim=8)


def _gemma2() -> Any:
    from transformers import Gemma2Config

    return Gemma2Config(**_SMALL, sliding_window=WINDOW, head_dim=8, query_pre_attn_scalar=8)


def _gemma3() -> Any:
    from transformers import Gemma3TextConfig

    return Gemma3TextConfig(
        **_SMALL,
        sliding_window=WINDOW,
        head_dim=8,
        query_pre_attn_scalar=8,
        layer_types=["sliding_attention", "full_attention"],
    )


def _gpt_oss() -> Any:
    from transformers import GptOssConfig

    return GptOssConfig(
        **_SMALL,
        sliding_window=WINDOW,
        head_dim=8,
        num_local_experts=4,
        num_experts_per_tok=2,
        layer_types=["sliding_attention", "full_attention"],
    )


def _phi3() -> Any:
    from transformers import Phi3Config

    return Phi3Config(**_SMALL, sliding_window=WINDOW)


def _phi3_long() -> Any:
    from transformers import Phi3Config

    # Two sets of rotary factors: one up to 24 tokens, the other beyond.
    return Phi3Config(
        **_SMALL,
        original_max_position_embeddings=24,
        rope_parameters={
            "rope_type": "longrope",
            "rope_theta": 10000.0,
            "short_factor": [1.0, 1.1, 1.2, 1.3],
            "long_factor": [2.0, 3.0, 4.0, 5.0],
            "original_max_position_embeddings": 24,
        },
    )


def _cohere2() -> Any:
    from transformers import Cohere2Config

    return Cohere2Config(
        **_SMALL, sliding_window=WINDOW, layer_types=["sliding_attention", "full_attention"], logit_scale=1.0
    )


def _olmo2() -> Any:
    from transformers import Olmo2Config

    return Olmo2Config(**_SMALL)


def _granite_hybrid() -> Any:
    from transformers import GraniteMoeHybridConfig

    return GraniteMoeHybridConfig(
        **_SMALL,
        layer_types=["mamba", "attention"],
        num_local_experts=0,
        num_experts_per_tok=0,
        shared_intermediate_size=48,
        mamba_n_heads=4,
        mamba_d_head=16,
        mamba_d_state=8,
        mamba_n_groups=1,
        mamba_expand=2,
        mamba_chunk_size=16,
        position_embedding_type="rope",
    )


def _mamba() -> Any:
    from transformers import MambaConfig

    return MambaConfig(
        vocab_size=WORDS,
        hidden_size=32,
        state_size=8,
        num_hidden_layers=2,
        bos_token_id=2,
        eos_token_id=3,
        pad_token_id=0,
    )


def _mamba2() -> Any:
    from transformers import Mamba2Config

    return Mamba2Config(
        vocab_size=WORDS,
        hidden_size=32,
        num_heads=4,
        head_dim=16,
        state_size=8,
        n_groups=1,
        num_hidden_layers=2,
        chunk_size=16,
        bos_token_id=2,
        eos_token_id=3,
        pad_token_id=0,
    )


def _deepseek_v3() -> Any:
    from transformers import DeepseekV3Config

    small = {**_SMALL, "num_key_value_heads": 4}
    return DeepseekV3Config(
        **small,
        moe_intermediate_size=16,
        n_routed_experts=4,
        num_experts_per_tok=2,
        n_shared_experts=1,
        n_group=2,
        topk_group=1,
        first_k_dense_replace=1,
        kv_lora_rank=8,
        q_lora_rank=16,
        qk_nope_head_dim=8,
        qk_rope_head_dim=8,
        v_head_dim=8,
    )


def _gpt2() -> Any:
    from transformers import GPT2Config

    return GPT2Config(
        vocab_size=WORDS, n_positions=PLACES, n_embd=32, n_layer=2, n_head=4, bos_token_id=2, eos_token_id=3
    )


def _smollm3() -> Any:
    from transformers import SmolLM3Config

    return SmolLM3Config(**_SMALL, no_rope_layers=[1, 0])


def _gpt_neo() -> Any:
    from transformers import GPTNeoConfig

    return GPTNeoConfig(
        vocab_size=WORDS,
        hidden_size=32,
        num_layers=2,
        attention_types=[[["global", "local"], 1]],
        num_heads=4,
        window_size=WINDOW,
        max_position_embeddings=PLACES,
        bos_token_id=2,
        eos_token_id=3,
    )


def _bloom() -> Any:
    from transformers import BloomConfig

    return BloomConfig(vocab_size=WORDS, hidden_size=32, n_layer=2, n_head=4, bos_token_id=2, eos_token_id=3)


def _lfm2() -> Any:
    from transformers import Lfm2Config

    return Lfm2Config(**_SMALL, layer_types=["conv", "full_attention"], block_auto_adjust_ff_dim=False)


def _falcon_h1() -> Any:
    from transformers import FalconH1Config

    return FalconH1Config(
        **_SMALL,
        head_dim=8,
        mamba_d_ssm=64,
        mamba_n_heads=4,
        mamba_d_head=16,
        mamba_n_groups=1,
        mamba_d_state=8,
        mamba_chunk_size=16,
    )


def _llama4() -> Any:
    from transformers import Llama4TextConfig

    return Llama4TextConfig(
        **_SMALL,
        head_dim=8,
        intermediate_size_mlp=48,
        num_local_experts=2,
        attention_chunk_size=WINDOW,
        layer_types=["chunked_attention", "full_attention"],
        no_rope_layers=[1, 0],
        moe_layers=[],
    )


def _recurrent_gemma() -> Any:
    from transformers import RecurrentGemmaConfig

    return RecurrentGemmaConfig(
        vocab_size=WORDS,
        hidden_size=32,
        intermediate_size=96,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=1,
        lru_width=32,
        attention_window_size=WINDOW,
        head_dim=8,
        bos_token_id=2,
        eos_token_id=3,
        pad_token_id=0,
    )


def _glm4() -> Any:
    from transformers import Glm4Config

    return Glm4Config(**_SMALL, head_dim=8)


CONFIGS: Mapping[str, Callable[[], Any]] = {
    "llama": _llama,
    "qwen2.5": _qwen2,
    "qwen3": _qwen3,
    "qwen3-next": _qwen3_next,
    "qwen3.5": _qwen3_5,
    "mistral": _mistral,
    "gemma2": _gemma2,
    "gemma3": _gemma3,
    "gpt-oss": _gpt_oss,
    "phi3": _phi3,
    "phi3-longrope": _phi3_long,
    "cohere2": _cohere2,
    "olmo2": _olmo2,
    "granite4-hybrid": _granite_hybrid,
    "mamba": _mamba,
    "mamba2": _mamba2,
    "deepseek-v3": _deepseek_v3,
    "gpt2": _gpt2,
    "smollm3": _smollm3,
    "gpt-neo": _gpt_neo,
    "bloom": _bloom,
    "lfm2": _lfm2,
    "falcon-h1": _falcon_h1,
    "llama4": _llama4,
    "recurrent-gemma": _recurrent_gemma,
    "glm4": _glm4,
}
"""Name -> its configuration."""


def random_model(name: str, dtype: str = "float32", seed: int = 1) -> Any:
    """A model of the architecture with random weights, in evaluation mode."""
    import torch
    from transformers import AutoModelForCausalLM

    config = CONFIGS[name]()
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config)
    generator = torch.Generator().manual_seed(seed + 1)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight += 0.15 * torch.randn(weight.shape, generator=generator)
    return model.to(getattr(torch, dtype)).eval()


CHAT = (
    "<bos>{% for message in messages %}{{ ' <user> ' if message['role'] == 'user' else ' <asst> ' }}"
    "{{ message['content'] }}{% if message['role'] == 'assistant' %}{{ ' ' + eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ ' <asst> ' }}{% endif %}"
)


def tokenizer() -> Any:
    """`w0` to `w57` and the words of a chat, a token each; only the end is special, so that texts tell every token."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Split
    from transformers import PreTrainedTokenizerFast

    first = ("<pad>", "<unk>", "<bos>", "<eos>", "<user>", "<asst>")
    names = (*first, *(f"w{number}" for number in range(WORDS - len(first))))
    plain = Tokenizer(WordLevel({name: number for number, name in enumerate(names)}, unk_token="<unk>"))
    plain.pre_tokenizer = Split(" ", behavior="removed")
    return PreTrainedTokenizerFast(
        tokenizer_object=plain,
        eos_token="<eos>",
        pad_token="<eos>",
        chat_template=CHAT,
        padding_side="left",
        clean_up_tokenization_spaces=False,
        model_input_names=["input_ids", "attention_mask"],
    )


def sentence(words: int, seed: int) -> str:
    """So many words, the same for the same seed."""
    chance = random.Random(seed)
    return " ".join(f"w{chance.randrange(WORDS - 6)}" for _ in range(words))
