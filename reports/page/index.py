"""The index of a folder of reports: a row each, read from its table.csv, so that reports stand side by side.

It follows from the files alone. What cannot be read is left out, and the page says so.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd

from cheapconv.catalog.errors import UserError, reason, short
from cheapconv.reports.formats import escape
from cheapconv.reports.page import page
from cheapconv.reports.rows.columns import method_label, percent, significant
from cheapconv.reports.rows.score import Score

INDEX, TABLE = "index.html", "table.csv"
LABELS = ("architecture", "conv", "method", "variant")
NUMBERS = ("rank", "rank_to", "macs")
FLAGS = ("comparable", "is_reference")
CONDITIONS = ("sweep", "data", "recipe", "epochs", "cells", "trained", "hardware")
SHARES = (0.5, 0.25, 0.1)  # of the MACs of the largest standard network: budgets
FILES = {INDEX: "page", "table.md": "Markdown", TABLE: "CSV"}  # of a report, and what they are called
OTHERS = {  # what else a folder may hold, by the files that tell
    "Latency of each conv": ("README.md", "latency.csv"),
    "Two reports compared": ("compare.md", "compare.csv"),
}


@dataclass(frozen=True)
class Link:
    """An address from the index, and its text."""

    text: str
    address: str


@dataclass(frozen=True)
class Entry:
    """A report: its files, its conditions by name, how many rows it has, its best row, and that of each budget."""

    links: list[Link]
    conditions: dict[str, str]
    rows: int
    best: str
    budgets: list[str]


@dataclass(frozen=True)
class Index:
    """What is in a folder of reports; `others` are an atlas or a comparison, `warnings` say what was left out."""

    entries: list[Entry]
    others: list[tuple[str, list[Link]]]
    warnings: list[str]


def write(reports: Path) -> Index:
    """Render `index.html` of the folder; a UserError where it cannot be read or written."""
    found = read(reports)
    heads = [f"Best at {share:.0%} of the MACs" for share in SHARES]
    page.save({INDEX: page.template("index.html.j2").render(index=found, budgets=heads)}, reports)
    return found


def read(reports: Path) -> Index:
    """All reports of a folder, by the names of their folders."""
    try:
        folders = sorted(path for path in reports.iterdir() if path.is_dir())
    except OSError as error:
        raise UserError(f"{reports} cannot be read ({error.strerror}): name a folder of reports.") from error
    entries, others, warnings = [], [], []
    for folder in folders:
        kinds = [kind for kind, files in OTHERS.items() if has(folder, *files)]
        others += [(kind, links(folder, {name: f"{shown(folder)}/{name}" for name in OTHERS[kind]})) for kind in kinds]
        if has(folder, INDEX, TABLE):
            try:
                entries.append(entry(folder))
            except (ValueError, OSError) as error:
                warnings.append(f"{shown(folder)}: {TABLE} is damaged ({short(reason(error), 200)})")
        elif not kinds and not page.is_taken(folder) and not folder.name.startswith((".", "__")):
            warnings.append(f"{shown(folder)}: no report, for it lacks {INDEX} or {TABLE}")
    return Index(entries, others, warnings)


def entry(folder: Path) -> Entry:
    """The report of a folder; a ValueError or an OSError where its table is damaged."""
    rows, score = table(folder / TABLE)
    comparable = rows[rows["comparable"]]
    largest = rows.loc[rows["is_reference"], "macs"].max()
    largest = rows["macs"].max() if pd.isna(largest) else largest
    return Entry(
        links=links(folder, FILES),
        conditions={name: str(rows[name].iloc[0]) for name in CONDITIONS},
        rows=len(rows),
        best=best(comparable[~comparable["is_reference"]], score),
        budgets=[within(comparable, share * largest, score) for share in SHARES],
    )


def table(path: Path) -> tuple[pd.DataFrame, Score]:
    """Rows of a report with the score of each as `top1_mean`, and what the score is."""
    found = pd.read_csv(path, dtype=str, keep_default_na=False).map(escape.from_csv)
    [*keys] = (name.removesuffix("_ci95") for name in map(str, found) if name.endswith("_ci95"))
    lacking = {*LABELS, *NUMBERS, *FLAGS, *CONDITIONS} - {*found.columns}
    if lacking or len(keys) != 1 or f"{keys[0]}_mean" not in found:
        raise ValueError(f"it lacks {', '.join(sorted(lacking)) or 'a score'}")
    if not isinstance(found.index, pd.RangeIndex) or found[[*CONDITIONS]].nunique().ne(1).any():
        raise ValueError("lines are missing or incomplete")  # each repeats the conditions
    if not found[[*FLAGS]].isin(["True", "False"]).all(axis=None):
        raise ValueError(f"{' and '.join(FLAGS)} are not all True or False")
    numbers = {name: numeric(found[name]) for name in NUMBERS}
    flags = {name: found[name] == "True" for name in FLAGS}
    scores = numeric(found[f"{keys[0]}_mean"])
    if scores[flags["comparable"]].isna().any():
        raise ValueError("a row that can be compared has no score")
    deployed = found.get("deployed", pd.Series("", index=found.index))
    return found.assign(**numbers, **flags, top1_mean=scores, deployed=deployed), Score(keys[0])


def numeric(column: pd.Series) -> pd.Series:
    """Its numbers, NaN where there is none; a ValueError for anything else."""
    found = pd.to_numeric(column.where(column != "")).astype(float)
    if np.isinf(found).any():
        raise ValueError(f"{column.name} is infinite")
    return found


def best(rows: pd.DataFrame, score: Score) -> str:
    """`81.20 % top-1: WRN-16-2 G(4) kd`, how many are not told from it; `-` where none can be compared."""
    if rows.empty:
        return "-"
    row = rows.iloc[int(rows["top1_mean"].argmax())]
    tied = row["rank_to"] - row["rank"]
    with_it = f" ({tied:.0f} other{' is' if tied == 1 else 's are'} not told from it)" if tied > 0 else ""
    return f"{named(row, score)}{with_it}"


def within(rows: pd.DataFrame, macs: float, score: Score) -> str:
    """The same of the rows within a budget, which is named."""
    rows = rows[rows["macs"] <= macs]
    found = "none" if rows.empty else named(rows.iloc[int(rows["top1_mean"].argmax())], score)
    return f"{found}, at most {significant(macs / 1e6, 3)} M"


def named(row: pd.Series, score: Score) -> str:
    """Score and labels of a row."""
    return f"{percent(row['top1_mean'])} % {score.text}: {row['architecture']} {row['conv']} {method_label(row)}"


def links(folder: Path, names: Mapping[str, str]) -> list[Link]:
    """To those of the files that are there, by name with their texts."""
    address = quote(os.fsencode(folder.name))
    return [Link(text, f"{address}/{quote(name)}") for name, text in names.items() if has(folder, name)]


def has(folder: Path, *names: str) -> bool:
    """Whether all of the files are there, and may be looked at."""
    return all(os.path.isfile(folder / name) for name in names)


def shown(folder: Path) -> str:
    """Its name as text, whatever bytes it is of."""
    return os.fsencode(folder.name).decode(errors="replace")
