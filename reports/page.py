"""Write a sweep's report: `table.md`, `table.csv`, `table.tex` and `index.html`, one page that loads nothing else.

The bytes depend on the store alone, never on the time of writing, so that a report kept in git changes only when the
results do.
"""

import dataclasses
import errno
import math
from pathlib import Path

import jinja2
import pandas as pd

from cheapconv.catalog.errors import UserError
from cheapconv.engine.store.files import TEMPORARY, leftovers, write_all
from cheapconv.reports import tables
from cheapconv.reports.answers import answers
from cheapconv.reports.content import Content, build
from cheapconv.reports.curves import curve_panels
from cheapconv.reports.figures import keys
from cheapconv.reports.pareto import pareto_panels

NO_FOLDER = (errno.EEXIST, errno.ENOTDIR)  # of a file, or a link that leads nowhere, where the folder should be


@dataclasses.dataclass(frozen=True)
class Report:
    """Where a report was written, and its table as texts small enough for a terminal."""

    paths: list[Path]
    summary: pd.DataFrame
    remarks: list[str]


def render(store: Path, sweep: str, out: Path) -> Report:
    """Write the report of `sweep`, read from `store`, into the folder `out`.

    All four files are replaced together, and only when the disk has taken them. Raises UserError where the store has no
    plan of that sweep, where none of its cells is done, and where the folder does not take the files.
    """
    content = build(store, sweep)
    texts = {
        "table.md": tables.markdown(content),
        "table.csv": tables.csv(content),
        "table.tex": tables.latex(content),
        "index.html": html(content),
    }
    try:
        begun = [path for name in texts for path in out.glob(f"{TEMPORARY}{name}-*")]
        for left in leftovers(begun, math.inf):  # of a report that was killed
            left.unlink(missing_ok=True)
        write_all({out / name: text.encode() for name, text in texts.items()})
    except OSError as error:
        reason = "something that is no folder is in the way" if error.errno in NO_FOLDER else error.strerror
        raise UserError(f"the report cannot be written to {out} ({reason}): name another folder with --out.") from error
    shown = [column for column in content.columns if column.short]
    rows = [{column.title: column.text(row) for column in shown} for _, row in content.rows.iterrows()]
    return Report([out / name for name in texts], pd.DataFrame(rows), content.remarks)


def html(content: Content) -> str:
    """The page: conditions, sortable table, pictures, notes."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    legend = keys(content.rows)
    return environment.get_template("page.html.j2").render(
        content=content,
        bold=tables.BOLD,
        score=content.sweep.score,
        rows=[row for _, row in content.rows.iterrows()],
        legend=legend,
        pareto=pareto_panels(content, legend),
        curves=curve_panels(content, legend),
        answers=answers(content.sweep),
    )
