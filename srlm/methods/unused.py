"""Settings of other methods: one that is given and has no part in this one is refused, not passed over in silence."""

from typing import Literal

from srlm.settings import JudgeRewardSettings, SelectionSettings, Settings
from srlm.worlds.table import WorldData

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
    if isinstance(settings.data, WorldData) and settings.data.skills:
        raise settings.refusal(
            f"data.skills {', '.join(settings.data.skills)}: M1 of method {settings.method.name} learns from weak "
            "labels alone and is shown no skill; remove it",
            "data.skills",
        )
