"""A report for programs: `json_text`, all of it, and `parquet_bytes`, its table with real types.

Texts are those of the store, unguarded: what a spreadsheet may take for a formula is marked in the CSV alone.

The JSON document, whose SCHEMA is counted up when a name is taken away or means something else:

    schema       1
    sweep        name, suite, recipe; score: the name of the headline score in the names of numbers, and its title
    conditions   name -> text
    remarks      texts
    notes        [{mark, text}]
    columns      [{name, kind, unit, title}] of the numbers and texts of a row: the columns of table.csv
    rows         [{<name of each column>, id, label, interval: [low, high],
                 papers: [{score, std, selection, protocol}]}]
    cells        [{key, row: id of its row, seed, state, error, warnings, deployed, teacher, settings, machine,
                 scores: {name -> fraction}, times: {name -> number}}]
    failures     [{key, label, error}]

Accuracies are fractions, times seconds. null stands for a number or a text that is not there, and for a bound that is
infinite.
"""

import io
import json
import math
from collections.abc import Hashable, Mapping

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cheapconv.reports.answers.content import Content
from cheapconv.reports.formats import fields
from cheapconv.reports.rows.collect import RESULT_FIELDS
from cheapconv.reports.rows.columns import method_label
from cheapconv.reports.rows.score import Score
from cheapconv.reports.rows.stats import ROW, SCORES, row_id
from cheapconv.reports.statistics import differences

SCHEMA = 1
ARROW = {"number": pa.float64(), "count": pa.int64(), "flag": pa.bool_(), "text": pa.string()}
COLUMNS = ("name", "kind", "unit", "title")


def json_text(content: Content) -> str:
    """The document in strict JSON (RFC 8259): no NaN, no infinity; the same bytes for the same store."""
    return json.dumps(document(content), ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def document(content: Content) -> dict[str, object]:
    """The same, before it is a text."""
    sweep, (table, known) = content.sweep, fields.table(content)
    kinds = {each.name: each.kind for each in known}
    numbers = table.to_dict("records")
    return {
        "schema": SCHEMA,
        "sweep": {
            "name": sweep.name,
            "suite": sweep.suite,
            "recipe": sweep.recipe,
            "score": {"name": sweep.score.key, "title": sweep.score.title},
        },
        "conditions": content.conditions,
        "remarks": content.remarks,
        "notes": [{"mark": mark, "text": text} for mark, text in content.notes],
        "columns": [{name: getattr(each, name) for name in COLUMNS} for each in known],
        "rows": [
            {name: value_of(value, kinds[str(name)]) for name, value in own.items()} | _beside(row)
            for own, (_, row) in zip(numbers, content.rows.iterrows(), strict=True)
        ],
        "cells": [_cell(cell, sweep.score) for cell in content.cells.to_dict("records")],
        "failures": [{"key": each.key, "label": each.label, "error": each.error} for each in content.failures],
    }


def parquet_bytes(content: Content) -> bytes:
    """The table as Parquet. Its schema's metadata has the conditions, by name; that of a column its title and unit."""
    table, known = fields.table(content)
    schema = pa.schema(
        [pa.field(each.name, ARROW[each.kind], metadata={"title": each.title, "unit": each.unit}) for each in known],
        metadata=fields.conditions(content),
    )
    columns = [
        pa.array([value_of(value, each.kind) for value in table[each.name]], type=ARROW[each.kind]) for each in known
    ]
    with io.BytesIO() as file:
        pq.write_table(pa.Table.from_arrays(columns, schema=schema), file)
        return file.getvalue()


def value_of(value: object, kind: fields.Kind) -> float | int | bool | str | None:
    """A value of the table in Python's own type; None for what is not there, and of a text for an empty one."""
    if value is None or value is pd.NA or value == "" or (isinstance(value, float) and math.isnan(value)):
        return None
    return {"number": number, "count": int, "flag": bool, "text": str}[kind](value)  # type: ignore[operator]


def number(value: object) -> float | None:
    """In full precision; None for what is no finite number."""
    found = isinstance(value, int | float | np.floating | np.integer) and math.isfinite(value)
    return float(value) if found else None  # type: ignore[arg-type]


def _beside(row: pd.Series) -> dict[str, object]:
    """What a row has besides the table's columns."""
    low, high = differences.interval(row) if row["n"] else (math.nan, math.nan)
    return {
        "id": row["id"],
        "label": method_label(row),
        "interval": [number(low), number(high)],
        "papers": [
            {
                "score": paper.top1,
                "std": number(paper.std),
                "selection": paper.selection,
                "protocol": paper.protocol,
            }
            for paper in row["papers"]
        ],
    }


def _cell(cell: Mapping[Hashable, object], score: Score) -> dict[str, object]:
    """One of `collect.frame`, or a deployment of one."""
    texts = {name: value_of(cell[name], "text") for name in ("state", "error", "warnings", "deployed", "teacher")}
    return {
        "key": cell["key"],
        "row": row_id({name: cell[name] for name in ROW}),
        "seed": cell["seed"],
        **texts,
        "settings": cell["method_config"],
        "machine": cell["trained_on"],
        "scores": {score.column(name): number(cell[name]) for name in SCORES},
        "times": {name: number(cell[name]) for name in RESULT_FIELDS},
    }
