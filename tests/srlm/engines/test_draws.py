"""The next token is drawn with the probabilities that temperature and top-p leave."""

import pytest
import torch

from srlm.engines.draws import BEST, LARGE, next_tokens
from srlm.settings import Sampling

NO_IDS = torch.empty((1, 0), dtype=torch.long)


def scores(chances: dict[int, float], words: int) -> torch.Tensor:
    """Logits of a row in which only some words have a chance."""
    row = torch.zeros(words)
    row[list(chances)] = torch.tensor(list(chances.values()))
    return row.log()


def shares(row: torch.Tensor, sampling: Sampling, draws: int = 4000) -> dict[int, float]:
    """How often each word was drawn."""
    torch.manual_seed(3)
    drawn = torch.cat([next_tokens(NO_IDS, row.repeat(200, 1), sampling) for _ in range(draws // 200)])
    words, counts = drawn.unique(return_counts=True)
    return dict(zip(words.tolist(), (counts / draws).tolist(), strict=True))


@pytest.mark.parametrize("words", [64, LARGE])
@pytest.mark.parametrize(
    ("temperature", "top_p", "expected"),
    [
        (1.0, 1.0, {0: 0.5, 40: 0.3, 63: 0.2}),
        (0.5, 1.0, {0: 0.25 / 0.38, 40: 0.09 / 0.38, 63: 0.04 / 0.38}),  # squares
        (1.0, 0.6, {0: 0.625, 40: 0.375}),  # those above word 63 have .8
        (1.0, 0.45, {0: 1.0}),
        (1.0, 0.01, {0: 1.0}),
        (0.0, 1.0, {0: 1.0}),
    ],
)
def test_words_are_drawn_as_often_as_they_are_likely(
    words: int, temperature: float, top_p: float, expected: dict[int, float]
) -> None:
    row = scores({0: 0.5, 40: 0.3, 63: 0.2}, words)
    found = shares(row, Sampling(temperature=temperature, top_p=top_p, max_new_tokens=1))
    assert found.keys() == expected.keys()
    for word, share in expected.items():
        assert found[word] == pytest.approx(share, abs=0.035)  # four standard errors of 4,000 draws


def test_a_nucleus_of_more_words_than_are_sorted_is_drawn_from_whole() -> None:
    found = shares(torch.zeros(LARGE), Sampling(temperature=1.0, top_p=0.9, max_new_tokens=1), draws=2000)
    assert len(found) > 4 * BEST


def test_a_seed_draws_the_same_words_again() -> None:
    rows = torch.randn(5, LARGE, generator=torch.Generator().manual_seed(1))
    sampling = Sampling(temperature=0.7, top_p=0.9, max_new_tokens=1)
    drawn = []
    for _ in range(2):
        torch.manual_seed(8)
        drawn.append(next_tokens(NO_IDS, rows, sampling).tolist())
    assert drawn[0] == drawn[1]
