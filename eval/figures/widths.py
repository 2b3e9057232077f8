"""How wide words are in a picture that a browser will draw, and how they are broken or shortened to fit.

Pictures use the page's font, system-ui, which is another on each system: San Francisco, Segoe UI, Roboto, Noto Sans,
DejaVu Sans. So widths are upper bounds: of each ASCII letter the wider of DejaVu Sans' advance, the widest of these
fonts, and of Liberation Sans' (Arial's). Where a letter's width cannot be known, the picture fixes it (`is_bounded`).
"""

import re
import unicodedata
from collections.abc import Iterable

SIZE = 11
"""Pixels: the size of words in a picture."""
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
"""The page's own."""
FROM_SPACE = (
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636, 636, 636, 636, 636,
    636, 636, 636, 337, 337, 838, 838, 838, 556, 1015, 684, 686, 722, 770, 667, 611, 778, 752, 295, 500, 667, 557, 863,
    748, 787, 667, 787, 722, 667, 611, 732, 684, 989, 685, 667, 685, 390, 337, 390, 838, 556, 500, 613, 635, 550, 635,
    615, 352, 635, 634, 278, 278, 579, 278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636,
    337, 636, 838,
)  # fmt: skip
"""Thousandths of the font's size, from the space to the tilde."""
WIDE, EMOJI, LETTER, JOINED, OTHER = 1000, 1400, 940, 700, 1100
"""Of one that is not in the list; the widths of `JOINED` ones, which are guesses, are fixed in the picture."""
KNOWN = 0x530
"""Letters below it are Latin, Greek or Cyrillic."""
DOTS = "\u2026"
_BREAKS = re.compile(r"(?<=[/\-_.:\s\u3040-\u9fff\uac00-\ud7af])")


def width(text: str, size: float = SIZE) -> float:
    """Pixels that a line takes at most."""
    return sum(map(_advance, text)) * size / 1000


def _advance(letter: str) -> int:
    if " " <= letter <= "~":
        return FROM_SPACE[ord(letter) - 32]
    if unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0
    if unicodedata.east_asian_width(letter) in "WF":
        return EMOJI if unicodedata.category(letter) == "So" else WIDE
    base = unicodedata.normalize("NFD", letter)[0]
    if " " <= base <= "~":
        return FROM_SPACE[ord(base) - 32]
    if letter.isupper() or not letter.isalpha():
        return OTHER
    return LETTER if ord(letter) < KNOWN else JOINED


def is_bounded(text: str) -> bool:
    """Whether `width` holds in every font; not for scripts whose letters join or stack, and not for emoji."""
    return all(
        ord(letter) < KNOWN
        or letter in "\u2026\u2212\u2013\u2014\u00b7"
        or (unicodedata.east_asian_width(letter) in "WF" and unicodedata.category(letter) != "So")
        for letter in text
    )


def shortened(text: str, room: float, size: float = SIZE) -> str:
    """A line no wider than `room`; of a longer one the middle is left out, for names of models end in what differs."""
    if width(text, size) <= room:
        return text
    owner, _, own = text.rpartition("/")
    if owner and width(own, size) > room:  # of a name too long by itself, who owns it says least
        text = own
    left = room - width(DOTS, size)
    head = _begin(text, left * 0.55, size)
    tail = _begin(text[len(head) :][::-1], left - width(head, size), size)[::-1]
    return f"{head}{DOTS}{tail}"


def _begin(text: str, room: float, size: float) -> str:
    taken = 0.0
    for place, letter in enumerate(text):
        taken += width(letter, size)
        if taken > room:
            return text[:place]
    return text


def broken(text: str, room: float, lines: int = 1, size: float = SIZE) -> list[str]:
    """At most so many lines, none wider than `room`: broken behind a space or a mark; the last one is shortened."""
    text = " ".join(text[:2000].split())
    found: list[str] = []
    while lines > 1 and width(text, size) > room:
        ends = [
            match.start()
            for match in _BREAKS.finditer(text)
            if match.start() and width(text[: match.start()].rstrip(), size) <= room
        ]
        if not ends:
            break
        end = next((one for one in reversed(ends) if text[one - 1] == "/"), ends[-1])  # OWNER/ and the model's name
        found.append(text[:end].rstrip())
        text = text[end:].lstrip()
        lines -= 1
    return [*found, shortened(text, room, size)]


def labels(names: Iterable[str], room: float, lines: int = 1) -> dict[str, str]:
    """What each name is called where there is `room`, its lines apart by a line end; no two are called the same."""
    called: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        if name in called:
            continue
        label, number = "\n".join(broken(name, room, lines)), 1
        while label in taken:
            number += 1
            mark = f" ({number})"
            *above, last = broken(name, room, lines)
            label = "\n".join([*above, shortened(last, room - width(mark)) + mark])
        called[name] = label
        taken.add(label)
    return called
