"""Where constitutions come from: srlm's own for assistants, that of each world, or a file (srlm/text/principles.py)."""

from srlm.bounded import yaml_text
from srlm.judge.wording import shipped, text_of
from srlm.text.principles import Constitution, read_constitution

GENERAL = "general"
SHIPPED = shipped({GENERAL: "principles.yaml"}, "principles.yaml")


def load(name: str, setting: str) -> Constitution:
    """A shipped constitution by its name, or a file. Raises SettingsError, which names the setting, for none."""
    return read_constitution(text_of(name, SHIPPED, setting, yaml_text.SIZE), f"{setting} {name}")
