"""Reading answers in the page's browser: rendered or raw, differences, lists behind figures, links, many models."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from eval.benchmarks.answers.measure import described
from eval.report import page
from srlm.records import Prompt, Response
from srlm.store import files
from tests.eval.report import small
from tests.eval.seen import deeds, violations

DESKTOP: ViewportSize = {"width": 1280, "height": 900}
BEFORE = "# Plan\n\nThe sky is **blue**, see [this](https://x.example/).\n\n- one\n- two\n"
AFTER = "# Plan\n\nThe sea is **blue**, see [this](https://x.example/).\n\n- one\n- two\n- three\n"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with known verdicts, whose M1 and M2 answer the third prompt in Markdown."""
    folder = small.run(tmp_path_factory.mktemp("reading"))
    for model, text in (("M1", BEFORE), ("M2", AFTER)):
        path = folder.step("evaluation") / model / "responses.jsonl"
        answers = files.read(path, Response)
        answers[2] = Response.of(answers[2].prompt_id, text, model, 0, "stop")
        files.write(path, answers)
    return page.write(folder.settings, folder, "srlm-eval all --run small.yaml")


@pytest.fixture
def tab(chromium: Browser, report: Path) -> Iterator[Page]:
    context = chromium.new_context(viewport=DESKTOP, permissions=["clipboard-read", "clipboard-write"])
    made = context.new_page()
    made.goto(report.as_uri())
    made.wait_for_selector("#prompt h3")
    yield made
    context.close()


def heading(tab: Page, number: int) -> None:
    expect(tab.locator("#prompt h3")).to_have_text(re.compile(rf"^Prompt {number} "))


def listed(tab: Page) -> list[int]:
    return [int(text.partition(".")[0]) for text in tab.locator("#list a").all_text_contents()]


def address(tab: Page) -> str:
    return str(tab.evaluate("location.href"))


def answer(tab: Page, model: str) -> str:
    """The selector of a model's answer."""
    return f"#prompt .answers > div:has(> h4:text-is('{model}'))"


def to_the_third(tab: Page) -> None:
    tab.keyboard.press("j")
    tab.keyboard.press("j")
    heading(tab, 3)


def test_answers_are_rendered_or_raw_and_the_address_says_which(tab: Page) -> None:
    to_the_third(tab)
    assert tab.locator(f"{answer(tab, 'M2')} li").all_text_contents() == ["one", "two", "three"]
    assert "https://x.example/" in (tab.text_content(answer(tab, "M2")) or "")
    assert tab.locator("#prompt a").count() == 0
    assert "as=raw" not in address(tab)
    tab.keyboard.press("r")
    expect(tab.locator(f"{answer(tab, 'M2')} .words")).to_have_text(AFTER.strip())
    assert address(tab).endswith("&as=raw")
    other = tab.context.new_page()
    other.goto(address(tab))
    heading(other, 3)
    assert other.is_checked("#raw")
    expect(other.locator(f"{answer(other, 'M1')} .words")).to_have_text(BEFORE.strip())
    other.check("#rendered")
    expect(other.locator(f"{answer(other, 'M1')} strong")).to_have_text("blue")
    assert "as=raw" not in address(other)


def test_differences_between_two_answers_are_marked_and_not_by_colour_alone(tab: Page) -> None:
    to_the_third(tab)
    tab.keyboard.press("d")
    changes = tab.locator("#prompt .changes")
    assert (
        changes.text_content()
        == "# Plan\n\nThe skysea is **blue**, see [this](https://x.example/).\n\n- one\n- two\n- three\n"
    )
    assert changes.locator("del").all_text_contents() == ["sky"]
    assert changes.locator("ins").all_text_contents() == ["sea", "\n- three"]
    said = "1 word only in M1, 2 only in M2, 11 in both."
    expect(tab.locator("#prompt > p.soft")).to_have_text(said)
    lines = "(one) => getComputedStyle(one).textDecorationLine"
    assert (changes.locator("del").evaluate(lines), changes.locator("ins").first.evaluate(lines)) == (
        "line-through", "underline"
    )  # fmt: skip
    assert "only before" in changes.locator("del").evaluate("one => getComputedStyle(one, '::before').content")
    tab.select_option("#from", "SFT")
    expect(tab.locator("#prompt > h4 >> nth=0")).to_have_text("Differences from SFT to M2")
    assert "&from=SFT&to=M2" in address(tab)
    other = tab.context.new_page()
    other.goto(address(tab))
    expect(other.locator("#prompt > h4 >> nth=0")).to_have_text("Differences from SFT to M2")


def test_a_figure_leads_to_the_prompts_behind_it(tab: Page) -> None:
    # Of M2 against M1: one loss of eleven prompts that could be read.
    tab.click("table[data-name='Head to head'] tr:has(th:text-is('M2 : M1')) td:nth-child(4) a")
    heading(tab, 2)
    assert listed(tab) == [2]
    expect(tab.locator("#outcome option:checked")).to_have_text("M1 is better (1)")
    expect(tab.locator("#browser")).to_be_focused()
    tab.select_option("#outcome", "unread")
    heading(tab, 4)
    assert listed(tab) == [4]
    tab.select_option("#outcome", "win")
    assert listed(tab) == [1, 5, 6, 7, 8, 9, 10, 11, 12]
    tab.click("#all-prompts")
    expect(tab.locator("#found")).to_have_text("12 of 12 prompts")
    assert "pair" not in address(tab)


def test_a_kind_of_prompt_and_a_regression_lead_to_their_prompts(tab: Page) -> None:
    tab.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    tab.click("table[data-name='Kinds of prompts'] tr:has-text('category: shape'):has-text('M2') a")
    heading(tab, 2)
    assert listed(tab) == [2, 4, 6, 8, 10, 12]
    assert tab.locator("#kind option:checked").all_text_contents() == ["category: shape (6)"]
    assert tab.locator("#pair option:checked").all_text_contents() == ["of M2 against M1"]
    tab.click("p:has-text('M2 lost to M1 on 1 of 12 prompts') a")
    expect(tab.locator("#found")).to_have_text("1 of 12 prompts")
    assert listed(tab) == [2]


def test_a_mark_of_a_chart_leads_to_the_prompts_behind_it(tab: Page) -> None:
    mark = tab.locator("path[data-behind='#prompts&pair=M2&pair=M1&outcome=lose']").first
    assert "losses: M2 against M1" in (mark.text_content() or "")
    mark.click()
    heading(tab, 2)
    assert listed(tab) == [2]


def test_an_address_of_two_models_shows_their_differences(tab: Page) -> None:
    tab.evaluate("location.hash = '#prompts&from=M1&to=M2'")
    expect(tab.locator("#prompt > h4 >> nth=0")).to_have_text("Differences from M1 to M2")
    assert len(listed(tab)) == 12


def test_the_copied_link_opens_what_was_shown(tab: Page) -> None:
    tab.select_option("#pair", label="of M2 against M1")
    tab.select_option("#outcome", "win")
    tab.select_option("#kind", label="category: colour (6)")
    tab.click("#models summary")
    tab.uncheck("#models input[value=SFT]")
    tab.keyboard.press("j")
    heading(tab, 5)
    tab.click("#copy-link")
    expect(tab.locator("#copy-link")).to_have_text("Copied")
    other = tab.context.new_page()
    other.goto(tab.evaluate("navigator.clipboard.readText()"))
    heading(other, 5)
    assert listed(other) == listed(tab) == [1, 5, 7, 9, 11]
    assert other.locator("#prompt .answers h4").all_text_contents() == ["M1", "M2"]
    expect(other.locator("#at")).to_have_text("2 of 5 found")
    other.click("#next")
    heading(other, 7)
    other.click("#list a >> nth=0")
    heading(other, 1)


@pytest.mark.parametrize(
    "words",
    [
        "&kind=__proto__&show=constructor&pair=toString&outcome=valueOf&benchmark=x",
        "&from=nobody&to=%ff%00&model=nobody&as=neither&search=",
        "&pair=M2&pair=M1&pair=SFT&judge=nobody&outcome=%3Cb%3E",
        "&" * 2000,
    ],
)
def test_an_address_that_says_nonsense_shows_the_prompt(tab: Page, words: str) -> None:
    events = deeds(tab)
    to_the_third(tab)
    there = address(tab).partition("&")[0]
    tab.keyboard.press("k")
    heading(tab, 2)
    tab.evaluate("there => { location.hash = there; }", there.partition("#")[2] + words)
    heading(tab, 3)
    expect(tab.locator("#found")).to_have_text("12 of 12 prompts")
    assert tab.locator("#prompt .answers h4").all_text_contents() == ["SFT", "M1", "M2"]
    assert events == []


def test_each_answer_says_how_it_compares_with_those_shown(tab: Page) -> None:
    assert tab.locator(f"{answer(tab, 'M2')} > .soft").all_text_contents() == ["better than M1"]
    assert tab.locator(f"{answer(tab, 'M1')} > .soft").all_text_contents() == ["level with SFT; worse than M2"]
    tab.click("#models summary")
    tab.uncheck("#models input[value=M2]")
    expect(tab.locator(f"{answer(tab, 'M1')} > .soft")).to_have_text("level with SFT")
    expect(tab.locator("#prompt summary >> nth=1")).to_have_text("Verdicts, in both orders, of models not shown (1)")
    tab.locator("#prompt summary").nth(1).click()
    expect(tab.locator("#prompt .outcome").nth(1)).to_have_text("win")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_what_is_rendered_compared_and_chosen(
    chromium: Browser, report: Path, scheme: str
) -> None:
    tab = chromium.new_page(viewport=DESKTOP, color_scheme="dark" if scheme == "dark" else "light", bypass_csp=True)
    tab.goto(report.as_uri())
    tab.wait_for_selector("#prompt h3")
    to_the_third(tab)
    tab.keyboard.press("d")
    tab.click("#models summary")
    expect(tab.locator("#prompt ins")).to_have_count(2)
    assert [one for one in violations(tab) if one.impact in ("serious", "critical")] == []
    tab.close()


def test_a_linked_prompt_is_printed_and_no_other(tab: Page) -> None:
    tab.emulate_media(media="print")
    assert not tab.is_visible("#prompt")
    to_the_third(tab)
    assert tab.is_visible("#prompt") and not tab.is_visible("#filters") and not tab.is_visible("#list")


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine models that answer three prompts."""
    folder = small.run(tmp_path_factory.mktemp("many"))
    prompts = files.read(folder.step("data") / "evaluation_prompts.jsonl", Prompt)[:3]
    for name in (f"M{number}" for number in range(3, 10)):
        small.finish(folder, name)
        answers = [Response.of(prompt.id, f"{name} says", name, 0, "stop") for prompt in prompts]
        files.write(folder.step("evaluation") / name / "responses.jsonl", answers)
        assert described(name, answers, small.HOW)
    return page.write(folder.settings, folder, "srlm-eval all --run small.yaml")


def test_of_many_models_a_few_are_shown_and_any_may_be_chosen(chromium: Browser, many: Path) -> None:
    tab = chromium.new_page(viewport=DESKTOP)
    tab.goto(many.as_uri())
    heading(tab, 1)
    heads = tab.locator("#prompt .answers h4")
    assert heads.all_text_contents() == ["SFT", "M7", "M8", "M9"]
    expect(tab.locator("#models summary")).to_have_text("Models shown: 4 of 10")
    tab.select_option("#pair", label="of M2 against M1")
    expect(heads).to_have_text(["M1", "M2"])
    tab.click("#models summary")
    tab.check("#models input[value=M5]")
    expect(heads).to_have_text(["M1", "M2", "M5"])
    assert address(tab).count("&model=") == 3
    tab.click("#all-models")
    expect(heads).to_have_count(10)
    tab.click("#few-models")
    expect(heads).to_have_text(["M1", "M2"])
    assert "&model=" not in address(tab)
    tab.close()
