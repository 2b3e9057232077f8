"""Settings of other methods: one that is given and has no part in this one is refused, not passed over in silence."""

from typing import Literal

from srlm.settings import JudgeRewardSettings, SelectionSettings, Settings
from srlm.worlds.table import WORLDS

DEFAULTS = {"reward": JudgeRewardSettings(), "selection": SelectionSettings()}


def refuse_unused(settings: Settings, *sections: Literal["reward", "selection"]) -> None:
    """Raise SettingsError where one of these sections is not as it is by default."""
    for name in sections:
        if getattr(settings, name) != DEFAULTS[name]:
            raise settings.refusal(
                f"{name}: method {settings.method.name} does not use this section; remove it",
                name,
            )


def refuse_skills(settings: Settings) -> None:
    """Raise SettingsError where a world is asked to teach skills to an M1 that learns from no demonstrations."""
    data = settings.data
    if data.kind in WORLDS and (skills := WORLDS[data.kind].skills(data)):
        raise settings.refusal(
            f"data.skills {', '.join(skills)}: M1 of method {settings.method.name} learns from weak "
            "labels alone and is shown no skill; remove it",
            "data.skills",
        )
