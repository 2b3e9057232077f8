"""A clock for chat templates that ask for today's date: the run's own day, not the machine's.

transformers gives every template the function `strftime_now`, which reads the machine's clock, and lets no caller pass
another. A macro of that name at the top of the template takes its place.
"""

import datetime
import json
from functools import lru_cache

_DIRECTIVES = "aAwdbBmyYHIpMSfjUWcxXGuVeDFTRhCs"
"""Of strftime; `%-d` and `%_d` (no zero, a space instead) are platform-dependent forms of the numbers."""
_NUMBERS = "dmyHIMSjUWe"
_PERCENT = "\x00"


@lru_cache
def with_clock(template: str, day: datetime.date) -> str:
    """The template, for which it is midnight of `day` wherever it asks for the time."""
    if "strftime_now" not in template:
        return template
    now = datetime.datetime.combine(day, datetime.time())
    said = {f"%{name}": _said(now, name) for name in _DIRECTIVES}
    for name in _NUMBERS:
        digits = said[f"%{name}"].strip().lstrip("0") or "0"
        said |= {f"%-{name}": digits, f"%_{name}": digits.rjust(3 if name == "j" else 2)}
    said |= {"%z": "", "%Z": "", "%n": "\n", "%t": "\t"}
    filters = "".join(f"|replace({json.dumps(name)},{json.dumps(text)})" for name, text in said.items())
    percent = json.dumps(_PERCENT)
    # On a line of its own, whose end Jinja takes away, the macro changes nothing of what the template says.
    return (
        f"{{% macro strftime_now(format) %}}{{{{ format|replace('%%',{percent}){filters}|replace({percent},'%') }}}}"
        f"{{% endmacro %}}\n{template}"
    )


def _said(now: datetime.datetime, name: str) -> str:
    # No timestamp: it would depend on the machine's time zone.
    return "" if name == "s" else now.strftime(f"%{name}")
