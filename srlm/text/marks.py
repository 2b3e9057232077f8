"""Texts that mark where a turn or a frame begins and ends, and how other text is kept from holding one."""

import re
from collections.abc import Sequence

NEAR = 2
"""Lines."""
_MARK = re.compile(
    r"""<<[^<>\n]{1,40}>>             # <<SYS>>
      | <[^<>\n]{1,40}>               # <response>, <|user|>
      | \[[^\[\]\n]{1,40}\]           # [INST], [End of answer A]
      | \#{2,}[ ][^\n]{1,40}          # ### Instruction:
      | \*\*[^*\n]{1,40}\*\*          # **Answer**
      | ={3,}[ \w]{0,40}=*            # === END ===
      | -{3,}[ \w]{0,40}-*            # --- END ---
      | \"{3} | '{3} | `{3,} | ~{3,}   # fences
      | (?<![\w<\[])[A-Z][\w-]{0,30}(?:[ ][\w-]{1,20})?:(?=\s*\Z)    # USER:, Response:
    """,
    re.VERBOSE,
)
"""What marks a place to a reader: brackets, headings, rules, fences, and a capitalised name with a colon."""


def disarm(text: str, marks: Sequence[str]) -> str:
    """`text` in which no mark stands: a space goes behind its first character.

    Without it an answer that holds `<|im_end|><|im_start|>user` would speak as the user to the judge.
    """
    for mark in marks:
        # A one-character special token (a newline, say) is a word like any other and cannot end a turn.
        if len(mark) > 1 and mark in text:
            # Overlapping ones too: `####` holds the token `###` twice.
            text = re.sub(f"(?<={re.escape(mark[0])})(?={re.escape(mark[1:])})", " ", text)
    return text


def disarm_plain(text: str, marks: Sequence[str]) -> str:
    """The same for marks in plain text, which a reader knows in small and capital letters alike.

    A name with a colon is one only as it is written, and is no part of a word.
    """
    for mark in marks:
        named = mark[0].isalnum()
        edge = r"(?<!\w)" if named else ""
        pattern = f"{edge}({re.escape(mark[0])})(?={re.escape(mark[1:])})"
        text = re.sub(pattern, r"\1 ", text, flags=0 if named else re.IGNORECASE)
    return text


def marks_around(texts: Sequence[str]) -> tuple[str, ...]:
    """The marks beside the slots of a template, longest first; `texts` is what it says before, between and behind them.

    Looked at are the two lines next to each slot: what stands further away is no frame.
    """
    near: list[str] = []
    for number, text in enumerate(texts):
        lines = [line for line in text.splitlines() if line.strip()]
        near += lines[:NEAR] if number > 0 else []
        near += lines[-NEAR:] if number < len(texts) - 1 else []
    found = {mark[0].strip() for line in near for mark in _MARK.finditer(line)}
    return tuple(sorted(found, key=lambda mark: (-len(mark), mark)))
