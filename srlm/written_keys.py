"""Keys and passwords that a run file should not hold: its settings are written into the run's folder and reports."""

from collections.abc import Iterator, Mapping
from typing import Any

from srlm.addresses import written_secret
from srlm.secrets import fault_of_name, known_by_name

ADDRESSES = ("base_url",)


def written_keys(settings: Any, name: str = "") -> Iterator[str]:
    """What is to be mended, a line each, in settings as they were given; no line shows the secret."""
    match settings:
        case Mapping():
            for key, value in settings.items():
                yield from written_keys(value, f"{name}.{key}" if name else str(key))
        case list():
            for value in settings:
                yield from written_keys(value, name)
        case str():
            yield from _faults(settings, name)


def _faults(value: str, name: str) -> Iterator[str]:
    last = name.rpartition(".")[2]
    if last == "api_key_env" and (fault := fault_of_name(value)):
        yield f"{name} {fault}"
    elif (last in ADDRESSES or "@" in value) and (what := written_secret(value)):
        yield (
            f"{name} contains {what}; settings are written to files: put it into an environment variable and write "
            "${NAME} in its place, as in https://${JUDGE_LOGIN}@host/v1"
        )
    else:
        for variable, secrets in known_by_name():
            if secrets.within(value):
                yield (
                    f"{name} contains the value of the environment variable {variable}; settings are written to files: "
                    "remove it, and let the program that needs it read the variable"
                )
