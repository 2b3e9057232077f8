"""`srlm estimate`: its arithmetic worked out by hand, the shipped configurations, and what bad files are told."""

from pathlib import Path
from typing import Any

import pytest
from accelerate.commands.config.config_args import load_config_from_file

from srlm.cli.estimate import GIB, Hardware, Shape, generation, optimisation, read_hardware, read_shape, stages
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
SHAPE = Shape(parameters=1_000_000_000, layers=10, hidden=1000, cached=40_000)


def test_training_takes_six_operations_a_parameter_and_token() -> None:
    training = SftSettings(epochs=2, batch_size=4, micro_batch_size=1)
    seconds, gib, tokens = optimisation(SHAPE, HARDWARE, 100, 500, training, pairs=False)
    assert tokens == 50 * 4 * 500  # 50 steps
    assert seconds == pytest.approx(6e9 * 100_000 / 4e12)  # 150 s on four GPUs of 1e12
    # 16 bytes a parameter over four GPUs, and 34 x 1000 bytes a token and layer.
    assert gib == pytest.approx((4e9 + 34 * 1000 * 500 * 10) / GIB)


def test_dpo_reads_two_answers_and_keeps_a_reference() -> None:
    training = DpoSettings(epochs=1, batch_size=4, micro_batch_size=2, activation_checkpointing=True)
    seconds, gib, tokens = optimisation(SHAPE, HARDWARE, 100, 500, training, pairs=True)
    assert tokens == 25 * 4 * 2 * 500
    # 8 operations and 2 of the reference; two micro batches are in a batch, so two GPUs take part.
    assert seconds == pytest.approx(10e9 * 100_000 / 2e12)
    assert gib == pytest.approx((20e9 / 2 + 2 * 1000 * 2000 * 10 + 34 * 1000 * 2000) / GIB)


def test_adapters_need_no_moments_of_the_weights_which_are_divided_over_the_gpus() -> None:
    training = SftSettings(batch_size=4, micro_batch_size=1, lora=LoraSettings())
    assert optimisation(SHAPE, HARDWARE, 4, 0, training, pairs=False)[1] == pytest.approx(4e9 / 4 / GIB)


def test_online_training_holds_the_model_and_its_reference_whole_on_each_gpu() -> None:
    training = OnlineSettings(batch_size=4, micro_batch_size=1)
    gib = optimisation(SHAPE, HARDWARE, 4, 0, training, pairs=False, reference=True)[1]
    assert gib == pytest.approx(20e9 / GIB)  # and not a quarter of it


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
