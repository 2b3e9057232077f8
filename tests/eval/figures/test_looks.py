"""A model looks the same in every picture, however many there are and whoever stands beside it."""

from eval.figures.looks import GREYS, Looks

NAMES = ["M0", "SFT", *(f"M{n}" for n in range(1, 62))]


def test_a_model_keeps_its_look_when_others_come_or_are_left_out() -> None:
    early, late = Looks(NAMES[:4]), Looks(NAMES)
    assert early.of(["M2"])["M2"] == late.of(NAMES)["M2"] == late.of(["M1", "M2"])["M2"]


def test_no_two_of_63_models_have_the_same_colour_and_shape() -> None:
    looks = Looks(NAMES).of(NAMES).values()
    assert len(NAMES) == 63
    assert len({(one.colour, one.shape) for one in looks}) == 63


def test_the_first_models_differ_in_colour_shape_and_dash() -> None:
    looks = list(Looks(NAMES).of(NAMES[:5]).values())
    assert [len({part[place] for part in looks}) for place in range(3)] == [5, 5, 5]


def test_what_is_no_model_is_grey() -> None:
    looks = Looks(NAMES[:3]).of(["IFT", "M1", "EFT"])
    assert [looks[name].colour for name in ("IFT", "EFT")] == [*GREYS[:2]]
    assert looks["M1"].colour == "var(--c3)"


def test_an_alias_has_the_look_of_its_model() -> None:
    looks = Looks(NAMES).called({"AIFT M2": "M2"}).of(["AIFT M2", "M2"])
    assert looks["AIFT M2"] == looks["M2"]
