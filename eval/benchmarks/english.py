"""Whether a run's models can have read the English questions of a benchmark."""

from srlm.settings import Settings
from srlm.worlds.table import WORLDS


def reads_no_english(settings: Settings) -> str:
    """Why English questions say nothing of a run's models: M0 began from random weights and read one world alone.

    Empty: M0 is a model that others trained.
    """
    from_nothing = settings.model.base == "scratch" and settings.data.kind in WORLDS
    return f"does not apply: the models of {settings.data.kind} read no English" if from_nothing else ""
