"""Chat templates of the shapes that published models have, written for these tests."""

from typing import NamedTuple


class Shape(NamedTuple):
    """A template, the tokenizer it goes with, and what a finished turn of it is."""

    template: str
    special: tuple[str, ...]
    """Special tokens beside eos."""
    eos: str
    kind: str
    """`byte_level`, `metaspace` or `legacy` (tests/tiny_tokenizers.py)."""
    end: str
    """What ends a turn, after the answer's last word."""
    finished: str
    """`How are you?` answered with `I am well.`"""
    added: tuple[str, ...] = ()
    """Tokens that are in the vocabulary and not special."""
    trained: str = ""
    """Where training begins to teach, as text; empty: what stands behind the generation prompt."""


_TURNS = "{% for m in messages %}"
LLAMA2 = (
    "{% if messages[0].role == 'system' %}{% set start = '<<SYS>>\\n' + messages[0].content + '\\n<</SYS>>\\n\\n' %}"
    "{% set messages = messages[1:] %}{% else %}{% set start = '' %}{% endif %}"
    "{% for m in messages %}{% if m.role == 'user' %}"
    "{{ bos_token + '[INST] ' + (start if loop.first else '') + m.content.strip() + ' [/INST]' }}"
    "{% else %}{{ ' ' + m.content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}"
)
LLAMA3 = (
    "{{ bos_token }}{% for m in messages %}{{ '<|start_header_id|>' + m.role + '<|end_header_id|>\\n\\n' }}"
    "{{ m.content | trim + '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"
)
LLAMA3_2 = LLAMA3.replace(
    "{{ bos_token }}",
    "{{ bos_token }}{% if not date_string is defined %}{% set date_string = strftime_now('%d %b %Y') %}{% endif %}"
    "{{ '<|start_header_id|>system<|end_header_id|>\\n\\nToday Date: ' + date_string + '\\n\\n<|eot_id|>' }}",
)
GEMMA = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system turn') }}"
    "{% endif %}{{ '<start_of_turn>' + ('model' if m.role == 'assistant' else m.role) + '\\n' + m.content | trim }}"
    "{{ '<end_of_turn>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}"
)
CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
MISTRAL = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}{{ '[INST] ' + m.content + '[/INST]' }}"
    "{% else %}{{ ' ' + m.content + eos_token }}{% endif %}{% endfor %}"
)
PHI = (
    "{% for m in messages %}{{ '<|' + m.role + '|>\\n' + m.content + '<|end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% else %}{{ eos_token }}{% endif %}"
)
ZEPHYR = (
    "{% for m in messages %}{{ '<|' + m.role + '|>\\n' + m.content + eos_token + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}"
)
R1_DISTILL = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}{{ '<User>' + m.content }}{% else %}"
    "{{ '<Assistant>' + m.content.split('</think>')[-1] + eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<Assistant><think>\\n' }}{% endif %}"
)
QWEN_THINKS = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' }}{% if m.role == 'assistant' and loop.last %}"
    "{{ '<think>\\n' + (m.reasoning_content or '') + '\\n</think>\\n\\n' }}{% endif %}"
    "{{ m.content + '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}"
    "{% if enable_thinking is defined and not enable_thinking %}{{ '<think>\\n\\n</think>\\n\\n' }}"
    "{% else %}{{ '<think>\\n' }}{% endif %}{% endif %}"
)
CHANNELS = (
    "{% for m in messages %}{% if m.role == 'user' %}{{ '<|start|>user<|message|>' + m.content + '<|end|>' }}"
    "{% else %}{% if m.thinking and loop.last %}"
    "{{ '<|start|>assistant<|channel|>analysis<|message|>' + m.thinking + '<|end|>' }}{% endif %}"
    "{{ '<|start|>assistant<|channel|>final<|message|>' + m.content }}"
    "{{ '<|return|>' if loop.last and not add_generation_prompt else '<|end|>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start|>assistant' }}{% endif %}"
)
ALPACA = (
    "{% for m in messages %}{{ '### Instruction:\\n' if m.role == 'user' else '### Response:\\n' }}"
    "{{ m.content + '\\n\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '### Response:\\n' }}{% endif %}"
)

SHAPES = {
    "llama-2": Shape(
        LLAMA2, ("<s>",), "</s>", "metaspace", " </s>", "<s>[INST] How are you? [/INST] I am well. </s>"
    ),
    "llama-2-legacy": Shape(
        LLAMA2, ("<s>",), "</s>", "legacy", " </s>", "<s>[INST] How are you? [/INST] I am well. </s>"
    ),
    "llama-3": Shape(
        LLAMA3, ("<s>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"), "<|end_of_text|>", "byte_level",
        "<|eot_id|>",
        "<s><|start_header_id|>user<|end_header_id|>\n\nHow are you?<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\nI am well.<|eot_id|>",
    ),
    "llama-3.2": Shape(
        LLAMA3_2, ("<s>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"), "<|end_of_text|>", "byte_level",
        "<|eot_id|>",
        "<s><|start_header_id|>system<|end_header_id|>\n\nToday Date: 05 Nov 2024\n\n<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\nHow are you?<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\nI am well.<|eot_id|>",
    ),
    "gemma": Shape(
        GEMMA, ("<s>", "<start_of_turn>", "<end_of_turn>"), "<eos>", "metaspace", "<end_of_turn>",
        "<s><start_of_turn>user\nHow are you?<end_of_turn>\n<start_of_turn>model\nI am well.<end_of_turn>",
    ),
    "qwen-2": Shape(
        CHATML, ("<|im_start|>",), "<|im_end|>", "byte_level", "<|im_end|>",
        "<|im_start|>user\nHow are you?<|im_end|>\n<|im_start|>assistant\nI am well.<|im_end|>",
    ),
    "chatml-of-another-eos": Shape(
        CHATML, ("<|im_start|>", "<|im_end|>"), "<|endoftext|>", "byte_level", "<|im_end|>",
        "<|im_start|>user\nHow are you?<|im_end|>\n<|im_start|>assistant\nI am well.<|im_end|>",
    ),
    "chatml-of-plain-tokens": Shape(
        CHATML, (), "<|endoftext|>", "byte_level", "<|im_end|>",
        "<|im_start|>user\nHow are you?<|im_end|>\n<|im_start|>assistant\nI am well.<|im_end|>",
        added=("<|im_start|>", "<|im_end|>"),
    ),
    "mistral": Shape(
        MISTRAL, ("<s>", "[INST]", "[/INST]"), "</s>", "metaspace", "</s>",
        "<s>[INST] How are you?[/INST] I am well.</s>",
    ),
    "phi-3": Shape(
        PHI, ("<|user|>", "<|assistant|>", "<|end|>"), "<|endoftext|>", "byte_level", "<|end|>",
        "<|user|>\nHow are you?<|end|>\n<|assistant|>\nI am well.<|end|>",
    ),
    "zephyr-on-llama-2": Shape(
        ZEPHYR, (), "</s>", "metaspace", "</s>", "<|user|>\nHow are you?</s>\n<|assistant|>\nI am well.</s>"
    ),
    "zephyr-on-legacy": Shape(
        ZEPHYR, (), "</s>", "legacy", "</s>", "<|user|>\nHow are you?</s>\n<|assistant|>\nI am well.</s>"
    ),
    "r1-distill": Shape(
        R1_DISTILL, ("<s>", "<User>", "<Assistant>"), "<eos>", "byte_level", "<eos>",
        "<s><User>How are you?<Assistant>I am well.<eos>", added=("<think>", "</think>"), trained="I am well.<eos>",
    ),
    "qwen-that-thinks": Shape(
        QWEN_THINKS, ("<|im_start|>",), "<|im_end|>", "byte_level", "<|im_end|>",
        "<|im_start|>user\nHow are you?<|im_end|>\n"
        "<|im_start|>assistant\n<think>\n\n</think>\n\nI am well.<|im_end|>",
        added=("<think>", "</think>"),
    ),
    "channels": Shape(
        CHANNELS, ("<|start|>", "<|message|>", "<|channel|>", "<|end|>", "<|return|>"), "<|endoftext|>", "byte_level",
        "<|return|>",
        "<|start|>user<|message|>How are you?<|end|><|start|>assistant<|channel|>final<|message|>I am well.<|return|>",
    ),
    "alpaca": Shape(
        ALPACA, (), "</s>", "byte_level", "</s>", "### Instruction:\nHow are you?\n\n### Response:\nI am well.</s>"
    ),
}  # fmt: skip
