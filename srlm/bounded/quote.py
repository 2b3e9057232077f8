"""What messages quote of files that anybody wrote, cut to a length that a terminal can show."""

import reprlib

LINE = 4_000
"""Characters of one line on a terminal."""
MESSAGE = LINE - 100
"""Characters of a message. What it says to do comes last, so the middle is cut; what is left is one line at most."""
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 80
_SHORT.maxlevel, _SHORT.maxlist, _SHORT.maxtuple, _SHORT.maxdict = 3, 4, 4, 4


def quoted(value: object) -> str:
    """A value as Python writes it, cut within each text and each list, however large it is."""
    return _SHORT.repr(value)


def cut(text: str, most: int = MESSAGE) -> str:
    """A text of at most about `most` characters: its beginning and its end."""
    if len(text) <= most:
        return text
    head, tail = most * 3 // 4, most // 4
    return f"{text[:head]} [... {len(text) - head - tail:,} characters ...] {text[-tail:]}"
