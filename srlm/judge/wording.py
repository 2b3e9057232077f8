"""The words with which models are asked: a text that comes with srlm, by its name, or a user's file."""

from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import NamedTuple

from srlm import examples
from srlm.bounded import files
from srlm.errors import SettingsError
from srlm.worlds.table import WORLDS


class Shipped(NamedTuple):
    """A file that comes with srlm."""

    package: str
    """In whose folder `templates` it lies."""
    file: str

    @property
    def path(self) -> Traversable:
        return resources.files(self.package).joinpath(f"templates/{self.file}")

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")


def shipped(own: Mapping[str, str], of_world: str) -> Mapping[str, Shipped]:
    """The texts of a kind by their names: srlm's `own`, and that of each world that has one, in whose file's name
    {kind} stands for the world's."""
    worlds = {kind: Shipped(world.package, of_world.format(kind=kind)) for kind, world in WORLDS.items()}
    there = {kind: text for kind, text in worlds.items() if text.path.is_file()}
    return {name: Shipped("srlm.judge", file) for name, file in own.items()} | there


def text_of(name: str, known: Mapping[str, Shipped], setting: str, most: int = files.TEMPLATE) -> str:
    """The text of this name, or a file's of at most `most` bytes, without a byte order mark.

    Raises SettingsError, which names the setting, where there is none.
    """
    if name in known:
        return known[name].text
    try:
        return files.read_text(examples.named(Path(name)), most, encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{setting}: {name} is neither a readable file nor one of {', '.join(known)}: {error}"
        ) from None
