"""`srlm explain`: how one of a run's records came about, as its method tells it, from the run's own files."""

import re

from rich.console import Console

from srlm.errors import StoreError
from srlm.methods.base import method_of, run_folder
from srlm.settings import Settings

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def tell(settings: Settings, wanted: str, console: Console) -> None:
    """Print all that is known of the record behind an id. Raises StoreError where no id, or more than one, matches."""
    folder = run_folder(settings)
    if not folder.path.is_dir():
        raise StoreError(f"{folder.path}: no such run; `srlm train` makes it")
    for line in method_of(settings).explain(folder, wanted):
        console.print(visible(line))


def visible(text: str) -> str:
    """Model text for a terminal: control and direction characters become visible, so none is obeyed."""
    return CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
