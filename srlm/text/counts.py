"""Numbers of things, in words."""


def counted(number: int, things: str) -> str:
    """A number with what it counts, which is given in the plural: `3 rows of other prompts`, `1 row of other prompts`.

    The first word that ends in s is the noun; before it stand adjectives (`1 more try`).
    """
    words = things.split(" ")
    if number == 1:
        noun = next((place for place, word in enumerate(words) if word.endswith("s")), None)
        if noun is not None:
            words[noun] = _singular(words[noun])
    return f"{number:,} {' '.join(words)}"


def _singular(noun: str) -> str:
    """Of a regular plural."""
    if noun.endswith("ies"):
        return noun[:-3] + "y"
    if noun.endswith(("sses", "xes", "ches", "shes")):
        return noun[:-2]
    return noun[:-1]
