"""The pictures of a report for papers, as PDF, SVG and PNG, from the same content as its page.

The bytes depend on the content and on the version of matplotlib alone: no date, no random name.
"""

import io
import warnings
from collections.abc import Iterator
from pathlib import Path

from matplotlib.figure import Figure

from cheapconv.engine.store.files import write_all
from cheapconv.reports.answers.content import Content
from cheapconv.reports.papers import attribution, bill, curves, matrix, pareto, reality, style

MAKERS = (pareto, matrix, attribution, curves, reality, bill)
FORMATS: dict[str, dict[str, str | None]] = {  # by suffix, what of a file's metadata would change by itself
    "pdf": {"CreationDate": None},
    "svg": {"Date": None},
    "png": {"Software": None},
}


def write(content: Content, out: Path) -> list[Path]:
    """Write `figures/<name>.pdf`, `.svg` and `.png` of each figure into the folder `out`; none before all are drawn."""
    found = {out / name: data for name, data in files(content).items()}
    write_all(found)
    return [*found]


def files(content: Content) -> dict[str, bytes]:
    """The same, by path within the folder of the report."""
    with style.settings(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # a name in a script that it lacks
        found = {name: saved(figure) for name, figure in figures(content)}
    return {f"figures/{name}.{suffix}": data for name, own in found.items() for suffix, data in own.items()}


def figures(content: Content) -> Iterator[tuple[str, Figure]]:
    """Name and figure of each picture of which the content has something to show; to be called within `settings`."""
    for maker in MAKERS:
        for name, figure in maker.figures(content):
            figure.draw_without_rendering()
            figure.set_layout_engine("none")  # what is laid out stays as it is, in every format
            yield name, figure


def saved(figure: Figure) -> dict[str, bytes]:
    """By suffix; within `settings`."""
    found = {}
    for suffix, metadata in FORMATS.items():
        with io.BytesIO() as file:
            figure.savefig(file, format=suffix, dpi=style.DPI, metadata=metadata)
            found[suffix] = file.getvalue()
    return found
