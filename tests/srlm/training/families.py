"""Tiny models of many architectures with random bfloat16 weights, in folders as the hub has them."""

import json
from pathlib import Path
from typing import Any

import torch

from srlm.engines.weights import save
from srlm.training import scratch
from srlm.worlds.beads import program

GENERATION = {"temperature": 0.6, "top_p": 0.9, "eos_token_id": [3, 0], "bos_token_id": 2}
"""Invalid: a temperature without do_sample, as some models on the hub have it. Saving it the library's way fails."""
WIDE: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
}
NARROW: dict[str, Any] = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64}
STATES: dict[str, Any] = {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 8}
EXPERTS: dict[str, Any] = {"num_experts_per_tok": 2, "moe_intermediate_size": 32}
SHAPES: dict[str, dict[str, Any]] = {
    "llama": {**WIDE, "attention_dropout": 0},  # a whole number
    "qwen2": {**WIDE, "tie_word_embeddings": True, "use_cache": True},
    "gemma3_text": {**WIDE, "head_dim": 8},
    "gpt2": {**NARROW, "resid_pdrop": 0.1},
    "bloom": {"hidden_size": 32, "n_layer": 2, "n_head": 4, "hidden_dropout": 0.1},
    "mpt": {"d_model": 32, "n_layers": 2, "n_heads": 4, "max_seq_len": 64},
    "opt": {**WIDE, "ffn_dim": 64, "word_embed_proj_dim": 32, "dropout": 0.1},
    "gpt_oss": {**WIDE, "head_dim": 8, "num_local_experts": 4, "num_experts_per_tok": 2},
    "mixtral": {**WIDE, "num_local_experts": 4},
    "deepseek_v3": {
        **WIDE,
        **EXPERTS,
        **{"num_key_value_heads": 4, "n_routed_experts": 4, "n_group": 1, "topk_group": 1, "first_k_dense_replace": 1},
        **{"q_lora_rank": 16, "kv_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 8},
    },
    "mamba": STATES,
    "mamba2": {**STATES, "head_dim": 8, "num_heads": 8, "n_groups": 1, "chunk_size": 8},
}
"""Architecture to what its configuration says beside the words and tokens."""


def make(name: str, folder: Path, **shape: Any) -> None:
    """A model of this architecture, with the bead world's words; `shape`: of its configuration, beside SHAPES."""
    from transformers import AutoConfig, AutoModelForCausalLM

    words = scratch.tokenizer(program.vocabulary())
    torch.manual_seed(0)
    config = AutoConfig.for_model(
        name,
        **{"vocab_size": len(words), "bos_token_id": 2, "eos_token_id": [3, 0], "pad_token_id": 0},
        **(SHAPES[name] | shape),
    )
    save(AutoModelForCausalLM.from_config(config).to(torch.bfloat16), words, folder)
    (folder / "generation_config.json").write_text(json.dumps(GENERATION, indent=1))
    (folder / "preprocessor_config.json").write_text('{"note": "for another program"}\n')
