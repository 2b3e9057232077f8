"""Names of files and folders from what models and judges are called."""

import re

from srlm.records import digest

LONGEST_NAME = 150
"""Bytes of a folder that a model's name gives; file systems take 255."""
RESERVED = re.compile(r"con|prn|aux|nul|com\d|lpt\d", re.IGNORECASE)
"""Devices of Windows, whatever follows a dot."""


def file_name(text: str) -> str:
    """A name that is one folder on any system; records, not names, say whose files they are."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._") or "unnamed"
    if len(name) > LONGEST_NAME:  # two long names that begin alike are two folders
        return f"{name[: LONGEST_NAME - 17]}-{digest('file name', text)[:16]}"
    return f"{name}_" if RESERVED.fullmatch(name.partition(".")[0]) else name
