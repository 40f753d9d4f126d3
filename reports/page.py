"""Write a sweep's report: `table.md`, `table.csv`, `table.tex` and `index.html`, one page that loads nothing else.

The bytes depend on the store alone, never on the time of writing, so that a report kept in git changes only when the
results do.
"""

import dataclasses
from pathlib import Path

import jinja2
import pandas as pd

from cheapconv.reports import tables
from cheapconv.reports.columns import Column
from cheapconv.reports.content import Content, build
from cheapconv.reports.curves import curve_panels
from cheapconv.reports.figures import keys
from cheapconv.reports.pareto import pareto_panels

TERMINAL_COLUMNS = ("Rank", "Architecture", "Conv", "Method", "Top-1 %", "n", "Gap recovered", "Params", "MACs (M)")


@dataclasses.dataclass(frozen=True)
class Report:
    """Where a report was written, and its table as texts small enough for a terminal."""

    paths: list[Path]
    summary: pd.DataFrame
    remarks: list[str]


def render(store: Path, sweep: str, out: Path) -> Report:
    """Write the report of `sweep`, read from `store`, into the folder `out`.

    Raises UserError where the store has no plan of that sweep or none of its cells is done.
    """
    content = build(store, sweep)
    texts = {
        "table.md": tables.markdown(content),
        "table.csv": tables.csv(content),
        "table.tex": tables.latex(content),
        "index.html": html(content),
    }
    out.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (out / name).write_text(text, encoding="utf-8", newline="\n")
    return Report([out / name for name in texts], _summary(content), content.remarks)


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
        rows=[row for _, row in content.rows.iterrows()],
        sort_key=_sort_key,
        hint=_hint,
        legend=legend,
        pareto=pareto_panels(content, legend),
        curves=curve_panels(content, legend),
    )


def _summary(content: Content) -> pd.DataFrame:
    shown = [column for column in content.columns if column.title in TERMINAL_COLUMNS]
    rows = [{column.title: column.text(row) for column in shown} for _, row in content.rows.iterrows()]
    return pd.DataFrame(rows)


def _sort_key(column: Column, row: pd.Series) -> str:
    """What the page sorts a cell by: the full number, or the text; empty sorts last."""
    if not column.value:
        return column.text(row).lower()
    return "" if pd.isna(row[column.value]) else repr(float(row[column.value]))


def _hint(column: Column, row: pd.Series) -> str:
    """A cell's tooltip: the confidence interval of a mean, the quartiles of a latency."""
    if column.value == "top1_mean" and not pd.isna(row["top1_ci95"]):
        return f"95 % confidence: ± {100 * row['top1_ci95']:.2f} (t distribution, n={row['n']})"
    if column.value == "latency_ms" and not pd.isna(row["latency_q25_ms"]):
        return f"quartiles {row['latency_q25_ms']:.3g} to {row['latency_q75_ms']:.3g} ms"
    return ""
