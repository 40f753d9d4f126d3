"""The libraries that the page's pictures and table are drawn by: beside reports, once, or within a page that is alone.

    plotly-basic.min.js         Plotly 4.1.1, basic bundle; MIT; https://plotly.com/javascript
    tabulator.min.js            Tabulator 6.5.3; MIT; https://tabulator.info
    tabulator_simple.min.css    of the same

They are kept as they were published, but for the addresses of their maps, which a browser would ask for.
"""

from pathlib import Path

HERE = Path(__file__).parent.with_name("assets")
NAMES = ("tabulator_simple.min.css", "plotly-basic.min.js", "tabulator.min.js")


def linked(folder: str) -> list[str]:
    """HTML that loads them from a folder, by its address from the page."""
    return [_style_link(folder, name) if name.endswith(".css") else _script_link(folder, name) for name in NAMES]


def inlined() -> list[str]:
    """HTML that holds them."""
    texts = {name: (HERE / name).read_text(encoding="utf-8") for name in NAMES}
    return [
        f"<style>{text}</style>" if name.endswith(".css") else f"<script>{text}</script>"
        for name, text in texts.items()
    ]


def lacking(folder: Path) -> dict[Path, bytes]:
    """The files that a folder of them has not, or has otherwise."""
    wanted = {folder / name: (HERE / name).read_bytes() for name in NAMES}
    return {path: content for path, content in wanted.items() if not path.is_file() or path.read_bytes() != content}


def _style_link(folder: str, name: str) -> str:
    return f'<link rel="stylesheet" href="{folder}/{name}">'


def _script_link(folder: str, name: str) -> str:
    return f'<script src="{folder}/{name}"></script>'
