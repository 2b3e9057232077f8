"""Where constitutions come from: srlm's own for assistants, that of each world, or a file."""

from importlib import resources
from pathlib import Path

from srlm.bounded.files import read_text
from srlm.errors import SettingsError
from srlm.judge.pair_template import PairTemplate
from srlm.text.principles import Constitution, read_constitution
from srlm.worlds.table import WORLDS

GENERAL = "general"
FILE = "principles.yaml"
"""Name of a constitution that ships, in the folder `templates` of its package."""
SHIPPED = (GENERAL, *WORLDS)
REASONS = 256
"""Tokens that a choice with reasons may take."""


def load(name: str, setting: str) -> Constitution:
    """A shipped constitution by its name, or a file. Raises SettingsError, which names the setting, for none."""
    if name in SHIPPED:
        text = resources.files(package_of(name)).joinpath(f"templates/{FILE}").read_text(encoding="utf-8")
    else:
        try:
            text = read_text(Path(name))
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(
                f"{setting}: {name} is neither a readable file nor one of {', '.join(SHIPPED)}: {error}"
            ) from None
    return read_constitution(text, f"{setting} {name}")


def package_of(shipped: str) -> str:
    """The package in whose folder `templates` a shipped constitution lies."""
    return WORLDS[shipped].package if shipped in WORLDS else "srlm.judge"


def pair_template(constitution: Constitution, reasons: bool, tokens: int = REASONS) -> PairTemplate:
    """How a judge is asked to choose by one of its principles, with reasons before the letter or without."""
    text = constitution.reasoned_choice if reasons else constitution.choice
    return PairTemplate(
        name="choice",
        text=text.rstrip("\n"),
        form="reasoned" if reasons else "letter",
        labels=constitution.labels,
        lead=constitution.lead,
        **({"tokens": tokens} if reasons else {}),
    )
