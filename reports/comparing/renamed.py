"""Two reports under the same names: a release may call a network otherwise than the one before it."""

import dataclasses
from collections.abc import Collection

from cheapconv.reports.answers.content import Content
from cheapconv.reports.rows import collect, stats
from cheapconv.reports.rows.collect import Record


def named_alike(before: Content, after: Content) -> tuple[Content, Content]:
    """Both, with every architecture, conv and method called by the shortest name that either has for it."""
    return _renamed(before, after.sweep.records), _renamed(after, before.sweep.records)


def _renamed(content: Content, others: Collection[Record]) -> Content:
    """With other names in cells and rows; what was said in words before stays."""
    sweep = dataclasses.replace(content.sweep, records=collect.named_alike(content.sweep.records, others))
    own = {record.key: record.cell for record in sweep.records}
    cells = content.cells.assign(
        architecture=[own[key].architecture_label for key in content.cells["key"]],
        conv=[own[key].conv_label for key in content.cells["key"]],
        method=[own[key].method_label for key in content.cells["key"]],
        variant=content.cells["key"].map(sweep.variants),
    )
    called = dict(zip(stats.names(content.cells), stats.names(cells), strict=True))
    rows = content.rows.copy()
    rows[stats.ROW] = [called[name] for name in stats.names(rows)]
    rows["id"] = [stats.row_id(row) for row in rows.to_dict("records")]
    return dataclasses.replace(content, sweep=sweep, cells=cells, rows=rows)
