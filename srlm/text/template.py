"""Fill a prompt template's slots in one pass, so that text inside a filled slot can fill nothing."""

import re
from collections.abc import Mapping

from srlm.errors import SettingsError


def fill(template: str, values: Mapping[str, str]) -> str:
    """`template` with each `{name}` of `values` replaced; any other brace stays as it is.

    The values are never searched for slots: a response that says `{response}` or `{prompt}` stays just that.
    Raises SettingsError where the template lacks one of the slots.
    """
    missing = [name for name in values if "{" + name + "}" not in template]
    if missing:
        raise SettingsError("the template has no slot " + " and no slot ".join("{" + name + "}" for name in missing))
    if not values:
        return template
    slots = re.compile("|".join(re.escape("{" + name + "}") for name in values))
    return slots.sub(lambda found: values[found[0][1:-1]], template)
