"""What the scripts of the page are given: rows with their texts and numbers, cells, curves, fronts, all as JSON.

Texts are those of every other format; a script sorts and draws by the numbers. Shares are fractions, seconds seconds.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
import pandas as pd

from cheapconv.catalog.errors import command_line, sweep_words
from cheapconv.engine.store.bills import saved
from cheapconv.reports.answers import networks
from cheapconv.reports.answers.content import Content
from cheapconv.reports.rows import budgets, collect
from cheapconv.reports.rows.collect import Collected, Record
from cheapconv.reports.rows.columns import Column, method_label
from cheapconv.reports.rows.environment import commit, software
from cheapconv.reports.rows.kinds import KINDS, kind
from cheapconv.reports.rows.quantities import axes
from cheapconv.reports.rows.reality import reality
from cheapconv.reports.rows.score import Score
from cheapconv.reports.rows.stats import ROW, row_id
from cheapconv.reports.statistics import differences, gap

MOST_EPOCHS = 40  # in a curve, evenly chosen, the last always among them
DIGITS = 6  # of a number that is drawn


BILLED = ("train_s", "method_s", "train_s_with_teacher")


def script(content: Content) -> str:
    """As JSON that may stand in an HTML page, whatever the names in it are."""
    text = json.dumps(payload(content), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def payload(content: Content) -> dict[str, object]:
    """All of it."""
    rows, known = content.rows, axes(content.rows)
    fronts, machines = budgets.fronts(rows, known), dict[str, int]()
    shown_cells = [*_cells(content, machines)]
    return {
        "sweep": content.sweep.name,
        "score": {"heading": content.sweep.score.heading, "text": content.sweep.score.text},
        "columns": [_column(column, place, content.sweep.score) for place, column in enumerate(content.columns)],
        "quantities": [asdict(each) for each in known],
        "kinds": [each for each in KINDS if each in {kind(row) for _, row in rows.iterrows()}],
        "rows": [_row(row, content, [each.field for each in known]) for _, row in rows.iterrows()],
        "alone": sorted(int(str(label)) for label in gap.alone(rows)),
        "fronts": fronts.of,
        "tied": fronts.tied,
        "cells": shown_cells,
        "machines": [*machines],
        "parts": networks.parts(content),
        "doubts": {
            each.field: [int(i) for i in rows.index[rows[each.field].notna() & ~each.known(rows)]] for each in known
        },
        "reality": [asdict(each) for each in reality(rows, known)],
    }


def _column(column: Column, place: int, score: Score) -> dict[str, object]:
    return {
        "field": f"c{place}",
        "title": column.title,
        "hint": column.hint,
        "value": score.column(column.value),
        "number": column.is_number,
        "usual": column.short,
        "strong": column.strong,
    }


def _row(row: pd.Series, content: Content, fields: list[str]) -> dict[str, object]:
    columns, sweep = content.columns, content.sweep
    low, high = differences.interval(row) if row["n"] else (math.nan, math.nan)
    return {
        "id": row["id"],
        "architecture": row["architecture"],
        "conv": row["conv"],
        "method": method_label(row),
        "recipe": gap.of_recipe(row["variant"]),
        "kind": kind(row),
        "deployed": row["deployed"],
        "teacher": row["taught_by"],
        "again": again(row, sweep),
        "n": int(row["n"]),
        "mean": number(row["top1_mean"]),
        "low": number(low),
        "high": number(high),
        "rank": number(row["rank"]),
        "rank_to": number(row["rank_to"]),
        "gap": [number(row[f"gap_{name}"]) for name in ("recovered", "low", "high")],
        "comparable": bool(row["comparable"]),
        "reference": bool(row["of_reference"]),
        "baseline": bool(row["is_baseline"]),
        "best": bool(row["is_best"]),
        "bill": [None if row["training_doubt"] else number(row[name]) for name in BILLED],
        "timed": not row["training_doubt"],
        "compute": [number(row["train_macs"]), number(row["train_macs_with_teacher"]), int(row["epochs"])],
        "shared_s": number(row["spent_s"]) if saved(row["train_s"], row["spent_s"]) else None,
        "texts": [column.text(row) for column in columns],
        "keys": [column.sort_key(row) for column in columns],
        "tips": {place: tip for place, column in enumerate(columns) if (tip := column.tip(row))},
        "numbers": {name: number(row[name]) for name in fields},
        "papers": [{"score": paper.top1, "protocol": paper.protocol} for paper in row["papers"]],
    }


def again(row: pd.Series, sweep: Collected) -> str:
    """The command that trains its cells anew, where it is of one sweep."""
    chosen = "/".join(str(row[name]).replace(" ", "") for name in ("architecture", "conv", "method"))
    return "" if sweep.joined else command_line("run", *sweep_words(sweep.name), "--select", chosen)


def _cells(content: Content, machines: dict[str, int]) -> Iterator[dict[str, object]]:
    """One a cell and deployment, with the row that it belongs to; machines are numbered as they are met."""
    records = {record.key: record for record in content.sweep.records}
    places = {row_id(row): place for place, row in enumerate(content.rows.to_dict("records"))}
    for cell in content.cells.to_dict("records"):
        record, place = records[cell["key"]], places.get(row_id({name: cell[name] for name in ROW}))
        if place is None:  # of a row of which nothing has begun
            continue
        yield {
            "row": place,
            "key": cell["key"],
            "seed": cell["seed"],
            "state": cell["state"],
            "score": number(cell["top1"]),
            "best": number(cell["top1_best"]),
            "train_s": number(cell["train_s"]),
            "error": cell["error"],
            "warnings": (record.result.doubts if record.result else ""),
            "machine": machines.setdefault(environment(record), len(machines)),
            "settings": settings(record),
            "curve": [] if cell["deployed"] else curve(record),
        }


def environment(record: Record) -> str:
    """On what and by what a cell was trained."""
    libraries = [software(each) for each in record.environments]
    commits = [f"commit {commit(each)}" for each in record.environments]
    parts = dict.fromkeys((record.trained_on, *commits, *libraries))
    return "; ".join(filter(None, parts))


def settings(record: Record) -> str:
    """What of its method differs from the defaults."""
    return ", ".join(f"{name}={value}" for name, value in record.cell.method_config.items())


def curve(record: Record) -> list[list[float]]:
    """Epoch, from 1, score, and the seconds that training took until then, at each of at most MOST_EPOCHS epochs."""
    found, spent = [*collect.curve(record).items()], collect.seconds(record)
    if not found:
        return []
    chosen = np.unique(np.linspace(0, len(found) - 1, min(MOST_EPOCHS, len(found))).round().astype(int))
    return [[found[i][0] + 1, round(found[i][1], 4), float(f"{spent[found[i][0]]:.4g}")] for i in chosen]


def number(value: object) -> float | None:
    """A number in the digits that are drawn; None for what is none."""
    if value is None or not isinstance(value, int | float | np.floating | np.integer) or not math.isfinite(value):
        return None
    return float(f"{value:.{DIGITS}g}")
