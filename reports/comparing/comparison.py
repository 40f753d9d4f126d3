"""What two reports say beside each other: two sweeps, or two states of one store."""

from dataclasses import dataclass

import pandas as pd

from cheapconv.catalog.errors import UserError
from cheapconv.reports.answers.content import Content
from cheapconv.reports.comparing.changes import Change, changes
from cheapconv.reports.comparing.matched import Matched, OtherBits, match
from cheapconv.reports.comparing.renamed import named_alike
from cheapconv.reports.comparing.retimed import Retimed, retimed
from cheapconv.reports.rows.score import Score


@dataclass(frozen=True, eq=False)
class Comparison:
    """Names of both, their score, what changed around them, the rows of both, those of one alone, and timings."""

    before: str
    after: str
    score: Score
    changes: list[Change]
    rows: list[Matched]
    only_before: pd.DataFrame
    only_after: pd.DataFrame
    timings: list[Retimed]

    @property
    def unlike(self) -> list[str]:
        """Names of the changes by which no difference is like for like."""
        return [change.name for change in self.changes if change.counts]

    @property
    def other_bits(self) -> list[OtherBits]:
        """Of all rows."""
        return [each for row in self.rows for each in row.other_bits]


def compare(before: Content, after: Content, stores: tuple[str, str] = ("", "")) -> Comparison:
    """What became of the rows of `before`; a UserError where both are scored by different things. Of two sweeps of one
    name the `stores` tell which is which."""
    score, other = before.sweep.score, after.sweep.score
    if score != other:
        raise UserError(
            f"'{before.sweep.name}' is scored by {score.text} and '{after.sweep.name}' by {other.text}, so none of "
            "their rows can be compared: name two sweeps of one task."
        )
    alike = before.sweep.name == after.sweep.name and all(stores)
    names = [
        f"{each.sweep.name} in {of}" if alike else each.sweep.name
        for each, of in zip((before, after), stores, strict=True)
    ]
    before, after = named_alike(before, after)
    rows = match(before, after)
    both = [row.id for row in rows]
    return Comparison(
        before=names[0],
        after=names[1],
        score=score,
        changes=changes(before.sweep, after.sweep),
        rows=rows,
        only_before=before.rows[~before.rows["id"].isin(both)],
        only_after=after.rows[~after.rows["id"].isin(both)],
        timings=[*retimed(rows)],
    )
