"""Who ranked the answers that judges are held against."""

from srlm.settings import Settings
from srlm.worlds.table import WORLDS


def ranked_by(settings: Settings) -> str:
    """In words, as far as the data's kind says it."""
    kind = settings.data.kind
    if kind in WORLDS:
        return f"ranked by the {WORLDS[kind].title}'s rule, not by people"
    return "ranked by people (OpenAssistant)" if kind == "oasst" else "ranked as the data set has it"
