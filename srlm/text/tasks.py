"""The mark of a numbered task, `Task 9:`, as models write it back in any language."""

import re

WORDS = (
    # Asked in English for `Task 9:`, a model that goes on in another language sometimes translates the mark.
    *("task", "aufgabe", "t\u00e2che", "tarea", "tarefa", "compito", "taak", "opdracht", "uppgift", "opgave", "oppgave"),
    *("teht\u00e4v\u00e4", "zadanie", "\u00fakol", "\u00faloha", "feladat", "sarcin\u0103", "sarcina", "zadatak"),
    *("naloga", "u\u017eduotis", "uzdevums", "\u00fclesanne", "g\u00f6rev", "tugas", "nhi\u1ec7m v\u1ee5", "b\u00e0i t\u1eadp"),
    *("\u0437\u0430\u0434\u0430\u0447\u0430", "\u0437\u0430\u0434\u0430\u043d\u0438\u0435"),  # Russian, Bulgarian
    *("\u0437\u0430\u0432\u0434\u0430\u043d\u043d\u044f", "\u0437\u0430\u0434\u0430\u0442\u0430\u043a"),  # Ukrainian, Serbian
    *("\u03b5\u03c1\u03b3\u03b1\u03c3\u03af\u03b1", "\u03ac\u03c3\u03ba\u03b7\u03c3\u03b7"),  # Greek
    *("\u05de\u05e9\u05d9\u05de\u05d4", "\u0627\u0644\u0645\u0647\u0645\u0629", "\u0645\u0647\u0645\u0629"),  # Hebrew, Arabic
    *("\u0648\u0638\u06cc\u0641\u0647", "\u062a\u06a9\u0644\u06cc\u0641"),  # Persian
    *("\u0915\u093e\u0930\u094d\u092f", "\u091f\u093e\u0938\u094d\u0915", "\u0995\u09be\u099c"),  # Hindi, Bengali
    *("\u4efb\u52a1", "\u4efb\u52d9", "\u30bf\u30b9\u30af", "\u8ab2\u984c"),  # Chinese, Japanese
    *("\uacfc\uc81c", "\uc791\uc5c5", "\u0e07\u0e32\u0e19"),  # Korean, Thai
)  # fmt: skip
MARK = re.compile(
    rf"^[ \t>#*_-]*(?:{'|'.join(WORDS)})[ \t\u00a0]*#?(\d{{1,6}})[ \t\u00a0*_]*[:.)\uff1a\uff0e\uff09\u3001][ \t\u3000*_]*",
    re.IGNORECASE | re.MULTILINE,
)
"""At the start of a line; its group is the number, in the digits of any script."""
NUMBERING = re.compile(
    r"^\s*(?:\d{1,6}[.):\uff0e\uff09\uff1a\u3001]|[-*\u2022\u30fb\uff0d])[\s\u3000]+|^\s*\d{1,6}[\uff0e\uff09\uff1a\u3001]"
)
"""What a list puts before its item. A full-width mark needs no space behind it."""
INVISIBLE = "\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\u061c\ufeff"
"""Directions and spaces without width, which models put around right-to-left text."""
QUOTES = {'"': '"', "\u201c": "\u201d", "\u201e": "\u201c", "\u00ab": "\u00bb", "\u300c": "\u300d"}
"""Opening -> closing sign of a task that is quoted as a whole."""
