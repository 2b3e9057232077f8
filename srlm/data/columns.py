"""Rows whose columns have other names than the format that reads them gives its own."""

from collections import Counter
from collections.abc import Mapping, Sequence

from srlm.data.lines import Row, names_of
from srlm.errors import DataError


def renamed(rows: Sequence[Row], columns: Mapping[str, str], setting: str) -> list[Row]:
    """The rows with the format's names; `columns`: the format's column -> the file's.

    A column that takes its name from `columns` is read from there alone: one of the file that bears the format's name
    is not read. Raises DataError, naming `setting`, for a column that no row has, and for one that is read twice.
    """
    if twice := [theirs for theirs, count in Counter(columns.values()).items() if count > 1]:
        raise DataError(f"{setting}: {names_of(twice, '`')} is given for several columns; give each its own")
    for ours, theirs in columns.items():
        if rows and not any(theirs in row.value for row in rows):
            raise DataError(
                f"{rows[0].place}: no column `{theirs}`, which {setting} names for `{ours}`; "
                f"found {names_of(rows[0].value, '`') or 'none'}"
            )
    theirs_to_ours = {theirs: ours for ours, theirs in columns.items()}
    return [
        row._replace(
            value={
                name: value for name, value in row.value.items() if name not in columns and name not in theirs_to_ours
            }
            | {ours: row.value[theirs] for theirs, ours in theirs_to_ours.items() if theirs in row.value}
        )
        for row in rows
    ]
