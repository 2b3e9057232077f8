"""Numbers of things, in words."""

OF_ONE = {
    **{"are": "is", "were": "was", "have": "has", "do": "does"},
    **{verb: f"{verb}s" for verb in ("cost", "differ", "exceed", "hold", "make", "need", "share")},
}
"""Verbs of many things, as they are of one."""


def counted(number: int, things: str) -> str:
    """A number with what it counts, which is given in the plural: `3 rows of other prompts`, `1 row of other prompts`.

    The first word that ends in s is the noun. Before it stand adjectives (`1 more try`), behind it may stand its verb,
    given for many (`1 file was changed`).
    """
    words = things.split(" ")
    if number == 1:
        noun = next((place for place, word in enumerate(words) if word.endswith("s")), None)
        if noun is not None:
            words[noun] = _singular(words[noun])
            words[noun + 1 : noun + 2] = [OF_ONE.get(word, word) for word in words[noun + 1 : noun + 2]]
    return f"{number:,} {' '.join(words)}"


def _singular(noun: str) -> str:
    """Of a regular plural."""
    if noun.endswith("ies"):
        return noun[:-3] + "y"
    if noun.endswith(("sses", "xes", "ches", "shes")):
        return noun[:-2]
    return noun[:-1]
