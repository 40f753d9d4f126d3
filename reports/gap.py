"""Gap recovered: how much of the accuracy that a cheap conv costs a method wins back.

gap recovered = (method - baseline) / (standard - baseline), where baseline trains the same network alone and standard
is the uncompressed network trained alone. The quotient of a small gap is noise, so it is given only where the gap
exceeds two standard errors: of the difference of means over seeds where both have two seeds or more, otherwise the
binomial ones of the test set added in quadrature.
"""

import dataclasses
import math

import pandas as pd

from cheapconv.reports.stats import binomial_error


@dataclasses.dataclass(frozen=True)
class Gap:
    """The recovered share of the gap, NaN where it cannot be given; `note` says why, or what was compared."""

    recovered: float = math.nan
    note: str = ""


def add_gaps(rows: pd.DataFrame) -> pd.DataFrame:
    """`rows` of `stats.summarise` with the columns `gap_recovered` and `gap_note`."""
    gaps = [_gap(row, rows) for _, row in rows.iterrows()]
    return rows.assign(gap_recovered=[gap.recovered for gap in gaps], gap_note=[gap.note for gap in gaps])


def _gap(row: pd.Series, rows: pd.DataFrame) -> Gap:
    if row["is_baseline"] or row["changed"]:
        return Gap()
    baselines = rows[rows["is_baseline"]]
    same_network = (baselines["architecture"] == row["architecture"]) & (baselines["conv"] == row["conv"])
    baseline = _preferred(baselines[same_network])
    standard, note = _standard(row["architecture"], rows[rows["is_reference"]])
    if baseline is None or standard is None:
        missing = "baseline of this conv" if baseline is None else "standard network to compare with"
        return Gap(note=f"no gap: the sweep has no {missing}")
    if not (row["complete"] and baseline["complete"] and standard["complete"]):
        return Gap(note="no gap yet: seeds of this row, its baseline or the standard network are still missing")
    return _quotient(row, baseline, standard, note)


def _quotient(row: pd.Series, baseline: pd.Series, standard: pd.Series, note: str) -> Gap:
    gap = standard["top1_mean"] - baseline["top1_mean"]
    error = _error_of_difference(baseline, standard)
    if gap <= 2 * error:
        return Gap(
            note=f"no gap: standard minus baseline is {100 * gap:.2f} points, "
            f"not above two standard errors ({200 * error:.2f} points)"
        )
    return Gap((row["top1_mean"] - baseline["top1_mean"]) / gap, note)


def _standard(architecture: str, standards: pd.DataFrame) -> tuple[pd.Series | None, str]:
    """The standard network of the architecture, or the sweep's only one, with a note that says so."""
    own = _preferred(standards[standards["architecture"] == architecture])
    if own is not None or len(standards) != 1:
        return own, ""
    only = standards.iloc[0]
    return only, f"gap to {only['architecture']} {only['conv']}, the only standard network of the sweep"


def _preferred(rows: pd.DataFrame) -> pd.Series | None:
    """Of several baselines the one with default settings under the sweep's own recipe, else the plan's first."""
    if rows.empty:
        return None
    rows = rows.sort_values("place")
    plainness = rows["is_plain"].astype(int) + (rows["variant"] == "").astype(int)
    return rows.iloc[int(plainness.argmax())]


def _error_of_difference(a: pd.Series, b: pd.Series) -> float:
    """Standard error of the difference of two rows' mean accuracies."""
    if min(a["n"], b["n"]) > 1:
        return math.hypot(*(row["top1_std"] / math.sqrt(row["n"]) for row in (a, b)))
    return math.hypot(*(binomial_error(row["top1_mean"], row["test_images"]) for row in (a, b)))
