"""Words that anybody may have written, made safe to show: on a terminal, in a log, in a table, in an error message.

What steers a terminal, reorders a line or cannot be seen is shown as `?`, a character each:

control characters          C0, DEL and C1: escape sequences, carriage returns, backspaces
line ends                   U+2028, U+2029, and `\\n` where a line is one line
direction                   U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069
invisible                   Unicode's Default_Ignorable_Code_Point: zero width, tags, fillers, variation selectors
without a meaning           private use, noncharacters, halves of surrogate pairs

Two kinds of invisible characters stay where a script needs them, and nowhere else: a joiner (ZWJ, ZWNJ) between letters
of Arabic's family, beside a virama (Devanagari, Sinhala and their kin) or between emoji; and one variation selector
behind an emoji, a symbol, a digit or an ideograph. Marks that are piled on one character are shown up to MOST_MARKS.
"""

import re
import unicodedata
from collections.abc import Callable

_ASCII_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SUSPECT = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ue000-\uf8ff\ufdd0-\ufdef\ufff9-\ufffb\ufffe\uffff"
    # Default_Ignorable_Code_Point (Unicode 16, DerivedCoreProperties.txt), reserved code points with it
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    # private planes
    r"\U000f0000-\U0010ffff]"
)
_JOINERS = "\u200c\u200d"
_VARIANT = re.compile("[\ufe00-\ufe0f\u180b-\u180d\u180f\U000e0100-\U000e01ef]")
_MARKED = re.compile(r"[^\x00-\u02ff]{9,}")
"""Where a pile of marks may be: none of them lies below U+0300, and it takes more than MOST_MARKS."""
MOST_MARKS = 8
"""Marks on one character: Tibetan has stacks of that many, no other script has."""
_VIRAMA = 9
"""The canonical combining class of the sign that takes a consonant's vowel away."""


def one_line(text: str) -> str:
    """A label, a name or a message as one line; a line end in it is shown as `?`."""
    return _shown(text, lambda letter: "?")


def block(text: str) -> str:
    """Several lines; a tab is shown as spaces."""
    return _shown(text.expandtabs(), lambda letter: letter if letter == "\n" else "?")


def escaped(text: str) -> str:
    r"""Several lines of words that are to be read as they are: what would be `?` is written as its code, `\u001b`."""
    return _shown(text, lambda letter: letter if letter == "\n" else _code(letter))


def revealed(text: str, instead: Callable[[str], str]) -> str:
    """Several lines; a tab is shown as spaces, and what would be `?` as `instead` says."""
    plain = text.replace("\r\n", "\n").expandtabs()
    return _shown(plain, lambda letter: letter if letter == "\n" else instead(letter))


def _code(letter: str) -> str:
    return f"\\u{ord(letter):04x}" if letter <= "\uffff" else f"\\U{ord(letter):08x}"


def _shown(text: str, instead: Callable[[str], str]) -> str:
    if text.isascii():
        return _ASCII_CONTROL.sub(lambda found: instead(found[0]), text)
    text = _SUSPECT.sub(lambda found: found[0] if _belongs(text, found.start()) else instead(found[0]), text)
    return _MARKED.sub(lambda found: _without_piles(found[0], instead), text)


def _belongs(text: str, place: int) -> bool:
    """Whether an invisible character does what its script needs it for."""
    letter, before, after = text[place], text[place - 1 : place], text[place + 1 : place + 2]
    if not before:
        return False
    if letter in _JOINERS:
        return _joins(before, after)
    if not _VARIANT.match(letter) or _SUSPECT.match(before):
        return False
    if letter < "\u2000":  # Mongolian
        return "\u1800" <= before <= "\u18af"
    if unicodedata.name(before, "").startswith("CJK"):
        return True
    return letter < "\uffff" and (unicodedata.category(before)[0] in "SNP" or before == "\N{INFORMATION SOURCE}")


def _joins(before: str, after: str) -> bool:
    if not after:
        return unicodedata.combining(before) == _VIRAMA
    return (
        _VIRAMA in (unicodedata.combining(before), unicodedata.combining(after))
        or (_is_arabic(before) and _is_arabic(after))
        or (_is_pictured(before) and _is_pictured(after))
    )


def _is_arabic(letter: str) -> bool:
    """Of a script whose letters join: Arabic's family, or a mark on one of them."""
    return unicodedata.bidirectional(letter) in ("AL", "NSM") and not _SUSPECT.match(letter)


def _is_pictured(letter: str) -> bool:
    """Part of an emoji: a symbol, its skin tone, its variation selector."""
    known = unicodedata.category(letter)
    return (
        known in ("So", "Sm", "Sk") or letter == "\ufe0f" or (known == "Cn" and "\U0001f000" <= letter < "\U00020000")
    )


def _without_piles(text: str, instead: Callable[[str], str]) -> str:
    kept, marks = [], 0
    for letter in text:
        marks = marks + 1 if unicodedata.category(letter) in ("Mn", "Me") else 0
        kept.append(letter if marks <= MOST_MARKS else instead(letter))
    return "".join(kept)
