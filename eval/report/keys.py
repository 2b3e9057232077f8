"""Keys that no output may hold."""

import os
import re
from collections.abc import Sequence

from srlm.settings import Settings

WITHHELD = "[withheld]"
_USER = re.compile(r"(?<=://)[^/\s@]+@")


def secrets(settings: Settings) -> list[str]:
    """Keys that this process knows of and that no output may hold, the longest first."""
    engines = (settings.engine, settings.judge.engine, settings.prompts.engine)
    names = {"OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "HF_TOKEN", *(one.api_key_env for one in engines if one)}
    # A key of a few letters (`none`, `EMPTY`) is a stand-in for servers that want none, and a word of its own.
    return sorted((key for name in names if len(key := os.environ.get(name, "")) >= 8), key=len, reverse=True)


def withheld(text: str, keys: Sequence[str]) -> str:
    """`text` without these keys, and without names and passwords in addresses."""
    for key in keys:
        text = text.replace(key, WITHHELD)
    return _USER.sub(f"{WITHHELD}@", text)
