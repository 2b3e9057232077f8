"""Models that OpenAI has shut down, or will: the list that ships, and what is said of a model on a given day.

The list is about api.openai.com alone. A server of one's own may serve a model of the same name; Azure keeps other
dates. Where a server tells a date of its own (`shutdown_date` of /v1/models), that date decides.
"""

import datetime
from functools import cache
from importlib import resources
from typing import NamedTuple

from srlm.engines.openai.endpoint import RETIRED_VARIABLE, Endpoint
from srlm.errors import EngineError
from srlm.records import Record
from srlm.text.counts import counted


class Retired(Record):
    """When a model is shut down."""

    date: datetime.date
    """From this day on it does not answer."""
    instead: tuple[str, ...]
    """What may be asked instead, the nearest first."""
    notice: datetime.date | None
    """The announcement's date, by which its section of the page is found; None: not known."""


class RetiredModels(Record):
    """The list that ships."""

    read: datetime.date
    """When it was last compared with its source."""
    source: str
    seen_through: str
    """How the source was read."""
    models: dict[str, Retired]
    """By exact name."""


@cache
def retired_models() -> RetiredModels:
    """The shipped list."""
    text = resources.files(__package__).joinpath("retired.json").read_text(encoding="utf-8")
    return RetiredModels.model_validate_json(text)


class Notice(NamedTuple):
    """What is to be said of a model's end."""

    refused: bool
    """Whether it does not answer any more."""
    text: str
    """One line, with the date and the nearest living choice."""


def notice(endpoint: Endpoint, model: str, told: datetime.date | None = None) -> Notice | None:
    """What is to be said of asking `model` on `endpoint.today`; None: nothing. `told`: the server's own date."""
    found, today = retirement(model), endpoint.today
    if told is None and endpoint.service == "azure":
        if found is None:
            return None
        return Notice(
            False,
            f"{model}: OpenAI's own API {_ends(found.date, today)}; Azure has other dates: see the deployment's "
            "retirement date in the Azure portal",
        )
    if told is None and (found is None or not endpoint.official):
        return None
    date = told or (found.date if found else today)
    source = f"GET {endpoint.address}/models" if told else f"{retired_models().source}, read {retired_models().read}"
    choice = living_choice(found, today)
    if date > today:
        days = (date - today).days
        left = f"{counted(days, 'days')} left"
        return Notice(False, f"{model}: will be shut down on {date} ({left}; {source}){choice}")
    gone = f"{model}: was shut down on {date} ({source})"
    if endpoint.ask_retired:
        return Notice(False, f"{gone}; it is asked nevertheless, for {RETIRED_VARIABLE} is 1{choice}")
    own = "" if told else ", your own server of that name with --base-url (base_url in a run file)"
    return Notice(
        True,
        f"{gone}; nothing was sent{choice}{own}, or recorded judgements; where it is still served to you, set "
        f"{RETIRED_VARIABLE}=1",
    )


def retirement(model: str) -> Retired | None:
    """The list's row of a model; a fine-tuned one (`ft:BASE:...`) ends with its base."""
    name = model.split(":")[1] if model.startswith("ft:") and model.count(":") >= 2 else model
    return retired_models().models.get(name)


def living_choice(found: Retired | None, today: datetime.date) -> str:
    """The nearest model that still answers on that day, to end a sentence with; empty where none is known."""
    listed = retired_models().models
    for name in found.instead if found else ():
        end = listed.get(name)
        if end is None or end.date > today:
            until = f" (until {end.date})" if end else " (a reasoning model: it may give no log-probabilities)"
            return f"; use {name}{until}"
    return "; use another model"


def refuse_retired(endpoint: Endpoint, model: str) -> str | None:
    """Raise EngineError where the list says that a model was shut down; a warning where it soon will be, else None."""
    said = notice(endpoint, model)
    if said is not None and said.refused:
        raise EngineError(said.text)
    return said.text if said else None


def _ends(date: datetime.date, today: datetime.date) -> str:
    return f"shuts it down on {date}" if date > today else f"shut it down on {date}"
