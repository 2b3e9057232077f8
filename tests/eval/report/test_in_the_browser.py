"""The report in a real Chromium: nothing that models wrote acts, and a reader can use all of it."""

import base64
import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from eval.figures.words import plain
from eval.metrics import read as read_metrics
from eval.report import page
from srlm.records import Prompt
from srlm.store import files
from tests.eval.report import hostile, small
from tests.eval.seen import Scheme, deeds, look, overflows

CHOICE = json.dumps({"index": 0, "message": {"role": "assistant", "content": "m"}, "logprobs": None})
"""What a server answered, as annotations keep it."""
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = hostile.run(tmp_path_factory.mktemp("hostile"))
    return page.write(folder.settings, folder, f"srlm-eval report {hostile.PAYLOADS[0]}")


@pytest.fixture
def opened(chromium: Browser, report: Path) -> Iterator[tuple[Page, list[str]]]:
    """The page as a reader opens it from disk, and everything that it should not have done."""
    context = chromium.new_context(viewport=DESKTOP)
    tab = context.new_page()
    events = deeds(tab)
    tab.goto(report.as_uri())
    tab.wait_for_selector("#prompt h3")
    yield tab, events
    context.close()


def heading(tab: Page, number: int) -> None:
    """Wait until this prompt is shown."""
    expect(tab.locator("#prompt h3")).to_have_text(re.compile(rf"^Prompt {number} "))


def address(tab: Page) -> str:
    """The page's address as it is now; Playwright's own copy follows a little later."""
    return str(tab.evaluate("location.href"))


def shown(text: str) -> str:
    """What a reader sees of hostile words: no control characters; line ends as HTML has them."""
    return plain(text)


@pytest.mark.parametrize(
    ("words", "event"),
    [
        ("alert(1)", "dialog: 1"),
        ("fetch('https://127.0.0.1:9/x').catch(() => 0)", "request: https://127.0.0.1:9/x"),
        ("location = 'https://127.0.0.1:9/y'", "request: https://127.0.0.1:9/y"),
        (
            "document.body.append(Object.assign(document.createElement('iframe'), {src: 'other.html'}))",
            "request: file:",
        ),
        ("console.log('here')", "console: here"),
        ("throw Error('no')", "error: no"),
    ],
)
def test_whatever_a_page_does_is_seen(chromium: Browser, tmp_path: Path, words: str, event: str) -> None:
    path = tmp_path / "page.html"
    path.write_text(f"<!doctype html><title>x</title><body><script>{words}</script>")
    tab = chromium.new_page()
    events = deeds(tab)
    kind = {"error": "pageerror"}.get(event.partition(":")[0], event.partition(":")[0])
    with tab.expect_event(kind, lambda one: kind != "request" or one.url != path.as_uri()):
        tab.goto(path.as_uri(), wait_until="commit")
    tab.close()
    assert [one[: len(event)] for one in events][:1] == [event]


def test_there_are_sixty_payloads_and_more() -> None:
    assert len(set(hostile.PAYLOADS)) >= 60


def test_what_models_wrote_is_shown_and_does_nothing(opened: tuple[Page, list[str]], report: Path) -> None:
    tab, events = opened
    tab.keyboard.press("r")
    prompts = files.read(report.parent / "data" / "evaluation_prompts.jsonl", Prompt)
    for number, (prompt, text) in enumerate(zip(prompts, (*hostile.PAYLOADS, hostile.MEGABYTE), strict=True), 1):
        heading(tab, number)
        boxes = tab.eval_on_selector_all("#prompt .answers .words", "found => found.map(one => one.textContent)")
        assert boxes == ([shown(text)] * 2 if text.strip() else []), number
        assert tab.eval_on_selector("#prompt > .words", "one => one.textContent") == shown(prompt.text), number
        tab.keyboard.press("j")
    for number, text in enumerate(
        hostile.PAYLOADS, len(prompts) + 1
    ):  # AlpacaEval's: the answer, and what a judge said
        heading(tab, number)
        boxes = tab.eval_on_selector_all("#prompt .answers .words", "found => found.map(one => one.textContent)")
        assert boxes[0] == (shown(text) if text.strip() else f"The reference to {number - len(prompts) - 1}."), number
        said = tab.eval_on_selector_all("#prompt .said .words", "found => found.map(one => one.textContent)")
        assert said == ([shown(text)] if text.strip() else []), number
        tab.keyboard.press("j")
    for details in tab.locator("details").all():
        details.evaluate("one => { one.open = true; }")
    assert events == []
    assert tab.evaluate("window.pwned") is None
    assert tab.evaluate("Object.prototype.toString.call({}.pwned)") == "[object Undefined]"
    assert (
        tab.locator("main img, main iframe, main object, main embed, main link, main base, main form[action]").count()
        == 0
    )
    elements = tab.evaluate(
        "[...document.querySelectorAll('*')].filter(e => [...e.attributes].some("
        "a => /^on/i.test(a.name) || a.name === 'style' || /^\\s*(javascript|data):/i.test(a.value) && a.name !== 'dir'"
        " && ['href', 'src', 'xlink:href', 'action'].includes(a.name))).map(e => e.outerHTML.slice(0, 200))"
    )
    assert elements == []


RENDERED = """() => {
  const found = [...document.querySelectorAll("#prompt .rendered *")];
  const kinds = (names) => [...new Set(names)].sort();
  return [kinds(found.map((one) => one.localName)), kinds(found.flatMap((one) => one.getAttributeNames()))];
}"""
MARKDOWN = {
    *("bdi", "blockquote", "code", "div", "em", "h5", "h6", "hr", "li", "ol", "p", "pre", "span", "strong"),
    *("table", "tbody", "td", "th", "thead", "tr", "ul"),
}


def test_what_models_wrote_does_nothing_when_it_is_rendered(opened: tuple[Page, list[str]]) -> None:
    tab, events = opened
    seen: set[str] = set()
    for number in range(1, len(hostile.PAYLOADS) + 1):
        heading(tab, number)
        elements, attributes = tab.evaluate(RENDERED)
        assert set(attributes) <= {"class", "dir", "scope", "start", "tabindex"}, number
        seen |= set(elements)
        tab.keyboard.press("j")
    assert {"em", "p"} < seen < MARKDOWN
    expect(tab.locator("#prompt .answers .soft", has_text="shown raw: too long to be rendered")).to_have_count(2)
    tab.keyboard.press("d")
    expect(tab.locator("#prompt .changes")).to_have_text(shown(hostile.MEGABYTE).strip(), use_inner_text=False)
    assert events == []
    assert tab.evaluate("window.pwned") is None


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_layout_holds(opened: tuple[Page, list[str]], size: Any) -> None:
    tab, events = opened
    tab.set_viewport_size(size)
    last = len(hostile.PAYLOADS)
    for place in (last, 52, 51, 48, 0):  # the megabyte, Arabic, one long word, a table, a script
        tab.evaluate("n => { location.hash = '#prompt-' + JSON.parse(index.textContent).prompts[n][0]; }", place)
        heading(tab, place + 1)
        assert not overflows(tab), place
    assert events == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("wide", [DESKTOP["width"], PHONE["width"]], ids=["desktop", "phone"])
def test_axe_finds_no_serious_fault(chromium: Browser, plainly: Path, scheme: Scheme, wide: int) -> None:
    found = look(chromium, plainly, wide, scheme, ready="#prompt h3").violations
    assert [one for one in found if one.impact in ("serious", "critical")] == []


@pytest.fixture(scope="module")
def plainly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a run with known figures."""
    folder = small.run(tmp_path_factory.mktemp("small"))
    return page.write(folder.settings, folder, "srlm-eval all --run small.yaml")


@pytest.fixture
def tab(chromium: Browser, plainly: Path) -> Iterator[Page]:
    context = chromium.new_context(viewport=DESKTOP, permissions=["clipboard-read", "clipboard-write"])
    made = context.new_page()
    made.goto(plainly.as_uri())
    made.wait_for_selector("#prompt h3")
    yield made
    context.close()


def listed(tab: Page) -> list[int]:
    """Numbers of the prompts in the list."""
    return [int(text.partition(".")[0]) for text in tab.locator("#list a").all_text_contents()]


def test_j_and_k_walk_the_prompts_and_the_address_follows(tab: Page) -> None:
    tab.keyboard.press("j")
    tab.keyboard.press("j")
    heading(tab, 3)
    tab.keyboard.press("k")
    heading(tab, 2)
    there = address(tab)
    assert "#prompt-" in there
    other = tab.context.new_page()
    other.goto(there)
    heading(other, 2)


def test_the_search_field_is_a_key_away_and_takes_letters_as_letters(tab: Page) -> None:
    tab.keyboard.press("/")
    tab.keyboard.type("question 7: j")
    assert tab.input_value("#search") == "question 7: j"
    expect(tab.locator("#found")).to_have_text("0 of 12 prompts")
    tab.fill("#search", "QUESTION 7")
    heading(tab, 8)
    assert listed(tab) == [8]


def test_answers_are_searched_when_asked_to(tab: Page) -> None:
    tab.fill("#search", "m2 says so to 4.")
    expect(tab.locator("#found")).to_have_text("0 of 12 prompts")
    tab.check("#search-answers")
    heading(tab, 5)
    assert listed(tab) == [5]


@pytest.mark.parametrize(
    ("field", "value", "numbers"),
    [
        pytest.param("filter", "f", [3], id="flips"),
        pytest.param("filter", "r", [2], id="regressions"),
        pytest.param("filter", "u", [4], id="unscored"),
        pytest.param("filter", "d", [6], id="disagreements"),
        pytest.param("kind", "0", [1, 3, 5, 7, 9, 11], id="kind"),
    ],
)
def test_filters_find_what_they_name(tab: Page, field: str, value: str, numbers: list[int]) -> None:
    tab.select_option(f"#{field}", value)
    heading(tab, numbers[0])
    assert listed(tab) == numbers


def test_a_prompt_shows_all_answers_both_orders_and_the_raw_words(tab: Page) -> None:
    tab.select_option("#filter", "f")
    heading(tab, 3)
    text = tab.text_content("#prompt") or ""
    for part in (
        "M1 says so to 2.",
        "M2 says so to 2.",
        "M2 against M1, judge judge: tie the order decided",
        "[[0.0]]",
    ):
        assert part in text
    tab.click("text=Judgements of own answers")
    assert tab.is_visible("text=judgement 1 >> nth=0")


@pytest.fixture(scope="module")
def with_alpaca(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with three of AlpacaEval's prompts, the first of them an evaluation prompt, too."""
    folder = small.run(tmp_path_factory.mktemp("alpaca"))
    asked = files.read(folder.step("data") / "evaluation_prompts.jsonl", Prompt)[:1]
    prompts = [*asked, *(Prompt.of(text, "alpaca_eval", "helpful_base") for text in ("Who painted it?", "And when?"))]
    small.alpaca(
        folder,
        prompts,
        {"M2": ["sky", "Vermeer", "1665"], "M1": ["blue", "nobody", "never"]},
        {"M2": [(0.5, "both"), (0.9375, CHOICE), (None, "I cannot say")], "M1": [(0.0, "M")] * 3},
    )
    return page.write(folder.settings, folder, "srlm-eval report --run small.yaml")


def test_alpaca_eval_is_a_benchmark_of_the_browser(chromium: Browser, with_alpaca: Path) -> None:
    tab = chromium.new_page(viewport=DESKTOP)
    tab.goto(with_alpaca.as_uri())
    heading(tab, 1)
    tab.select_option("#benchmark", label="AlpacaEval 2.0")
    heading(tab, 13)
    assert listed(tab) == [13, 14, 15]
    expect(tab.locator("#found")).to_have_text("3 of 15 prompts")
    tab.keyboard.press("j")
    heading(tab, 14)
    assert "#prompt-alpaca_eval-" in address(tab)
    heads = tab.locator("#prompt .answers h4").all_text_contents()
    assert heads == ["M1", "M2", "gpt4_1106_preview (reference)"]
    answers = tab.locator("#prompt .answers .rendered").all_text_contents()
    assert answers == ["nobody", "Vermeer", "The reference to 1."]
    said = tab.locator("#prompt .said").nth(1)
    expect(said.locator("div").first).to_have_text(
        "M2 against gpt4_1106_preview, judge tiny: win preference for M2: 0.938"
    )
    expect(said.locator("small")).to_have_text("gpt4_1106_preview shown first")
    assert said.locator(".words").all_text_contents() == ["m"]
    said.locator("summary").click()
    expect(said.locator("details .words")).to_have_text(CHOICE)
    tab.select_option("#filter", "u")
    heading(tab, 15)
    assert listed(tab) == [15]
    assert "no preference (parse)" in (tab.text_content("#prompt") or "")
    tab.select_option("#filter", "")
    tab.select_option("#kind", label="category: helpful_base (2)")
    expect(tab.locator("#found")).to_have_text("2 of 15 prompts")
    assert listed(tab) == [14, 15]
    tab.select_option("#kind", "")
    tab.select_option("#benchmark", label="head to head")
    heading(tab, 1)
    assert listed(tab) == list(range(1, 13))
    tab.click("#all-prompts")
    tab.select_option("#pair", label="of M2 against gpt4_1106_preview, judge tiny")
    assert tab.locator("#outcome option").all_text_contents() == [
        "any", "M2 is better (1)", "equal (1)", "gpt4_1106_preview is better (0)", "not readable (1)"
    ]  # fmt: skip
    tab.select_option("#outcome", "win")
    heading(tab, 14)
    tab.click("#all-prompts")
    tab.fill("#search", "question 0:")
    tab.select_option("#benchmark", label="AlpacaEval 2.0")
    heading(tab, 13)  # the same prompt, as another benchmark asks it
    heads = tab.locator("#prompt .answers h4").all_text_contents()
    assert heads == [
        "M1 (cut at its limit)", "M2 (cut at its limit)", "gpt4_1106_preview (reference)"
    ]  # fmt: skip
    tab.close()


def test_one_benchmark_alone_has_no_filter(tab: Page) -> None:
    assert tab.locator("#benchmark").is_hidden()


def test_a_regression_in_the_text_links_to_its_prompt(tab: Page) -> None:
    tab.click("#changed ~ .prompts a >> nth=0")
    heading(tab, 2)


def test_tables_are_copied_unrounded(tab: Page, plainly: Path) -> None:
    tab.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    tab.click("[aria-label='Copy CSV: Every figure']")
    expect(tab.locator("[aria-label='Copy CSV: Every figure']")).to_have_text("Copied")
    rows = list(csv.DictReader(io.StringIO(tab.evaluate("navigator.clipboard.readText()"))))
    metrics = read_metrics(plainly.parent / "evaluation" / "metrics.json")
    assert [row["Value"] for row in rows if "missing" not in row["Value"]] == [
        repr(m.value) for m in metrics if m.value is not None
    ]
    tab.click("[aria-label='Copy Markdown: Head to head']")
    expect(tab.locator("[aria-label='Copy Markdown: Head to head']")).to_have_text("Copied")
    lines = tab.evaluate("navigator.clipboard.readText()").splitlines()
    assert lines[1].startswith("| --- | ---") and len({line.count("|") for line in lines[:2]}) == 1


def test_a_charts_data_is_downloaded_as_csv(tab: Page, plainly: Path, tmp_path: Path) -> None:
    with tab.expect_download() as waited:
        tab.click("[aria-label='Download CSV: Mean length of an answer, characters'] >> nth=0")
    waited.value.save_as(tmp_path / "chart.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "chart.csv").read_text(encoding="utf-8"))))
    metrics = read_metrics(plainly.parent / "evaluation" / "metrics.json")
    # A mean length over twelve prompts has no interval.
    wanted = [(m.model, repr(m.value), "") for m in metrics if m.metric == "characters" and m.low is None]
    assert len(wanted) == 3
    assert [(row["model"], row["value"], row["low"]) for row in rows] == wanted


CHART = "figure:has([data-name='Mean length of an answer, characters'])"


def opacity(tab: Page, selector: str) -> str:
    return str(tab.eval_on_selector(selector, "one => getComputedStyle(one).opacity"))


def test_a_figure_has_one_toolbar_that_shows_under_the_pointer_and_in_the_focus(tab: Page) -> None:
    tools = f"{CHART} .tools"
    assert tab.locator(f"{tools} button").all_text_contents() == ["Copy", "CSV", "PNG", "SVG"]
    assert [tab.locator(f"figure >> nth={place} >> .tools").count() for place in range(4)] == [1] * 4
    tab.mouse.move(0, 0)
    assert opacity(tab, tools) == "0"
    tab.hover(f"{CHART} svg")
    assert opacity(tab, tools) == "1"
    tab.mouse.move(0, 0)
    tab.focus(f"{CHART} summary")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Copy"
    assert opacity(tab, tools) == "1"


def test_a_table_has_one_toolbar(tab: Page) -> None:
    table = ".tooled:has([data-name='Head to head'])"
    assert tab.locator(f"{table} > .tools button").all_text_contents() == ["Copy", "Markdown", "CSV"]
    tab.mouse.move(0, 0)
    assert opacity(tab, f"{table} > .tools") == "0"
    tab.hover(f"{table} th >> nth=0")
    assert opacity(tab, f"{table} > .tools") == "1"


def test_where_nothing_hovers_toolbars_are_always_there(chromium: Browser, plainly: Path) -> None:
    context = chromium.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    tab = context.new_page()
    tab.goto(plainly.as_uri())
    shown = tab.eval_on_selector_all(".tools", "found => found.map(one => getComputedStyle(one).opacity)")
    assert len(shown) > 10 and set(shown) == {"1"}
    # Beside what unfolds the data, and not on it.
    fold = tab.locator(f"{CHART} summary").bounding_box()
    tools = tab.locator(f"{CHART} .tools").bounding_box()
    assert fold is not None and tools is not None
    assert fold["x"] + fold["width"] <= tools["x"]
    context.close()


def saved(tab: Page, button: str, path: Path) -> bytes:
    """What a button of the chart's toolbar gives."""
    with tab.expect_download() as waited:
        tab.click(f"{CHART} .tools button:text-is('{button}')")
    waited.value.save_as(path)
    return path.read_bytes()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_chart_is_saved_as_svg_and_png_in_the_colours_that_are_seen(
    chromium: Browser, plainly: Path, tmp_path: Path, scheme: Scheme
) -> None:
    tab = chromium.new_page(viewport=DESKTOP, color_scheme=scheme)
    events = deeds(tab)
    tab.goto(plainly.as_uri())
    svg = saved(tab, "SVG", tmp_path / "chart.svg").decode()
    assert "var(" not in svg and "currentColor" not in svg
    # SFT's, M1's and M2's colours, the second to the fourth of the page's.
    colours = {"light": ("#9c3512", "#027663", "#cf5cb2"), "dark": ("#d17c3c", "#4fe6a0", "#f2689b")}
    assert all(colour in svg for colour in colours[scheme])
    png = saved(tab, "PNG", tmp_path / "chart.png")
    assert png.startswith(b"\x89PNG")
    # Both show the same: the file of the picture, drawn by the browser, beside the one that the page has painted.
    shows = chromium.new_page(bypass_csp=True)
    shows.goto((tmp_path / "chart.svg").as_uri())
    unlike = shows.evaluate(UNLIKE, [base64.b64encode(svg.encode()).decode(), base64.b64encode(png).decode()])
    assert unlike["size"] == [1080, unlike["size"][1]] and unlike["drawn"] > 0.005
    assert unlike["share"] < 0.01
    shows.close()
    tab.close()
    assert events == []


UNLIKE = """async ([svg, png]) => {
  const seen = [];
  let size;
  for (const source of [`data:image/png;base64,${png}`, `data:image/svg+xml;base64,${svg}`]) {
    const image = document.createElementNS("http://www.w3.org/1999/xhtml", "img");
    image.src = source;
    await image.decode();
    size ??= [image.naturalWidth, image.naturalHeight];
    const canvas = new OffscreenCanvas(...size), pen = canvas.getContext("2d");
    pen.drawImage(image, 0, 0, ...size);
    seen.push(pen.getImageData(0, 0, ...size).data);
  }
  const [a, b] = seen, ground = [...a.slice(0, 3)];
  let unlike = 0, drawn = 0;
  for (let at = 0; at < a.length; at += 4) {
    if ([0, 1, 2].some((one) => Math.abs(a[at + one] - b[at + one]) > 96)) unlike += 1;
    if ([0, 1, 2].some((one) => Math.abs(a[at + one] - ground[one]) > 40)) drawn += 1;
  }
  return { size, share: (4 * unlike) / a.length, drawn: (4 * drawn) / a.length };
}"""


def test_without_javascript_all_but_the_browser_reads(chromium: Browser, plainly: Path) -> None:
    context = chromium.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(plainly.as_uri())
    text = " ".join((tab.text_content("main") or "").split())
    assert "M2 beats M1 on 11 prompts" in text and "The browser needs JavaScript" in text
    assert tab.locator("figure svg").count() >= 5
    context.close()


def test_every_mark_of_a_chart_says_its_figure(tab: Page) -> None:
    said = tab.locator("figure svg title").all_text_contents()
    # Twice "M2 says so to 0. ", 17 characters, and of two of the twelve 18: (10 * 34 + 2 * 36) / 12
    assert any(text.startswith("M2: 34.3, n 12 prompts; mean; no interval: fewer than 15 prompts") for text in said)
    assert any(re.search(r"\(\S+ to \S+\), n \d+ ", text) for text in said), said
    assert all(text.strip() for text in said)
