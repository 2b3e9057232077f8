"""Axes have round ticks with names of their own, and no more than there is room for."""

import pytest

from eval.figures.axes import APART, Unit, axis, logarithmic
from eval.figures.widths import width


@pytest.mark.parametrize(
    ("ends", "unit", "signed", "words"),
    [
        pytest.param((0.0, 1.0), "share", False, ["0%", "20%", "40%", "60%", "80%", "100%"], id="shares"),
        pytest.param((-0.05, 0.05), "share", True, ["\u22124", "\u22122", "0", "+2", "+4"], id="differences"),
        pytest.param((0.421, 0.429), "share", False, ["42.2%", "42.4%", "42.6%", "42.8%"], id="close-together"),
        pytest.param((0.0, 2200.0), "number", False, ["0", "500", "1,000", "1,500", "2,000"], id="steps"),
        pytest.param((0.0, 60000.0), "number", False, ["0", "10k", "20k", "30k", "40k", "50k", "60k"], id="tokens"),
        pytest.param((0.0, 2.2e6), "number", False, ["0", "500k", "1M", "1.5M", "2M"], id="millions"),
        pytest.param((3.0, 3.0), "number", False, ["2", "3", "4"], id="one-value"),
        pytest.param((0.0, 0.0), "number", False, ["\u22121.0", "\u22120.5", "0.0", "0.5", "1.0"], id="nothing"),
    ],
)
def test_ticks_are_round(ends: tuple[float, float], unit: Unit, signed: bool, words: list[str]) -> None:
    assert axis(ends, 320, unit, signed, exact=ends).words == words


@pytest.mark.parametrize("room", [100, 150, 200, 340])
@pytest.mark.parametrize("ends", [(0, 1), (-0.5, 123456.0), (-1e300, 1e308), (0.99999, 1), (-3e-9, 4e-9)])
def test_words_of_ticks_do_not_touch(ends: tuple[float, float], room: float) -> None:
    found = axis(ends, room)
    assert found.values and len(set(found.words)) == len(found.words)
    if len(found.values) > 1:
        assert max(map(width, found.words)) + APART <= room * found.step / (found.high - found.low)


def test_an_upright_axis_ends_at_ticks() -> None:
    found = axis((0.13, 4.7), 150, upright=True, exact=(0, 0))
    assert (found.low, found.high, found.values) == (0, 5, [0, 1, 2, 3, 4, 5])


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        pytest.param((0.07, 7.6), ["0.05", "0.1", "0.2", "0.5", "1", "2", "5", "10"], id="a-loss"),
        pytest.param((0.0002, 3.0), ["0.001", "0.01", "0.1", "1"], id="powers-alone"),
        pytest.param((0.5, 0.8), None, id="near"),
        pytest.param((0.0, 8.0), None, id="zero"),
        pytest.param((1e-9, 8.0), None, id="far"),
    ],
)
def test_a_logarithmic_axis_has_round_ticks_where_it_shows_more(
    numbers: tuple[float, ...], words: list[str] | None
) -> None:
    found = logarithmic(numbers)
    assert (found and found.words) == words
    assert found is None or (found.low <= min(numbers) and found.high >= max(numbers))
