"""What a report says before it has a format: read from the store once, printed as Markdown, CSV, LaTeX and a page."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cheapconv.reports.answers import header
from cheapconv.reports.answers.cautions import cautions
from cheapconv.reports.answers.finding import Finding
from cheapconv.reports.answers.findings import findings
from cheapconv.reports.claims import published
from cheapconv.reports.claims.cards import Card, cards
from cheapconv.reports.claims.claims import Outcome, evaluate
from cheapconv.reports.rows import (
    by_image,
    collect,
    measurements,
    notes,
    several,
    stats,
    texts,
    training_compute,
)
from cheapconv.reports.rows.columns import Column, columns, method_label
from cheapconv.reports.rows.quantities import quantities
from cheapconv.reports.statistics import gap


@dataclasses.dataclass(frozen=True)
class Failure:
    """A cell that ended in an error."""

    key: str
    label: str
    error: str


@dataclasses.dataclass(frozen=True)
class Content:
    """Cells and their deployments, one row each; conditions and remarks in words; the table's rows, of which something
    has begun, its columns and the notes to its marks; what they answer, what not to trust, and what papers claim."""

    sweep: collect.Collected
    cells: pd.DataFrame
    conditions: dict[str, str]
    remarks: list[str]
    rows: pd.DataFrame
    columns: list[Column]
    notes: list[tuple[str, str]]
    failures: list[Failure]
    findings: list[Finding]
    cautions: list[str]
    claims: list[Outcome]
    cards: list[Card]


def build(store: Path, name: str) -> Content:
    """Everything about sweep `name` in `store`; a UserError where it has no plan or nothing is done."""
    return of_sweep(store, collect.read_sweep(store, name))


def build_several(store: Path, names: Sequence[str], title: str) -> Content:
    """The same about all sweeps of `names` as one, called `title`; a UserError also where they cannot be compared."""
    return of_sweep(store, several.read_sweeps(store, names, title))


def of_sweep(store: Path, sweep: collect.Collected) -> Content:
    """Everything about what was read of a sweep in `store`."""
    cells = training_compute.attach(by_image.attach(collect.frame(sweep), sweep), sweep)
    cells["variant"] = cells["key"].map(sweep.variants)
    measured = measurements.read_measurements(store, cells)
    timed = texts.as_objects(measurements.attach(cells, measured))
    every = gap.add_gaps(texts.as_objects(stats.summarise(timed, sweep.unrecorded)))
    rows = stats.begun(every, cells)
    rows, noted = notes.number(published.attach(rows))
    rows = texts.as_objects(rows)
    known, published_beside = quantities(rows), cards(rows, sweep)
    failed = [
        Failure(c["key"], f"{c['architecture']} {c['conv']} {method_label(c)} seed {c['seed']}", c["error"])
        for _, c in cells[cells["state"] == "failed"].iterrows()
    ]
    return Content(
        sweep=sweep,
        cells=cells,
        conditions=header.conditions(sweep, measured),
        remarks=header.remarks(rows, sweep, waiting=len(every) - len(rows)),
        rows=rows,
        columns=columns(rows, sweep.score),
        notes=noted,
        failures=failed,
        findings=findings(cells, rows, known, sweep.score),
        cautions=cautions(rows, known, published_beside),
        claims=evaluate(rows, sweep),
        cards=published_beside,
    )
