"""Keys and passwords, taken out of whatever is kept or shown: the one place that does it.

A text is looked at as it is, and as the characters that its escapes stand for. Only letters and digits are compared,
in either case: what stands between them, or how a text is cut into parts, hides nothing. Whoever holds a key can still
write it in a cipher of his own; recognised here is every spelling that programs make by themselves.
"""

import os
import re
import unicodedata
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from urllib.parse import unquote

MARK = "***"
"""What stands in a secret's place."""
LONG = 8
"""Letters and digits from which on a secret is recognised in any spelling."""
SHORT = 4
"""Characters from which on a shorter one is recognised, as a word of its own."""
STAND_INS = (
    *("empty", "none", "null", "true", "false", "test", "default", "dummy", "dummykey", "fake", "unused", "anything"),
    *("nokey", "noapikey", "nokeyrequired", "sknokeyrequired", "notneeded", "notrequired", "placeholder", "whatever"),
    *("localhost", "lmstudio", "ollama", "llamacpp", "vllm", "tokenabc123"),
)
"""Keys, by their letters and digits, that are given to servers without keys: words of their own, and no secrets."""

_LOWER = bytes(range(256)).lower()
_OTHERS = bytes(code for code in range(256) if not (chr(code).isascii() and chr(code).isalnum()))
_BACKSLASHES = re.compile(r"\\{2,}")
_ESCAPE = re.compile(
    r"\\(?:u\{?0{0,4}([0-9a-f]{2})(?![0-9a-f])\}?|u00([0-9a-f]{2})|x([0-9a-f]{2})|([0-7]{3}))"
    r"|[%=]([0-9a-f]{2})|&#(?:x0{0,6}([0-9a-f]{2})|0{0,6}([0-9]{2,3}));?",
    re.IGNORECASE,
)
_FOREIGN = re.compile(r"[^\x00-\x7f]+")
_MIXED = re.compile(r"[A-Za-z][^A-Za-z]|[^A-Za-z][A-Za-z]")
_ROUNDS = 3
"""Times a text is unescaped: a string within JSON within a string."""


class Secrets:
    """Some keys and passwords.

    One of 8 letters and digits or more is recognised in every spelling, wherever it stands; a shorter one only as it
    is, as a word of its own, and if it is no word of letters and no number. All others, and STAND_INS, are no secrets:
    answers may well hold them, and would say something else without them.
    """

    def __init__(self, values: Iterable[str]) -> None:
        given = dict.fromkeys(form for one in values for form in (one.strip(), unquote(one.strip())))
        told = [one for one in given if len(one) >= SHORT and letters(one).decode() not in STAND_INS]
        self._literal = sorted((one for one in told if len(letters(one)) >= LONG), key=len, reverse=True)
        shorter = [re.escape(one) for one in told if len(letters(one)) < LONG and _MIXED.search(one)]
        self._words = re.compile(rf"(?<!\w)(?:{'|'.join(shorter)})(?!\w)") if shorter else None
        self._needles = sorted({form for one in self._literal for form in _encoded(one)}, key=lambda one: -len(one))

    def __bool__(self) -> bool:
        return bool(self._literal or self._words)

    def within(self, text: str) -> bool:
        """Whether a text holds one, in any spelling."""
        return self._spelt(text) is not None or (self._words is not None and self._words.search(text) is not None)

    def hidden(self, text: str, mark: str = MARK) -> str:
        """A text with `mark` in the place of each secret."""
        for secret in self._literal:
            text = text.replace(secret, mark)
        if self._words is not None:
            text = self._words.sub(lambda _: mark, text)
        if self._spelt(text) is None:
            return text
        for start, end in reversed(self.spans(text)):
            text = text[:start] + mark + text[end:]
        return mark if self._spelt(text) is not None else text

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where secrets stand in a text, in order and apart, each from its first character to behind its last."""
        found = [] if self._words is None else [match.span() for match in self._words.finditer(text)]
        rounds = self._spelt(text)
        if rounds is not None:
            plain, places = _unescaped(text, rounds)
            for needle in self._needles:
                spans = (match.span() for match in _locator(needle).finditer(plain))
                found += [(places[start], places[end]) for start, end in spans]
        merged: list[tuple[int, int]] = []
        for start, end in sorted(found):
            if merged and start < merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((start, end))
        return merged

    def _spelt(self, text: str) -> int | None:
        """How many times a text is to be unescaped for a long secret to be in it; None: there is none."""
        if not self._needles:
            return None
        for done in range(_ROUNDS):
            found = letters(text)
            if any(needle in found for needle in self._needles):
                return done
            if not any(mark in text for mark in "\\%&="):
                return None
            plain = _ESCAPE.sub(_character, _BACKSLASHES.sub(r"\\", text))
            if plain == text:
                return None
            text = plain
        return None


def letters(text: str) -> bytes:
    """The letters and digits of a text, without accents and in lower case."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text)
    return text.encode("utf-8", "replace").translate(_LOWER, _OTHERS)


def _unescaped(text: str, rounds: int) -> tuple[str, list[int]]:
    """A text unescaped so many times, as ASCII; and where in the text each of its characters comes from, and its
    end."""
    places = list(range(len(text) + 1))
    for _ in range(rounds):
        text, places = _replaced(_BACKSLASHES, lambda found: "\\", text, places)
        text, places = _replaced(_ESCAPE, _character, text, places)
    return _replaced(_FOREIGN, lambda found: unicodedata.normalize("NFKD", found[0]), text, places)


def _replaced(
    pattern: re.Pattern[str], new: Callable[[re.Match[str]], str], text: str, places: list[int]
) -> tuple[str, list[int]]:
    parts: list[str] = []
    kept: list[int] = []
    last = 0
    for found in pattern.finditer(text):
        instead = new(found)
        parts += [text[last : found.start()], instead]
        kept += places[last : found.start()] + [places[found.start()]] * len(instead)
        last = found.end()
    return "".join([*parts, text[last:]]), kept + places[last:]


def _encoded(secret: str) -> Sequence[bytes]:
    """A secret as letters and digits: as it is, in hexadecimal digits, and in base64 wherever in a text it stood."""
    raw = secret.encode()
    found = [letters(secret), raw.hex().encode()]
    for before in range(3):
        # The first characters also tell of what stands before it, the last ones of what follows.
        inner = b64encode(b"\0" * before + raw)[(0, 2, 3)[before] : (before + len(raw)) * 8 // 6]
        found.append(letters(inner.decode()))
    return [one for one in found if len(one) >= LONG]


@lru_cache(maxsize=256)
def _locator(needle: bytes) -> re.Pattern[str]:
    """Where these letters and digits stand in a text, whatever is between them."""
    return re.compile(r"[^0-9A-Za-z]*+".join(f"[{one}{one.upper()}]" for one in needle.decode()))


def _character(found: re.Match[str]) -> str:
    *sixteen, ten = (found[number] for number in (1, 2, 3, 5, 6, 7))
    code = int(found[4], 8) if found[4] else int(ten) if ten else int(next(one for one in sixteen if one), 16)
    return chr(code) if code < 128 else " "


# Of this process ------------------------------------------------------------------------------------------------------

_SECRET_NAME = re.compile(r"(?:^|_)(?:API_?KEY|ACCESS_?KEY|SECRET_?KEY|SECRET|TOKEN|PASSWORD|PASSWD)$", re.IGNORECASE)
_ADDRESS_NAME = re.compile(r"(?:^|_)(?:PROXY|URL|ENDPOINT)$", re.IGNORECASE)
_USER = re.compile(r"://([^/?#\s@]+)@")
_FURTHER: dict[str, None] = {}
"""Names of environment variables that hold keys, whatever they are called."""


def note_key(name: str) -> None:
    """Remember that an environment variable holds a key."""
    _FURTHER[name] = None


def fault_of_name(name: str) -> str | None:
    """Why this is no name of a variable that holds a key, to follow the name of the setting; None: it is one."""
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,99}", name) and (name in os.environ or not _like_a_key(name)):
        return None
    return "must be the name of an environment variable, as OPENAI_API_KEY, and not a key; set that variable to the key"


def _like_a_key(name: str) -> bool:
    return len(name) >= 20 and name != name.upper() and any(letter.isdigit() for letter in name)


def known() -> tuple[str, ...]:
    """Keys that this process knows of, by the names of variables; and names and passwords in addresses."""
    return tuple(value for _, value in _known())


def known_by_name() -> Iterator[tuple[str, Secrets]]:
    """The same by the variables that hold them."""
    for name, value in _known():
        yield name, _secrets((value,))


def _known() -> Iterator[tuple[str, str]]:
    for name, value in os.environ.items():
        if (name in _FURTHER or _SECRET_NAME.search(name)) and not os.path.isabs(value):
            yield name, value
        elif _ADDRESS_NAME.search(name) and (user := _USER.search(value)):
            yield name, user[1].partition(":")[2] or user[1]
            yield name, b64encode(unquote(user[1]).encode()).decode()


@lru_cache(maxsize=64)
def _secrets(values: tuple[str, ...]) -> Secrets:
    return Secrets(values)


def of_environment() -> Secrets:
    """What this process knows of now."""
    return _secrets(known())


def withheld(text: str, mark: str = MARK) -> str:
    """A text without the keys that this process knows of."""
    return of_environment().hidden(text, mark)
