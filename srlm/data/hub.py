"""Data sets of the hub: the commit behind a name, and the rows of that commit and no other."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from srlm.data.lines import Row
from srlm.errors import DataError

HUB = "hub:"
"""Begins a path that is the name of a data set of the hub."""


class Part(NamedTuple):
    """What of a data set is read; None: its default, all of it."""

    config: str | None = None
    folder: str | None = None
    split: str | None = None
    revision: str | None = None


WHOLE = Part()


def commit_of(path: str, revision: str | None, config: str | None = None, folder: str | None = None) -> str:
    """The commit that `hub:OWNER/NAME` and a branch, tag or commit stand for now. Raises DataError where unknown."""
    return str(_builder(path, Part(config, folder, None, revision)).hash)


def rows(path: str, part: Part = WHOLE) -> Iterator[Row]:
    """Every row of `hub:OWNER/NAME`, or of a part of it. Raises DataError where it cannot be had."""
    builder = _builder(path, part)
    try:
        builder.download_and_prepare()
        splits = builder.as_dataset() if part.split is None else {part.split: builder.as_dataset(part.split)}
    except Exception as error:
        raise _fault(path, error) from error
    for split, dataset in splits.items():
        for number, value in enumerate(dataset, 1):
            yield Row(f"{path} ({split}):{number}", value)


def _builder(path: str, part: Part) -> Any:
    from datasets import load_dataset_builder

    revision = part.revision
    try:
        builder = load_dataset_builder(path.removeprefix(HUB), part.config, data_dir=part.folder, revision=revision)
    except Exception as error:  # whatever the hub's client, the network or a proxy may raise: the answer is the same
        raise _fault(path, error) from error
    # Where the hub is not reached the library takes the newest that the cache holds, whatever was asked for.
    cached = type(builder).__module__.endswith("packaged_modules.cache.cache")
    if cached and revision not in (None, builder.hash):
        raise DataError(
            f"{path}: revision {revision} is not available: the Hub cannot be reached, and the cache contains "
            f"{builder.hash}; check the connection, or set data.revision to the cached commit"
        )
    return builder


def _fault(path: str, error: Exception) -> DataError:
    first_line = next(iter(str(error).splitlines()), "no message")
    return DataError(
        f"{path}: could not be downloaded from the Hub ({type(error).__name__}: {first_line}); "
        "check the name and the connection, or download the files and give their path"
    )
