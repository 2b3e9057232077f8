"""A training that was stopped and taken up again ends where an undisturbed one ends; what is saved is a plain model."""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from trl import SFTConfig

from srlm.engines.processor import quick_in_bfloat16
from srlm.engines.weights import load_model, load_tokenizer, save
from srlm.settings import DpoSettings, LoraSettings, ModelSettings, SftSettings
from srlm.training import dpo, sft
from srlm.training.checkpoints import WHOLE
from srlm.training.trainer import arguments, in_bfloat16, on_one_gpu

MODEL = ModelSettings(base="unused", dtype="auto")
Report = Callable[[int, int], None]
Training = Callable[[Path, Path, Report], list[dict[str, float]]]


class Killed(Exception):
    """The training stops here."""


def silent(done: int, total: int) -> None:
    """Say nothing."""


def examples(weighted: bool) -> list[sft.Example]:
    rows = []
    for number in range(12):
        prompt, answer = [2, 4, 16 + number % 3, 5], [26, 6 + number, *([27] * (number % 4)), 3]
        rows.append(sft.Example(prompt + answer, [-100] * 4 + answer, 3.0 if weighted and number % 2 else 1.0))
    return rows


PAIRS = [dpo.PairExample([2, 4, 16, 5], [26, 6 + number, 3], [26, 17 - number, 27, 3]) for number in range(12)]


def supervised(weighted: bool = False, report_to: Sequence[str] = (), **changes: Any) -> Training:
    settings = SftSettings.model_validate(
        {"batch_size": 4, "micro_batch_size": 2, "max_steps": 8, "save_steps": 3, "learning_rate": 1e-3, **changes}
    )

    def training(model: Path, folder: Path, report: Report = silent) -> list[dict[str, float]]:
        return sft.fine_tune(
            load_model(model, MODEL),
            load_tokenizer(model, MODEL),
            examples(weighted),
            settings,
            seed=3,
            dtype="float32",
            work=folder / "work",
            target=folder / "model",
            report=report,
            report_to=report_to,
        )

    return training


def preferences(report_to: Sequence[str] = (), **changes: Any) -> Training:
    wanted = {"batch_size": 4, "micro_batch_size": 2, "max_steps": 8, "save_steps": 3, "learning_rate": 1e-3}
    settings = DpoSettings.model_validate({**wanted, "eft_replay": 0.3, "nll_weight": 0.2, **changes})

    def training(model: Path, folder: Path, report: Report = silent) -> list[dict[str, float]]:
        return dpo.optimise(
            load_model(model, MODEL),
            None if settings.lora else load_model(model, MODEL),
            load_tokenizer(model, MODEL),
            PAIRS,
            examples(weighted=False),
            settings,
            seed=3,
            dtype="float32",
            work=folder / "work",
            target=folder / "model",
            report=report,
            report_to=report_to,
        )

    return training


def killed_at(step: int) -> Report:
    def report(done: int, total: int) -> None:
        if done == step:
            raise Killed

    return report


def steps_into(steps: list[int]) -> Report:
    def report(done: int, total: int) -> None:
        assert total == 8
        steps.append(done)

    return report


def outcome(folder: Path) -> tuple[bytes, bytes]:
    return (folder / "model" / "model.safetensors").read_bytes(), (folder / "training.json").read_bytes()


RUNS = [
    pytest.param(supervised(), id="sft"),
    pytest.param(supervised(weighted=True), id="weighted"),
    pytest.param(supervised(weighted=True, packing=True), id="packed"),
    pytest.param(supervised(dropout=0.1), id="dropout"),
    pytest.param(supervised(lora=LoraSettings(rank=2, alpha=4, dropout=0.1)), id="lora"),
    pytest.param(preferences(), id="dpo"),
    pytest.param(preferences(lora=LoraSettings(rank=2, alpha=4, dropout=0.1)), id="dpo-lora"),
]


@pytest.mark.parametrize("training", RUNS)
def test_a_stopped_training_goes_on_to_the_same_weights_and_history(
    training: Training, bead_model: Path, tmp_path: Path
) -> None:
    training(bead_model, tmp_path / "whole", silent)
    with pytest.raises(Killed):
        training(bead_model, tmp_path / "stopped", killed_at(5))
    steps: list[int] = []
    training(bead_model, tmp_path / "stopped", steps_into(steps))
    assert steps == [4, 5, 6, 7, 8]  # from the checkpoint of step 3
    assert outcome(tmp_path / "stopped") == outcome(tmp_path / "whole")


@pytest.mark.parametrize("kind", [supervised, preferences], ids=["sft", "dpo"])
def test_tensorboard_is_sent_the_history_and_changes_nothing(
    kind: Callable[..., Training], bead_model: Path, tmp_path: Path
) -> None:
    history = kind()(bead_model, tmp_path / "alone", silent)
    kind(report_to=["tensorboard"])(bead_model, tmp_path / "watched", silent)
    assert outcome(tmp_path / "watched") == outcome(tmp_path / "alone")
    assert sorted(path.name for path in (tmp_path / "watched").iterdir()) == ["logs", "model", "training.json"]
    assert not (tmp_path / "alone" / "logs").exists()
    seen = losses(tmp_path / "watched")
    assert list(seen) == [line["step"] for line in history]
    assert list(seen.values()) == pytest.approx([line["loss"] for line in history], abs=1e-6)


def test_a_training_that_is_watched_and_stopped_goes_on_to_the_same_weights(bead_model: Path, tmp_path: Path) -> None:
    supervised()(bead_model, tmp_path / "alone", silent)
    training = supervised(report_to=["tensorboard"])
    with pytest.raises(Killed):
        training(bead_model, tmp_path / "stopped", killed_at(5))
    training(bead_model, tmp_path / "stopped", silent)
    assert outcome(tmp_path / "stopped") == outcome(tmp_path / "alone")
    assert max(losses(tmp_path / "stopped")) == 8


def losses(folder: Path) -> dict[int, float]:
    """Step -> loss, as TensorBoard reads its files."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder / "logs"))
    found.Reload()
    return {event.step: event.value for event in found.Scalars("train/loss")}


def test_a_checkpoint_cut_short_is_not_used(bead_model: Path, tmp_path: Path) -> None:
    training = supervised()
    training(bead_model, tmp_path / "whole", silent)
    with pytest.raises(Killed):
        training(bead_model, tmp_path / "stopped", killed_at(7))
    newest = tmp_path / "stopped" / "work" / "checkpoint-6"
    (newest / WHOLE).unlink()
    (newest / "model.safetensors").write_bytes(b"cut")
    steps: list[int] = []
    training(bead_model, tmp_path / "stopped", steps_into(steps))
    assert steps == [4, 5, 6, 7, 8]
    assert outcome(tmp_path / "stopped") == outcome(tmp_path / "whole")


def test_where_no_checkpoint_is_whole_training_starts_again(bead_model: Path, tmp_path: Path) -> None:
    training = supervised()
    training(bead_model, tmp_path / "whole", silent)
    with pytest.raises(Killed):
        training(bead_model, tmp_path / "stopped", killed_at(4))
    (tmp_path / "stopped" / "work" / "checkpoint-3" / WHOLE).unlink()
    steps: list[int] = []
    training(bead_model, tmp_path / "stopped", steps_into(steps))
    assert steps == [1, 2, 3, 4, 5, 6, 7, 8]
    assert outcome(tmp_path / "stopped") == outcome(tmp_path / "whole")


@pytest.mark.parametrize("training", [RUNS[0], RUNS[4]])
def test_a_training_stopped_before_its_model_was_saved_makes_no_step_too_many(
    training: Training, bead_model: Path, tmp_path: Path
) -> None:
    training(bead_model, tmp_path / "whole", silent)
    (tmp_path / "stopped").mkdir()
    blocked = tmp_path / "stopped" / "model.part"
    blocked.write_text("a file where the folder should go")
    with pytest.raises(NotADirectoryError):
        training(bead_model, tmp_path / "stopped", silent)
    blocked.unlink()
    steps: list[int] = []
    training(bead_model, tmp_path / "stopped", steps_into(steps))
    assert steps == [7, 8]  # the last step leaves no checkpoint: the model itself would have been saved next
    assert outcome(tmp_path / "stopped") == outcome(tmp_path / "whole")


def test_the_history_is_what_training_json_holds_and_has_no_times_in_it(bead_model: Path, tmp_path: Path) -> None:
    history = supervised(save_steps=4)(bead_model, tmp_path, silent)
    assert json.loads((tmp_path / "training.json").read_text()) == history
    assert [line["step"] for line in history] == [1, 2, 4, 6, 8]  # the first, every gcd(10, 4) = 2, the last
    assert set(history[0]) == {
        "step", "epoch", "loss", "grad_norm", "learning_rate", "entropy", "mean_token_accuracy",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("schedule", "parts"),
    [
        pytest.param("linear", [5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6], id="linear"),
        pytest.param("cosine", [(1 + math.cos(math.pi * step / 6)) / 2 for step in (1, 2, 3, 4, 5)], id="cosine"),
    ],
)
def test_the_rate_rises_and_falls_to_the_final_one(
    schedule: str, parts: list[float], bead_model: Path, tmp_path: Path
) -> None:
    """Eight steps: two of warming up from 0, then six on the way from 1e-3 to 2e-4; `parts` of the way are left."""
    training = supervised(schedule=schedule, warmup_steps=2, learning_rate=1e-3, final_learning_rate=2e-4, save_steps=1)
    rates = [line["learning_rate"] for line in training(bead_model, tmp_path, silent)]
    assert rates == pytest.approx([0, 0.5e-3, 1e-3, *(2e-4 + 8e-4 * part for part in parts)])


def test_a_constant_rate_stays(bead_model: Path, tmp_path: Path) -> None:
    history = supervised(schedule="constant", learning_rate=1e-3, save_steps=1)(bead_model, tmp_path, silent)
    assert [line["learning_rate"] for line in history] == [1e-3] * 8


def test_dropout_is_in_force_in_training_and_off_in_the_saved_model(bead_model: Path, tmp_path: Path) -> None:
    supervised(dropout=0.5)(bead_model, tmp_path / "with", silent)
    supervised()(bead_model, tmp_path / "without", silent)
    assert outcome(tmp_path / "with")[0] != outcome(tmp_path / "without")[0]
    assert json.loads((tmp_path / "with" / "model" / "config.json").read_text())["attention_dropout"] == 0.0
    assert load_model(tmp_path / "with" / "model", MODEL).model.layers[0].self_attn.attention_dropout == 0.0


@pytest.mark.parametrize("training", [RUNS[0], RUNS[5]])
def test_the_saved_folder_holds_safetensors_only_and_the_work_is_gone(
    training: Training, bead_model: Path, tmp_path: Path
) -> None:
    training(bead_model, tmp_path, silent)
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == [
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "training.json"]


def test_the_same_seed_gives_the_same_bytes(bead_model: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        preferences()(bead_model, tmp_path / name, silent)
    assert outcome(tmp_path / "one") == outcome(tmp_path / "two")


@pytest.mark.parametrize("train", [supervised, preferences])
def test_recomputing_activations_changes_nothing(
    train: Callable[..., Training], bead_model: Path, tmp_path: Path
) -> None:
    train()(bead_model, tmp_path / "kept", silent)
    train(activation_checkpointing=True)(bead_model, tmp_path / "recomputed", silent)
    assert outcome(tmp_path / "recomputed") == outcome(tmp_path / "kept")


@pytest.mark.parametrize("train", [supervised, preferences])
def test_small_steps_are_not_rounded_away_where_weights_are_kept_in_bfloat16(
    train: Callable[..., Training], bead_model: Path, tmp_path: Path
) -> None:
    """A step of 1e-6 on a weight of 0.05 is less than bfloat16 can tell (0.05 / 256): training must not be in it."""
    words = load_tokenizer(bead_model, MODEL)
    narrow = load_model(bead_model, MODEL).to(torch.bfloat16)
    save(narrow, words, tmp_path / "narrow")
    save(narrow.float(), words, tmp_path / "wide")  # the same rounded weights, in float32
    training = train(learning_rate=1e-6, save_steps=1)
    histories = [training(tmp_path / name, tmp_path / f"{name} trained", silent) for name in ("narrow", "wide")]
    assert histories[0] == histories[1]
    assert outcome(tmp_path / "narrow trained") == outcome(tmp_path / "wide trained")
    assert load_model(tmp_path / "narrow trained" / "model", MODEL).dtype == torch.float32


@pytest.mark.parametrize("train", [supervised, preferences])
def test_autocast_computes_in_bfloat16_where_asked_and_keeps_weights_in_float32(
    train: Callable[..., Training], bead_model: Path, tmp_path: Path
) -> None:
    wide = train(save_steps=1)(bead_model, tmp_path / "wide", silent)
    assert train(save_steps=1, autocast="off")(bead_model, tmp_path / "off", silent) == wide
    narrow = train(save_steps=1, autocast="bfloat16")(bead_model, tmp_path / "narrow", silent)
    assert narrow[0]["loss"] == pytest.approx(wide[0]["loss"], rel=0.01)
    assert narrow[0]["grad_norm"] != wide[0]["grad_norm"]  # eight bits, not 24
    assert narrow[0]["grad_norm"] == pytest.approx(wide[0]["grad_norm"], rel=0.05)
    assert load_model(tmp_path / "narrow/model", MODEL).dtype == torch.float32


@pytest.mark.parametrize(
    ("autocast", "served", "narrow"),
    [
        ("auto", "float32", False),
        ("auto", "bfloat16", torch.cuda.is_available()),  # on a CPU only where asked
        ("bfloat16", "float32", True),
        ("off", "bfloat16", False),
    ],
)
def test_bfloat16_arithmetic_is_chosen_by_setting_device_and_format(
    autocast: str, served: str, narrow: bool, caplog: pytest.LogCaptureFixture
) -> None:
    settings = SftSettings.model_validate({"autocast": autocast})
    assert in_bfloat16(settings, served) == narrow
    slow = narrow and not torch.cuda.is_available() and not quick_in_bfloat16()
    assert ("neither avx512_bf16 nor amx" in caplog.text) == slow


def test_one_process_trains_on_one_gpu_of_several(tmp_path: Path) -> None:
    """Else transformers would lay eight batches over eight GPUs, and TRL refuses to train."""
    args = SFTConfig(**arguments(SftSettings(micro_batch_size=2), tmp_path, 1, "float32"))
    _ = args.device  # which counts the GPUs, once
    args._n_gpu = 8
    assert (args.train_batch_size, on_one_gpu(args).train_batch_size, args.n_gpu) == (16, 2, 1)
