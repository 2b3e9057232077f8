"""From what Vega draws to a picture for a page: its key, its axes' names, a title a mark, a frame around all words.

Vega draws marks, lines and words of ticks. The rest is placed here, by widths that hold in a reader's browser.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from xml.etree import ElementTree

from .looks import Look
from .widths import FONT, SIZE, broken, is_bounded, shortened, width
from .words import plain

SVG = "http://www.w3.org/2000/svg"
LINE = 14
"""Pixels from one line of words to the next."""
SWATCH = 14
"""Pixels of a mark in the key, and what lies between it and its word."""
_TRANSLATED = re.compile(r"translate\((-?[\d.e-]+),(-?[\d.e-]+)\)")


class KeyEntry(NamedTuple):
    """A name in the key and its mark; `line`: it is a line, with its dash."""

    name: str
    look: Look
    line: bool = False


class Frame(NamedTuple):
    """What stands around a drawing. `wide`: pixels."""

    wide: float
    key: Sequence[KeyEntry] = ()
    up: str = ""
    """What the upright axis is called; it stands above it."""
    across: str = ""


class Box(NamedTuple):
    """Where words stand, as wide as they can be."""

    left: float
    top: float
    right: float
    bottom: float
    words: str


def framed(svg: str, frame: Frame, label: str) -> str:
    """The picture, `label` its alternative; no size of its own: it is as wide as its place in the page."""
    ElementTree.register_namespace("", SVG)
    root = ElementTree.fromstring(svg)
    key = [KeyEntry(plain(entry.name), entry.look, entry.line) for entry in frame.key]
    frame = Frame(frame.wide, key, plain(frame.up), plain(frame.across))
    _cleaned(root)
    wide = float(root.attrib.pop("width"))
    tall = float(root.attrib.pop("height"))
    above = _above(frame)
    below = broken(frame.across, frame.wide, 3) if frame.across else []
    for number, line in enumerate(below):
        middle = (frame.wide + _origin(root)) / 2
        at = min(middle, frame.wide - width(line) / 2)
        above.append(_text(line, max(at, width(line) / 2), tall + LINE * number + SIZE, "middle"))
    for element in above:
        root.append(element)
    for text in root.iter(f"{{{SVG}}}text"):
        _bounded(text)
    boxes = list(words(root))
    left, top = min([0.0, *(box.left for box in boxes)]), min([0.0, *(box.top for box in boxes)])
    right = max([frame.wide, wide, *(box.right for box in boxes)])
    bottom = max([tall, *(box.bottom for box in boxes)]) + 2
    root.attrib |= {
        "viewBox": " ".join(f"{value:.5g}" for value in (left, top, right - left, bottom - top)),
        "font-family": FONT, "role": "img", "aria-label": label,
    }  # fmt: skip
    return ElementTree.tostring(root, encoding="unicode")


def _cleaned(root: ElementTree.Element) -> None:
    """One label for all of it, a <title> for every mark; no font but the page's."""
    for element in root.iter():
        said, role = element.attrib.pop("aria-label", None), element.attrib.pop("role", None)
        for name in [
            name for name in element.attrib if name.startswith("aria-") or name in ("class", "style", "font-family")
        ]:
            del element.attrib[name]
        if said and role == "graphics-symbol" and element.tag != f"{{{SVG}}}g":
            ElementTree.SubElement(element, f"{{{SVG}}}title").text = said


def _above(frame: Frame) -> list[ElementTree.Element]:
    """The key and the name of the upright axis, from the drawing's top upwards."""
    made: list[ElementTree.Element] = []
    height = 0.0
    for line in reversed(broken(frame.up, frame.wide, 3) if frame.up else []):
        made.append(_text(line, 0, -height - 7, "start"))
        height += LINE
    if frame.up:
        height += 6
    for row in reversed(_rows(frame)):
        for x, entry, name in row:
            made += [_mark(entry, x + SWATCH / 2 - 2, -height - 8), _text(name, x + SWATCH, -height - 4, "start")]
        height += LINE + 1
    return made


def _rows(frame: Frame) -> list[list[tuple[float, KeyEntry, str]]]:
    """The key's names beside each other as far as there is room: where, what, and its word."""
    rows: list[list[tuple[float, KeyEntry, str]]] = []
    at = frame.wide
    for entry in frame.key:
        name = shortened(" ".join(entry.name[:2000].split()), frame.wide - SWATCH)
        wide = SWATCH + width(name)
        if at + wide > frame.wide:
            rows.append([])
            at = 0.0
        rows[-1].append((at, entry, name))
        at += wide + 14
    return rows


def _mark(entry: KeyEntry, x: float, y: float) -> ElementTree.Element:
    group = ElementTree.Element(f"{{{SVG}}}g", {"transform": f"translate({x:g},{y:g})"})
    if entry.line:
        dash = " ".join(map(str, entry.look.dash))
        ElementTree.SubElement(
            group, f"{{{SVG}}}path",
            {"d": "M-6,0H6", "stroke": entry.look.colour, "stroke-width": "1.5", "stroke-dasharray": dash},
        )  # fmt: skip
    scale = 3.2 if entry.line else 4
    ElementTree.SubElement(
        group, f"{{{SVG}}}path", {"d": entry.look.shape, "transform": f"scale({scale})", "fill": entry.look.colour}
    )
    return group


def _text(words: str, x: float, y: float, anchor: str) -> ElementTree.Element:
    element = ElementTree.Element(
        f"{{{SVG}}}text",
        {
            "text-anchor": anchor, "transform": f"translate({x:.6g},{y:.6g})", "font-size": f"{SIZE}px",
            "fill": "currentColor",
        },
    )  # fmt: skip
    element.text = words
    return element


def _bounded(text: ElementTree.Element) -> None:
    """No font draws these words wider than they were measured."""
    size = float(text.attrib.get("font-size", f"{SIZE}px").removesuffix("px"))
    for part in [text, *text]:
        if part.text and not is_bounded(part.text):
            part.attrib |= {"textLength": f"{width(part.text, size):.5g}", "lengthAdjust": "spacingAndGlyphs"}


def _origin(root: ElementTree.Element) -> float:
    """Where the plot begins, left."""
    group = root.find(f"{{{SVG}}}g")
    found = _TRANSLATED.search("" if group is None else group.attrib.get("transform", ""))
    return float(found[1]) if found else 0.0


def words(root: ElementTree.Element, x: float = 0, y: float = 0) -> Iterator[Box]:
    """Every line of words of a picture, and the most room that it takes."""
    found = _TRANSLATED.search(root.attrib.get("transform", ""))
    if found:
        x, y = x + float(found[1]), y + float(found[2])
    if root.tag != f"{{{SVG}}}text":
        for element in root:
            yield from words(element, x, y)
        return
    size = float(root.attrib.get("font-size", f"{SIZE}px").removesuffix("px"))
    spans = [part for part in root if part.tag == f"{{{SVG}}}tspan"]
    for part in spans or [root]:
        y += float(part.attrib.get("dy", 0)) if spans else 0
        line = part.text or ""
        wide = width(line, size)
        left = x - {"end": wide, "middle": wide / 2}.get(root.attrib.get("text-anchor", ""), 0)
        yield Box(left, y - size, left + wide, y + size * 0.3, line)
