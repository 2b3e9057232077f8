"""The words of a text in any language: what filters count, what ROUGE-L compares, what overlap is looked for in.

A word is a run of letters, marks and digits, in lower case, in one spelling of those that Unicode has for it. Scripts
that put no spaces between words give smaller units: a Chinese character, a pair of neighbouring kana (a run of katakana
is one word), a pair of neighbouring Thai, Lao, Khmer or Burmese letters with their marks.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from typing import NamedTuple

_ASCII = re.compile(r"[a-z0-9]+")
APOSTROPHES = "'`\u2018\u2019\u201b\u02bb\u02bc"
"""Signs within a word, however they are typed: Ukrainian has three of them, Uzbek another three."""
_APOSTROPHES = str.maketrans("", "", APOSTROPHES)
_SPLIT_THERE = str.maketrans(dict.fromkeys(APOSTROPHES, " "))

LETTERS_A_WORD = 5
"""Letters of an English word on average; beyond English, where words are longer, so many count as one, too."""

HAN = "\u3005\u3007\u3021-\u3029\u3105-\u312f\u31a0-\u31bf\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
"""Chinese characters, and bopomofo: one is one unit."""
HIRAGANA = "\u3041-\u3096\u309d-\u309f"
SOUTH_EAST = (
    "\u0e01-\u0e3a\u0e40-\u0e4e"  # Thai, without its digits
    "\u0e81-\u0ece\u0edc-\u0edf"  # Lao
    "\u1000-\u103f\u1050-\u108f\u109a-\u109f\ua9e0-\ua9ef\ua9fa-\ua9fe\uaa60-\uaa7f"  # Burmese, Shan
    "\u1780-\u17d3\u17d7\u17dc\u17dd"  # Khmer
    "\u1950-\u1974\u1980-\u19c9\u1a20-\u1a7f\uaa80-\uaadf"  # Tai Le, New Tai Lue, Tai Tham, Tai Viet
    "\ua980-\ua9c0\u1b00-\u1b4b"  # Javanese, Balinese
)


class _Characters(NamedTuple):
    """Characters of a script without spaces for one word: of the shortest words, and on average."""

    least: float
    mean: float


_A_WORD: Mapping[str, _Characters] = {
    "han": _Characters(1, 1.6),
    "hiragana": _Characters(2, 2.5),
    "south_east": _Characters(2, 3.5),
}


class Length(NamedTuple):
    """How many words a text has; where they are not written apart, between which bounds."""

    at_most: int
    about: int


def words(text: str) -> list[str]:
    """The words (units, where a script has no spaces) of a text, in order; apostrophes part words, as in ROUGE.

    Of ASCII text these are the tokens of ROUGE's own tokenizer without stemming.
    """
    if text.isascii():
        return _ASCII.findall(text.lower())
    found: list[str] = []
    for match in _patterns().run.finditer(_folded(text.translate(_SPLIT_THERE))):
        if match.lastgroup in ("hiragana", "south_east"):
            found += _pairs(match[0])
        else:
            found.append(match[0])
    return found


def joined(text: str) -> list[str]:
    """The same with apostrophes dropped, so that what differs in them only has the same words."""
    return words(text.translate(_APOSTROPHES))


def length(text: str) -> Length:
    """How many words a text has, between spaces; of a script without spaces the characters, divided by a word's number.

    Of ASCII text both bounds are the words between spaces.
    """
    at_most = about = 0.0
    if text.isascii():
        return Length(number := len(text.split()), number)
    for part in text.split():
        found = list(_patterns().run.finditer(unicodedata.normalize("NFKC", part)))
        spaced = False
        for match in found:
            kind = match.lastgroup or ""
            if kind in _A_WORD:
                letters = len(_letters(match[0]))
                at_most += letters / _A_WORD[kind].least
                about += letters / _A_WORD[kind].mean
            else:
                spaced = True
        # What stands between two spaces is one word, `e.g.` and `don't` too, and so is a sign that stands alone.
        if spaced or not found:
            at_most += 1
            about += 1
    if about >= 2:  # Russian says in two words what `tell a joke` says in three
        at_most = max(at_most, sum(map(str.isalpha, text)) // LETTERS_A_WORD)
    return Length(int(at_most), -int(-about // 1))


def starts_a_text(text: str) -> bool:
    """A letter or a digit of any script comes first, or a mark that opens a sentence outside English.

    ASCII punctuation, and its full-width forms, is what a torn-off piece begins with.
    """
    first = text[:1]
    if first.isalnum():
        return True
    opening = first in "\u00bf\u00a1" or unicodedata.category(first or " ") in ("Ps", "Pi", "Pf")
    return opening and not unicodedata.normalize("NFKC", first).isascii()


class _Patterns(NamedTuple):
    run: re.Pattern[str]
    """One word of a script with spaces, one Chinese character, or a run of a script without spaces."""
    cluster: re.Pattern[str]
    """A letter with its marks."""
    left_out: re.Pattern[str]
    """Characters that no spelling depends on."""
    digit: re.Pattern[str]


@cache
def _patterns() -> _Patterns:
    # `\w` leaves marks out, so that a Hindi word would end at each of its vowels.
    marks = _ranges("Mn", "Mc")
    letter = rf"(?:[^\W_{HAN}{HIRAGANA}{SOUTH_EAST}]|[{marks}])"
    return _Patterns(
        run=re.compile(
            rf"(?P<han>[{HAN}])|(?P<hiragana>[{HIRAGANA}](?:[{HIRAGANA}{marks}]|\u30fc)*)"
            rf"|(?P<south_east>[{SOUTH_EAST}](?:[{SOUTH_EAST}]|[{marks}])*)|(?P<spaced>{letter}+)"
        ),
        cluster=re.compile(rf"[^{marks}][{marks}]*|[{marks}]+"),
        # Format characters (soft hyphen, joiners, directions), variation selectors, the Arabic stretching sign, and the
        # vowel points that Arabic and Hebrew are mostly written without.
        left_out=re.compile(
            rf"[{_ranges('Cf')}\ufe00-\ufe0f\U000e0100-\U000e01ef\u0640\u064b-\u065f\u0670\u06d6-\u06ed\u0591-\u05bd"
            r"\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7]"
        ),
        digit=re.compile(r"[^\W0-9]"),
    )


def _ranges(*categories: str) -> str:
    """The characters of these Unicode categories, as they are written within the brackets of a pattern."""
    found: list[list[int]] = []
    for code in range(0x1FFFF):  # the supplementary planes behind it hold no marks but variation selectors
        if unicodedata.category(chr(code)) in categories:
            if found and found[-1][1] == code - 1:
                found[-1][1] = code
            else:
                found.append([code, code])
    return "".join(f"{re.escape(chr(first))}-{re.escape(chr(last))}" for first, last in found)


def _folded(text: str) -> str:
    """One spelling of what is spelt alike: composed, without case, ASCII digits, no character that may be left out."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    text = _patterns().left_out.sub("", text)
    # Turkish has two letters i; whoever writes in capitals, or on another keyboard, mixes them.
    text = text.replace("i\u0307", "i").replace("\u0131", "i")
    return _patterns().digit.sub(_ascii_digit, text)


def _ascii_digit(found: re.Match[str]) -> str:
    digit = unicodedata.decimal(found[0], None)
    return found[0] if digit is None else str(digit)


def _letters(run: str) -> list[str]:
    return _patterns().cluster.findall(run)


def _pairs(run: str) -> Iterator[str]:
    """Neighbouring letters of a run, two by two; a run of one letter is that letter."""
    letters = _letters(run)
    if len(letters) == 1:
        yield run
    for first, second in pairwise(letters):
        yield first + second
