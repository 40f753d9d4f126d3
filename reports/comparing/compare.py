"""Write a comparison of two reports: `compare.md` for people, `compare.csv` for programs."""

from pathlib import Path

import pandas as pd

from cheapconv.reports.comparing import words
from cheapconv.reports.comparing.comparison import Comparison, compare
from cheapconv.reports.comparing.matched import Matched
from cheapconv.reports.comparing.words import sentences
from cheapconv.reports.formats import escape
from cheapconv.reports.page import page
from cheapconv.reports.rows.measurements import suffix
from cheapconv.reports.rows.stats import ROW

__all__ = ["Comparison", "compare", "csv", "sentences", "table", "write"]
PAIRED = ("n", "top1_mean", "top1_std", "params", "macs", "train_s")  # of a row before and after


def write(comparison: Comparison, out: Path) -> list[Path]:
    """Both files into the folder `out`, together; their paths. A UserError where the disk does not take them."""
    texts = {"compare.md": words.markdown(comparison), "compare.csv": csv(comparison)}
    page.save(texts, out)
    return [out / name for name in texts]


def csv(comparison: Comparison) -> str:
    """`table` with no text that a spreadsheet would calculate."""
    return table(comparison).map(escape.csv).to_csv(index=False)


def table(comparison: Comparison) -> pd.DataFrame:
    """One line a row of either: verdict, both sides, difference, latencies by condition.

    Scores and differences are fractions, ratios are after over before.
    """
    on = list(dict.fromkeys(timing.measured_on for timing in comparison.timings))
    lines = {row.id: _line(row) for row in comparison.rows}
    for timing in comparison.timings:
        end = suffix(on.index(timing.measured_on))
        lines[timing.row] |= {
            f"latency_ms_before{end}": timing.before[0],
            f"latency_ms_after{end}": timing.after[0],
            f"latency_ratio{end}": timing.ratio,
            f"latency_verdict{end}": timing.verdict,
            f"latency_measured_on{end}": timing.measured_on,
        }
    alone = [
        {"id": row["id"], "verdict": f"only {when}"} | {name: row[name] for name in ROW} | _side(row, when)
        for when, rows in (("before", comparison.only_before), ("after", comparison.only_after))
        for _, row in rows.iterrows()
    ]
    found = comparison.score.named(pd.DataFrame([*lines.values(), *alone]))
    return found.assign(
        before=comparison.before, after=comparison.after, not_like_for_like=", ".join(comparison.unlike)
    )


def _side(row: pd.Series, when: str) -> dict[str, object]:
    return {f"{name}_{when}": row[name] for name in PAIRED}


def _line(row: Matched) -> dict[str, object]:
    shift, bits = row.shift, row.other_bits
    return {
        "id": row.id,
        "verdict": row.verdict,
        **{name: row.after[name] for name in ROW},
        **_side(row.before, "before"),
        **_side(row.after, "after"),
        "difference": row.after["top1_mean"] - row.before["top1_mean"],
        "difference_low": shift.low,
        "difference_high": shift.high,
        "p": shift.p,
        "p_holm": shift.p_holm,
        "test": shift.test,
        "doubt": row.doubt,
        "cells_differ_in": ", ".join(row.differs),
        "cells_of_other_bits": ", ".join(each.key for each in bits),
        "train_s_ratio": row.after["train_s"] / row.before["train_s"] if row.before["train_s"] > 0 else None,
        "same_hardware": row.same_hardware,
    }
