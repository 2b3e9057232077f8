"""Words without their decoration: bold, code, HTML and LaTeX set aside, one rule for all parsers of judges' words."""

import re

_TAG = re.compile(
    r"</?(?:b|strong|i|em|u|p|br|span|div|mark|code|h[1-6])(?:\s[^<>]{0,80})?/?>|<\|\w{1,30}\|>", re.IGNORECASE
)
_FRACTION = re.compile(r"\\[dt]?frac\{(\d{1,6})\}\{(\d{1,6})\}")
_COMMAND = re.compile(r"\\(?:boxed|fbox|text(?:bf|it|rm)?|math(?:bf|it|rm|sf)|underline)\s?(?=\{)")
_DECORATION = re.compile(r"\\[()\[\],;! ]|(?<!\d)[*`]+|[*`]+(?!\d)|(?<![^\W_])_+|_+(?![^\W_])")


def plain(line: str) -> str:
    """A line without bold, code, HTML and LaTeX. What stands between two digits stays: `2*2` is not 22."""
    line = _COMMAND.sub("", _FRACTION.sub(r"\1/\2", _TAG.sub("", line)))
    if line.count("$") % 2 == 0:  # `$4$`; one alone is money
        line = re.sub(r"(?<!\d)\$+|\$+(?!\d)", "", line)
    return _DECORATION.sub("", line)
