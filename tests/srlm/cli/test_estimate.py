"""`srlm estimate`: its arithmetic worked out by hand, the shipped configurations, and what bad files are told."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from accelerate.commands.config.config_args import load_config_from_file

from srlm.cli.estimate import generation, generation_on_cpu, optimisation, stages, widened
from srlm.cli.hardware import GIB, Hardware, Processor, read_hardware, this_processor
from srlm.cli.memory_needs import RUNTIME, WORD, kept_bytes
from srlm.cli.shape import Shape, read_shape
from srlm.methods.base import ASSUMED, Generation, Lengths, Optimisation, method_of
from srlm.methods.start import read_seed_data, skill_demonstrations
from srlm.run_file import load
from srlm.settings import DpoSettings, LoraSettings, OnlineSettings, SftSettings

CHECKOUT = Path(__file__).resolve().parents[3]
CONFIGS = CHECKOUT / "configs"
# 10 GiB; 1e12 operations and 1e9 bytes a second are reached.
HARDWARE = Hardware(
    name="toy", gpus=4, memory_gib=10, teraflops=2, bandwidth_gbs=2,
    training_share=0.5, reading_share=0.5, writing_share=0.5,
)  # fmt: skip
# 1e11 operations, 10e9 bytes (of weights for several rows 5e9), 20e9 bytes in passing, 500,000 operations a second.
CPU = Hardware(
    name="toy", gpus=1, memory_gib=10, teraflops=0.1, bandwidth_gbs=10, training_share=1, reading_share=1,
    writing_share=1, cpu=Processor(rows_gbs=5, passing_gbs=20, operation_us=2),
)  # fmt: skip
# No vocabulary and no heads: their parts of a sum are 0.
SHAPE = Shape(
    parameters=1_000_000_000, layers=10, hidden=1000, cached=40_000, queries=0, feed_forward=4000, vocabulary=0,
    tied=True, two_bytes=True,
)  # fmt: skip
# 1,000,000 of 11,000,000 weights are the embedding; keys and values take 2 x 2 x 10 x 50 bytes a token.
SMALL = Shape(
    parameters=11_000_000, layers=10, hidden=100, cached=2000, queries=100, feed_forward=300, vocabulary=10_000,
    tied=True, two_bytes=False,
)  # fmt: skip


def test_training_takes_six_operations_a_parameter_and_token() -> None:
    training = SftSettings(epochs=2, batch_size=4, micro_batch_size=1)
    seconds, gib, tokens = optimisation(SHAPE, HARDWARE, Optimisation("", 100, 500, "sft", training))
    assert tokens == 50 * 4 * 500  # 50 steps
    assert seconds == pytest.approx(6e9 * 100_000 / 4e12)  # 150 s on four GPUs of 1e12
    # Weights and moments over four GPUs, copies of two of ten layers in bfloat16, and gradients: what is kept of 500
    # tokens, and their logits, is less and gone when the gradients are there.
    assert gib == pytest.approx((12e9 / 4 + 2e9 * 2 / 10 + 4e9 / 4) / GIB)


def test_dpo_reads_two_answers_and_keeps_a_reference() -> None:
    training = DpoSettings(epochs=1, batch_size=8, micro_batch_size=2, activation_checkpointing=True)
    work = Optimisation("", 200, 500, "dpo", training, pairs=True, loss=400)
    two = HARDWARE.model_copy(update={"gpus": 2})
    seconds, gib, tokens = optimisation(SHAPE, two, work)
    assert tokens == 25 * 8 * 2 * 500
    # 8 operations and 2 of the reference.
    assert seconds == pytest.approx(10e9 * 200_000 / 2e12)
    # Two micro batches of 4 x 500 tokens are added up on each GPU, so gradients and activations are there at once: what
    # goes into each layer, one whole layer, and a tile of the logits of 1,600 tokens.
    layer = (2 * (4 + 4 + 2) * 1000 + 4 * 2 * 4000) * 2000
    kept = 4 * 1000 * 2000 * 10 + layer + 1600 * 2 * 32768
    assert gib == pytest.approx((16e9 / 2 + 2e9 * 2 / 10 + 4e9 / 2 + kept) / GIB)


def test_adapters_need_no_moments_of_the_weights_which_are_divided_over_the_gpus() -> None:
    training = SftSettings(batch_size=4, micro_batch_size=1, lora=LoraSettings())
    seconds, gib, tokens = optimisation(SHAPE, HARDWARE, Optimisation("", 400, 500, "sft", training, loss=0))
    # Rank 16 beside ten layers' matrices: q 1000 + 0, k and v 1000 + 1000, o 0 + 1000, and three of 1000 + 4000.
    adapters = 16 * 10 * (1000 + 2 * 2000 + 1000 + 3 * 5000)
    # Norms in float32, three numbers of the feed-forward layer, and the adapters' inputs after dropout, with its mask.
    kept = 2 * 4 * 1000 + 3 * 2 * 4000 + 3 * (5 * 1000 + 4000)
    # Two of ten layers at a time are put together in bfloat16.
    assert gib == pytest.approx(((4e9 + 8 * adapters) / 4 + 2e9 * 2 / 10 + kept * 500 * 10) / GIB)
    assert seconds == pytest.approx(4e9 * tokens / 4e12)  # no gradient of the weights


def test_online_training_holds_the_model_and_its_reference_whole_on_each_gpu() -> None:
    training = OnlineSettings(batch_size=4, micro_batch_size=1)
    gib = optimisation(SHAPE, HARDWARE, Optimisation("", 4, 0, "online", training, reference=True))[1]
    assert gib == pytest.approx(22e9 / GIB)  # and not a quarter of it


def test_the_longest_of_several_lengths_widens_a_batch() -> None:
    assert widened(1, 2.0) == 1
    assert widened(3, 2.0) == 1.5  # uniform from 0 to 2: the largest of three is at 3/4 of 2
    assert widened(3, 1.5) == 1.25  # from 1/2 to 3/2: at 1/2 + 3/4
    training = SftSettings(epochs=1, batch_size=3, micro_batch_size=3)
    work = Optimisation("", 300, 100, "sft", training)
    assert optimisation(SHAPE, HARDWARE, work, 1.5)[2] == 100 * 3 * 125
    packed = work._replace(training=training.model_copy(update={"packing": True}))
    assert optimisation(SHAPE, HARDWARE, packed, 1.5)[2] == 100 * 3 * 125  # 300 tokens in rows of 125: three


def test_training_on_a_cpu_counts_what_passes_and_what_is_started() -> None:
    training = SftSettings(epochs=1, batch_size=4, micro_batch_size=2, max_length=2000)
    work = Optimisation("", 40, 100, "sft", training, loss=60)
    seconds, gib, tokens = optimisation(SMALL, CPU, work, 1.0)
    assert tokens == 4000
    arithmetic = 6 * 10e6 * 4000 + 8 * 1e6 * 2400 + 14 * 10 * 100 * 100 * 4000
    moved = 3 * (20 * 100 + 24 * 100 + 5 * 300) * 10 * 4000 + 30 * 10_000 * 2400
    # 20 micro batches read the weights three times; their gradients are added, and ten steps made.
    weights = 3 * 4 * 10e6 * 20 / 5e9 + 4 * (11 * 10 + 3 * 20) * 11e6 / 10e9
    started = 20 * 3 * 60 * 10 + 10 * 8000
    assert seconds == pytest.approx(arithmetic / 1e11 + 4 * moved / 20e9 + weights + started * 2e-6)
    # 16 bytes a weight; 200 tokens kept in ten layers; 33 bytes of each logit of 120 tokens; the head's gradient.
    layer = 2 * 12 * 100 + 4 * 4 * 100 + 4 * 4 * 300
    assert kept_bytes(SMALL, training, 4, True) == layer
    own = 16 * 11e6 + layer * 200 * 10 + 33 * 10_000 * 120 + 4e6
    assert gib == pytest.approx((own + 10_000 * WORD + RUNTIME) / GIB)


def test_writing_on_a_cpu_takes_batches_of_the_engines_size() -> None:
    work = Generation("", 6, 2, reads=100, writes=20, shared=40)
    seconds, gib = generation_on_cpu(SMALL, CPU, work, batch_size=8, number=4)
    # Two batches of four prompts and eight rows; 40 tokens are read once a batch.
    read, written = 2 * 40 + 6 * 60, 240
    arithmetic = 2 * 10e6 * (read + written) + 2e6 * written + 4 * 10 * 100 * (read * 100 + written * 110)
    moved = 4 * ((20 * 100 + 24 * 100 + 5 * 300) * 10 * (read + written) + 60 * 10_000 * written)
    started = (2 + 40) * 60 * 10 + 40 * 200
    expected = arithmetic / 1e11 + 40 * 44e6 / 5e9 + written * 110 * 4000 / 10e9 + moved / 20e9 + started * 2e-6
    assert seconds == pytest.approx(expected)
    writing = 8 * ((100 + 20 + 16) * 4000 + 16 * 10_000)
    reading = 4 * (100 * 4000 + 60 * 4 * (2 * 100 + 3 * 300))
    assert writing > reading
    assert gib == pytest.approx((44e6 + writing + 10_000 * WORD + RUNTIME) / GIB)


def test_without_a_hardware_file_this_processor_is_measured(tiny: Path, srlm: Any) -> None:
    found = this_processor()
    assert found.gpus == 1 and found.cpu is not None
    assert 1e-4 < found.teraflops < 100  # a slow core, and more than any CPU has
    assert 0.1 < found.cpu.operation_us < 1000
    said = srlm("estimate", "--run", tiny)
    assert said.exit_code == 0, said
    assert "on this processor" in said.stdout and "transformers engine" in said.stdout
    assert "M2: DPO" in said.stdout


def test_a_choice_is_read_with_either_letter(tiny: Path) -> None:
    wanted = load(tiny, ["method={name: weak_to_strong}"])
    work = {one.name: one for one in method_of(wanted).work(wanted, Lengths(100, 400, 150))}
    labels, choices = work["M1: labels"], work["M1: choices"]
    assert isinstance(labels, Generation) and isinstance(choices, Optimisation)
    assert (choices.examples, choices.pairs, choices.reference) == (labels.calls, True, False)


def test_writing_takes_a_pass_over_weights_and_memory_a_token() -> None:
    # 2e9 bytes of weights fit on one GPU: four copies, each with 10 of the 40 answers; 150 tokens each at the end.
    seconds, gib = generation(SHAPE, HARDWARE, calls=10, draws=4, reads=100, writes=50)
    held = 2e9 + 40_000 * 150 * 10
    assert gib == pytest.approx(held / GIB)
    assert seconds == pytest.approx(50 * held / 1e9 + 2e9 * 10 * 100 / 4e12)


def test_a_model_too_large_for_one_gpu_is_held_by_several() -> None:
    large = SHAPE._replace(parameters=4_000_000_000)  # 8e9 bytes: more than half of the 9 GiB
    _, gib = generation(large, HARDWARE, calls=1, draws=1, reads=100, writes=50)
    assert gib == pytest.approx((8e9 + 40_000 * 150) / 2 / GIB)


@pytest.mark.parametrize(
    ("run", "hardware", "shape", "parameters"),
    [
        ("paper-llama2-70b", "16xh200", "llama-2-70b", 68_976_648_192),
        ("llama3-8b", "8xh100", "llama-3-8b", 8_030_261_248),
    ],
)
def test_the_shipped_runs_fit_their_stated_hardware(
    run: str, hardware: str, shape: str, parameters: int, srlm: Any
) -> None:
    file = CONFIGS / f"{run}.yaml"
    assert read_shape(load(file), CONFIGS / f"shapes/{shape}.json").parameters == parameters
    said = srlm(
        "estimate", "--run", file, "--hardware", CONFIGS / f"hardware/{hardware}.yaml",
        "--shape", CONFIGS / f"shapes/{shape}.json",
    )  # fmt: skip
    assert said.exit_code == 0, said
    assert "Estimated, not measured" in said.stdout
    assert [f"M{t}: {stage}" in said.stdout for t in (2, 3) for stage in ("candidates", "judgements", "DPO")] == [
        True
    ] * 6


def test_early_stopping_is_counted_as_if_it_never_stopped() -> None:
    found = {
        stage.name: stage.what
        for stage in stages(load(CONFIGS / "paper-llama2-70b.yaml"), HARDWARE, SHAPE, Lengths(100, 500, 200))
    }
    # 5,000 and 8,750 pairs in batches of 16 are 313 and 547 steps, with a checkpoint every 200: one contest, then two.
    assert found["M2: early stop's answers"] == "253 x 500 tokens after 100"
    assert found["M3: early stop's answers"] == "506 x 500 tokens after 100"
    assert found["M3: early stop's verdicts"] == "1,012 x 1 token after 1100"
    assert not any(
        "early" in stage.name
        for stage in stages(load(CONFIGS / "llama3-8b.yaml"), HARDWARE, SHAPE, Lengths(100, 500, 200))
    )


def test_the_skills_that_m1_is_shown_are_counted(tiny: Path) -> None:
    """12 EFT sets: 40 IFT examples, 48 reviews, and one demonstration a set of each skill."""
    skills = ["data.skills=[critique, revision]"]
    examples = {}
    for name, words in (("shown", skills), ("alone", [*skills, "eft.writer=off"]), ("none", [])):
        settings = load(tiny, words)
        found = [one for one in method_of(settings).work(settings, Lengths(9, 9, 9)) if isinstance(one, Optimisation)]
        examples[name] = next(one.examples for one in found if one.name == "M1: supervised fine-tuning")
    assert examples == {"shown": 40 + 48 + 2 * 12, "alone": 40 + 2 * 12, "none": 40 + 48}
    settings = load(tiny, skills)
    assert len(skill_demonstrations(settings, read_seed_data(settings))) == 2 * 12  # as in M1/eft.jsonl


def test_without_a_launch_one_gpu_trains() -> None:
    """Both in micro batches of 1 of 16: four GPUs can share a batch."""
    words = ["sft.micro_batch_size=1", "dpo.micro_batch_size=1"]
    launched, alone = (
        {
            stage.name: stage
            for stage in stages(load(CONFIGS / "llama3-8b.yaml", [*words, *more]), HARDWARE, SHAPE, Lengths(9, 9, 9))
        }
        for more in ([], ["launch.command=[]"])
    )
    assert alone["M2: DPO"].seconds == pytest.approx(4 * launched["M2: DPO"].seconds)
    assert alone["M2: DPO"].what == f"{launched['M2: DPO'].what} on 1 GPU"
    assert alone["M2: candidates"] == launched["M2: candidates"]


@pytest.mark.soak
def test_a_measured_peak_lies_within_a_fifth_of_the_estimate(tmp_path: Path) -> None:
    script = CHECKOUT / "benchmarks/speed/estimates.py"
    words = ["--folder", str(tmp_path), "--only", "pocket", "--stages", "candidates", "SFT"]
    found = subprocess.run([sys.executable, str(script), *words], capture_output=True, text=True, check=True)
    rows = [line.split("|") for line in found.stdout.splitlines() if line.startswith("| pocket")]
    assert [row[2].strip() for row in rows] == ["candidates", "SFT"]
    assert [0.8 < float(row[5]) < 1.2 for row in rows] == [True, True], found.stdout  # GiB, with Python and torch


def test_what_does_not_fit_is_said(srlm: Any) -> None:
    said = srlm(
        "estimate", "--run", CONFIGS / "llama3-8b.yaml", "--hardware", CONFIGS / "hardware/1xh100.yaml",
        "--shape", CONFIGS / "shapes/llama-3-8b.json", "--set", "launch.command=[]",
    )  # fmt: skip
    assert said.exit_code == 2
    assert "TOO MUCH" in said.stdout
    assert said.stdout.splitlines()[-1].startswith(
        "SFT baseline, M1: supervised fine-tuning, M2: DPO, M3: DPO: does not fit into"
    )


@pytest.mark.parametrize("name", ["fsdp", "deepspeed-zero3"])
def test_accelerate_reads_the_shipped_launch_files(name: str) -> None:
    found = load_config_from_file(str(CONFIGS / f"accelerate/{name}.yaml"))
    assert (found.num_processes, found.mixed_precision, found.use_cpu) == (8, "bf16", False)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("name: x\ngpus: 0\n", "gpus: Input should be greater than or equal to 1 (found 0)"),
        ("- 1\n", "the file: Input should be a valid dictionary or instance of Hardware (found [1])"),
        ("a: [", "cannot be read as a hardware file: "),
    ],
)
def test_a_bad_hardware_file_is_refused(text: str, fault: str, tmp_path: Path, tiny: Path, srlm: Any) -> None:
    file = tmp_path / "hardware.yaml"
    file.write_text(text)
    said = srlm("estimate", "--run", tiny, "--hardware", file)
    assert said.exit_code == 2
    assert said.stderr.startswith(f"srlm: {file}: {fault}")


def test_a_model_that_cannot_be_reached_asks_for_its_shape(srlm: Any, tmp_path: Path) -> None:
    said = srlm(
        "estimate", "--run", CONFIGS / "llama3-8b.yaml", "--hardware", CONFIGS / "hardware/8xh100.yaml",
        "--shape", tmp_path / "none.json",
    )  # fmt: skip
    assert said.exit_code == 2
    assert "give one with --shape FILE" in said.stderr


def test_the_shape_of_a_model_in_a_wheel_is_read_from_its_gguf_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "tiny_gguf"
    package.mkdir()
    (package / "__init__.py").touch()
    file = gguf.GGUFWriter(package / "tiny.gguf", "llama")
    file.add_context_length(128)
    file.add_embedding_length(32)
    file.add_block_count(2)
    file.add_feed_forward_length(64)
    file.add_head_count(4)
    file.add_head_count_kv(2)
    file.add_layer_norm_rms_eps(1e-5)
    file.add_vocab_size(40)
    file.add_tensor("token_embd.weight", np.zeros((40, 32), np.float32))  # and no output.weight: they are tied
    file.write_header_to_file()
    file.write_kv_data_to_file()
    file.write_tensors_to_file()
    file.close()
    monkeypatch.syspath_prepend(str(tmp_path))
    shape = read_shape(load(CONFIGS / "smollm2-errands.yaml", ["model.base=wheel:tiny_gguf"]), None)
    layer = 2 * 32 * 32 + 2 * 32 * 16 + 3 * 32 * 64 + 2 * 32
    assert (shape.parameters, shape.layers, shape.hidden) == (40 * 32 + 2 * layer + 32, 2, 32)
    assert (shape.vocabulary, shape.tied, shape.feed_forward, shape.queries) == (40, True, 64, 32)


def test_the_plan_of_the_papers_run_in_docs_holds_todays_estimate() -> None:
    settings = load(CONFIGS / "paper-llama2-70b.yaml")
    on, price = read_hardware(CONFIGS / "hardware/16xh200.yaml"), 4.0
    found = list(stages(settings, on, read_shape(settings, CONFIGS / "shapes/llama-2-70b.json"), ASSUMED))
    rows = [(stage.name, stage.what, stage.gib, stage.seconds / 3600) for stage in found]
    rows.append(("all", "", max(stage.gib for stage in found), sum(stage.seconds for stage in found) / 3600))
    table = [
        f"| {name} | {what} | {gib:.1f} | {hours:.2f} | {16 * hours:.1f} | {16 * hours * price:.0f} |"
        for name, what, gib, hours in rows
    ]
    page = (CHECKOUT / "docs/scale.md").read_text(encoding="utf-8").splitlines()
    assert [row for row in table if row not in page] == []
