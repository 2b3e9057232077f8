"""Small real tokenizers of the kinds that published models have, trained on a few sentences in a moment."""

import json
import re
from collections.abc import Sequence
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, normalizers, pre_tokenizers, trainers
from tokenizers.models import BPE
from transformers import PreTrainedTokenizerFast

TEXT = [
    "Hello there, how are you today? I am well. Which answer is better? Score: 5",
    "The answer is B, and the score is 4. Name three colours: red, green and blue.",
    "user assistant system model analysis final thought\n\nWrite a list of colours.\n\n\nA B 1 2 3",
]
_TOKEN = re.compile(r"<[^<>\s'\"{}%]{1,40}>|\[/?[A-Z_]{3,20}\]")


def tokens_of(template: str) -> list[str]:
    """What looks like a special token in a chat template."""
    return sorted({token for token in _TOKEN.findall(template) if not token.startswith("<<")})


def byte_level(special: Sequence[str], eos: str, *, added: Sequence[str] = (), **more: Any) -> Any:
    """As GPT-2, Llama 3 and Qwen: bytes, and no space is ever made up."""
    plain = Tokenizer(BPE())
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    plain.train_from_iterator(TEXT, trainers.BpeTrainer(vocab_size=420, initial_alphabet=alphabet, show_progress=False))
    return _with(plain, special, eos, added, **more)


def metaspace(
    special: Sequence[str], eos: str, *, scheme: str = "first", added: Sequence[str] = (), **more: Any
) -> Any:
    """As Llama 2, Mistral and Gemma: a space is a letter, and (unless `never`) one is put before the first word."""
    words = Tokenizer(BPE(unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")  # no token holds a space behind a letter
    words.train_from_iterator(
        TEXT * 2, trainers.BpeTrainer(vocab_size=260, special_tokens=["<unk>"], show_progress=False)
    )
    model = json.loads(words.to_str())["model"]
    bytes_ = [f"<0x{number:02X}>" for number in range(256)]
    vocabulary = model["vocab"] | {token: len(model["vocab"]) + number for number, token in enumerate(bytes_)}
    merges = [tuple(merge) for merge in model["merges"]]
    plain = Tokenizer(BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    plain.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=False)
    first = [decoders.Strip(" ", 1, 0)] if scheme != "never" else []
    plain.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *first])
    return _with(plain, special, eos, added, unk_token="<unk>", **more)


def legacy(special: Sequence[str], eos: str, *, added: Sequence[str] = (), **more: Any) -> Any:
    """As Llama 2's own files: the normalizer puts a space before every piece of text, also behind a special token."""
    made = metaspace(special, eos, scheme="never", added=added, **more)
    made.backend_tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    made.backend_tokenizer.pre_tokenizer = None
    made.backend_tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return made


def _with(plain: Tokenizer, special: Sequence[str], eos: str, added: Sequence[str], **more: Any) -> Any:
    plain.add_special_tokens(
        [AddedToken(token, special=True, normalized=False) for token in dict.fromkeys((*special, eos))]
    )
    plain.add_tokens([AddedToken(token, special=False, normalized=False) for token in added])
    return PreTrainedTokenizerFast(
        tokenizer_object=plain, eos_token=eos, pad_token=eos, padding_side="left", clean_up_tokenization_spaces=False,
        **more,
    )  # fmt: skip
