"""A caption says what the figures themselves hold, and no more."""

import pytest

from eval.figures.captions import caption
from eval.records import MetricValue


def figure(
    n: int, value: float | None = 0.5, low: float | None = 0.4, unscored: int = 0, unit: str = "prompts"
) -> MetricValue:
    return MetricValue(
        model="M1", benchmark="x", metric="y", value=value, low=low, high=None if low is None else 0.6, n=n,
        unscored=unscored, method="mean", unit=unit,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        pytest.param([figure(256), figure(256)], "n 256 prompts; 95% intervals; judge x.", id="alike"),
        pytest.param([figure(51), figure(1087)], "n 51 to 1,087 prompts; 95% intervals; judge x.", id="unlike"),
        pytest.param([figure(9, low=None)], "n 9 prompts; no intervals; judge x.", id="none"),
        pytest.param(
            [figure(9, low=None), figure(20)], "n 9 to 20 prompts; 95% intervals on 1 of 2; judge x.", id="some"
        ),
        pytest.param([figure(9, unscored=3)], "n 9 prompts; 3 unscored; 95% intervals; judge x.", id="unscored"),
        pytest.param(
            [figure(9, unscored=3), figure(8, unscored=4)],
            "n 8 to 9 prompts; up to 4 unscored; 95% intervals; judge x.", id="several-unscored",
        ),
        pytest.param([figure(1, unit="pairs")], "n 1 pair; 95% intervals; judge x.", id="one-pair"),
        pytest.param([figure(7), figure(0, value=None)], "n 7 prompts; 95% intervals; judge x.", id="no-value"),
        pytest.param([figure(0, value=None, low=None)], "", id="nothing"),
    ],
)  # fmt: skip
def test_a_caption_says_what_was_counted(figures: list[MetricValue], said: str) -> None:
    assert caption(figures, "95%", "judge x") == said


def test_a_picture_without_intervals_names_none() -> None:
    assert caption([figure(7)], "") == "n 7 prompts."
