r"""The score a judge gave, read from the judge's words alone: a reader, never a guesser.

A *mention* is `score` or `total points`, a colon (or `=`, or a table's `|`) and a number. It is a *verdict* where it
begins a line, a sentence or a JSON field, and what stands behind the number leaves it as it is: `points`, `/5`,
`out of 5`, closing marks, or a remark that is set off (` - good`, `(good)`, `. Good.`) and names no other number. Bold,
HTML and LaTeX are set aside first; `\boxed{4}` alone on the last line is a verdict too.

The last mention decides: judges quote the rubric and weigh before they decide. Placeholders (`Score: <0-5>`) and
conditions (`would deserve a Score: 5 if`) are no mentions. Any other mention that is no verdict leaves the judgement
unread: a range, words directly behind, another number within a sentence behind the verdict, two numbers on the last
line, a scale told line by line, a quotation, a later line that takes it back, another turn between two of them. A
verdict outside 0..5 or out of another total (`4/10`, `On a scale of 1 to 10`) is no score either: None, never 0, never
the score before it.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from srlm.text.plain import plain, without_end
from srlm.text.taken_back import taken_back
from srlm.text.thoughts import split


class Score(NamedTuple):
    """What a judge's words say."""

    points: float | None
    """0 to 5. None: unread."""
    unread: Literal["no score", "not on the scale"] | None = None
    """`no score`: no verdict, or none that is clear. `not on the scale`: a clear verdict, but not of 0 to 5."""


NO_SCORE = Score(None, "no score")
OFF_SCALE = Score(None, "not on the scale")

_WINDOW = 200
"""Characters: a verdict and its remark are at most as long, and so is what is seen of the sentence around a mention.
Time stays linear in the text."""


def read_score(text: str) -> Score:
    """Points in 0..5 from the last verdict, or why there are none. Digits of any script count, as `int` reads them.

    What stands in a thought (`<think>`) is a draft: only what follows it is read, and nothing where it never closed.
    """
    lines = _own_words(without_end(split(text, opened=False).answer)).splitlines()
    mentions = [mention for number, line in enumerate(lines) for mention in _mentions(line, number)]
    asides = []
    while mentions and mentions[-1].aside:
        asides.append(mentions.pop())
    boxed = _boxed(lines)
    others = {mention.number for mention in asides}
    if not mentions:
        return NO_SCORE if boxed is None or others - {boxed} else Score(boxed)
    last, earlier = mentions[-1], mentions[:-1]
    if last.said == NO_SCORE or _quoted(lines, last.line) or _revised(lines, last, earlier):
        return NO_SCORE
    if earlier and any(_TURN.match(line) for line in lines[earlier[0].line + 1 : last.line + 1]):
        return NO_SCORE
    if _OTHER_SCALE.search("\n".join(lines)):
        return OFF_SCALE
    others |= {mention.number for mention in earlier if mention.line == last.line}
    if boxed is not None:
        others.add(boxed)
    return NO_SCORE if others - {last.number} or _listed(last, earlier) else last.said


def parse_score(text: str) -> float | None:
    """Points in 0..5 from the last verdict; None where there is none, or none on the scale."""
    return read_score(text).points


def has_score_line(text: str) -> bool:
    """Whether the judge clearly gave a score at all, on the scale or not."""
    return read_score(text).unread != "no score"


def without_score(text: str) -> str:
    """The text without the words that name a score; `read_score` finds none in it.

    Of a line that gives the score the rest is kept. Points that are told in other words (`I give it 4`) stay.
    """
    lines = [_without_mentions(line) if _WORD.search(line) else line for line in text.splitlines()]
    while lines and (read_score("\n".join(lines)) != NO_SCORE or not lines[-1].strip()):
        del lines[-1]  # a box, or a form that is read and is no mention
    return "\n".join(lines).strip()


_PASSES = 20
"""What is left of a line may join into another mention; a line that still has one after so many passes goes."""


def _without_mentions(line: str) -> str:
    for _ in range(_PASSES):
        words, kept, place = plain(line), "", 0
        for found in _MENTION.finditer(words):
            behind = _BEHIND.match(words, found.end())
            assert behind is not None  # every part of it may be empty
            kept += words[place : found.start()]
            place = behind.start("close")
        if not place:
            return line
        line = kept + words[place:]
    return ""


# One line -------------------------------------------------------------------------------------------------------------

_MENTION = re.compile(
    r"""(?<![^\W_])(?<![^\W_]_)(?<!\w-)              # no part of another word: underscore, max_score, sub-score
        (?:(?:(?:total|final|overall)\s{1,3}){1,2}(?:score|points(?:\s(?:awarded|given))?)|score)
        (?:\s?[(\[](?P<scale>[^()\[\]]{1,30})[)\]]|\s?(?P<of>(?:/|out\s+of)\s?\d{1,6}))?
        ["')}\]]?\s{0,99}(?P<mark>[:\uff1a=|]|is\b\s?:?)
        (?P<open>[\s"'<\[({}\u201c\u2018\uff08\u3010]{0,99})
        (?P<odd>[^\w\s"'<\[({}+-]{0,3})             # ~4, >4, $4, .5, and signs that are no ASCII
        (?:(?P<score>[+-]?\s?\d{1,6}(?:[.,]\d{1,6})?)
          |(?P<word>(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|half|none|n/a|nan|inf|un\w+)\b)
          |(?P<prose>[^\W\d_]))""",
    re.IGNORECASE | re.VERBOSE,
)
_SCALE = re.compile(
    r"(?:(?:out\s+of|/|0\s?[-\u2013]|0\s+to|max(?:imum)?:?)\s?)?(?P<total>\d{1,6})(?:\s?points)?", re.IGNORECASE
)
_BEHIND = re.compile(
    r"""(?:\s?(?:points?|pts?\b))?
        (?:["'\])}\s]{0,9}[(\[]?
           (?:[/\uff0f]|(?:out\s+)?of\b(?:\sa)?(?:\s(?:possible|maximum|total))?(?:\sof)?)
           \s{0,9}(?P<total>\d{1,6}(?:[.,]\d{1,6})?|five\b)
          |\s?(?P<share>[%\u2030]))?
        (?:\s?(?:points?|pts?\b))?
        (?P<close>[\s>\])}."'!;:,|\u3002\uff0e\u201d\u2019\uff09\u3011]*)""",
    re.IGNORECASE | re.VERBOSE,
)
_PLACEHOLDER = re.compile(r"\s?(?:[-\u2013\u2014]|to\b)\s?\d{1,6}", re.IGNORECASE)
_MOST = re.compile(r"\b(?:max(?:imum)?|possible|perfect|highest|top|full)\s$", re.IGNORECASE)


_WORD = re.compile("score|points", re.IGNORECASE)


class _Mention(NamedTuple):
    """A number that is said to be the score."""

    line: int
    said: Score
    """`no score` where it is not clear."""
    number: float | None
    """None: a word, or no plain number."""
    aside: bool
    """Within a sentence: it never is the verdict."""
    begins: bool
    """It is the first on its line."""
    remark: bool
    """A remark follows on its line."""
    item: bool
    """Its line is an item of a list, or begins with a label."""


def _mentions(line: str, place: int) -> Iterator[_Mention]:
    if not _WORD.search(line):
        return
    line = plain(line)
    for found in _MENTION.finditer(line):
        before = line[max(0, found.start() - _WINDOW) : found.start()]
        behind = line[found.end() : found.end() + _WINDOW + 1]
        told = found["mark"].startswith(("i", "I"))  # "the score is 4" is told in passing
        if _MOST.search(before) or (told and not found["score"]):
            continue
        bracketed = any(mark in found["open"] for mark in "<[({")
        if found["score"] and (bracketed or found["score"] == "0") and _PLACEHOLDER.match(behind):
            continue
        begins = found.start() < _WINDOW and _LINE_START.fullmatch(before) is not None
        said, remark = _verdict(found, behind)
        aside = told or not (begins or _begins_sentence(before, behind))
        if found["prose"] and (aside or bracketed):  # `Score: <total points>`; but `Score: between 3 and 4` is unclear
            continue
        if _conditional(before, behind, aside, clear=said is not NO_SCORE):
            continue
        number = _number(found["score"]) if found["score"] else None
        yield _Mention(place, said, number, aside, begins, remark, _ITEM.match(line) is not None)


def _verdict(found: re.Match[str], behind: str) -> tuple[Score, bool]:
    """What a mention says if it is the verdict, and whether a remark follows."""
    rest = _BEHIND.match(behind)
    assert rest is not None  # every part of it may be empty
    unbalanced = "<" in found["open"] and ">" not in rest["close"]
    unclear = found["odd"] or not found["score"] or unbalanced or _THOUSANDS.search(found["score"])
    if unclear or len(behind) > _WINDOW:
        return NO_SCORE, False
    remark = behind[rest.end() :]
    if remark and not _leaves_it(rest["close"], remark):
        return NO_SCORE, False
    scale = found["scale"] or found["of"]
    known = _SCALE.fullmatch(scale.strip()) if scale else None
    if scale and known is None:  # another scale, or something else in brackets
        return NO_SCORE, bool(remark)
    totals = [_number(one) for one in (known and known["total"], rest["total"]) if one]
    points = _number(found["score"])
    fits = 0 <= points <= 5 and all(total == 5 for total in totals) and not rest["share"]
    return Score(points) if fits else OFF_SCALE, bool(remark)


_THOUSANDS = re.compile(r",\d{3}$")


def _number(digits: str) -> float:
    return 5.0 if digits.lower() == "five" else float(digits.replace(",", ".").replace(" ", ""))


# What stands around it ------------------------------------------------------------------------------------------------

_SET_OFF = re.compile(r"-{1,3}\s|[\u2013\u2014(\[\uff08]")
_NEXT_FIELD = re.compile(r"\w{1,30}\"\s?:")
_STOP = re.compile(r"[.!;:,|][\"')\]}\u201d]*\s|\u3002")
_OTHER_NUMBER = re.compile(
    r"\d|\b(?:zero|three|four|five|half|scores?|points?|stars?|higher|lower|less|minus)\b", re.IGNORECASE
)
_TAKEN_BACK = re.compile(
    r"[\s(\[\u2013\u2014-]*(?:or|maybe|perhaps|possibly|probably|if|unless|would|could|might|may|almost|nearly|roughly"
    r"|at (?:most|least|best|worst)|up to|wait|actually|hmm|sorry|rather|otherwise|nope|no(?:[,.!]| wait)"
    r"|not (?:really|sure|quite|certain|yet)|\?)(?!\w)",
    re.IGNORECASE,
)


def _leaves_it(close: str, remark: str) -> bool:
    """Whether a remark is set off from the number, names no other and takes nothing back."""
    field = close.endswith(',"') and _NEXT_FIELD.match(remark)
    apart = field or _STOP.search(close) or (_SET_OFF.match(remark) and (close.endswith(" ") or remark[0] not in "-"))
    return bool(apart) and not _OTHER_NUMBER.search(remark) and not _TAKEN_BACK.match(remark)


_LINE_START = re.compile(
    r"[\s>#|({\[<\"'\u201c\u2018\uff08\u3010\u2022\u2192+=-]*(?:\d{1,3}[.)]\s+)?[\s|({\[<\"'\u201c-]*"
)
_SENTENCE_START = re.compile(r"(?:[.!?;\u2026][\"')\]\u201d\u2019]*\s|[\u3002\uff1b\uff01\uff1f])[\s(\[>\u2192-]*$")
_ABBREVIATION = re.compile(r"\b(?:e\.g|i\.e|eg|ie|etc|cf|vs|ex|viz|no)\.\s*$", re.IGNORECASE)
_LEAD = re.compile(
    r"(?:^[\s>#-]*|[.!?]\s+)(?:(?:(?:my|the|final|overall)\s){0,3}"
    r"(?:verdict|judge?ment|evaluation|assessment|conclusion|result|rating|decision|(?<=final\s)answer|final)\s?:"
    r"|(?:therefore|thus|hence|so|overall|finally|in (?:conclusion|summary|total|sum)),?)\s*$",
    re.IGNORECASE,
)
_FIELD = re.compile(r"[{,]\s*[\"']$")
_ITEM = re.compile(r"\s*(?:[-\u2022+]\s|\d{1,2}[.)]\s|\(?[a-z0-9]\)\s|[^.:]{1,40}:)", re.IGNORECASE)


def _begins_sentence(before: str, behind: str) -> bool:
    """Whether a mention with words before it on its line begins a sentence or a JSON field, outside any quotation."""
    if _FIELD.search(before):
        return True
    quoted = before.count('"') % 2 or before.count("\u201c") > before.count("\u201d") or behind[:1] in ("'", '"')
    starts = _LEAD.search(before) or (_SENTENCE_START.search(before) and not _ABBREVIATION.search(before))
    return bool(starts) and not quoted


_CONDITION = re.compile(
    r"\b(?:would|if|unless|could have|might have|had it"
    r"|to (?:get|reach|earn|receive|deserve|achieve|merit|be given))\b",
    re.IGNORECASE,
)
_CONDITION_BEHIND = re.compile(
    r"\s?(?:points?\s)?(?:would|could|requires?|needs?|means|is (?:for|given))\b", re.IGNORECASE
)
_SENTENCE_END = re.compile(r"[.!?;]\s")


def _conditional(before: str, behind: str, aside: bool, clear: bool) -> bool:
    """Whether the sentence around an unclear mention tells of another case."""
    if not aside:
        return not clear and _CONDITION_BEHIND.match(behind) is not None
    sentence = _SENTENCE_END.split(before)[-1] + " " + _SENTENCE_END.split(behind)[0]
    return _CONDITION.search(sentence) is not None


# The whole text -------------------------------------------------------------------------------------------------------

_QUOTES = re.compile(
    r"\b(?:response|answer|assistant|user|rubric|question|prompt|text)\b[^.:]{0,60}"
    r"\b(?:says?|said|writes?|wrote|reads|ends?|contains?|states?|claims?|includes?|adds?|concludes?|quotes?)\b[^.:]{0,40}:$"
    r"|\b(?:example|sample|template|e\.g\.)[^.:]{0,40}:$",
    re.IGNORECASE,
)
_OTHER_SCALE = re.compile(
    r"(?:^|[.!?:;]\s)[\s*_>#-]{0,9}on\sa\sscale\s(?:of|from)\s(?:\d{1,3}\s?(?:to|[-\u2013\u2014])\s?)?"
    r"(?!0{0,3}5\b)\d{1,6}\b(?!\s?(?:to|[-\u2013\u2014])\s?\d)",
    re.IGNORECASE | re.MULTILINE,
)
"""Begins a sentence of a judge that took another scale than the rubric's."""
_TURN = re.compile(
    r"[\s#*]{0,9}(?:<\|?(?:im_start|start_header_id|start_of_turn|user|assistant|system)\b|\[/?INST\]"
    r"|(?:user|human|assistant|instruction)\s?:)",
    re.IGNORECASE,
)
"""Begins another turn: a judge that does not stop goes on with a conversation of its own, and scores in it."""
_BOXED = re.compile(
    r"[\s>#-]*(?:(?:(?:therefore|thus|hence|so|overall),?\s)?(?:(?:the|my|final|total|overall)\s){0,3}"
    r"(?:(?<=final\s)answer|score|verdict)(?:\sis)?\s?:?)?[\s(\[]*"
    r"\{[{\s]*(?P<score>\d{1,6}(?:[.,]\d{1,6})?)(?:\s?/\s?(?P<total>\d{1,6}))?(?:[{\s]{0,3}points?)?[}\s]*\}[\s.)\]]*",
    re.IGNORECASE,
)


def _own_words(text: str) -> str:
    """The text without the blocks in which the rubric shows what is judged, where the judge says them again."""
    for tag in ("response", "question"):
        kept, place = [], 0
        while (start := text.find(f"<{tag}>", place)) >= 0 and (end := text.find(f"</{tag}>", start)) >= 0:
            kept.append(text[place:start])
            place = end + len(tag) + 3
        text = "".join([*kept, text[place:]])
    return text


def _before(lines: Sequence[str], place: int) -> str:
    """The last line before `place` that is not blank, as far as it is seen."""
    found = next((line for line in reversed(lines[max(0, place - 3) : place]) if line.strip()), "")
    return plain(found[-_WINDOW:]).strip()


def _quoted(lines: Sequence[str], place: int) -> bool:
    """Whether the line before announces somebody else's words."""
    return _QUOTES.search(_before(lines, place)) is not None


_RESULT = re.compile(
    r"[\s>#*-]*(?:(?:final|overall)\s)?(?:final|total|overall|result|verdict|rating|grade)\s?[:=]"
    r"\s?(?P<number>\d{1,6}(?:[.,]\d{1,6})?)\b",
    re.IGNORECASE,
)


def _revised(lines: Sequence[str], last: _Mention, earlier: Sequence[_Mention]) -> bool:
    """Whether words behind the last mention take it back or name another result, or it is in a quoted line (`> `) below
    one of the judge's own that says otherwise."""
    behind = [plain(line[:_WINDOW]) for line in lines[last.line + 1 :]]
    results = [_number(found["number"]) for line in behind if (found := _RESULT.match(line))]
    own = [one for one in earlier if not lines[one.line].lstrip().startswith(">")]
    quoted = lines[last.line].lstrip().startswith(">") and any(one.number != last.number for one in own)
    taken = any(taken_back(line) and re.search(r"\d", line) for line in behind)
    return quoted or taken or any(number != last.number for number in results)


def _listed(last: _Mention, earlier: Sequence[_Mention]) -> bool:
    """Whether the last mention is one item of a list: the steps of the scale, or points criterion by criterion."""
    others = [mention for mention in earlier if mention.number != last.number]
    scale = last.remark and any(mention.remark for mention in others)
    criteria = not last.begins and last.item and any(one.item and not one.begins for one in earlier)
    nearby = [mention for mention in earlier if mention.line in (last.line - 1, last.line - 2)]
    steps = len({last.number, *(mention.number for mention in nearby)}) > 2
    return scale or criteria or steps


def _boxed(lines: Sequence[str]) -> float | None:
    r"""The points in a `\boxed{}` that is all of the last line. None: none, or somebody else's."""
    place = next((place for place in range(len(lines) - 1, -1, -1) if lines[place].strip()), None)
    if place is None or len(lines[place]) > _WINDOW or "\\boxed" not in lines[place]:
        return None
    found = _BOXED.fullmatch(plain(lines[place]))
    if found is None or found["total"] not in (None, "5") or _before(lines, place).endswith(":"):
        return None
    points = _number(found["score"])
    return points if points <= 5 else None
