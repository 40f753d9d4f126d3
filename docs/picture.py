"""docs/report.png: the page of the README's sweep, as a browser shows it: `python -m cheapconv.docs.picture`.

Needs playwright (`pip install ".[browser]"`) and a Chromium.
"""

import shutil

from cheapconv.catalog.errors import UserError
from cheapconv.docs.readme import REPORTS, ROOT, SWEEP

WIDTH, HEIGHT = 1100, 1860  # pixels: down to the first picture
DRAWN_MS = 1500.0


def main() -> None:
    """Write the picture."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        raise UserError("there is no Chromium on this machine.")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=chromium)
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto((REPORTS / SWEEP / "index.html").as_uri())
        page.locator("#pareto").scroll_into_view_if_needed()  # it is drawn when it is seen
        page.wait_for_timeout(DRAWN_MS)
        page.evaluate("scrollTo(0, 0)")
        whole = {"x": 0, "y": 0, "width": WIDTH, "height": HEIGHT}
        page.screenshot(path=ROOT / "docs" / "report.png", clip=whole, full_page=True)
        browser.close()


if __name__ == "__main__":
    main()
