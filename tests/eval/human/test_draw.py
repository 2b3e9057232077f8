"""What a page shows: drawn from the seed, blind, the same bytes every time."""

import re
from pathlib import Path

import pytest

from eval.benchmarks.human import draw, key, page
from eval.benchmarks.human.command import pairs_of
from srlm.errors import RecordError, SettingsError, StoreError
from srlm.records import Message, Prompt
from srlm.store.folder import RunFolder
from tests.eval.human import study

MODELS = {"SFT": "plain", "M1": "better", "M2": "best"}


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return study.run(tmp_path, {name: [f"{word} {n}" for n in range(40)] for name, word in MODELS.items()})


def rendered(folder: RunFolder, **how: int) -> str:
    drawn, found = study.page(folder, [("M1", "SFT"), ("M2", "SFT")], **how)
    return page.render(found.page, drawn.shown)


def test_the_same_settings_give_the_same_bytes_and_another_seed_another_page(folder: RunFolder) -> None:
    assert rendered(folder, seed=3) == rendered(folder, seed=3)
    assert rendered(folder, seed=3) != rendered(folder, seed=4)


def test_prompts_are_drawn_and_every_pair_gets_the_same_ones(folder: RunFolder) -> None:
    _, found = study.page(folder, [("M1", "SFT"), ("M2", "SFT")], count=10)
    prompts = {pair: [one.prompt_id for one in found.shown if one.model == pair] for pair in ("M1", "M2")}
    assert sorted(prompts["M1"]) == sorted(prompts["M2"]) and len(set(prompts["M1"])) == 10
    assert set(prompts["M1"]) != {prompt.id for prompt in study.data(folder).prompts[:10]}
    assert [one.model for one in found.shown] not in (["M1"] * 10 + ["M2"] * 10, ["M2"] * 10 + ["M1"] * 10)
    # A larger page has the prompts of a smaller one.
    _, larger = study.page(folder, [("M1", "SFT")], count=20)
    assert set(prompts["M1"]) < {one.prompt_id for one in larger.shown}


def test_a_model_is_on_the_left_of_half_of_its_prompts_and_the_words_are_where_the_key_says(folder: RunFolder) -> None:
    drawn, found = study.page(folder, [("M1", "SFT"), ("M2", "SFT")], count=30)
    for name in ("M1", "M2"):
        assert sum(one.model_side == "left" for one in found.shown if one.model == name) == 15
    for shown, one in zip(drawn.shown, found.shown, strict=True):
        model, baseline = (shown.left, shown.right) if one.model_side == "left" else (shown.right, shown.left)
        assert model.startswith(MODELS[one.model]) and baseline.startswith("plain")
        assert shown.id == one.id


def test_the_page_names_no_model_and_has_no_id_that_a_name_could_be_read_from(folder: RunFolder) -> None:
    text = rendered(folder)
    assert not re.search(r"\b(SFT|M1|M2|study|baseline|model)\b", text)
    run = study.data(folder)
    ids = {one.id for answers in run.answers.values() for one in answers.values()} | {one.id for one in run.prompts}
    assert not [one for one in ids if one in text]


def test_ids_are_those_of_what_is_seen_whoever_wrote_it(tmp_path: Path) -> None:
    words = {"x": [f"one {n}" for n in range(20)], "y": [f"other {n}" for n in range(20)]}
    first = study.run(tmp_path / "first", {"SFT": words["x"], "M1": words["y"]})
    second = study.run(tmp_path / "second", {"SFT": words["y"], "M1": words["x"]})
    pages = [study.page(folder)[0].shown for folder in (first, second)]
    # The same draws with the models' answers exchanged: each comparison is the other's mirror image.
    assert [(one.turns, one.left, one.right) for one in pages[0]] == [
        (one.turns, one.right, one.left) for one in pages[1]
    ]


def test_a_conversation_is_shown_with_its_turns(tmp_path: Path) -> None:
    before = (Message(role="user", content="Hello"), Message(role="assistant", content="Hi."))
    prompt = Prompt.of("Name a tree.", "test", before=before)
    folder = study.run(tmp_path, {"SFT": ["Oak."], "M1": ["A fir."]}, [prompt])
    drawn, _ = study.page(folder)
    assert [(turn.role, turn.content) for turn in drawn.shown[0].turns] == [
        ("user", "Hello"), ("assistant", "Hi."), ("user", "Name a tree."),
    ]  # fmt: skip


def test_fewer_prompts_than_asked_for_are_all_shown_once(tmp_path: Path) -> None:
    prompts = [Prompt.of(text, "test") for text in ("a", "b", "a")]
    folder = study.run(tmp_path, {"SFT": ["1", "2", "1"], "M1": ["3", "4", "3"]}, prompts)
    assert len(study.page(folder, count=50)[1].shown) == 2


def test_a_page_written_again_keeps_its_key_and_an_edited_key_is_refused(folder: RunFolder) -> None:
    _, found = study.page(folder, count=5)
    assert study.page(folder, count=5)[1] == found
    (one,) = key.pages(folder)
    assert one.key == found
    path = one.place / "key.json"
    path.write_text(path.read_text().replace(found.page, "0" * 16))
    with pytest.raises(RecordError, match="contradicts itself: its id is not that of what it shows"):
        key.pages(folder)


def test_a_page_that_looks_the_same_and_is_of_others_is_refused(folder: RunFolder) -> None:
    _, found = study.page(folder, count=5)
    other = found.shown[0].model_copy(update={"model": "M2"})
    with pytest.raises(StoreError, match="draw with another --seed"):
        key.keep(folder, found.model_copy(update={"shown": (other, *found.shown[1:])}))


def test_pairs_are_named_in_any_order_and_the_later_checkpoint_is_the_model() -> None:
    names = ["SFT", "M1", "M2"]
    assert pairs_of(["M1,SFT", "M1, M2"], names) == [draw.Pair("M1", "SFT"), draw.Pair("M2", "M1")]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param(["SFT"], "must be two models, as SFT,M3", id="one"),
        pytest.param(["SFT,M1,M2"], "must be two models", id="three"),
        pytest.param(["SFT,M9"], "M9 is no checkpoint that can be compared; this run has SFT, M1", id="unknown"),
        pytest.param(["M0,M1"], "M0 is no checkpoint that can be compared", id="base"),
        pytest.param(["SFT,"], "an empty name is no checkpoint", id="empty"),
        pytest.param(["M1,M1"], "names one model twice", id="itself"),
        pytest.param(["SFT,M1", "M1,SFT"], "this pair is named twice", id="twice"),
    ],
)
def test_pairs_that_are_none_are_refused(given: list[str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        pairs_of(given, ["SFT", "M1"])
