"""Tables and JSON documents of the command line."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cheapconv import catalog
from cheapconv.catalog.printable import printable
from cheapconv.engine.plan.plan import Plan
from cheapconv.engine.run import runtimes
from cheapconv.engine.store.records import Word
from cheapconv.engine.store.runs import Store
from cheapconv.engine.track import sync

if TYPE_CHECKING:
    import pandas as pd

    from cheapconv.engine.read.registry import Registry


class PlainConsole(Console):
    """A console whose texts cannot steer the terminal: a registry, a store or an error may come from anywhere."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Text for the terminal; everything that is printed as a `str`, also in a table, comes through here."""
        return super().render_str(printable_lines(text), **options)


def printable_lines(text: str) -> str:
    """The text, every line of which is printable."""
    return "\n".join(map(printable, text.split("\n")))


console = PlainConsole(width=None if sys.stdout.isatty() else 240, emoji=False)  # a pipe has no width to fold at
Row = Mapping[str, Any]  # of a table, or of a document: values by name
CELL_FIELDS = (
    *("key", "suite", "architecture", "architecture_label", "conv", "conv_label"),
    *("method", "method_label", "seed", "teacher"),
)
GAP = 2  # spaces between two columns
SENTENCE = 24  # characters beyond which a text of a table is one that is folded
LISTED = {"suites": "suite", "architectures": "architecture", "convs": "conv", "methods": "method"}


def print_json(body: object) -> None:
    """One JSON document on stdout, and nothing else."""
    json.dump(body, sys.stdout, indent=1)
    sys.stdout.write("\n")


def table(title: str, rows: Sequence[Row], columns: Sequence[str], spare: Sequence[str] = ()) -> None:
    """A plain table of the rows' columns; where it is too wide, `spare` columns are left out, the first ones first.

    What is still too wide is folded, but for the keys of cells, which are there to be copied.
    """
    texts = {name: ["" if row[name] is None else printable_lines(str(row[name])) for row in rows] for name in columns}
    widths = {name: max(map(cell_len, (name, *of_rows))) for name, of_rows in texts.items()}
    for column in spare:
        # Without folds; but a sentence may be folded, and counts as a few words.
        if sum(GAP + min(SENTENCE, width) for width in widths.values()) - GAP > console.width:
            del texts[column], widths[column]
    fits = sum(GAP + width for width in widths.values()) - GAP <= console.width
    lines = [*zip(*texts.values(), strict=True)]
    plain = fits and not any("\n" in text for line in lines for text in line)
    view = Table(title=title, title_justify="left", box=None, header_style="bold", pad_edge=False)
    for column, width in widths.items():
        named = column.replace("_", " ")
        view.add_column(named, overflow="fold", no_wrap=column == "key", width=width if plain else None)
    for line in () if plain else lines:
        view.add_row(*line)
    console.print(view, markup=False)  # an error may hold brackets
    if plain and lines:  # as rich would have them, which takes a millisecond a line
        padded = ((" " * GAP).join(map(set_cell_size, line, widths.values())) for line in lines)
        console.out("\n".join(padded), highlight=False)


def listing(what: str, registry: "Registry") -> list[Row]:
    """Every registered thing of a kind, with its parameters, notation, paper and first line of documentation."""
    if what == "sweeps":
        return [
            {
                "name": name,
                "suite": s.suite,
                "recipe": s.recipe,
                "entries": len(s.entries),
                "about": s.description or "",
            }
            for name, s in registry.sweeps.items()
        ]
    if what == "runtimes":
        return [*runtimes.registered()]
    entries = [catalog.entry(LISTED[what], name) for name in catalog.names(LISTED[what])]
    return [
        {
            "name": entry.name,
            "parameters": {name: "required" if value is ... else value for name, value in entry.defaults.items()},
            "common": sorted(entry.common),
            "bounds": entry.bounds,
            "notation": list(entry.notation),
            # A suite that needs to be told where its data are has recipes that follow from them.
            "recipes": sorted(catalog.build("suite", entry.name, {}).recipes)
            if what == "suites" and entry.is_whole
            else [],
            "about": entry.summary,
            "paper": entry.paper,
        }
        for entry in entries
    ]


def report(
    summary: "pd.DataFrame",
    remarks: Sequence[str],
    paths: Sequence[Path],
    store: Path,
    sweeps: Sequence[str],
    mlflow: str | None,
) -> None:
    """A rendered comparison in short, and where it is: in files, which are attached where MLflow has the sweep."""
    table("", [{str(k): v for k, v in row.items()} for row in summary.to_dict("records")], list(summary.columns))
    folder = printable(str(paths[0].parent))
    for line in [*remarks, f"written to {folder}: {', '.join(path.name for path in paths)}"]:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    for sweep in sweeps:
        sync.attach(store, sweep, paths, mlflow)


def answer(rows: Sequence[Row], sentences: Sequence[str], body: Row, as_json: bool) -> None:
    """Rows and what there is to say of them, or the same as a JSON document."""
    if as_json:
        print_json(body)
        return
    table("", rows, [*rows[0]])
    for line in sentences:
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def listing_table(what: str, rows: Sequence[Row]) -> None:
    """A listing for people."""

    def parameter(row: Row, name: str) -> str:
        bounds = row["bounds"].get(name)
        return f"{name}={row['parameters'][name]}" + (f" ({bounds})" if bounds else "")

    if what == "sweeps":
        table(what, rows, ["name", "suite", "recipe", "entries", "about"])
        return
    if what == "runtimes":
        table(what, [*map(runtimes.shown, rows)], runtimes.COLUMNS)
        return
    flat = [
        {
            "name": row["name"],
            "parameters": ", ".join(parameter(row, name) for name in row["parameters"] if name not in row["common"]),
            "notation": ", ".join(row["notation"]),
            "recipes": ", ".join(row["recipes"]),
            "about": row["about"],
            "paper": row["paper"],
        }
        for row in rows
    ]
    used = [column for column in flat[0] if any(row[column] for row in flat)] if flat else []
    table(what, flat, used)
    if rows and rows[0]["common"]:
        console.print(f"All of them also take {', '.join(rows[0]['common'])}.", highlight=False)


def checked(plans: Sequence[Plan], mistakes: Sequence[str]) -> None:
    """How many cells each plan of a registry has, and what is wrong with the sweeps that have none."""
    rows = [{"sweep": plan.sweep, "cells": len(plan.cells), "skipped": len(plan.skipped) or None} for plan in plans]
    if rows:
        table("", rows, ["sweep", "cells", "skipped"])
    sys.stderr.writelines(f"error: {mistake}\n" for mistake in mistakes)


def cells(plan: Plan, store: Store) -> list[Row]:
    """The plan's cells with their states, teachers before those who need them."""
    rows: list[Row] = []
    for planned in plan.cells:
        cell, run = planned.cell, store.run(planned.cell.key)
        state = run.state()
        result = run.result() if state.state == "done" else None
        rows.append(
            {field: getattr(cell, field) for field in CELL_FIELDS}
            | {
                "method_config": dict(cell.method_config),
                "entry": planned.entry,
                "state": state.state,
                "epoch": state.epoch,
                "epochs": cell.epochs,
                "scores": dict(result.scores) if result else {},
                "score": result.score if result else None,
                "error": state.error,
                "warnings": [asdict(warning) for warning in result.warnings] if result else [],
            }
        )
    return rows


def cells_of(title: str, plan: Plan, store: Path, as_json: bool) -> None:
    """The plan's cells with their states, for people or as a JSON document."""
    rows = cells(plan, Store(store))
    skipped = [asdict(cell) for cell in plan.skipped]
    shown = {(row["architecture"], row["conv"]) for row in rows}
    dearer = [asdict(n) | {"more": n.text} for n in plan.dearer if (n.architecture, n.conv) in shown]
    if as_json:
        print_json({"cells": rows, "skipped": skipped, "dearer": dearer})
        return
    cells_table(title, rows)
    if not store.is_dir():
        console.print(f"there is no store at {store}: nothing was run there", highlight=False, markup=False)
    if skipped:
        table("\nskipped, because they cannot be", skipped, ["architecture", "conv", "method", "reason"])
    if dearer:
        table("\ndearer than with standard convolutions", dearer, ["architecture", "conv", "more"])


def cells_table(title: str, rows: Sequence[Row]) -> None:
    """Cells for people: one line each, and a line of counts."""
    shown = [
        {
            **row,
            "architecture": row["architecture_label"],
            "conv": row["conv_label"],
            "method": row["method_label"],
            "teacher": row["teacher"] or "",
            "epoch": f"{row['epoch']}/{row['epochs']}",
            "score": "" if row["score"] is None else f"{100 * row['score']:.2f} %",
            "error": row["error"] or "",
            "warnings": "; ".join(warning["text"] for warning in row["warnings"]),
        }
        for row in rows
    ]
    columns = [
        "key",
        "architecture",
        "conv",
        "method",
        "seed",
        "teacher",
        "state",
        "epoch",
        "score",
        "error",
        "warnings",
    ]
    filled = [column for column in columns if column == "seed" or any(row[column] for row in shown)]
    table(title, shown, filled, [column for column in ("teacher", "epoch", "seed") if column in filled])
    counts = {state: sum(row["state"] == state for row in rows) for state in get_args(Word)}
    said = [f"{counts[state]} {state}" for state in reversed(get_args(Word)) if counts[state]]
    console.print(f"{', '.join(said)} of {len(rows)} cells")


def progress(line: str) -> None:
    """A line about what is being done, beside what is printed."""
    sys.stderr.write(f"{line}\n")
