"""The page in a real Chromium, by keyboard alone: from the first vote to the saved file, and what it withstands."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from eval.benchmarks.human import ballots, key, page
from eval.benchmarks.human.measure import figures
from srlm.printable import revealed
from srlm.records import Message, Prompt
from srlm.store.folder import RunFolder
from tests.eval.human import study
from tests.eval.report import hostile
from tests.eval.seen import deeds, overflows, violations
from tests.hostile_words import HARMLESS, STEERING, steering

SIZES: dict[str, ViewportSize] = {
    "phone": {"width": 390, "height": 844},
    "desktop": {"width": 1280, "height": 900},
    "wall": {"width": 2000, "height": 1200},
}
WITHOUT_STORAGE = "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('denied'); } });"
PAYLOADS = (*hostile.PAYLOADS, hostile.MEGABYTE, *STEERING, *HARMLESS)


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser's profile; whatever a page does in it that it should not has happened by the end."""
    made = chromium.new_context(viewport=SIZES["desktop"])
    watched: list[list[str]] = []
    made.on("page", lambda tab: watched.append(deeds(tab)))
    yield made
    made.close()
    assert [event for events in watched for event in events] == []


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    words = {"SFT": "One answer", "M1": "Another answer"}
    return study.run(tmp_path, {name: [f"{text} to {n}." for n in range(6)] for name, text in words.items()})


@pytest.fixture
def written(tmp_path: Path, folder: RunFolder) -> Path:
    """A page of six comparisons."""
    return write(tmp_path / "annotate.html", folder)


def write(path: Path, folder: RunFolder) -> Path:
    drawn, found = study.page(folder, count=500)
    path.write_text(page.render(found.page, drawn.shown), encoding="utf-8")
    return path


def opened(context: BrowserContext, path: Path) -> Page:
    tab = context.new_page()
    tab.goto(path.as_uri())
    return tab


def begin(context: BrowserContext, path: Path, name: str = "AB") -> Page:
    """Somebody gives a name; nothing but keys is pressed."""
    tab = opened(context, path)
    tab.keyboard.type(name)
    tab.keyboard.press("Enter")
    at(tab, 1)
    return tab


def at(tab: Page, number: int) -> None:
    """Wait until this comparison is shown."""
    expect(tab.locator("#where")).to_have_text(re.compile(rf"^Comparison {number} of "))


def saved(tab: Page, key: str, to: Path) -> dict[str, Any]:
    """Press a key that saves; the file that comes."""
    with tab.expect_download() as waited:
        tab.keyboard.press(key)
    waited.value.save_as(to)
    found: dict[str, Any] = json.loads(to.read_text(encoding="utf-8"))
    return found | {"name": waited.value.suggested_filename}


def said(file: dict[str, Any]) -> list[str]:
    return [one["vote"] for one in file["votes"]]


def test_from_the_first_comparison_to_figures_by_keyboard_alone(
    tmp_path: Path, context: BrowserContext, folder: RunFolder, written: Path
) -> None:
    tab = begin(context, written)
    for number, pressed in enumerate(("ArrowLeft", "t", "s"), 1):
        at(tab, number)
        tab.keyboard.press(pressed)
    at(tab, 4)
    expect(tab.locator("#count")).to_have_text("2 of 6 judged, 1 skipped")
    tab.reload()
    at(tab, 4)
    # Back to the skipped one, whose vote is marked, and a vote for it; then on where nothing was said yet.
    for pressed in ("g", "3", "Enter"):
        tab.keyboard.press(pressed)
    at(tab, 3)
    assert tab.get_attribute("#vote-skip", "aria-pressed") == "true"
    tab.keyboard.press("ArrowRight")
    at(tab, 4)
    for pressed in ("1", "2", "ArrowRight"):
        tab.keyboard.press(pressed)
    expect(tab.locator("#done-title")).to_be_visible()
    expect(tab.locator("#summary")).to_have_text("6 of 6 judged.")
    path = tmp_path / "votes.json"
    file = saved(tab, "Enter", path)  # the button has the focus
    (one,) = key.pages(folder)
    assert file["name"] == f"votes-ab-{one.key.page[:8]}.json"
    assert said(file) == ["left", "tie", "right", "left", "tie", "right"]
    assert [vote["item"] for vote in file["votes"]] == [shown.id for shown in one.key.shown]
    # What the file says is what the person saw.
    (taken,) = ballots.take(study.data(folder), [path])
    assert (taken.votes.annotator, len(taken.votes.votes)) == ("AB", 6)
    wins = sum(vote == shown.model_side for vote, shown in zip(said(file), one.key.shown, strict=True) if vote != "tie")
    shares = {metric.metric: metric.value for metric in figures(study.data(folder))}
    assert (shares["win"], shares["tie"], shares["lose"]) == (wins / 6, 2 / 6, (4 - wins) / 6)


def test_the_words_on_each_side_are_those_of_the_key(context: BrowserContext, folder: RunFolder, written: Path) -> None:
    tab = begin(context, written)
    run, (one,) = study.data(folder), key.pages(folder)
    prompts = {prompt.id: prompt.text for prompt in run.prompts}
    for number, shown in enumerate(one.key.shown, 1):
        at(tab, number)
        model, baseline = (run.answers[name][shown.prompt_id].text for name in ("M1", "SFT"))
        sides = [model, baseline] if shown.model_side == "left" else [baseline, model]
        assert [tab.text_content("#left"), tab.text_content("#right")] == sides
        assert tab.text_content("#turns") == prompts[shown.prompt_id]
        tab.keyboard.press("n")


def test_undo_takes_votes_back_one_by_one_also_after_a_reload(context: BrowserContext, written: Path) -> None:
    tab = begin(context, written)
    for pressed in ("1", "2", "3"):
        tab.keyboard.press(pressed)
    at(tab, 4)
    tab.reload()
    tab.keyboard.press("u")
    at(tab, 3)
    expect(tab.locator("#said")).to_have_text("The vote on comparison 3 is taken back.")
    tab.keyboard.press("u")
    at(tab, 2)
    expect(tab.locator("#count")).to_have_text("1 of 6 judged")
    # A vote that was changed is the earlier one again.
    for pressed in ("p", "3", "u"):
        tab.keyboard.press(pressed)
    at(tab, 1)
    assert tab.get_attribute("#vote-left", "aria-pressed") == "true"
    tab.keyboard.press("u")
    tab.keyboard.press("u")
    assert tab.is_disabled("#undo")
    expect(tab.locator("#count")).to_have_text("0 of 6 judged")


def test_every_button_is_reached_by_tab_and_says_what_it_does(context: BrowserContext, written: Path) -> None:
    tab = begin(context, written)
    tab.keyboard.press("2")
    met = []
    for _ in range(20):
        tab.keyboard.press("Tab")
        met.append(tab.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
    wanted = [
        "turns", "left", "right", "vote-left", "vote-tie", "vote-right", "vote-skip", "Keys, files, annotator",
        "previous", "next", "undo", "number", "Go", "save",
    ]  # fmt: skip
    assert [one for one in wanted if one not in met] == []
    tab.focus("#vote-right")
    tab.keyboard.press("Space")
    at(tab, 3)
    names = tab.eval_on_selector_all("button:not([hidden])", "found => found.map(one => one.textContent.trim())")
    assert all(names)


def test_a_letter_in_a_field_is_a_letter_and_a_key_held_down_votes_once(context: BrowserContext, written: Path) -> None:
    tab = begin(context, written, "Stu 1")
    tab.keyboard.press("g")
    tab.keyboard.press("2")
    assert tab.input_value("#number") == "2"
    expect(tab.locator("#count")).to_have_text("0 of 6 judged")
    tab.keyboard.press("Escape")
    tab.keyboard.down("2")
    tab.keyboard.down("2")
    tab.keyboard.down("2")
    tab.keyboard.up("2")
    expect(tab.locator("#count")).to_have_text("1 of 6 judged")
    # Single keys can be switched off; the buttons stay.
    tab.locator("#more summary").press("Enter")
    tab.locator("#keys").press("Space")
    tab.focus("#turns")
    tab.keyboard.press("2")
    expect(tab.locator("#count")).to_have_text("1 of 6 judged")
    tab.locator("#vote-tie").press("Enter")
    expect(tab.locator("#count")).to_have_text("2 of 6 judged")


def test_without_storage_it_warns_and_a_saved_file_is_gone_on_with(
    tmp_path: Path, chromium: Browser, written: Path
) -> None:
    context = chromium.new_context()
    context.add_init_script(WITHOUT_STORAGE)
    tab = begin(context, written)
    expect(tab.locator("#volatile")).to_contain_text("does not keep your votes. Save them as a file")
    for pressed in ("1", "2"):
        tab.keyboard.press(pressed)
    file = saved(tab, "Control+s", tmp_path / "half.json")
    assert said(file) == ["left", "tie"]
    expect(tab.locator("#said")).to_contain_text("4 of 6 comparisons have no vote yet")
    tab.close()
    tab = opened(context, written)
    tab.keyboard.press("Tab")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.id") == "load-first"
    with tab.expect_file_chooser() as waited:
        tab.evaluate("null")  # Playwright does not wait until choosers are caught; after a round trip they are
        tab.keyboard.press("Space")
    waited.value.set_files(tmp_path / "half.json")
    at(tab, 3)
    expect(tab.locator("#count")).to_have_text("2 of 6 judged")
    expect(tab.locator("#who")).to_have_text("AB")
    context.close()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"page": "0" * 16}, "its votes are of another page", id="another-page"),
        pytest.param({"annotator": "CD"}, "its votes are CD's, and here is AB", id="another-person"),
        pytest.param({"annotator": {"x": 1}}, "it names no annotator", id="nobody"),
        pytest.param({"votes": [{"item": "0" * 16, "vote": "tie"}]}, "this page did not write", id="unknown"),
        pytest.param({"votes": [{"item": "__proto__", "vote": "toString"}]}, "this page did not write", id="proto"),
        pytest.param({"votes": [None]}, "this page did not write", id="null"),
        pytest.param({"votes": []}, "it holds no votes", id="empty"),
        pytest.param({"votes": {}}, "it is not a file of votes", id="no-list"),
        pytest.param({"format": "<img src=x onerror=alert(1)>"}, "it is not a file of votes", id="another-format"),
    ],
)
def test_files_that_are_none_are_refused_and_change_nothing(
    tmp_path: Path, context: BrowserContext, folder: RunFolder, written: Path, change: dict[str, Any], message: str
) -> None:
    tab = begin(context, written)
    tab.keyboard.press("3")
    (one,) = key.pages(folder)
    whole = study.votes(one.key, "AB", {(shown.prompt_id, "M1", "SFT"): "tie" for shown in one.key.shown})
    tab.set_input_files("#load", study.write(tmp_path / "<b>votes<b>.json", whole | change))
    expect(tab.locator("#said")).to_contain_text(message)
    expect(tab.locator("#count")).to_have_text("1 of 6 judged")
    half = tmp_path / "half.json"
    half.write_text(json.dumps(whole)[:200])
    tab.set_input_files("#load", half)
    expect(tab.locator("#said")).to_contain_text("it is not JSON; perhaps only half of it is there")
    assert tab.locator("#said b").count() == 0


def test_a_loaded_file_replaces_votes_and_undo_brings_them_back(
    tmp_path: Path, context: BrowserContext, folder: RunFolder, written: Path
) -> None:
    tab = begin(context, written)
    tab.keyboard.press("s")
    (one,) = key.pages(folder)
    whole = study.votes(one.key, "AB", {(shown.prompt_id, "M1", "SFT"): "tie" for shown in one.key.shown})
    tab.set_input_files("#load", study.write(tmp_path / "votes.json", whole))
    expect(tab.locator("#said")).to_have_text("Loaded 6 votes, 1 in place of others; Undo brings these back.")
    expect(tab.locator("#done-title")).to_be_visible()
    tab.keyboard.press("u")
    expect(tab.locator("#count")).to_have_text("0 of 6 judged, 1 skipped")


def test_another_annotator_begins_anew(context: BrowserContext, written: Path) -> None:
    tab = begin(context, written)
    tab.keyboard.press("1")
    tab.locator("#more summary").press("Enter")
    tab.locator("#other").press("Enter")
    tab.locator("#leave").press("Enter")
    tab.keyboard.type("CD")
    tab.keyboard.press("Enter")
    at(tab, 1)
    expect(tab.locator("#count")).to_have_text("0 of 6 judged")
    tab.reload()
    expect(tab.locator("#who")).to_have_text("CD")


def test_a_page_that_opens_overwrites_nothing_and_follows_what_another_window_keeps(
    context: BrowserContext, written: Path
) -> None:
    second = opened(context, written)
    assert second.evaluate("localStorage.getItem(STORE)") is None
    begin(context, written)
    at(second, 1)


def test_two_windows_do_not_lose_each_others_votes(context: BrowserContext, written: Path) -> None:
    first = begin(context, written)
    second = opened(context, written)
    at(second, 1)
    first.keyboard.press("1")
    at(second, 2)
    second.keyboard.press("2")
    at(first, 3)
    expect(first.locator("#count")).to_have_text("2 of 6 judged")


def test_what_was_kept_by_something_else_is_left_out(context: BrowserContext, written: Path) -> None:
    tab = begin(context, written)
    store = tab.evaluate("STORE")
    for kept in (
        "{", "null", "[]", '{"votes": 1}',
        '{"annotator": "AB", "votes": [["x", "tie"]], "history": [[["x", null]], []], "place": 1e9, "keys": 1}',
    ):  # fmt: skip
        tab.evaluate("([name, text]) => localStorage.setItem(name, text)", [store, kept])
        tab.reload()
        assert tab.evaluate("state.votes.size") == 0
    tab.keyboard.press("u")


@pytest.fixture(scope="module")
def hostile_folder(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Instructions, earlier turns and answers of which each is a payload."""
    said = {name: [f"{mark}{text}" if text else mark for text in PAYLOADS] for name, mark in (("SFT", ""), ("M1", "+"))}
    prompts = [
        Prompt.of(f"{number} {text[:20_000]}", "test", before=(Message(role=text[:99] or "user", content=text[:999]),))
        for number, text in enumerate(PAYLOADS)
    ]
    return study.run(tmp_path_factory.mktemp("hostile"), said, prompts)


def test_what_models_wrote_is_shown_and_does_nothing(
    tmp_path: Path, context: BrowserContext, hostile_folder: RunFolder
) -> None:
    path = write(tmp_path / "hostile.html", hostile_folder)
    whole = path.read_text(encoding="utf-8")
    assert whole.count("<script") == 2 and whole.count("</script") == 2
    assert all(line.isascii() and line.count("<") == 2 for line in whole.splitlines() if len(line) > 10_000)
    name = "<img src=x onerror=window.pwned=1>\u202e"
    tab = begin(context, path, name)
    run, (one,) = study.data(hostile_folder), key.pages(hostile_folder)
    for number, shown in enumerate(one.key.shown, 1):
        at(tab, number)
        model, baseline = (run.answers[author][shown.prompt_id].text for author in ("M1", "SFT"))
        sides = [model, baseline] if shown.model_side == "left" else [baseline, model]
        found = [tab.text_content(f"#{side}") or "" for side in ("left", "right")]
        assert found == [visible(text) for text in sides], number
        assert not steering(
            "".join([*found, tab.text_content("#turns") or ""]).replace("\u200c", "").replace("\u200d", "")
        )
        assert not overflows(tab), number
        tab.keyboard.press("2")
    assert tab.evaluate("window.pwned") is None
    assert (
        tab.locator("main img, main iframe, main object, main embed, main link, main svg, main a, main style").count()
        == 0
    )
    assert tab.locator("[style], [onerror], [onclick], [href], [src]").count() == 0
    file = saved(tab, "Enter", tmp_path / "votes.json")
    assert file["annotator"] == name and file["name"].startswith("votes-img-src-x-onerror-window-pwned-1-")


def visible(text: str) -> str:
    """What a reader sees: codes in place of what would be invisible or steer."""
    if not text.strip():
        return "(an empty answer)"
    rest = len(text) - page.LONGEST
    end = f"\n\n[{rest:,} more characters are not shown]" if rest > 0 else ""
    return revealed(text[: page.LONGEST], lambda letter: f"U+{ord(letter):04X}") + end


def test_a_network_is_never_asked_even_by_a_script_that_got_in(context: BrowserContext, written: Path) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', written.read_text(encoding="utf-8"))
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy[1].replace("&#39;", "'").split(";"))
    assert rules["default-src"] == "'none'" and rules["form-action"] == "'none'" and rules["base-uri"] == "'none'"
    assert re.fullmatch(r"'sha256-[\w+/]+='", rules["script-src"]) and re.fullmatch(
        r"'sha256-[\w+/]+='", rules["style-src"]
    )
    assert not re.search(r"https?:", written.read_text(encoding="utf-8"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_nothing_and_the_layout_holds(chromium: Browser, written: Path, size: str, scheme: str) -> None:
    context = chromium.new_context(viewport=SIZES[size], color_scheme="dark" if scheme == "dark" else "light")
    tab = opened(context, written)
    tab.wait_for_selector("#name")
    if size == "phone":
        assert violations(tab) == []
    tab.keyboard.type("AB")
    tab.keyboard.press("Enter")
    tab.keyboard.press("1")
    tab.keyboard.press("p")
    at(tab, 1)
    assert violations(tab) == []
    assert not overflows(tab)
    if size == "phone":
        tab.locator("#more summary").press("Enter")
        assert violations(tab) == []
    tab.evaluate("for (const { id } of items) state.votes.set(id, 'skip'); goTo(items.length)")
    expect(tab.locator("#skipped")).to_be_visible()
    assert size != "phone" or violations(tab) == []
    context.close()


@pytest.mark.parametrize("size", ["desktop", "wall"])
def test_long_answers_scroll_side_by_side_within_the_window(tmp_path: Path, chromium: Browser, size: str) -> None:
    long = "\n".join(f"Line {n} of a long answer." for n in range(500))
    path = write(tmp_path / "long.html", study.run(tmp_path, {"SFT": [long], "M1": [long + "."]}))
    tab = begin(chromium.new_context(viewport=SIZES[size]), path)
    left, right, votes = (tab.locator(f"#{name}").bounding_box() for name in ("left", "right", "votes"))
    assert left and right and votes
    assert left["y"] == right["y"] and left["x"] + left["width"] <= right["x"]
    assert votes["y"] >= left["y"] + left["height"] and votes["y"] + votes["height"] <= SIZES[size]["height"]
    tab.focus("#right")
    tab.keyboard.press("End")
    tab.evaluate(
        "() => new Promise(done => { const look = () => right.scrollTop > 1000 ? done() : requestAnimationFrame(look);"
        " look(); })"
    )
    assert tab.evaluate("left.scrollTop") == 0
    tab.context.close()


def test_without_javascript_it_says_so(chromium: Browser, written: Path) -> None:
    context = chromium.new_context(java_script_enabled=False)
    tab = opened(context, written)
    assert "This page needs JavaScript" in (tab.text_content("main") or "")
    context.close()
