"""Words without their decoration: bold, code, HTML and LaTeX set aside, one rule for all parsers of judges' words."""

import re

INVISIBLE = dict.fromkeys(
    map(
        ord,
        "\u200b\u200c\u200d\u2060\ufeff\u00ad\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
    ),
    "",
)
"""For str.translate: signs of no width, and those that turn the direction of writing."""
_SEEN = INVISIBLE | {sign: chr(sign - 0xFEE0) for sign in range(0xFF01, 0xFF5F)}
"""The same, and ASCII for its full-width forms."""
_TAG = re.compile(
    r"</?(?:b|strong|i|em|u|p|br|span|div|mark|code|h[1-6])(?:\s[^<>]{0,80})?/?>|<\|\w{1,30}\|>", re.IGNORECASE
)
_FRACTION = re.compile(r"\\[dt]?frac\{(\d{1,6})\}\{(\d{1,6})\}")
_COMMAND = re.compile(r"\\(?:boxed|fbox|text(?:bf|it|rm)?|math(?:bf|it|rm|sf)|underline)\s?(?=\{)")
_DECORATION = re.compile(r"\\[()\[\],;! ]|(?<!\d)[*`]+|[*`]+(?!\d)|(?<![^\W_])_+|_+(?![^\W_])")
_SIGNS = "\u2705\u2714\u2611\U0001f3c6\U0001f947\U0001f389\U0001f3af\U0001f449\U0001f4ca\U0001f4dd\u2696"
"""Check marks, cups and the like, which approve of a line or point at it; no crosses, and no stars, which count."""
_PICTURES = re.compile(rf"^(\s*)(?:[{_SIGNS}]\ufe0f?\s?){{1,3}}|\s?(?:[{_SIGNS}]\ufe0f?\s?){{1,3}}$")
_END = re.compile(r"(?:\s{0,9}(?:<\|[\w-]{1,30}\|>|<(?:/s|eos|end_of_turn)>)){1,9}\Z", re.IGNORECASE)


def plain(line: str) -> str:
    """A line without bold, code, HTML, LaTeX and pictures at its ends, in ASCII where it has full-width signs.

    What stands between two digits stays: `2*2` is not 22.
    """
    line = _PICTURES.sub(r"\1", line.translate(_SEEN))
    line = _COMMAND.sub("", _FRACTION.sub(r"\1/\2", _TAG.sub("", line)))
    if line.count("$") % 2 == 0:  # `$4$`; one alone is money
        line = re.sub(r"(?<!\d)\$+|\$+(?!\d)", "", line)
    return _DECORATION.sub("", line)


def without_end(text: str) -> str:
    """The text without the marks of a turn's end behind it, which a server may leave there."""
    seen = text.rstrip()
    found = _END.search(seen, max(0, len(seen) - 200))
    return text if found is None else seen[: found.start()]
