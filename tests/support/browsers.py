"""A page in Debian's Chromium, driven as a person would: with mouse and keys, from the disk, without a network."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
]


@dataclass
class Seen:
    """A page, what it has said in the browser's console, and what it wanted from elsewhere."""

    page: Any
    said: list[str] = field(default_factory=list)
    wanted: list[str] = field(default_factory=list)

    def open(self, path: Path) -> "Seen":
        """From the disk."""
        self.page.goto(path.as_uri())
        return self

    def cards(self) -> list[str]:
        """The names of the shots that are shown."""
        return [one.get_attribute("aria-label").split(",")[0] for one in self.page.locator(".card").all()]

    def current(self) -> str:
        """The shot that the keys speak of."""
        return str(self.page.locator(".card.current").get_attribute("aria-label")).split(",")[0]

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def widths(self) -> tuple[int, int]:
        """Of what there is, and of the window."""
        there, window = self.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        return there, window


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser of its own, with nothing in it; skips where there is none."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
    with driver.sync_playwright() as playing:
        browser = playing.chromium.launch(executable_path=CHROMIUM, args=QUIET, headless=True)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def page_in(browser: Any, width: int = 1280, height: int = 900, **how: Any) -> Iterator[Seen]:
    """A window without memory; what it asks of any host is noted, and not found."""
    context = browser.new_context(viewport={"width": width, "height": height}, accept_downloads=True, **how)
    try:
        page = context.new_page()
        seen = Seen(page)
        page.on("console", lambda message: seen.said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: seen.said.append(f"error: {error}"))
        page.on("request", lambda request: seen.wanted.append(request.url) if request.url[:4] == "http" else None)
        yield seen
    finally:
        context.close()
