"""Two reports under the same names: a release may call a network otherwise than the one before it."""

import dataclasses

import pandas as pd

from cheapconv.reports.answers.content import Content
from cheapconv.reports.rows import labels
from cheapconv.reports.rows.stats import ROW, row_id
from cheapconv.reports.rows.variants import variants


def named_alike(before: Content, after: Content) -> tuple[Content, Content]:
    """Both, with every architecture, conv and method called by the shortest name that either has for it."""
    names = labels.shortest([*before.sweep.records, *after.sweep.records])
    return _renamed(before, names), _renamed(after, names)


def _renamed(content: Content, names: labels.Names) -> Content:
    """With other names in cells and rows; what was said in words before stays."""
    records = [labels.named(record, names) for record in content.sweep.records]
    if all(new is old for new, old in zip(records, content.sweep.records, strict=True)):
        return content
    sweep = dataclasses.replace(content.sweep, records=records)
    own = {record.key: record.cell for record in records}
    cells = content.cells.assign(
        architecture=[own[key].architecture_label for key in content.cells["key"]],
        conv=[own[key].conv_label for key in content.cells["key"]],
        method=[own[key].method_label for key in content.cells["key"]],
        variant=content.cells["key"].map(variants(sweep).to_dict()),
    )
    called = dict(zip(_names(content.cells), _names(cells), strict=True))
    rows = content.rows.copy()
    rows[ROW] = [called[name] for name in _names(rows)]
    rows["id"] = [row_id(row) for row in rows.to_dict("records")]
    return dataclasses.replace(content, sweep=sweep, cells=cells, rows=rows)


def _names(table: pd.DataFrame) -> list[tuple[str, ...]]:
    """What names the row of each line."""
    return [*table[ROW].itertuples(index=False, name=None)]
