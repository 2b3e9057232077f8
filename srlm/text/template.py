"""Fill a prompt template's slots in one pass, so that text inside a filled slot can fill nothing."""

import re
from collections.abc import Iterable, Mapping

from srlm.errors import SettingsError
from srlm.text.marks import disarm_plain, marks_around


def fill(template: str, values: Mapping[str, str]) -> str:
    """`template` with each `{name}` of `values` replaced; any other brace stays as it is.

    The values are never searched for slots: a response that says `{response}` or `{prompt}` stays just that.
    Raises SettingsError where the template lacks one of the slots.
    """
    missing = [name for name in values if "{" + name + "}" not in template]
    if missing:
        raise SettingsError("the template has no slot " + " and no slot ".join("{" + name + "}" for name in missing))
    return _slots(values).sub(lambda found: values[found[0][1:-1]], template) if values else template


def frame(template: str, values: Mapping[str, str]) -> str:
    """The same for a judge's template, in whose slots no text closes the frame around it or opens another.

    The marks beside the slots (`</response>`, `[Answer B]`) are disarmed in the values, in capital letters or small.
    """
    marks = marks_around(_slots(values).split(template))
    return fill(template, {name: disarm_plain(value, marks) for name, value in values.items()})


def _slots(names: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(re.escape("{" + name + "}") for name in names))
