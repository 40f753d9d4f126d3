"""Gap recovered: how much of the accuracy that a cheap conv costs a method wins back.

gap recovered = (method - baseline) / (standard - baseline), where baseline trains the same network alone and standard
is the uncompressed network trained alone. The quotient of a small gap is noise, so it is given only where the gap
exceeds two standard errors: of the difference of means over seeds where both have two seeds or more, otherwise the
binomial ones of the test set added in quadrature.
"""

import dataclasses
import math

import pandas as pd

from cheapconv.reports.stats import error_of_difference


@dataclasses.dataclass(frozen=True)
class Gap:
    """The recovered share of the gap, NaN where it cannot be given; `note` says why, or what was compared."""

    recovered: float = math.nan
    note: str = ""


def add_gaps(rows: pd.DataFrame) -> pd.DataFrame:
    """`rows` of `stats.summarise` with the columns `gap_recovered` and `gap_note`."""
    gaps = [gap_recovered(row, rows) for _, row in rows.iterrows()]
    return rows.assign(gap_recovered=[gap.recovered for gap in gaps], gap_note=[gap.note for gap in gaps])


def gap_recovered(row: pd.Series, rows: pd.DataFrame) -> Gap:
    """The gap of one of `rows` to the standard network, against the baseline of its own network."""
    if row["is_baseline"] or row["changed"]:
        return Gap()
    alone = rows[rows["is_baseline"]]
    baseline = _preferred(alone[(alone["architecture"] == row["architecture"]) & (alone["conv"] == row["conv"])])
    references = rows[rows["is_reference"]]
    standard, note = _preferred(references[references["architecture"] == row["architecture"]]), ""
    if standard is None and len(references) == 1:
        standard = references.iloc[0]
        note = f"gap to {standard['architecture']} {standard['conv']}, the only standard network of the sweep"
    if baseline is None or standard is None:
        missing = "baseline of this conv" if baseline is None else "standard network to compare with"
        return Gap(note=f"no gap: the sweep has no {missing}")
    if not (row["complete"] and baseline["complete"] and standard["complete"]):
        return Gap(note="no gap yet: seeds of this row, its baseline or the standard network are still missing")
    gap, error = standard["top1_mean"] - baseline["top1_mean"], error_of_difference(baseline, standard)
    if gap <= 2 * error:
        points = f"{100 * gap:.2f} points, not above two standard errors ({200 * error:.2f} points)"
        return Gap(note=f"no gap: standard minus baseline is {points}")
    return Gap((row["top1_mean"] - baseline["top1_mean"]) / gap, note)


def _preferred(rows: pd.DataFrame) -> pd.Series | None:
    """Of several baselines the one with default settings under the sweep's own recipe, else the plan's first."""
    if rows.empty:
        return None
    rows = rows.sort_values("place")
    plainness = rows["is_plain"].astype(int) + (rows["variant"] == "").astype(int)
    return rows.iloc[int(plainness.argmax())]
