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
        (?:\s*(?:/|out\s+of)\s*(?P<total>\d{1,6}))?
        (?:\s*points?)?
        [\s*_`>\])."']*$""",
    re.IGNORECASE | re.VERBOSE,
)
_LONGEST = 200
"""Characters: a longer line is prose, and is not searched (the pattern's time stays linear in the text)."""


def parse_score(text: str) -> float | None:
    """Points in 0..5 from the last score line, or None where there is none or it is out of range.

    Digits of any script count, as `int` reads them.
    """
    for line in reversed(text.splitlines()):
        if len(line) > _LONGEST:
            continue
        found = _LINE.match(line)
        if found:
            if found["total"] is not None and int(found["total"]) != 5:
                return None
            score = float(found["score"].replace(",", "."))
            return score if 0 <= score <= 5 else None
    return None
