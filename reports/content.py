"""What a report says before it has a format: read from the store once, printed as Markdown, CSV, LaTeX and a page."""

import dataclasses
from pathlib import Path

import pandas as pd

from cheapconv.engine.store.records import SkippedCell
from cheapconv.reports import collect, gap, header, measurements, published, stats, variants
from cheapconv.reports.columns import Column, columns, method_label
from cheapconv.reports.notes import Notes


@dataclasses.dataclass(frozen=True)
class Failure:
    """A cell that ended in an error."""

    key: str
    label: str
    error: str


@dataclasses.dataclass(frozen=True)
class Content:
    """Cells, one row each; conditions and remarks in words; the table's rows, columns and the notes to its marks."""

    sweep: collect.Collected
    cells: pd.DataFrame
    conditions: dict[str, str]
    remarks: list[str]
    rows: pd.DataFrame
    columns: list[Column]
    notes: list[tuple[str, str]]
    failures: list[Failure]


def build(store: Path, name: str) -> Content:
    """Everything about sweep `name` in `store`; a UserError where it has no plan or nothing is done."""
    sweep = collect.read_sweep(store, name)
    cells = collect.frame(sweep).assign(variant=variants.variants(sweep))
    measured = measurements.read_measurements(store, set(cells["structure"].dropna()))
    rows = gap.add_gaps(stats.summarise(measurements.attach(cells, measured), sweep.unrecorded))
    rows = _with_papers(rows)
    notes = Notes()
    shown = columns(rows, notes)
    notes.forget()  # the marks that were given while looking which columns there are
    # Every text is asked for once, so that the notes are complete and numbered in the order of reading.
    for _, row in rows.iterrows():
        for column in shown:
            column.text(row)
    return Content(
        sweep=sweep,
        cells=cells,
        conditions=header.conditions(sweep, measured),
        remarks=[*_remarks(rows, sweep.unrecorded), *map(_skipped, sweep.skipped)],
        rows=rows,
        columns=shown,
        notes=notes.marked(),
        failures=_failures(cells),
    )


def _with_papers(rows: pd.DataFrame) -> pd.DataFrame:
    papers = [published.match(row) for _, row in rows.iterrows()]
    first = [found[0].top1 if found else None for found in papers]
    return rows.assign(papers=pd.Series(papers, dtype=object), paper_top1=pd.Series(first, dtype=float))


def _failures(cells: pd.DataFrame) -> list[Failure]:
    failed = cells[cells["state"] == "failed"]
    return [
        Failure(c["key"], " ".join([c["architecture"], c["conv"], method_label(c), f"seed {c['seed']}"]), c["error"])
        for _, c in failed.iterrows()
    ]


def _remarks(rows: pd.DataFrame, unrecorded: int) -> list[str]:
    """How to read the numbers, in words."""
    remarks = [
        "Top-1 is that of the last epoch on the whole test set, the mean of the students that would be deployed."
    ]
    if (rows["n"] > 1).any():
        remarks.append("± is the sample standard deviation over seeds; it is not a confidence interval.")
    if (rows["n"] == 1).any():
        remarks.append(_single_seed(rows[rows["n"] == 1]))
    if (~rows["complete"]).any():
        remarks.append("Rows whose n reads done/planned are incomplete; they are not ranked and may still move.")
    if unrecorded:
        remarks.append(f"{unrecorded} planned cells have no record yet, so no row is known to be complete or ranked.")
    if rows["paper_top1"].notna().any():
        remarks.append(
            "The papers' numbers come from their own recipes and are for orientation, not a like-for-like test."
        )
    return remarks


def _skipped(cell: SkippedCell) -> str:
    return f"Skipped, because it cannot be: {cell.architecture} {cell.conv} by {cell.method} ({cell.reason})."


def _single_seed(rows: pd.DataFrame) -> str:
    """The size below which differences between single runs mean nothing: test-set noise alone."""
    typical, images = rows["top1_mean"].median(), rows["test_images"].iloc[0]
    two_errors = 2 * 2**0.5 * stats.binomial_error(typical, images)
    return (
        f"Rows with n=1 are single runs: a difference between two of them below two binomial standard errors, "
        f"{100 * two_errors:.1f} points at {100 * typical:.0f} % on {images:,.0f} test images, means nothing, "
        f"nor does the order of their ranks; seeds differ on top of that."
    )
