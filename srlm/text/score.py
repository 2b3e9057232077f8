"""The score a judge gave, read from the judge's words alone.

The last score line decides, because judges quote the rubric and weigh before they decide. A score line is a line that
holds `Score:` and one number and nothing else (bold, brackets, a closing full stop, `points` and `/5` aside).
A line without a number (`Score: <total points>`) is no score line; a last score line outside 0..5, or out of another
total (`4/10`), is no score: None, never 0.
"""

import re

_LINE = re.compile(
    r"""^[\s>#*_`"'-]*                                # quote marks, headings, list dashes and bold before the word
        (?:(?:total|final|overall)\s+)?score
        [\s*_`]*[:\uff1a=][\s*_`<\[("']*              # ASCII or full-width colon
        (?P<score>[+-]?\d{1,6}(?:[.,]\d{1,6})?)
        (?:(?:\s*points?)?\s*(?:[/\uff0f]|out\s+of)\s*(?P<total>\d{1,6}(?:[.,]\d{1,6})?))?
        (?:\s*points?)?
        [\s*_`>\])."'\u3002\uff0e]*$""",
    re.IGNORECASE | re.VERBOSE,
)
_LONGEST = 200
"""Characters: a longer line is prose, and is not searched (the pattern's time stays linear in the text)."""


def parse_score(text: str) -> float | None:
    """Points in 0..5 from the last score line, or None where there is none or it is out of range.

    Digits of any script count, as `int` reads them.
    """
    line = _last_score_line(text)
    if line is None or (line["total"] is not None and _number(line["total"]) != 5):
        return None
    score = _number(line["score"])
    return score if 0 <= score <= 5 else None


def has_score_line(text: str) -> bool:
    """Whether the judge gave a score at all, in range or not."""
    return _last_score_line(text) is not None


def _last_score_line(text: str) -> re.Match[str] | None:
    lines = (line for line in reversed(text.splitlines()) if len(line) <= _LONGEST)
    return next((found for line in lines if (found := _LINE.match(line))), None)


def _number(digits: str) -> float:
    return float(digits.replace(",", "."))
