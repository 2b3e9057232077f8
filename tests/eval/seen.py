"""What a page in a real browser does and shows, for tests of every page."""

import re
from pathlib import Path
from typing import Literal, NamedTuple

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Dialog, Page, Request

Scheme = Literal["light", "dark"]


class Violation(NamedTuple):
    """What axe finds."""

    rule: str
    impact: str
    elements: list[str]


class Look(NamedTuple):
    """A page at one width."""

    overflows: bool
    """It scrolls sideways."""
    violations: list[Violation]


def deeds(tab: Page) -> list[str]:
    """What a page does that none of ours should, from now on: the list grows. Call it before the page is opened."""
    events: list[str] = []

    def asked(dialog: Dialog) -> None:
        events.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def sent(request: Request) -> None:
        opened = request.is_navigation_request() and request.frame.parent_frame is None
        if not (request.url.startswith("file:") and opened) and not request.url.startswith("blob:"):
            events.append(f"request: {request.url[:200]}")

    tab.on("dialog", asked)
    tab.on("request", sent)
    tab.on("console", lambda message: events.append(f"console: {message.text}"))
    tab.on("pageerror", lambda error: events.append(f"error: {error}"))
    tab.on("popup", lambda popup: events.append("popup"))
    return events


def violations(tab: Page) -> list[Violation]:
    """What axe finds on the page as it is now."""
    found = Axe().run(tab, options={"resultTypes": ["violations"]}).response["violations"]
    return [Violation(one["id"], one["impact"], [node["html"][:200] for node in one["nodes"]][:3]) for one in found]


def overflows(tab: Page) -> bool:
    """Whether the page is wider than its window."""
    return bool(tab.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def look(chromium: Browser, path: Path, wide: int, scheme: Scheme, ready: str = "main") -> Look:
    """A page at one width with all that it folds open. `ready`: an element that is there when it has come up."""
    tab = chromium.new_page(viewport={"width": wide, "height": 900}, color_scheme=scheme, bypass_csp=True)
    tab.goto(path.as_uri())
    tab.wait_for_selector(ready)
    tab.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    found = Look(overflows(tab), violations(tab))
    tab.close()
    return found


def links(tab: Page) -> tuple[int, list[str]]:
    """How many links a page's navigation has, and those that lead to no place on it."""
    ends: list[str] = tab.eval_on_selector_all("nav a", "found => found.map(one => one.hash)")
    gone = [end for end in ends if not re.match("#.", end) or not tab.locator(f'[id="{end[1:]}"]').count()]
    return len(ends), gone
