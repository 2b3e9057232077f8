"""Numbers of things, in words."""


def counted(number: int, things: str) -> str:
    """A number with what it counts, which is given in the plural: `3 rows of other prompts`, `1 row of other prompts`.

    The first word that ends in s is the noun.
    """
    words = things.split(" ")
    if number == 1:
        noun = next((place for place, word in enumerate(words) if word.endswith("s")), None)
        if noun is not None:
            words[noun] = words[noun][:-1]
    return f"{number} {' '.join(words)}"
