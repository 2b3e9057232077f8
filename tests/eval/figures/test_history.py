"""A figure over dates: its axis says when, whatever the dates span."""

import re

import pytest

from eval.figures.history import history


@pytest.mark.parametrize(
    ("dates", "words"),
    [
        (["2026-11-27T05:04:00"], {"Nov 27, 05:04"}),
        (["2026-11-01T00:00:00", "2026-11-21T00:00:00"], {"Nov 01", "Nov 08", "Nov 15"}),
        (["2025-01-01T00:00:00", "2028-12-31T00:00:00"], {"Jan 2026", "Jan 2027", "Jan 2028"}),
    ],
)
def test_an_axis_of_dates_names_each_mark_once(dates: list[str], words: set[str]) -> None:
    rows = [
        {"run": str(i), "date": date, "value": 0.5, "low": 0.4, "high": 0.6, "kind": "a", "said": ""}
        for i, date in enumerate(dates)
    ]
    found = re.findall(
        r">(\w{3} \d\d(?:, \d\d:\d\d|\d\d)?)<", str(history("title", rows, "axis", percent=False).picture)
    )
    assert words <= set(found)
    assert len(found) == len(set(found))
