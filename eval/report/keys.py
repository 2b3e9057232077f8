"""Keys that no output may hold."""

import re
from collections.abc import Sequence

from srlm.secrets import Secrets, known, note_key
from srlm.settings import Settings

WITHHELD = "[withheld]"
_USER = re.compile(r"(?<=://)[^/\s@]+@")


def secrets(settings: Settings) -> list[str]:
    """Keys that this process knows of and that no output may hold, the longest first."""
    for engine in (settings.engine, settings.judge.engine, settings.prompts.engine):
        if engine is not None:
            note_key(engine.api_key_env)
    return sorted(known(), key=len, reverse=True)


def withheld(text: str, keys: Sequence[str]) -> str:
    """`text` without these keys, and without names and passwords in addresses."""
    return _USER.sub(f"{WITHHELD}@", Secrets(keys).hidden(text, WITHHELD))
