"""Words with which a judge takes back what it said: a verdict or a score beside them may not be the last word."""

import re

from srlm.text.verdict_languages import TAKEN_BACK

_TAKEN_BACK = re.compile(
    r"(?:^|[.!?;,:\n(\u2014\u2026-]\s{0,3})(?:but\s|oh,?\s|hmm,?\s|no,?\s)?"
    r"(?:(?:wait|hold\son|scratch\sthat|oops|never\s?mind|i\smeant?|actually\sno|no,\s(?:actually|sorry))\b"
    r"|correction\s?:|sorry,|actually,?\s(?:it|the|my|i|no|\d|[\ue000\ue001])"
    rf"|{TAKEN_BACK})"
    r"|\b(?:on\s(?:second|further)\sthought|(?:let\sme|i\s(?:must|should|will|have\sto))\s(?:reconsider|revise|correct)"
    r"|i\stake\s(?:that|it)\sback|i\swas\swrong|i\s(?:change|changed|revise)\smy\s(?:mind|verdict|answer|choice|score))\b",
    re.IGNORECASE,
)


def taken_back(text: str) -> bool:
    """Whether the words take something back. Labels may stand in them as the marks of srlm.text.verdict."""
    return _TAKEN_BACK.search(text) is not None
