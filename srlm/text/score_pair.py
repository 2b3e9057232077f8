r"""Two scores of a judge, one an answer, as a verdict: `Score A: 7, Score B: 5`, JSON with both, `\boxed{7, 5}`.

The answer with the higher score is preferred; equal scores are a tie. Unread: a score that is missing, told twice with
different numbers, a range, not a number, out of another total than the other one's, or beside a verdict that differs.
"""

import re
from collections.abc import Iterator

from srlm.text.plain import plain, without_end
from srlm.text.thoughts import split
from srlm.text.verdict import NONE, UNCLEAR, Verdict, read_verdict
from srlm.text.verdict_labels import LETTERS

_NUMBER = r"(?P<points>[+-]?\d{1,6}(?:[.,]\d{1,6})?)(?:\s?(?:/|out\sof)\s?(?P<total>\d{1,6}))?(?:\s?(?:points?|pts)\b)?"
_BEHIND = re.compile(
    r"[\s)\]}\"'*]{0,9}(?:$|[.,;|\n](?!\d)|\s?[-\u2013\u2014(]\s?(?!\d)|\s(?:and|vs|versus|against|score|rating|answer|assistant|response|output)\b)",
    re.IGNORECASE,
)
_BOXED = re.compile(
    r"\\boxed\s?\{\s?(?P<first>-?\d{1,6}(?:\.\d{1,6})?)\s?[,;]\s?(?P<second>-?\d{1,6}(?:\.\d{1,6})?)\s?\}"
)


def read_score_pair(text: str, labels: tuple[str, str] = LETTERS) -> Verdict:
    """The verdict of two scores for the answers with these labels."""
    words = without_end(split(text).answer)
    pairs = [(float(found["first"]), float(found["second"])) for found in _BOXED.finditer(words)]
    lines = "\n".join(map(plain, words.splitlines()))
    alike = labels[0].casefold() != labels[1].casefold()
    told = [list(_scores(lines, label, alike)) for label in labels]
    if pairs and not any(told):
        return _preferred(*pairs[0]) if len(set(pairs)) == 1 else UNCLEAR
    if not any(told):
        return NONE
    first, second = (set(own) for own in told)
    if pairs or len(first) != 1 or len(second) != 1 or None in first | second:
        return UNCLEAR
    (a,), (b,) = first, second
    if a is None or b is None or a[1] != b[1]:
        return UNCLEAR
    found = _preferred(a[0], b[0])
    also = read_verdict(text, labels)
    return UNCLEAR if also.preference not in (None, found.preference) else found


def _preferred(first: float, second: float) -> Verdict:
    return Verdict(0.5 if first == second else float(first > second))


def _scores(text: str, label: str, alike: bool) -> Iterator[tuple[float, str | None] | None]:
    """Every score of an answer, with its total; None for one that is no plain number.

    `alike`: the label may be in small or capital letters.
    """
    own = re.escape(label) if alike else rf"(?-i:{re.escape(label)})"
    name = rf"(?:(?:answer|assistant|response|output|model|candidate)[\s_-]?)?[(\[\"']?{own}[)\]\"']?"
    mention = re.compile(
        rf"(?:^|[\n,;.{{|\"'(:\u2022#*-]\s{{0,3}}|\band\s|(?<=\d)\s)(?:the\s)?(?:(?:final|overall|total)[\s_]?)?"
        rf"(?:(?:score|rating|points|grade)s?[\s_-]?(?:of|for)?[\s_]?(?:the[\s_])?{name}|{name}(?:'s)?[\s_-]?(?:score|rating|points|grade)?)"
        rf"[\"']?\s?[:=|]\s?[\[(\"']?\s?(?:{_NUMBER}|(?P<other>\S))",
        re.IGNORECASE,
    )
    for found in mention.finditer(text):
        scored = re.search(r"score|rating|points|grade", found[0], re.IGNORECASE) is not None
        if found["other"] is not None:
            if scored:
                yield None
            continue
        if _BEHIND.match(text, found.end()) is None:
            yield None
        else:
            yield float(found["points"].replace(",", ".")), found["total"]
