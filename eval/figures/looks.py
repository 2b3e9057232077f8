"""What a model looks like in every picture of a page: a colour, a shape and a dash that are its own.

They follow from a model's place in the list of the run's models, so a model looks the same in each picture, and after
later models have come. Colours repeat after 7, shapes after 9 and dashes after 5: no two of 63 models have the same
colour and shape, and no two of 35 the same colour and dash. What is no model of the list is grey.
"""

from collections.abc import Iterable
from typing import NamedTuple

COLOURS = ("var(--c1)", "var(--c2)", "var(--c3)", "var(--c4)", "var(--c5)", "var(--c6)", "var(--c7)")
"""The page has each for light and dark. They are far apart for every colour vision, where Okabe and Ito's orange and
vermilion are not on white, and stand out from the ground (tests/eval/figures/test_colours.py)."""
GREYS = ("currentColor", "var(--soft)", "var(--grey)")
SHAPES = (
    "M1,0A1,1,0,1,1,-1,0A1,1,0,1,1,1,0Z",  # circle
    "M-.9,-.9H.9V.9H-.9Z",  # square
    "M0,-1.1L1.05,.8H-1.05Z",  # triangle
    "M0,-1.25L1,0L0,1.25L-1,0Z",  # diamond
    "M-.4,-1.1H.4V-.4H1.1V.4H.4V1.1H-.4V.4H-1.1V-.4H-.4Z",  # cross
    "M0,1.1L1.05,-.8H-1.05Z",  # triangle, down
    "M1.1,0L-.8,1.05V-1.05Z",  # triangle, right
    "M0,-1.3L.35,-.45L1.2,-.4L.55,.2L.75,1.1L0,.6L-.75,1.1L-.55,.2L-1.2,-.4L-.35,-.45Z",  # star
    "M-1.1,0L.8,1.05V-1.05Z",  # triangle, left
)
"""Paths around the origin, one unit wide to each side."""
DASHES = ((1, 0), (6, 2), (2, 2), (8, 2, 2, 2), (4, 4))


class Look(NamedTuple):
    """How one name is drawn."""

    colour: str
    shape: str
    dash: tuple[int, ...]

    @property
    def on_it(self) -> str:
        """The colour of words on an area of its colour."""
        return self.colour.replace(")", "-text)") if self.colour in COLOURS else "var(--back)"


class Looks:
    """The looks of a list of names, its order theirs; `also`: what else is drawn as one of them, as an alias."""

    def __init__(self, names: Iterable[str] = (), also: dict[str, str] | None = None) -> None:
        self._places = {name: place for place, name in enumerate(dict.fromkeys(names))}
        self._also = also or {}

    def called(self, also: dict[str, str]) -> "Looks":
        """The same, and a look for these names: of the model each stands for."""
        return Looks(self._places, self._also | also)

    def of(self, names: Iterable[str]) -> dict[str, Look]:
        """A look for each of these names."""
        found: dict[str, Look] = {}
        others = 0
        for name in dict.fromkeys(names):
            place = self._places.get(self._also.get(name, name))
            if place is None:
                found[name] = _look(others, GREYS)
                others += 1
            else:
                found[name] = _look(place, COLOURS)
        return found


def _look(place: int, colours: tuple[str, ...]) -> Look:
    return Look(colours[place % len(colours)], SHAPES[place % len(SHAPES)], DASHES[place % len(DASHES)])
