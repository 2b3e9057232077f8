"""The names of two answers in a judge's words, one sign for each: `Answer A`, `(a)`, `the first response`, `A`."""

import html
import re
import unicodedata

from srlm.text.plain import INVISIBLE, plain, without_end
from srlm.text.verdict_languages import QUOTED

LETTERS = ("A", "B")
"""The labels of our own templates; with them the answers have the names that judges give them, too."""
F, S = "\ue000", "\ue001"
"""Stand for the first and the second answer in prepared words; private characters that no text here holds."""
_FULL_WIDTH = (
    str.maketrans(
        {
            **dict.fromkeys("\u3010\u3016\u3014\u301a", "["),
            **dict.fromkeys("\u3011\u3017\u3015\u301b", "]"),
            **dict.fromkeys("\u300c\u300e\u201c\u201d\u201e\u00ab\u00bb\u300d\u300f\u3008\u3009\u300a\u300b", '"'),
            **dict.fromkeys("\u2018\u2019", "'"),
            **dict.fromkeys("\u3002\uff61\u06d4\u0964", "."),
            **dict.fromkeys("\u227b\u203a\u27e9", ">"),
            **dict.fromkeys("\u227a\u2039\u27e8", "<"),
            **dict.fromkeys("\ue000\ue001", ""),
            "\u226b": ">>",
            "\u226a": "<<",
            "\u2248": "=",
            **dict.fromkeys("\u3001\u060c", ","),
            "\u061b": ";",
            "\u061f": "?",
        }
    )
    | INVISIBLE
)
_LATEX = re.compile(r"\\(?P<sign>gg|succ|ll|prec|approx|sim|left|right)(?![A-Za-z])\s?")
_SIGNS = {"gg": ">>", "succ": ">", "ll": "<<", "prec": "<", "approx": "=", "sim": "=", "left": "", "right": ""}


def prepared(text: str) -> str:
    """The words with full-width, LaTeX and HTML signs as ASCII writes them, and without quoted lines."""
    text = unicodedata.normalize("NFKC", html.unescape(text)).translate(_FULL_WIDTH)
    text = without_end(text)
    text = _LATEX.sub(lambda found: _SIGNS[found["sign"]], text)
    text = re.sub(r"\s*\n\s*\n\s*", "\n\n", re.sub(r"[^\S\n]+", " ", "\n".join(text.splitlines())))
    lines = text.splitlines()
    own = [line for line in lines if not line.lstrip().startswith(">")]
    return "\n".join(own if any(line.strip() for line in own) else lines)


_NOUNS = "answer|assistant|response|output|model|completion|candidate|reply|option|chatbot|solution|summary|ai"
_NAMED = re.compile(
    rf"""(?<![^\W_])(?:(?:{_NOUNS})s?(?P<gap>[\s_\#-]{{0,3}})(?P<open>[\[("']{{0,2}})(?P<label>[AaBb])(?P<close>[\])"']{{0,2}})
          (?![^\W_]|['+&-]\w(?<!'s)|/)
        |(?:answer|assistant|response|output|model|completion)[\s_\#-]{{0,3}}[\[("']?(?P<number>[12])[\])"']?(?![\w/]|[.,]\d)
        |(?:the\s)?(?P<place>first|second)\s(?:answer|assistant|response|output|model|completion|candidate|reply|one)\b
        |\((?P<bare>[ab])\)(?!\w))""",
    re.IGNORECASE | re.VERBOSE,
)
_BEHIND_SMALL = re.compile(r"\s?(?:$|[.,;:!)\]<>=]|(?:is|was|wins)\b)")
_FOLLOWS = (
    r"is|was|isn't|wins|won|win|beats|over|than|because|since|as|but|while|and|or|by|for|in|on|has|had|gives|does|did"
    r"|provides|fails|lacks|follows|answers|offers|seems|stops|would|should|could|might|may|loses|lost|better|if|unless"
    r"|only|with|when|even|though|although|due|to|tie|ties|outperforms|surpasses|clearly|easily|narrowly|rather"
    r"|ist|oder|und|aber|est|ou|et|mais|es|o|y|pero|\u00e9|\u00e8"
)
_BARE = re.compile(
    rf"""(?<![\w'.+/&\\-])(?:(?P<a>A)(?![\w+&\\/-]|'(?!s\b)|\.\w|[^\S\n]+(?!(?:{_FOLLOWS})\b)[A-Za-z\u00c0-\u024f])
        |(?P<b>B)(?![\w+&\\/-]|'(?!s\b)|\.\w))""",
    re.VERBOSE,
)


def mark_labels(text: str, labels: tuple[str, str]) -> str:
    """The words without decoration, F and S in place of every name of the first and the second answer."""
    text = _RESULT.sub("\nresult: ", _TAGGED.sub(r"\n\1: \2\n", text))
    text = "\n".join(map(plain, text.splitlines()))
    if labels != LETTERS:
        apart = labels[0].casefold() != labels[1].casefold()  # `Model m` may be any model
        noun = rf"(?:(?i:{_NOUNS})[\s_#-]{{1,3}})?" if apart else ""
        for label, mark in zip(labels, (F, S), strict=True):
            text = re.sub(rf"(?<![\w'.+/&\\-]){noun}{re.escape(label)}(?![\w+&\\/'-]|\.\w)", mark, text)
        return text
    whole = re.fullmatch(rf"[^\w?+/~{_CROSSES}-]*([ab])[^\w?+/~{_CROSSES}-]*", text, re.IGNORECASE)
    if whole and "[[" not in text:
        return F if whole[1] in "aA" else S
    marked = _BARE.sub(lambda found: F if found["a"] else S, _NAMED.sub(_named, text))
    return _SAMPLE.sub("\n", _QUOTED.sub("\n", marked))


_TAGGED = re.compile(
    r"<((?:final_)?(?:verdict|winner|answer|choice|decision|judge?ment|preference))>([^<]{0,200})</\1>", re.IGNORECASE
)
_RESULT = re.compile(r"\[RESULT\]\s{0,3}:?\s?")
"""How Prometheus marks its verdict."""
_CROSSES = "\u00d7\u274c\u2715-\u2718\U0001f44e\U0001f6ab\u26d4"
"""Signs that cross a label out."""
_QUOTED = re.compile(
    rf"""(?:(?:[{F}{S}]|\b(?:answer|response|assistant|user|prompt|text|instruction|question|example|format|template)\b)[^.:\n]{{0,40}}
         \b(?:says?|said|writes?|wrote|reads|ends?|contains?|states?|claims?|includes?|adds?|concludes?|quotes?)\b[^.:\n]{{0,40}}|{QUOTED}):
         (?:[ \t]*\S[^\n]*|\s*\n(?:[^\n]*\S[^\n]*(?:\n|\Z))+)""",
    re.IGNORECASE | re.VERBOSE,
)
"""What one of the answers says, up to the end of its line, or the paragraph below."""
_SAMPLE = re.compile(r"(?:\b(?:example|template)\b[^.:\n]{0,20}:|\be\.g\.,?)\s*(?=\[\s?\[)[^\n]*", re.IGNORECASE)
"""A verdict that is shown as an example."""


def _named(found: re.Match[str]) -> str:
    if found["label"] is not None:
        small = found["label"].islower()
        plain_small = small and not found["open"] and "_" not in found["gap"]
        glued = not found["gap"] and not found["open"]  # `answera`, `modelb`
        if glued or (plain_small and not _BEHIND_SMALL.match(found.string, found.end())):
            return found[0]
        # A quotation mark or bracket that the name does not open is somebody else's.
        behind = found["close"] if not found["open"] else found["close"][len(found["open"]) :]
        return (F if found["label"] in "Aa" else S) + behind
    return (
        F if found["number"] == "1" or (found["place"] or "").lower() == "first" or found["bare"] in ("a", "A") else S
    )
