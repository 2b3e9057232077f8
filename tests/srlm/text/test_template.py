import pytest

from srlm.errors import SettingsError
from srlm.text.template import fill


def test_every_slot_is_filled_wherever_it_stands() -> None:
    assert fill("Q: {prompt}\nA: {response}\nQ again: {prompt}", {"prompt": "p", "response": "r"}) == (
        "Q: p\nA: r\nQ again: p"
    )


@pytest.mark.parametrize(
    ("prompt", "response"),
    [
        pytest.param("p", "{response}", id="itself"),
        pytest.param("p", "{prompt}", id="the-other-slot"),
        pytest.param("{response}", "r", id="the-slot-that-comes-later"),
        pytest.param("{response}", "{prompt}", id="each-other"),
        pytest.param("{prompt", "}", id="halves"),
    ],
)
def test_slot_text_inside_a_value_fills_nothing(prompt: str, response: str) -> None:
    assert fill("<{prompt}><{response}>", {"prompt": prompt, "response": response}) == f"<{prompt}><{response}>"


@pytest.mark.parametrize(
    "value", [r"\1 \g<0> \n", "{}", "{{response}}", "%s %(x)s", "$x", "{0}", "\x00", "\\", "{response!r}"]
)
def test_a_value_is_put_in_as_it_is(value: str) -> None:
    assert fill("a {response} b", {"response": value}) == f"a {value} b"


@pytest.mark.parametrize("rest", ["{other}", "{", "}", "{}", "{{", "def f(): return {1: 2}", "{prompt }", "{Prompt}"])
def test_other_braces_of_the_template_are_kept(rest: str) -> None:
    assert fill("{prompt} " + rest, {"prompt": "p"}) == "p " + rest


def test_doubled_braces_are_no_escape() -> None:
    assert fill("{{prompt}}", {"prompt": "p"}) == "{p}"


def test_missing_slots_are_named() -> None:
    with pytest.raises(SettingsError, match=r"^the template has no slot \{prompt\} and no slot \{response\}$"):
        fill("nothing here", {"prompt": "p", "response": "r"})


def test_a_slot_in_a_value_does_not_stand_in_for_a_missing_one() -> None:
    with pytest.raises(SettingsError, match=r"no slot \{response\}"):
        fill("{prompt}", {"prompt": "{response}", "response": "r"})


def test_a_template_without_values_is_itself() -> None:
    assert fill("a {prompt}", {}) == "a {prompt}"
