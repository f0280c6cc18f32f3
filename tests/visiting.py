"""Visits of the browser tests: a page that may reach nothing but the server, and its troubles."""

import csv
import io
import os
import re
import shutil
from typing import Any
from urllib.parse import quote

from playwright.sync_api import Browser, Locator, Page, Playwright, Route

SESSION = "digits_cnn-20250101-120000"
HOSTILE = "hostile"
HOSTILE_LAYERS = "hostile-layers"

# A page opened outside TensorBoard has no icon, and TensorBoard warns about itself; nothing else.
HARMLESS = ("/favicon.ico",)
HARMLESS_TEXTS = ("Multiple instances of Three.js", "GPU stall due to ReadPixels")


def find_chromium(playwright: Playwright) -> str | None:
    """The system's browser, or None to take Playwright's own."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return found
    assert os.path.exists(playwright.chromium.executable_path), (
        "There is no Chromium: scripts/test installs one"
    )
    return None


class Visit:
    """A page with a clean profile that may reach nothing but the server.

    Attributes:
        page: Playwright's page.
        trouble: console errors, failed requests, uncaught exceptions, dialogs, requests elsewhere.
    """

    def __init__(self, chromium: Browser, board: str, **options: Any) -> None:
        self.board = board
        self.trouble: list[str] = []
        options = {"viewport": {"width": 1280, "height": 800}, **options}
        self.context = chromium.new_context(**options)
        self.context.route("**/*", self._only_the_server)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.trouble.append(f"uncaught: {error}"))
        self.page.on("requestfailed", self._failed)
        self.page.on("response", self._response)
        self.page.on("dialog", self._dialog)

    def open(self, view: str = "", session: str = SESSION, **state: str) -> Page:
        """Open the page without TensorBoard around it, and wait for its first screen."""
        state = {"session": session, **({"view": view} if view else {}), **state}
        self.page.goto(f"{self.board}/data/plugin_entry.html?name=graphprof#{address(state)}")
        self.page.locator("main#view > *:not(.loading)").wait_for()
        return self.page

    def close(self) -> None:
        self.context.close()

    def _only_the_server(self, route: Route) -> None:
        url = route.request.url
        if url.startswith(self.board):
            route.continue_()
            return
        self.trouble.append(f"elsewhere: {url}")
        route.abort()

    def _console(self, message: Any) -> None:
        where = message.location.get("url", "")
        harmless = where.endswith(HARMLESS) or any(text in message.text for text in HARMLESS_TEXTS)
        if message.type in ("error", "warning") and not harmless:
            self.trouble.append(f"console: {message.text} ({where})")

    def _failed(self, request: Any) -> None:
        # A page that is left drops what it was asking for; the page itself never aborts a request.
        if request.failure != "net::ERR_ABORTED":
            self.trouble.append(f"failed: {request.url} {request.failure}")

    def _response(self, response: Any) -> None:
        if response.status >= 400 and not response.url.endswith(HARMLESS):
            self.trouble.append(f"{response.status}: {response.url}")

    def _dialog(self, dialog: Any) -> None:
        self.trouble.append(f"dialog: {dialog.message}")
        dialog.dismiss()


def copied(page: Page, button: Locator) -> list[list[str]]:
    """The cells of a table as its button copies them: CSV, without the units that titles end with."""
    page.evaluate(
        """() => {
            window.copied = null;
            navigator.clipboard.write = async ([item]) => {
                window.copied = await (await item.getType("text/plain")).text();
            };
        }"""
    )
    button.click()
    page.wait_for_function("window.copied")
    head, *lines = csv.reader(io.StringIO(page.evaluate("window.copied")))
    return [[re.sub(r" \((s|bytes)\)$", "", title) for title in head], *lines]


def address(state: dict[str, str]) -> str:
    """The fragment of a state, as the page writes it."""
    pairs = (f"p.graphprof.{key}={quote(value, safe='')}" for key, value in state.items())
    return "&".join(["graphprof", *pairs])
