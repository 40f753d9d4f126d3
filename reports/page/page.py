"""Write a sweep's report: a table in many forms (`table.md`, `.csv`, `.tex`, `.json`, `.parquet`), `pairs.csv` of its
rows against each other, and `index.html`, a page that asks no server.

The page's libraries lie in a folder of their own, which reports share, or within the page. The bytes depend on the
store alone, never on the time of writing, so that a report kept in git changes only when the results do.
"""

import dataclasses
import errno
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import jinja2
import markupsafe
import pandas as pd

from cheapconv.catalog.errors import UserError
from cheapconv.engine.store.files import TEMPORARY, leftovers, write_all
from cheapconv.reports.answers import told
from cheapconv.reports.answers.content import Content, build
from cheapconv.reports.formats import exports, latex, pairs, tables
from cheapconv.reports.page import assets, payload
from cheapconv.reports.page.predictions import predictions
from cheapconv.reports.rows.quantities import axes

WEB = Path(__file__).with_name("web")
SCRIPTS = tuple(
    f"{name}.js"
    for name in (
        *("base", "groups", "budget", "pareto", "matrix", "attribution"),
        *("reality", "curves", "bill", "table", "details", "print", "view", "theme"),  # the last one draws everything
    )
)
REFRESH_S = 20
NO_FOLDER = (errno.EEXIST, errno.ENOTDIR)  # of a file, or a link that leads nowhere, where the folder should be


@dataclasses.dataclass(frozen=True)
class Report:
    """Where a report was written, and its table as texts small enough for a terminal."""

    paths: list[Path]
    summary: pd.DataFrame
    remarks: list[str]


def render(store: Path, sweep: str, out: Path, libraries: Path | None = None, refreshed: bool = False) -> Report:
    """`write` the report of `sweep`, read from `store`; UserError where that has no plan of it, or none of its cells is
    done."""
    return write(build(store, sweep), out, libraries, refreshed)


def write(content: Content, out: Path, libraries: Path | None = None, refreshed: bool = False) -> Report:
    """Write a report into the folder `out`; what its page is drawn by into the folder `libraries`, or into the page
    itself if there is none. A page that is `refreshed` loads itself again and again.

    All files are replaced together, and only when the disk has taken them; a UserError where it does not.
    """
    held = assets.inlined() if libraries is None else assets.linked(address(libraries, out))
    texts: dict[str, str | bytes] = {
        "table.md": tables.markdown(content),
        "table.csv": tables.csv(content),
        "table.tex": latex.latex(content),
        "table.json": exports.json_text(content),
        "table.parquet": exports.parquet_bytes(content),
        "pairs.csv": pairs.csv(content.rows),
        "index.html": html(content, held, refreshed),
    }
    save(texts, out, libraries)
    shown = [column for column in content.columns if column.short]
    rows = [{column.title: column.text(row) for column in shown} for _, row in content.rows.iterrows()]
    return Report([out / name for name in texts], pd.DataFrame(rows), content.remarks)


def save(texts: Mapping[str, str | bytes], out: Path, libraries: Path | None = None) -> None:
    """Replace files of the folder `out` together, and only when the disk has taken them; a UserError where it does not.

    With them what the folder `libraries` lacks.
    """
    try:
        begun = [path for name in texts for path in out.glob(f"{TEMPORARY}{name}-*")]
        for left in leftovers(begun, math.inf):  # of a report that was killed
            left.unlink(missing_ok=True)
        files = {out / name: text.encode() if isinstance(text, str) else text for name, text in texts.items()}
        write_all(files | (assets.lacking(libraries) if libraries else {}))
    except OSError as error:
        reason = "something that is no folder is in the way" if error.errno in NO_FOLDER else error.strerror
        raise UserError(f"the report cannot be written to {out} ({reason}): name another folder with --out.") from error


def folders(sweep: str, out: Path | None, single_file: bool) -> tuple[Path, Path | None]:
    """Where a report is written and where its page's libraries are: by default the latter are shared by all reports; in
    a folder that was named they are its own; there are none of a page that holds them."""
    folder = Path("reports") / sweep if out is None else out
    if out is None and is_taken(folder):
        raise UserError(f"{folder} holds the suite's own files: name another folder with --out.")
    if single_file:
        return folder, None
    return folder, (folder.parent if out is None else folder) / assets.HERE.name


def is_taken(folder: Path) -> bool:
    """Whether it holds the pages' libraries, or code, which lies beside the reports in a checkout."""
    return folder.name == assets.HERE.name or (folder / "__init__.py").exists()


def address(folder: Path, page: Path) -> str:
    """Of a folder, from a page in another one."""
    return quote(Path(os.path.relpath(folder, page)).as_posix())


def template(name: str) -> jinja2.Template:
    """One of the pages; whatever is put into it is text."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(WEB),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def html(content: Content, libraries: Sequence[str], refreshed: bool = False) -> str:
    """The page: answers, budget, pictures, table, conditions."""
    return template("page.html.j2").render(
        content=content,
        refresh_s=REFRESH_S if refreshed else 0,
        libraries=[markupsafe.Markup(each) for each in libraries],
        bold=tables.BOLD,
        score=content.sweep.score,
        equal=[*told.equal_cost_tables(content, axes(content.rows))],
        about=[each for known in content.sweep.about.values() for each in known.items()],
        ranking=told.ranks(content),
        tested=told.tested_claims(content),
        untested=told.untested_claims(content),
        selections=told.published_numbers(content),
        predictions=predictions(content.sweep),
        data=payload.script(content),
        scripts=SCRIPTS,
    )
