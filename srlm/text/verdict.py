r"""Which of two answers a judge prefers, read from the judge's words alone: a reader, never a guesser.

An *explicit* verdict decides: `[[A]]`, `[[A>>B]]` and the like, a field of a JSON object (verdict_json.py), a line that
names its verdict (`Winner: B`, `The answer is B (not A)`), an answer that begins with the label and sets the rest off
(`B. Answer A is vague`), or one whose last line is nothing but the label. Where there is none, sentences decide that
say which answer is better as a whole (`Output (a) is better.`).

Unread is what leaves room for doubt: two verdicts that differ, a verdict beside a sentence that says the opposite, one
that is taken back, asked, negated, quoted or tied to a condition, a list of both answers, an opinion on one aspect
only. A thought (`<think>`) is a draft, and never read. Bold, HTML, LaTeX and full-width signs are set aside first.
"""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from srlm.text import verdict_json
from srlm.text.taken_back import taken_back
from srlm.text.thoughts import split
from srlm.text.verdict_labels import LETTERS, F, S, mark_labels, prepared
from srlm.text.verdict_languages import ASPECT, GLUED, NAMES, NEGATED, PRAISED, SHOWN, SHOWN_BEHIND, TIE, TURNED

Side = float
"""1 the first answer, 0 the second, 0.5 neither."""


class Verdict(NamedTuple):
    """What a judge's words say of two answers."""

    preference: Side | None
    """None: unread."""
    unread: Literal["no verdict", "unclear verdict"] | None = None
    """`no verdict`: the words prefer neither. `unclear verdict`: they may be understood in more than one way."""


NONE = Verdict(None, "no verdict")
UNCLEAR = Verdict(None, "unclear verdict")


def read_verdict(text: str, labels: tuple[str, str] = LETTERS) -> Verdict:
    """The verdict of a judge that was shown two answers under these labels.

    The labels are single letters; other ones than A and B stand for themselves, in their own case.
    """
    words = prepared(split(text).answer)
    found = verdict_json.find(words)
    if found.broken:
        return UNCLEAR
    marked = mark_labels(found.rest, labels)
    explicit = {*_doubled(marked), *_keyed(marked), *_chosen(marked), *_alone(marked)}
    for value in found.values:
        explicit.add(_value_of(value, labels))
    beside = [mark_labels(words, labels) for words in found.words]
    sentences = {side for own in (marked, *beside) for side in _sentences(own)}
    explicit |= {side for own in beside for side in _doubled(own)}
    if None in explicit or len(explicit | sentences) > 1:
        return UNCLEAR
    if not explicit | sentences:
        return NONE
    if taken_back(marked) or _STRUCK.search(found.rest) or _DOUBTED.search(marked.rstrip().rsplit("\n", 1)[-1]):
        return UNCLEAR
    return Verdict(next(iter(explicit | sentences)))


# One verdict ----------------------------------------------------------------------------------------------------------

_ADVERBS = (
    r"(?:(?:much|far|slightly|clearly|significantly|marginally|somewhat|overall|definitely|a\s(?:bit|little|lot)|the|simply"
    r"|considerably|generally|therefore|also|still|ultimately|obviously|certainly|by\sfar)\s){0,3}"
)
_GOOD = (
    r"(?:better|best|superior|preferable|preferred|stronger|winner|more\shelpful"
    r"|better\s(?:one|choice|answer|response|output))"
)
_BAD = r"(?:worse|worst|inferior|weaker)"
_SIGN = r"(?:>>|>|==?|<<|<)"
_VALUE = re.compile(
    rf"""(?:(?P<left>[{F}{S}])\s?(?P<sign>{_SIGN})\s?(?P<right>[{F}{S}])(?!\s?[<>=])
        |(?P<side>[{F}{S}])(?!\s?[<>=])(?:'s(?:\s(?:answer|response|output))?)?
         (?:\s(?:is|was)\s{_ADVERBS}(?:(?P<good>{_GOOD})|(?P<bad>{_BAD}))(?![\w-]))?
        |(?:it\s?(?:is|'s)\s|this\sis\s|they\sare\s|they're\s|both\sare\s)?(?:a\s)?(?P<tie>tie|tied|draw|equal|equally\sgood|{TIE})(?![\w-]))""",
    re.IGNORECASE | re.VERBOSE,
)
_OPEN, _CLOSE = r"[\s\[({<\"']{0,20}", r"[\s\])}>\"']{0,20}"


def _side(found: re.Match[str]) -> Side | None:
    """The side of a `_VALUE`; None: it contradicts itself."""
    if found["tie"]:
        return 0.5
    if found["sign"]:
        if found["left"] == found["right"]:
            return None
        if found["sign"].startswith("="):
            return 0.5
        return float((found["left"] == F) == found["sign"].startswith(">"))
    return float((found["side"] == F) != bool(found["bad"]))


def _value_of(value: str | None, labels: tuple[str, str]) -> Side | None:
    """The side that a field names; None: none, or not clearly."""
    if value is None:
        return None
    marked = mark_labels(value, labels)
    if found := re.fullmatch(rf"{_OPEN}(.*?){_CLOSE}[.!]?\s*", marked, re.DOTALL):
        inner = _VALUE.fullmatch(found[1])
        return None if inner is None else _side(inner)
    return None


_SET_OFF = re.compile(
    r"[.!;,][\"')\]]?(?=\s|$)|\s?\(|\s[-\u2013]{1,3}\s|\s?\u2014|\s(?:because|since|as|due\sto|over|than|to|rather\sthan)\b"
)
_CONDITION = re.compile(
    r"\b(?:if|unless|provided|assuming|depends|depending|would|could|might|may|maybe|perhaps|possibly|probably)\b",
    re.IGNORECASE,
)
_UNSURE = re.compile(
    rf"[\s,.;:(\u2014-]*(?:(?:or|and|maybe|perhaps|possibly|if|unless|when|wait|no|nope|hmm|actually|sorry|rather(?!\sthan))\b|[?/&{F}{S}](?!\s\w))",
    re.IGNORECASE,
)


def _clear(value: re.Match[str], behind: str) -> bool:
    """Whether what follows a value on its line leaves it as it is."""
    rest = re.sub(rf"^{_CLOSE}", "", behind) if re.match(r"[\])}>\"']", behind) else behind
    if not rest.strip(" .!") or (
        (value["good"] or value["bad"] or value["tie"]) and re.match(r"\s?:\s?[\"']?\[\s?\[", rest)
    ):  # `A is better: [[A]]`
        return True
    apart = _SET_OFF.match(rest)
    if apart is None or _UNSURE.match(rest[apart.end() :] if apart[0] == "," else rest):
        return False
    rest = rest[apart.end() :].lstrip()
    if re.match(r"[^.!;\n\"]*\?", rest):
        return False
    if apart[0].strip() in ("over", "than", "to", "rather than"):
        if (
            value["tie"] or not re.match(rf"[{F}{S}]|the\sother\b", rest) or rest[0] == value["side"]
        ):  # than average, than itself
            return False
        rest = rest.removeprefix(F).removeprefix(S)
    sentence = re.split(r"[.!;]\s", rest, maxsplit=1)[0]
    opposite = re.match(r"[\s(]*not\b", sentence) is not None
    other = (
        re.match(r"\d|i\sguess", sentence, re.IGNORECASE)
        or re.search(rf"\bor\s[{F}{S}]", sentence)
        or (apart[0][0] not in ".!;" and _ONE_ASPECT.match(sentence))
        or any(one["who"] != value["side"] for one in _PRAISED.finditer(sentence))
        or re.search(rf",\s[{F}{S}]\s?(?:\(|$)", sentence)
        or any(one[1] != value["side"] for one in re.finditer(rf"^[\[(\"']*([{F}{S}])(?!\s\w)", sentence))
        or (not value["tie"] and _TIED.match(sentence))
        or TURNED.match(sentence)
        or GLUED.search(rest)
        or _praises_other(sentence, value["side"])
        or _is_foreign(sentence, value["side"])
    )
    return (not _CONDITION.search(sentence) or opposite) and not _UNSURE.match(sentence) and not other


_ONE_ASPECT = re.compile(
    rf"(?:(?:in|on|at|regarding|when|with)\s(?!general|conclusion|summary|short|the\send)|(?:{ASPECT})\s)",
    re.IGNORECASE,
)
_TIED = re.compile(
    r"[\s(]*(?:it\s?(?:is|'s)\s|they\sare\s|both\sare\s)?(?:a\s)?(?:tie|tied|draw|equal(?=\s?[.)!]|\s*$))\b",
    re.IGNORECASE,
)
_ENGLISH = re.compile(
    r"\b(?:an?|and|are|as|at|because|beats|better|both|but|by|did|does|fails|for|gives|had|has|have|in|is|it|its|lacks|less"
    r"|more|no|not|of|on|only|or|over|since|so|stops|than|that|the|this|to|was|were|while|which|wins|with|worse)\b",
    re.IGNORECASE,
)


def _is_foreign(remark: str, side: str | None) -> bool:
    """Whether a remark names the other answer in words that are no English: whatever it says of it is not known."""
    other = any(mark in remark for mark in (F, S) if mark != side)
    return other and re.search(r"[^\W\d_]{2,}", remark) is not None and _ENGLISH.search(remark) is None


_PRAISED = re.compile(rf"(?P<who>[{F}{S}])\s(?:is|was)\s{_ADVERBS}{_GOOD}(?![\w-])", re.IGNORECASE)


def _praises_other(text: str, side: str | None) -> bool:
    """Whether words of another language call the other answer better."""
    return any({"A": F, "B": S}.get(one["who"], one["who"]) != side for one in PRAISED.finditer(text))


# Explicit verdicts ----------------------------------------------------------------------------------------------------

_WINDOW = 200
"""Characters: as much is seen of the words before a verdict."""
_BRACKETS = re.compile(r"\[\s?\[([^\[\]\n]{0,80})\]\s?\]")
_ASIDE = re.compile(
    r"\b(?:if|unless|when|either|not|never|neither|instead\sof|rather\sthan|(?<!i\s)would|could|might|e\.g|example|such\sas"
    r"|format|(?:reply|respond|answer)\swith|options?\s(?:are|is))\b|n't\b",
    re.IGNORECASE,
)
_ASIDE_BEHIND = re.compile(
    r"\s?\(?(?:if|when|or|for|means?|would|could|is|was)\b|\s?[?/]|\s?,\s?(?:or\s)?\[\s?\[", re.IGNORECASE
)
_LISTED = re.compile(r"\bor\s?$|\]\s?\]\s?,\s?$", re.IGNORECASE)


def _doubled(marked: str) -> Iterator[Side | None]:
    """What stands in double brackets; None for what is no verdict there."""
    for line in marked.splitlines():
        for found in _BRACKETS.finditer(line):
            before, behind = line[max(0, found.start() - _WINDOW) : found.start()], line[found.end() :][:_WINDOW]
            sentence = re.split(r"[.!?;]\s", before)[-1]
            quoted = sentence.count('"') % 2 == 1 and '"' in behind and line.strip() != f'"{found[0]}"'
            if _ASIDE.search(sentence) or _ASIDE_BEHIND.match(behind) or _LISTED.search(before) or quoted:
                continue
            if NEGATED.search(sentence) or SHOWN.search(sentence) or SHOWN_BEHIND.match(behind):
                continue
            beside = _BRACKETS.findall(sentence + found[0] + re.split(r"[.!?;]\s", behind)[0])
            sides = {_bracketed(inner) for inner in beside}
            yield sides.pop() if len(sides) == 1 else None


def _bracketed(inner: str) -> Side | None:
    """The side that stands in double brackets; None: none."""
    value = _VALUE.fullmatch(inner.strip(" '\"()"))
    if value is None:
        return 0.5 if inner.strip() == "C" else None
    return _side(value)


_KEY = (
    r"(?:(?:my|the|final|overall|own)\s){0,3}(?:verdict|winner|decision|choice|pick|preference|vote|judge?ment|conclusion"
    r"|evaluation|assessment|ranking|result|answer|output"
    r"|(?:better|best|preferred|superior|stronger|chosen|selected|winning)(?:\s(?:answer|assistant|response|output|model|completion|candidate|reply|option|choice|one))?"
    rf"|{NAMES})"
)
_LEAD = r"(?:(?:so|therefore|thus|hence|overall|in\s(?:conclusion|summary|short)|finally|to\sconclude),?\s(?:that\s)?)?"
_KEYED = re.compile(
    rf"(?:^|(?<=[.!?;]\s))[\s#>*\"'({{\u2022-]{{0,9}}{_LEAD}(?P<key>{_KEY})[\"')]?\s?"
    rf"(?P<sep>[:=]|\s?[\u2013\u2014-]\s|is\b\s?:?|goes\sto\b)\s{{0,9}}",
    re.IGNORECASE | re.MULTILINE,
)
_CLOSING = re.compile(rf"(?:^|[\s,;.])(?:so|therefore|thus|hence),?\s{_OPEN}$", re.IGNORECASE)


def _keyed(marked: str) -> Iterator[Side | None]:
    """What lines and sentences name that say they give the verdict."""
    for found in _KEYED.finditer(marked):
        place = found.end()
        opened = re.compile(_OPEN).match(marked, place)
        assert opened is not None  # it may be empty
        value = _VALUE.match(marked, opened.end())
        line = marked[place:].split("\n", 1)[0]
        if value is None:
            strict = re.search(r"verdict|winner", found["key"], re.IGNORECASE) and found["sep"][:1] in ":="
            named = any(mark in line for mark in (F, S)) or re.search(r"\b(?:tie|draw|equal)", line)
            if strict and line.strip(" .*") and not named:
                yield None
        elif _clear(value, marked[value.end() :].split("\n", 1)[0]):
            yield _side(value)
        elif found["sep"][:1] in ":=" or not re.match(
            r"\s?[.,]?\s?(?:at|in|on|for|with|when|if)\b", marked[value.end() :]
        ):
            yield None


_CHOSEN = re.compile(
    r"\bI(?:'d|\swould|\swill|'ll|\smust|\shave\sto)?\s(?:(?:\w{2,12}ly|therefore|thus|hence|would)\s){0,2}"
    r"(?:choose|chose|pick|select|prefer|favou?r|vote\sfor|go\swith|say|judge|declare|conclude)\s(?:that\s)?",
)


def _chosen(marked: str) -> Iterator[Side]:
    """What the judge says to choose."""
    for found in _CHOSEN.finditer(marked):
        value = _VALUE.match(marked, found.end())
        if value is not None and not _weak_before(marked, found.start()) and _clear(value, _rest(marked, value.end())):
            side = _side(value)
            if side is not None:
                yield side


def _rest(marked: str, place: int) -> str:
    return marked[place : place + _WINDOW].split("\n", 1)[0]


_HEAD = re.compile(rf"[\s#>*+\u2022-]{{0,9}}{_OPEN}")


def _alone(marked: str) -> Iterator[Side | None]:
    """A label with which the answer begins, set off from the rest, and one that is all of its first or last line."""
    lines = [line for line in marked.splitlines() if re.search(rf"[^\W_]|[{F}{S}]", line)]
    if not lines or _lists(marked):
        return
    head = _HEAD.match(lines[0])
    value = None if head is None else _VALUE.match(lines[0], head.end())
    if value is not None and (value["side"] is None or len(value[0]) == 1 or value["good"] or value["bad"]):
        remark = lines[0][value.end() :]
        set_off = _SET_OFF.match(remark.lstrip("])}>\"'"))
        if set_off and any(one["who"] != value["side"] for one in _PRAISED.finditer(remark)):
            yield None
        elif _clear(value, remark):
            yield None if _praises_other("\n".join(lines[1:]), value["side"]) else _side(value)
    for line in lines[1:]:
        head = _HEAD.match(line)
        value = None if head is None else _VALUE.match(line, head.end())
        if value is not None and re.fullmatch(rf"{_CLOSE}[.!]*\s*", line[value.end() :]):
            yield _side(value)
    last = lines[-1]
    for value in _VALUE.finditer(last):
        if re.fullmatch(rf"{_CLOSE}[.!]*\s*", last[value.end() :]) and _CLOSING.search(last[: value.start()]):
            yield _side(value)


_ITEMS = [
    re.compile(
        rf"(?:^|(?<=[.!?;:,]\s))[\s#>*+\u2022(\[-]{{0,9}}{mark}[\])]?\s?[:.)\u2013\u2014-](?=\s|$)",
        re.MULTILINE,
    )
    for mark in (F, S)
]


def _lists(marked: str) -> bool:
    """Whether both answers stand as items of a list: then a label at a beginning is a heading."""
    return all(item.search(marked) for item in _ITEMS)


# Sentences ------------------------------------------------------------------------------------------------------------

_SUBJECT = re.compile(
    rf"""(?:^|[.,;:!?)\]\u2014]\s{{0,3}}|\n\s*|\b(?:that|so|thus|therefore|hence|overall|and|but|while|believe|think|say|conclude|find|is)\s)
        [\s#*"'(>-]{{0,6}}(?P<who>[{F}{S}])(?:'s\s(?:answer|response|output))?\s
        (?:(?:is|was)\s(?:{_ADVERBS})(?:(?P<good>{_GOOD})|(?P<bad>{_BAD}))(?![\w-])
          |(?:clearly\s|easily\s|narrowly\s|just\s)?(?:(?P<wins>wins|beats|outperforms|surpasses)|(?P<loses>loses))\b
          |(?P<sign>>>|>|<<|<)\s(?=[{F}{S}]))""",
    re.IGNORECASE | re.VERBOSE,
)
_TIES = re.compile(
    rf"""(?:^|[.,;!]\s|\n\s*|\b(?:so|therefore|thus|overall|that)\s)
         (?:(?:it|this)\s?(?:is|'s)\sa\s(?:tie|draw)|(?:they|both(?:\sanswers|\sresponses)?|{F}\sand\s{S}|{S}\sand\s{F}|the\stwo(?:\sanswers|\sresponses)?)\sare\s(?:tied|equal|equally\sgood))
         \s{{0,3}}(?=[.!]|$)""",
    re.IGNORECASE | re.VERBOSE | re.MULTILINE,
)
_WHOLE = re.compile(
    rf"\s?(?:[.!;\"')\]—-]|$|,\s(?:as|because|since|while|whereas|so|and\s(?:so|therefore))\b"
    rf"|(?:overall|here|though|however|anyway|because|since|as|due\sto|for\s(?:this|these|the\sfollowing)\sreasons?|and\s(?:{S}|{F})\s(?:is|was)\s(?:worse|weaker|inferior))\b"
    rf"|(?:answer|one|response|output|choice|of\sthe\stwo)\b\s?(?:though\b|[.!;]|$|overall|because|since|as\b|for\sthe\sinstruction|between)"
    rf"|(?:than|over|to)?\s?[{F}{S}]\s?(?:overall\s?)?(?:[.!;,\"')—-]|$|because|since|as\b))",
    re.IGNORECASE,
)
_WEAK_CLAUSE = re.compile(
    r"\b(?:not|never|neither|nor|no|hardly|whether|although|though|while|whereas|even|despite|some|one\smight|argue\w*|claims?|says?|states?|suggests?|arguably|perhaps|maybe|possibly|either|which|where|when|what|asks?)\b|n't\b",
    re.IGNORECASE,
)
_WEAK_SENTENCE = re.compile(
    r"\b(?:if|unless|would|could|might|may|were|had|at\sfirst|initially|suppose|imagine|assuming|provided\sthat|depending"
    r"|quot\w*|ask(?:s|ed)?)\b",
    re.IGNORECASE,
)
_SUMMARY = re.compile(
    r"in\s(?:conclusion|summary|short|total|general|the\send|my\s(?:opinion|view|judge?ment))|overall|on\s(?:balance|the\swhole)"
    r"|for\s(?:this|these|that)\sreasons?|as\sa\sresult|all\sin\sall|based\son|given\s|considering|taking|after|therefore|thus|hence|so\b",
    re.IGNORECASE,
)
_ASPECT = re.compile(r"[\s#*+\u2022-]*(?:\d+[.)]\s)?(?:in|on|for|regarding|with|when|as|from|at|by)\b", re.IGNORECASE)
_HEADING = re.compile(r"[\s#*+\u2022-]*(?:\d+[.)]\s)?(?P<head>[\w /&'-]{1,40}?)\s?[:\u2013\u2014]\s")


def _weak_before(marked: str, place: int) -> bool:
    """Whether the words before a sentence's verdict make it one of an aspect, a condition, a quotation or a denial."""
    seen = marked[max(0, place - _WINDOW) : place]
    line = seen.rsplit("\n", 1)[-1]
    sentence = re.split(r"[.!?]\s", line)[-1]
    clause = re.split(r"[,;]\s", sentence)[-1]
    heading = _HEADING.match(line)
    named = (
        heading is not None
        and re.fullmatch(_KEY + r"|overall|final|summary|bottom line|therefore", heading["head"].strip(), re.IGNORECASE)
        is None
    )
    aspect = _ASPECT.match(sentence) is not None and not _SUMMARY.match(sentence.lstrip(" #*+-"))
    return bool(
        named or aspect or _WEAK_CLAUSE.search(clause) or _WEAK_SENTENCE.search(sentence) or sentence.count('"') % 2
    )


_REASON = re.compile(r"[.!;]|\b(?:as|because|since|so)\b", re.IGNORECASE)


def _sentences(marked: str) -> Iterator[Side]:
    """What sentences say of the answers as a whole."""
    for found in _SUBJECT.finditer(marked):
        start = found.start("who")
        behind = marked[found.end() : found.end() + _WINDOW].split("\n", 1)[0]
        first = found["who"] == F
        if found["sign"]:
            if behind[:1] == found["who"] or not re.match(r".\s?(?:[.!,;]|$)", behind):
                continue
            turned = found["sign"].startswith("<")
        else:
            if not _WHOLE.match(behind) or re.match(rf"\s?(?:than|over)?\s?{found['who']}", behind):
                continue
            turned = bool(found["bad"] or found["loses"])
        if _weak_before(marked, start) or re.match(r"[^.!;\n\"]*\?", behind):
            continue
        if _CONDITION.search(_REASON.split(behind, maxsplit=1)[0]):
            continue
        yield float(first != turned)
    for found in _TIES.finditer(marked):
        if not _weak_before(marked, found.start() + 1):
            yield 0.5


_DOUBTED = re.compile(rf"\b(?:or|is\sit|maybe|perhaps)\b[^.!;]{{0,20}}[{F}{S}][^.!;]{{0,20}}\?\s*$", re.IGNORECASE)
_STRUCK = re.compile(r"~~[^~\n]{1,80}~~|<(?:s|del|strike)>", re.IGNORECASE)
