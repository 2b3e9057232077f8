"""`srlm explain`: how a record of a run was made, read from the run's own files."""

import re

from rich.console import Console

from srlm.errors import StoreError
from srlm.methods.base import method_of, run_folder
from srlm.settings import Settings

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def tell(settings: Settings, wanted: str, console: Console) -> None:
    """Print everything known about the record with this id. Raises StoreError if no id matches, or more than one."""
    folder = run_folder(settings)
    if not folder.path.is_dir():
        raise StoreError(f"{folder.path}: no such run; create it with `srlm train`")
    for line in method_of(settings).explain(folder, wanted):
        console.print(visible(line))


def visible(text: str) -> str:
    """Model text for a terminal, with control and direction characters escaped so that they have no effect."""
    return CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
