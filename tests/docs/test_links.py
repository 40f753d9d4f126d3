"""Links of the pages to files of this repository lead somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
MADE = ("reports/quick/", "reports/index.html")  # by the first command; not committed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_page_links_to_are_there(page: Path) -> None:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(), flags=re.DOTALL)
    paths = [link for link in LINK.findall(text) if "://" not in link and not link.startswith(("mailto:", "data:"))]
    found = [(link, (page.parent / link).resolve()) for link in paths]
    lost = [
        link
        for link, path in found
        if not path.exists() and not str(path).startswith(tuple(f"{ROOT}/{m}" for m in MADE))
    ]
    assert lost == []
