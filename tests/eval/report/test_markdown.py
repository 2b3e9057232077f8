"""The report's renderer of Markdown, and its differences between two texts, in a real Chromium without the report."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from playwright.sync_api import Browser, Page

from eval.report import page

TEMPLATES = Path(page.__file__).parent / "templates"
OUTLINE = """
function outline(node) {
  return [...node.childNodes].map((one) => {
    if (one.nodeType === Node.TEXT_NODE) return one.data;
    const name = one.className && one.className !== "wide" ? `${one.localName}.${one.className}` : one.localName;
    return `<${name}${one.start > 1 ? " " + one.start : ""}>${outline(one)}</>`;
  }).join("");
}
"""
"""Elements as text: `<p>a <em>b</></>`."""


@pytest.fixture(scope="module")
def tab(chromium: Browser) -> Iterator[Page]:
    """An empty page with the report's scripts but for the browser of prompts."""
    made = chromium.new_page()
    for name in ("report", "markdown", "difference"):
        made.add_script_tag(content=(TEMPLATES / f"{name}.js").read_text(encoding="utf-8"))
    made.add_script_tag(content=OUTLINE)
    yield made
    made.close()


def outline(tab: Page, text: str) -> str:
    return str(tab.evaluate("text => outline(fromMarkdown(text))", text))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("a\nb\n\nc", "<p>a\nb</><p>c</>", id="paragraphs-keep-their-lines"),
        pytest.param("# A\n## B ##\n#no", "<h5>A</><h6>B</><p>#no</>", id="headings-are-below-the-page's"),
        pytest.param("A\n===\nB\n---", "<h5>A</><h6>B</>", id="underlined-headings"),
        pytest.param(
            "*a* __b__ ***c*** d_e_f 2*3", "<p><em>a</> <strong>b</> <em><strong>c</></> d_e_f 2*3</>", id="emphasis"
        ),
        pytest.param("**a *b** c*", "<p><em><em>a <em>b</></> c</></>", id="emphasis-that-crosses"),
        pytest.param("`a*b*` ``c`d``  `e", "<p><code>a*b*</> <code>c`d</>  `e</>", id="code"),
        pytest.param("```py\n*a*\n\n# b", "<pre><code>*a*\n\n# b</></>", id="an-open-fence-goes-on-to-the-end"),
        pytest.param("~~~\n```\n~~~~\nx", "<pre><code>```</></><p>x</>", id="a-fence-in-another-kind-of-fence"),
        pytest.param("> a\nb\n> > c", "<blockquote><p>a\nb</><blockquote><p>c</></></>", id="quotes"),
        pytest.param("3. a\n4. b\n   - c", "<ol 3><li><p>a</></><li><p>b</><ul><li><p>c</></></></></>", id="lists"),
        pytest.param("a\n- b\n- c", "<p>a</><ul><li><p>b</></><li><p>c</></></>", id="a-list-ends-a-paragraph"),
        pytest.param("a\n2. b", "<p>a\n2. b</>", id="a-number-within-a-sentence-begins-no-list"),
        pytest.param("- a\n\n  ```\n  b\n  ```", "<ul><li><p>a</><pre><code>b</></></></>", id="code-in-a-list"),
        pytest.param("***\na", "<hr></><p>a</>", id="a-rule"),
        pytest.param(
            "|a|b|\n|:-:|-:|\n|`c`|\\||\n|d|",
            "<div><table><thead><tr><th.middle>a</><th.end>b</></></>"
            "<tbody><tr><td.middle><code>c</></><td.end>|</></><tr><td.middle>d</></></></></>",
            id="a-table",
        ),
        pytest.param("a|b\n|-|", "<p>a|b\n|-|</>", id="columns-that-do-not-match-are-no-table"),
        pytest.param(
            "[a *b*](https://x.example/?q=(1) 'title')",
            "<p><span.link>a <em>b</></> (<bdi.address>https://x.example/?q=(1)</>)</>",
            id="a-link-is-its-text-and-its-address",
        ),
        pytest.param(
            "[a](javascript:alert(1))", "<p><span.link>a</> (<bdi.address>javascript:alert(1)</>)</>", id="script"
        ),
        pytest.param("[u](u)", "<p><span.link>u</></>", id="an-address-is-said-once"),
        pytest.param("![a](x.png)", "<p><span.link>image: a</> (<bdi.address>x.png</>)</>", id="no-image-is-fetched"),
        pytest.param("[a] (b) [c", "<p>[a] (b) [c</>", id="brackets"),
        pytest.param(
            "<b onclick='x'>a</b> &lt; <!-- c -->", "<p><b onclick='x'>a</b> &lt; <!-- c --></>", id="html-is-text"
        ),
        pytest.param("\\*a\\* \\a", "<p>*a* \\a</>", id="escapes"),
        pytest.param(
            "$a_1 * b_2 * c$ and $5 * 2, $6", "<p><span.formula>$a_1 * b_2 * c$</> and $5 * 2, $6</>", id="math"
        ),
        pytest.param("\\(a*b*c\\) \\[d", "<p><span.formula>\\(a*b*c\\)</> [d</>", id="tex"),
        pytest.param(
            "$$\na_b_c\n- d\n$$\ne", "<p.formula>$$\na_b_c\n- d\n$$</><p>e</>", id="a-formula-of-several-lines"
        ),
        pytest.param("- \n#\n>", "<ul><li></></><p>#</><blockquote></>", id="marks-of-nothing"),
        pytest.param("", "", id="empty"),
    ],
)
def test_markdown_becomes_elements(tab: Page, text: str, shown: str) -> None:
    assert outline(tab, text) == shown


SHARED = (
    "Here are **three** things:\n\n1. **First**: do *this*.\n   Then that.\n2. Second\n\n   More.\n\n- x\n  - y `z`\n",
    "Steps\n\n* one\n* two\n\n\n* three\n\n+ other\n+ list\n\n1) a\n2) b\n\n10. ten\n",
    "> Said **he**:\n> - a\n> - b\n>\n> ```\n> code\n> ```\nafter\n\n    indented\n      more\n\nend\n",
    "### Plan\nText\n---\n| a | b |\n|---|---|\n| 1 | **2** |\n\n- item\n\n      code in item\n\n  text\n- next\n",
    "a**b**c _d_e __f__ *g***h** **i*j*k** *l **m* n** ****o**** *p*q* _r __s__ t_ \u201c*u*\u201d **v**, (*w*)\n",
    "`` a`b `` ` c ` `d\ne` \\`f` ```g``` `h\n",
    "1. a\n\n  2. b\n\n    3. c\n- d\n - e\n  - f\n   - g\n    - h\n",
    "- a\n> b\n- c\n***\n- d\n```\ne\n```\n1. f\n",
)
LIKE_OURS = """(html) => {
  const theirs = new DOMParser().parseFromString(html, "text/html").body;
  for (const one of theirs.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
    const level = document.createElement(one.localName === "h1" ? "h5" : "h6");
    level.append(...one.childNodes);
    one.replaceWith(level);
  }
  for (const one of theirs.querySelectorAll("[class]")) one.removeAttribute("class");
  return outline(theirs);
}"""


def loose(text: str) -> str:
    """Without the paragraphs of list items, which CommonMark has or has not, and blanks between elements."""
    for name in ("ul", "ol", "li", "blockquote", "table", "thead", "tbody", "tr"):
        text = text.replace(f"<{name}>\n", f"<{name}>")
    return "".join(text.replace("<div>", "").replace("<p>", "").replace("</>", "").split())


@pytest.mark.parametrize("number", range(len(SHARED)))
def test_markdown_reads_as_in_markdown_it(tab: Page, number: int) -> None:
    theirs = MarkdownIt("commonmark", {"html": False}).enable("table").render(SHARED[number])
    assert loose(outline(tab, SHARED[number])) == loose(str(tab.evaluate(LIKE_OURS, theirs)))


LONG = 100_000
PIECES = (
    *("> ", "- ", "* ", "1. ", "- a\n", "  - a\n", "> - ", "-\t", "    a\n", "\n", "\t", "=\n", "-\n", "#", "# #"),
    *("*", "**", "_", "*a ", "a* ", "*a **b ", "**a*b**c ", "*_", "*_`[", "***a** b* ", "\u202e*", "\\"),
    *("`", "`a ", "``a`b", "```\n", "~~~\n", "``` `\n", "> ```\n", "- ```\n", "<b>", "&amp;"),
    *("[", "](", "[a](", "[a](<b", '[a](b "c', "[a](b(", "[a](\\(", "[a](b) ", "!["),
    *("\\[", "\\[\n", "\\(", "$", "$ ", "$a", "$$\n", "$$a$$1", "| a |\n", "|-|\n", "| a |\n|-|\n", "a|", "|"),
)
HOSTILE = {
    **{repr(piece): (piece * LONG)[:LONG] for piece in PIECES},
    # Runs that look for their other end among others that never fit: a million letters, or the square passes unseen.
    "marks that never fit": "*a_ " * 250_000,
    "marks whose lengths never fit": "a**b" + "c* " * 300_000,
    "lists in lists": "".join(" " * 2 * depth + "- a\n" for depth in range(300)),
    "every length of code": " ".join("`" * length for length in range(1, 440)),
    "stars on both sides": "*" * 50_000 + "a" + "*" * 50_000,
    "a wide table": "|" + "a|" * 2000 + "\n|" + "-|" * 2000 + "\n" + "|a|\n" * 20_000,
}
TRIED = """(text) => {
  const begun = performance.now();
  const made = fromMarkdown(text);
  const took = performance.now() - begun;
  let depth = 0;
  const walker = document.createTreeWalker(made);
  for (let below = 0; ; depth = Math.max(depth, below)) {
    if (walker.firstChild()) below += 1;
    else {
      while (!walker.nextSibling()) {
        if (!walker.parentNode() || walker.currentNode === made) return [took, depth];
        below -= 1;
      }
    }
  }
}"""


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_markdown_takes_no_longer_than_its_length_and_nests_no_deeper_than_a_page_bears(
    tab: Page, name: str
) -> None:
    # Where time grew with the square of the length it would be minutes.
    took, depth = tab.evaluate(TRIED, HOSTILE[name])
    assert took < 15_000
    assert depth <= 2 * 8 + 2 * 8 + 6


@pytest.mark.parametrize(
    ("before", "after", "pieces"),
    [
        pytest.param("the sky is blue", "the sea is blue", ["the ", ("sky", "sea"), " is blue"], id="a-word"),
        pytest.param("a quick fox", "a fox", ["a ", ("quick ", ""), "fox"], id="gone"),
        pytest.param("one two", "one two, three", ["one two", ("", ", three")], id="come"),
        pytest.param("same", "same", ["same"], id="the-same"),
        pytest.param("", "a b", [("", "a b")], id="from-nothing"),
        pytest.param("", "", [], id="nothing"),
        pytest.param(
            "\u4eca\u65e5\u306f", "\u4eca\u591c\u306f", ["\u4eca", ("\u65e5", "\u591c"), "\u306f"], id="no-spaces"
        ),
        pytest.param(
            "first a third.",
            "other a later.",
            [("first a third", "other a later"), "."],
            id="a-chance-match-tears-nothing-apart",
        ),
    ],
)
def test_differences_are_words(tab: Page, before: str, after: str, pieces: list[object]) -> None:
    found = tab.evaluate("([before, after]) => difference(before, after)", [before, after])
    assert [one["same"] if "same" in one else (one["gone"], one["come"]) for one in found] == pieces


@pytest.mark.parametrize(("words", "kinds"), [(300, 30), (300, 3), (6000, 2), (6000, 6000)])
def test_differences_give_back_both_texts_however_long_and_unlike(tab: Page, words: int, kinds: int) -> None:
    draw = random.Random(words + kinds)
    before, after = (" ".join(f"w{draw.randrange(kinds)}" for _ in range(words)) for _ in range(2))
    found = tab.evaluate("([before, after]) => difference(before, after)", [before, after])
    assert "".join(one.get("same", one.get("gone")) for one in found) == before
    assert "".join(one.get("same", one.get("come")) for one in found) == after


def test_a_paragraph_that_was_put_in_is_the_difference_of_long_texts(tab: Page) -> None:
    draw = random.Random(1)
    own, other = ([f"{name}{draw.randrange(10**6)}" for _ in range(3000)] for name in "ab")
    before, after = " ".join([*own[:1500], *other, *own[1500:]]), " ".join(own)
    found = tab.evaluate("([before, after]) => difference(before, after)", [before, after])
    assert [sorted(one) for one in found] == [["same"], ["come", "gone"], ["same"]]
    assert found[1] == {"gone": " ".join(other) + " ", "come": ""}
