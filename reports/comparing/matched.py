"""Rows of two reports matched by their id, with what became of each.

A row of the same cells as before is no comparison but a check: a cell's key stands for everything that can change its
result, so equal keys promise equal scores. Rows of other cells are two samples, which `shifts` tests. Two samples that
share some cells are taken as independent, which errs on the safe side.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import pandas as pd

from cheapconv.engine.store.cell import CellRecord
from cheapconv.reports.answers.content import Content
from cheapconv.reports.rows.collect import Record
from cheapconv.reports.rows.stats import ROW, row_id
from cheapconv.reports.statistics.shifts import Shift, shifts

UNTESTED = Shift()
Verdict = Literal["better", "worse", "noise", "other bits", "same", "not compared"]
SCORES = ("top1", "top5", "pixel_accuracy")  # of a cell, promised by its key
PARTS = {  # of a cell: where its key is another one, at least one of them is
    "suite": "suite",
    "data": "data",
    "protocol": "protocol",
    "recipe": "recipe",
    "architecture": "architecture",
    "architecture_version": "version of the architecture",
    "conv": "conv",
    "conv_version": "version of the conv",
    "method_config": "settings of the method",
    "method_version": "version of the method",
    "weights": "weights that are read",
    "seed": "seeds",
    "teacher": "teacher's cell",
}


class Finished(NamedTuple):
    """A finished cell as it is deployed in a row, and those of SCORES that it has there."""

    record: Record
    scores: Mapping[str, float]


class OtherBits(NamedTuple):
    """A cell whose score is not the one that its key promises."""

    key: str
    row: str  # its id
    before: Finished
    after: Finished


@dataclass(frozen=True, eq=False)
class Matched:
    """A row that is in both, with its finished cells by key."""

    before: pd.Series
    after: pd.Series
    cells_before: Mapping[str, Finished]
    cells_after: Mapping[str, Finished]
    shift: Shift = UNTESTED

    @property
    def id(self) -> str:
        """Of the row."""
        return str(self.after["id"])

    @property
    def is_check(self) -> bool:
        """Whether its cells are those of before."""
        return bool(self.cells_after) and self.cells_before.keys() == self.cells_after.keys()

    @property
    def other_bits(self) -> list[OtherBits]:
        """Cells of both with other scores."""
        pairs = {
            key: (self.cells_before[key], cell) for key, cell in self.cells_after.items() if key in self.cells_before
        }
        return [OtherBits(key, self.id, *pair) for key, pair in pairs.items() if pair[0].scores != pair[1].scores]

    @property
    def doubt(self) -> str:
        """Why its means are not compared; empty where they are."""
        for when, row in (("before", self.before), ("after", self.after)):
            if row["warnings"]:
                return f"{when}, its score means nothing: {row['warnings']}"
            if row["n"] < row["planned"]:
                return f"incomplete {when}: {row['n']} of {row['planned']} seeds"
            if not row["comparable"]:
                return f"incomplete {when}: planned cells have no record yet"
        return ""

    @property
    def is_tested(self) -> bool:
        """Whether it is one of the family that is corrected together."""
        return not self.doubt and not (self.is_check and not self.other_bits)

    @property
    def verdict(self) -> Verdict:
        """What became of it."""
        if self.is_check:
            return "other bits" if self.other_bits else "same"
        if self.doubt:
            return "not compared"
        if not self.shift.is_significant:
            return "noise"
        return "better" if self.shift.mean > 0 else "worse"

    @property
    def differs(self) -> list[str]:
        """In what its cells are others than before, in words."""
        cells = [[each.record.cell for each in own.values()] for own in (self.cells_before, self.cells_after)]
        return (
            []
            if self.is_check
            else [text for part, text in PARTS.items() if len({*(_values(c, part) for c in cells)}) > 1]
        )

    @property
    def same_hardware(self) -> bool:
        """Whether its seconds of training are comparable."""
        records = [[each.record for each in own.values()] for own in (self.cells_before, self.cells_after)]
        before, after = ({record.trained_on for record in own} for own in records)
        return before == after and all(record.sharing == 1 for own in records for record in own)


def match(before: Content, after: Content) -> list[Matched]:
    """Every row of both, in the order of after, those of other cells or bits tested together."""
    rows = {row["id"]: row for _, row in before.rows.iterrows()}
    cells_before, cells_after = finished(before), finished(after)
    found = [
        Matched(rows[row["id"]], row, cells_before.get(row["id"], {}), cells_after.get(row["id"], {}))
        for _, row in after.rows.iterrows()
        if row["id"] in rows
    ]
    tested = [each for each in found if each.is_tested]
    of_tested = dict(zip((each.id for each in tested), shifts([(t.before, t.after) for t in tested]), strict=True))
    return [replace(each, shift=of_tested.get(each.id, UNTESTED)) for each in found]


def finished(content: Content) -> dict[str, dict[str, Finished]]:
    """The finished cells of each row, by the row's id and the cell's key."""
    records, found = {record.key: record for record in content.sweep.done}, dict[str, dict[str, Finished]]()
    for cell in content.cells[content.cells["state"] == "done"].to_dict("records"):
        scores = {name: float(cell[name]) for name in SCORES if pd.notna(cell[name])}
        own = found.setdefault(row_id({name: cell[name] for name in ROW}), {})
        own[cell["key"]] = Finished(records[cell["key"]], scores)
    return found


def _values(cells: list[CellRecord], part: str) -> frozenset[str]:
    """What a part of the cells is, whatever a recipe is called."""
    values = [getattr(cell, part) for cell in cells]
    plain = [{k: v for k, v in value.items() if k != "name"} if part == "recipe" else value for value in values]
    return frozenset(json.dumps(value, sort_keys=True, default=str) for value in plain)
