"""Parts of pages that people write, which a command makes of results: what stands between `<!-- made: NAME -->` and
`<!-- end -->`. What stands there is typed by nobody.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

BLOCK = re.compile(r"(<!-- made: (?P<name>[\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(text: str, makers: Mapping[str, Callable[[], str]]) -> str:
    """The page with every block made anew; KeyError for one that nobody makes."""
    return BLOCK.sub(lambda found: f"{found[1]}{makers[found['name']]()}\n{found[3]}", text)


def fill(path: Path, makers: Mapping[str, Callable[[], str]]) -> None:
    """Make the blocks of a page anew."""
    path.write_text(filled(path.read_text(encoding="utf-8"), makers), encoding="utf-8")
