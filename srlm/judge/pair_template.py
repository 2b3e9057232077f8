"""Where pairwise judges' templates come from: srlm's own, those of worlds, or a file (srlm/text/pair_prompt.py)."""

from srlm.judge.wording import shipped, text_of
from srlm.text.pair_prompt import PairTemplate, parts
from srlm.text.written import checked

OWN = {
    "letter": "pairwise.txt",
    "brackets": "pair_brackets.txt",
    "five-steps": "pair_five_steps.txt",
    "json": "pair_json.txt",
    "scores": "pair_scores.txt",
}
"""Those that are no world's, by name."""
SHIPPED = shipped(OWN, "pair_{kind}.txt")


def load(name: str) -> PairTemplate:
    """A shipped template by its name, or a file. Raises SettingsError where it cannot be used."""
    whole = text_of(name, SHIPPED, "pairwise template")
    return checked(PairTemplate, {**parts(whole), "name": name}, f"pairwise template {name}")
