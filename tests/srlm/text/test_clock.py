"""What a chat template's clock says: what Python's own would say at midnight of the run's day."""

import datetime

import pytest
from jinja2 import Environment

from srlm.text.clock import with_clock

DAY = datetime.date(2024, 11, 5)
JINJA = Environment(trim_blocks=True, lstrip_blocks=True)  # as transformers has it


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("%d %b %Y", "05 Nov 2024"),
        ("%Y-%m-%d", "2024-11-05"),
        ("%-d. %B %y", "5. November 24"),
        ("%A, week %V, day %j", "Tuesday, week 45, day 310"),
        ("%H:%M:%S %p", "00:00:00 AM"),
        ("%F %T", "2024-11-05 00:00:00"),
        ("100%% on %a", "100% on Tue"),
        ("%%Y", "%Y"),
        ("no date", "no date"),
    ],
)
def test_a_clock_tells_the_runs_day(asked: str, told: str) -> None:
    template = "{{ strftime_now('" + asked + "') }}"
    assert JINJA.from_string(with_clock(template, DAY)).render() == told


@pytest.mark.parametrize("start", ["", "\n", "\n\n ", "  {% set x = 1 %}", "{%- set x = 1 %}\n", "{# note #}"])
def test_a_clock_changes_nothing_else_of_what_a_template_says(start: str) -> None:
    template = start + "Today {{ strftime_now('%Y') }}\n{% if true %}\n yes\n{% endif %}\n"
    clock = {"strftime_now": lambda wanted: DAY.strftime(wanted)}
    assert JINJA.from_string(with_clock(template, DAY)).render() == JINJA.from_string(template, clock).render()


def test_a_template_without_a_clock_stays_as_it_is() -> None:
    assert with_clock("{{ messages }}", DAY) == "{{ messages }}"
