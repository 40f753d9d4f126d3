"""A page of many rows, opened in a browser."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from cheapconv.reports.answers.content import Content
from cheapconv.reports.page import page
from tests.reports.page.many import many_rows
from tests.reports.page.tabs import SETTLED

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for name in NAMES if (path := shutil.which(name))), None)


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Content:
    """Of many rows."""
    return many_rows(tmp_path_factory.mktemp("browser") / "runs")


@pytest.fixture(scope="module")
def address(content: Content, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of the page, with its libraries beside it."""
    out = tmp_path_factory.mktemp("page")
    page.write(content, out, out / "assets")
    return (out / "index.html").as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium through Playwright (`pip install .[browser]`), else the test is skipped."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the browser's tests need playwright")
    if CHROMIUM is None:
        pytest.skip("the browser's tests need a chromium")
    with playwright.sync_playwright() as tool:
        found = tool.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def opened(browser: Any, address: str) -> Iterator[Any]:
    """The page, loaded; afterwards nothing was complained of and nobody asked."""
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    told: list[str] = []
    asked: list[str] = []
    tab.on("console", lambda message: told.append(message.text) if message.type in ("error", "warning") else None)
    tab.on("pageerror", lambda error: told.append(str(error)))
    tab.on("dialog", lambda dialog: told.append("a dialog") or dialog.dismiss())
    tab.on("request", lambda request: asked.append(request.url))
    tab.set_default_timeout(10_000)
    tab.goto(address)
    tab.wait_for_function("document.getElementById('table-shown').textContent !== ''")
    tab.wait_for_function(SETTLED)
    yield tab
    assert told == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    tab.close()
