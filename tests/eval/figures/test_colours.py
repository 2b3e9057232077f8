"""Models' colours stand out from the page and from each other, whatever a reader's colour vision."""

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from eval.figures.looks import COLOURS

STYLE = (Path(__file__).parents[3] / "eval/report/templates/report.css").read_text(encoding="utf-8")
LIGHT, _, DARK = STYLE.partition("prefers-color-scheme: dark")
LINEAR_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = np.array([0.9505, 1.0, 1.089])
VISION = {
    "all cones": np.eye(3),
    "no long waves": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "no middle waves": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "no short waves": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
"""On linear RGB: Machado, Oliveira and Fernandes 2009, table 1, severity 1."""


def linear(style: str, name: str) -> np.ndarray:
    """A colour of the style as linear RGB; of the last scheme in `style` that names it."""
    found = re.findall(rf"{name}: #([0-9a-f]+);", style)[0]
    digits = found if len(found) == 6 else "".join(2 * digit for digit in found)
    values = np.array([int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def contrast(one: np.ndarray, other: np.ndarray) -> float:
    """WCAG 2.2's ratio."""
    dark, light = sorted(float(LINEAR_TO_XYZ[1] @ colour) + 0.05 for colour in (one, other))
    return light / dark


def lab(colour: np.ndarray) -> np.ndarray:
    """CIELAB, in which a distance of 10 is seen at a glance."""
    x, y, z = np.cbrt(np.maximum(LINEAR_TO_XYZ @ colour.clip(0, 1) / WHITE, 1e-6))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("style", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("vision", VISION.values(), ids=VISION)
def test_colours_are_told_apart(style: str, vision: object) -> None:
    seen = [lab(np.array(vision) @ linear(style, colour[4:-1])) for colour in COLOURS]
    assert min(float(np.linalg.norm(a - b)) for a, b in combinations(seen, 2)) >= 15


@pytest.mark.parametrize("style", [LIGHT, DARK], ids=["light", "dark"])
def test_colours_stand_out_and_words_on_them_are_read(style: str) -> None:
    names = [colour[4:-1] for colour in COLOURS]
    ground = [contrast(linear(style, name), linear(style, "--back")) for name in names]
    words = [contrast(linear(style, name), linear(style, f"{name}-text")) for name in names]
    assert min(ground) >= 3  # WCAG 1.4.11: what a picture needs to be understood
    assert min(words) >= 4.5  # WCAG 1.4.3
