"""The confidence loss of weak-to-strong, with the sums written out, and the trainer of choices that uses it."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from srlm.engines.weights import load_chat, load_model
from srlm.errors import ModelError
from srlm.records import user
from srlm.settings import ModelSettings, SftSettings
from srlm.training import choice
from srlm.training.confidence import ConfidenceSettings, choice_losses, coefficient, targets, threshold

MODEL = ModelSettings(base="unused")


@pytest.mark.parametrize(
    ("done", "expected"),
    [
        pytest.param(0, 0.0, id="the-first-step"),
        pytest.param(5, 0.5 * 0.05, id="half-of-the-warm-up"),
        pytest.param(10, 0.5 * 0.10, id="its-end"),
        pytest.param(11, 0.5, id="then-it-jumps"),
        pytest.param(99, 0.5, id="the-last-step"),
    ],
)
def test_the_weight_is_the_fraction_of_the_steps_in_warm_up_and_then_jumps(done: int, expected: float) -> None:
    """aux_coef .5, warm-up .1, 100 steps."""
    assert coefficient(ConfidenceSettings(), done, 100) == pytest.approx(expected)


def test_as_many_predictions_are_hardened_as_the_labels_hold_on_average() -> None:
    """Labels .9, .2, .6, .3: mean .5, so the median of .7, .4, .6, .1, which is (.4 + .6) / 2 = .5. At labels of mean
    .25 it is the quantile at .75: place .75 x 3 = 2.25 of .1 .4 .6 .7, so .6 + .25 x .1 = .625."""
    predictions = [0.7, 0.4, 0.6, 0.1]
    assert threshold(predictions, [0.9, 0.2, 0.6, 0.3]) == pytest.approx(0.5)
    assert threshold(predictions, [0.25, 0.25, 0.25, 0.25]) == pytest.approx(0.625)
    assert threshold(predictions, [1, 1, 1, 1]) == pytest.approx(0.1)
    assert threshold(predictions, [0, 0, 0, 0]) == pytest.approx(0.7)


def test_the_loss_of_a_batch_of_four() -> None:
    """Hardened at .5: 1, 0, 1, 0. At weight .5 the targets are (.9 + 1) / 2 = .95, (.2 + 0) / 2 = .1,
    (.6 + 1) / 2 = .8, (.3 + 0) / 2 = .15. Of logits that give the letters all the mass:

        -(.95 ln .7 + .05 ln .3) = .33884 + .06020 = .39904
        -(.10 ln .4 + .90 ln .6) = .09163 + .45974 = .55137
        -(.80 ln .6 + .20 ln .4) = .40866 + .18326 = .59192
        -(.15 ln .1 + .85 ln .9) = .34539 + .08956 = .43495
    """
    predictions = torch.tensor([0.7, 0.4, 0.6, 0.1])
    labels = torch.tensor([0.9, 0.2, 0.6, 0.3])
    wanted = targets(labels, predictions, 0.5, 0.5)
    assert wanted.tolist() == pytest.approx([0.95, 0.1, 0.8, 0.15])
    losses = choice_losses(predictions.log(), (1 - predictions).log(), wanted)
    assert losses.tolist() == pytest.approx([0.39904, 0.55137, 0.59192, 0.43495], abs=1e-5)
    assert losses.mean().item() == pytest.approx(0.49432, abs=1e-5)
    # A prediction that is the threshold itself is hardened to 1.
    assert targets(torch.zeros(1), torch.tensor([0.5]), 0.5, 1.0).tolist() == [1.0]


def choices(folder: Path) -> list[choice.ChoiceExample]:
    chat = load_chat(folder, MODEL)
    asked = [("a gold b red", 0.9), ("b red", 0.2), ("c green a blue mate", 0.6), ("skip", 0.3)]
    found, left_out = choice.examples(chat, asked, ("a", "b"), 64)
    assert left_out == 0
    return found


def fitted(folder: Path, target: Path, confidence: ConfidenceSettings, **more: Any) -> list[dict[str, float]]:
    settings = SftSettings(**{"batch_size": 4, "micro_batch_size": 4, "learning_rate": 1e-3, "max_steps": 2} | more)
    return choice.fine_tune(
        load_model(folder, MODEL, dtype="float32"),
        load_chat(folder, MODEL).tokenizer,
        choices(folder),
        settings,
        confidence,
        seed=1,
        dtype="float32",
        work=target / "training",
        target=target / "model",
    )


def test_a_training_s_first_loss_is_that_of_the_model_s_own_logits(bead_model: Path, tmp_path: Path) -> None:
    """In the first step the weight of the hardened predictions is 0, whatever the settings: CE on the weak labels."""
    (tmp_path / "one").mkdir()
    history = fitted(bead_model, tmp_path / "one", ConfidenceSettings())
    model = load_model(bead_model, MODEL, dtype="float32").eval()
    expected = 0.0
    for one in choices(bead_model):
        with torch.no_grad():
            logs = model(input_ids=torch.tensor([one.input_ids])).logits[0, -1].log_softmax(-1)
        expected -= one.label * float(logs[one.first]) + (1 - one.label) * float(logs[one.second])
    assert history[0]["loss"] == pytest.approx(expected / 4, rel=1e-4)


def test_the_second_step_is_trained_on_hardened_predictions_too(bead_model: Path, tmp_path: Path) -> None:
    """Of two steps the second is behind half of them: the weight is aux_coef. With aux_coef 1 its target is 0 or 1."""
    for name in ("weak", "hard"):
        (tmp_path / name).mkdir()
    weak = fitted(bead_model, tmp_path / "weak", ConfidenceSettings(aux_coef=0), save_steps=1)
    hard = fitted(bead_model, tmp_path / "hard", ConfidenceSettings(aux_coef=1, warm_up=0), save_steps=1)
    assert weak[0]["loss"] == pytest.approx(hard[0]["loss"])
    assert weak[1]["loss"] != pytest.approx(hard[1]["loss"])


def test_micro_batches_change_nothing_though_the_threshold_is_of_the_whole_batch(
    bead_model: Path, tmp_path: Path
) -> None:
    weights = []
    for size in (4, 2, 1):
        place = tmp_path / str(size)
        place.mkdir()
        fitted(bead_model, place, ConfidenceSettings(aux_coef=1, warm_up=0), micro_batch_size=size, max_steps=3)
        trained = load_model(place / "model", MODEL, dtype="float32")
        weights.append(torch.cat([one.detach().flatten() for one in trained.parameters()]))
    assert torch.allclose(weights[0], weights[1], atol=1e-5)
    assert torch.allclose(weights[0], weights[2], atol=1e-5)


def test_choices_are_learnt(bead_model: Path, tmp_path: Path) -> None:
    """To the labels' own entropy, the least that cross-entropy can be: the mean of H(.9), H(.2), H(.6), H(.3)."""
    tmp_path.joinpath("run").mkdir()
    history = fitted(bead_model, tmp_path / "run", ConfidenceSettings(aux_coef=0), max_steps=40, learning_rate=2e-2)
    entropy = sum(-(p * math.log(p) + (1 - p) * math.log(1 - p)) for p in (0.9, 0.2, 0.6, 0.3)) / 4
    assert history[-1]["loss"] == pytest.approx(entropy, abs=0.02)
    assert json.loads((tmp_path / "run/training.json").read_text()) == history


def test_letters_that_are_one_token_are_refused(bead_model: Path) -> None:
    with pytest.raises(ModelError, match="gives `A` and `B` the same first token, so no choice can be trained"):
        choice.examples(load_chat(bead_model, MODEL), [("a gold", 1.0)], ("A", "B"), 64)


def test_what_exceeds_the_length_with_its_letter_is_left_out_and_counted(bead_model: Path) -> None:
    chat = load_chat(bead_model, MODEL)
    length = len(chat.prompt_ids(user("a gold")))
    assert choice.examples(chat, [("a gold", 1.0)], ("a", "b"), length) == ([], 1)
    assert choice.examples(chat, [("a gold", 1.0)], ("a", "b"), length + 1)[1] == 0
