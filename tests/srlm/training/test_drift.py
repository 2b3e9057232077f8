"""KL per token against sums over every answer that there is, of two tiny models."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from srlm.engines.weights import load_model, save
from srlm.settings import ModelSettings, ScratchModel
from srlm.text.chat import Tokens
from srlm.training import scratch
from srlm.training.drift import Drift, Drifting, drift
from srlm.worlds.beads import program

SETTINGS = ModelSettings(base="scratch", dtype="float32")
PROMPT = [5, 9, 11]


@pytest.fixture(scope="module")
def folders(bead_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The bead model and one of other weights."""
    words = scratch.tokenizer(program.vocabulary())
    shape = ScratchModel(width=32, layers=1, heads=2, feed_forward=64, max_positions=96)
    other = tmp_path_factory.mktemp("other") / "model"
    save(scratch.random_model(shape, words, seed=2), words, other)
    return bead_model, other


@pytest.fixture(scope="module")
def models(folders: tuple[Path, Path]) -> Iterator[tuple[Any, Any]]:
    one, other = (load_model(folder, SETTINGS, dtype="float32").eval() for folder in folders)
    # Far enough apart that no rounding matters.
    for model in (one, other):
        with torch.no_grad():
            model.get_output_embeddings().weight.mul_(2)
    yield one, other


@torch.inference_mode()  # type: ignore[untyped-decorator]
def following(model: Any, ids: list[int]) -> torch.Tensor:
    """Log-probabilities of what comes behind these tokens, in float64."""
    found: torch.Tensor = model(input_ids=torch.tensor([ids])).logits[0, -1].double().log_softmax(-1)
    return found


def test_the_expected_drift_is_the_divergence_of_all_answers_of_two_tokens(models: tuple[Any, Any]) -> None:
    own, other = models
    size = len(following(own, PROMPT))
    # By its definition: sum over y1, y2 of p(y1, y2) [log p(y1, y2) - log q(y1, y2)].
    first, first_other = following(own, PROMPT), following(other, PROMPT)
    whole = 0.0
    for token in range(size):
        p = first[token] + following(own, [*PROMPT, token])
        q = first_other[token] + following(other, [*PROMPT, token])
        whole += float((p.exp() * (p - q)).sum())
    # By the function: its mean over the first token, for the second one changes nothing.
    each = [drift(own, other, Tokens(PROMPT, [token, 3])) for token in range(size)]
    expected = sum(float(first[token].exp()) * (one.kl or 0) for token, one in enumerate(each))
    assert whole > 0.05
    assert expected == pytest.approx(whole, rel=1e-4)
    assert drift(own, other, Tokens(PROMPT, [7, 3])).kl == pytest.approx(drift(own, other, Tokens(PROMPT, [7, 4])).kl)


def test_the_log_ratio_is_that_of_the_drawn_tokens(models: tuple[Any, Any]) -> None:
    own, other = models
    # log p(7) + log p(3 | 7) of one, less the same of the other
    sums = [float(following(m, PROMPT)[7] + following(m, [*PROMPT, 7])[3]) for m in (own, other)]
    found = drift(own, other, Tokens(PROMPT, [7, 3]))
    assert (found.tokens, found.log_ratio) == (2, pytest.approx(sums[0] - sums[1], abs=1e-4))


def test_a_model_has_not_drifted_from_itself_and_an_empty_answer_says_nothing(folders: tuple[Path, Path]) -> None:
    one, empty = Drifting(folders[0], folders[0], SETTINGS).of([Tokens(PROMPT, [7, 3]), Tokens(PROMPT, [])])
    assert one == Drift(2, 0.0, 0.0)
    assert empty == Drift(0, 0.0, 0.0)


def test_what_the_reference_says_cannot_be_has_no_number(models: tuple[Any, Any]) -> None:
    class Never:
        """The other model, to which the token 7 is impossible."""

        device = models[1].device

        def __call__(self, **given: Any) -> Any:
            answered = models[1](**given)
            answered.logits[..., 7] = -torch.inf
            return answered

    found = drift(models[0], Never(), Tokens(PROMPT, [3]))
    assert found.kl is None
    assert found.log_ratio is not None
    # The model itself may rule out what the reference does not: that adds nothing.
    back = drift(Never(), models[1], Tokens(PROMPT, [3]))
    assert back.kl is not None
