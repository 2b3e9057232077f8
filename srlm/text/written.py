"""Records that people write by hand: what is wrong with one is said in one line, with its place."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import ValidationError

from srlm.bounded import yaml_text
from srlm.bounded.quote import cut, quoted
from srlm.errors import SettingsError
from srlm.records import Record

Kind = TypeVar("Kind", bound=Record)
SHOWN = 200
"""Characters of a key that are shown."""


def from_yaml(kind: type[Kind], text: str, where: str, what: str) -> Kind:
    """The record in a YAML text; `what` says of what it is a mapping. Raises SettingsError, as `checked` does."""
    try:
        found = yaml_text.decode(text)
    except yaml_text.NotYaml as error:
        raise SettingsError(f"{where}{f':{error.line}' if error.line else ''}: {error}") from None
    if not isinstance(found, dict):
        raise SettingsError(f"{where}: {what}, found {'nothing' if found is None else quoted(found)}")
    return checked(kind, found, where)


def checked(kind: type[Kind], fields: Mapping[str, object], where: str) -> Kind:
    """The record of these fields. Raises SettingsError, which begins with `where`, for the first fault of several."""
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        place = cut(".".join(map(str, first["loc"])), SHOWN)
        if first["type"] == "extra_forbidden":
            known = f"; there are {', '.join(kind.model_fields)}" if len(first["loc"]) == 1 else ""
            raise SettingsError(f"{where}: unknown key {place}{known}") from None
        said = first["msg"].removeprefix("Value error, ")
        found = "" if first["type"] in ("missing", "value_error") else f", found {quoted(first['input'])}"
        raise SettingsError(f"{where}: {place + ': ' if place else ''}{said}{found}") from None
