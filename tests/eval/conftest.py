"""What tests of several pages need."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
PATIENCE = 120_000
"""Milliseconds that any wait in a browser may take, so that a busy machine fails no test."""
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


@pytest.fixture(scope="module")  # no longer: where it is open, Playwright's event loop runs, and asyncio.run refuses
def chromium() -> Iterator[Browser]:
    """A real browser, without a window."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium (Debian: apt-get install chromium); .ci/run installs it")
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=PATIENCE)
        browser.on("context", lambda context: context.set_default_timeout(PATIENCE))
        yield browser
        browser.close()
