"""A figure over dates: its axis says when, whatever the dates span."""

import re

import pytest

from eval.figures.history import history


@pytest.mark.parametrize(
    ("dates", "words"),
    [
        (["2026-11-27T05:04:00"], ["2026-11-27"]),
        (["2026-11-27T05:04:00", "2026-11-27T23:04:00", "2026-11-28"], ["2026-11-27", "2026-11-28"]),
        (["2026-11-01", "2026-11-02", "2026-11-11", "2026-11-21"], ["2026-11-01", "2026-11-11", "2026-11-21"]),
    ],
)
def test_dates_stand_below_the_axis_once_each_where_they_have_room(dates: list[str], words: list[str]) -> None:
    rows = [
        {"run": str(i), "date": date, "value": 0.5, "low": 0.4, "high": 0.6, "kind": "a", "said": ""}
        for i, date in enumerate(dates)
    ]
    picture = str(history("title", rows, "share", signed=False).picture)
    assert sorted(re.findall(r">(\d{4}-\d\d-\d\d)<", picture)) == words
    assert ">50%<" in picture
