"""Seeds to statistics: mean, standard deviation, 95 % half-width of the mean, ranks, and the order of the rows.

Accuracies are fractions of the whole test set at the last epoch. The standard deviation is the sample's (n - 1); the
half-width is Student's t at n - 1 degrees of freedom. A row with cells still to run, or failed, has no rank.
"""

import math

import numpy as np
import pandas as pd
import scipy.stats

ROW = ["architecture", "conv", "method", "variant"]
FIRST = (
    *("suite_label", "is_baseline", "is_standard", "is_plain", "method_name", "method_config"),
    *("teacher", "teacher_is_standard", "test_images", "measured_on"),
)
SCORES = ("top1", "top5", "top1_best", "by_validation", "best_student_epoch", "ensemble_top1")
MEANS = (
    *("params", "params_with_bn_stats", "macs", "flops", "weights_bytes", "activation_bytes"),
    *("latency_ms", "latency_q25_ms", "latency_q75_ms", "throughput_images_per_s"),
    *("train_s", "train_s_with_teacher", "train_images_per_s"),
)


def summarise(cells: pd.DataFrame, unrecorded: int = 0) -> pd.DataFrame:
    """One row an (architecture, conv, method, variant), in the order of the report.

    `cells` has the columns of `collect.frame`, `measurements.COLUMNS` and `variant`. `unrecorded` planned cells have
    not said which row they belong to; while there are any, no row can be known to be complete.
    """
    rows = pd.DataFrame([_summary(group) for _, group in cells.groupby(ROW, sort=False)])
    rows["place"] = range(len(rows))  # the plan's order, by which ties between baselines are settled
    rows["complete"] = (rows["n"] == rows["planned"]) & (unrecorded == 0)
    # Standard networks trained alone whose architecture others take with cheaper convs; else the only one there is.
    standard = rows["is_standard"].astype(bool)
    alone = standard & rows["is_baseline"].astype(bool)
    found = alone & (~standard).groupby(rows["architecture"]).transform("any")
    rows["is_reference"] = found if found.any() or alone.sum() != 1 else alone
    top1 = rows["top1_mean"].where(rows["complete"])
    rows["rank"] = top1.mask(rows["is_reference"]).rank(ascending=False, method="min")
    # The most accurate complete row of each (architecture, conv), where at least two rows are complete.
    by_conv = top1.groupby([rows["architecture"], rows["conv"]])
    rows["is_best"] = (top1 == by_conv.transform("max")) & (by_conv.transform("count") > 1)
    return _ordered(rows)


def binomial_error(accuracy: float, images: float) -> float:
    """Standard error of one accuracy measured on `images` test images: sqrt(p (1 - p) / images)."""
    return math.sqrt(accuracy * (1 - accuracy) / images)


def error_of_difference(a: pd.Series, b: pd.Series) -> float:
    """Standard error of the difference of two rows' mean accuracies."""
    if min(a["n"], b["n"]) > 1:
        return math.hypot(*(row["top1_std"] / math.sqrt(row["n"]) for row in (a, b)))
    return math.hypot(*(binomial_error(row["top1_mean"], row["test_images"]) for row in (a, b)))


def _summary(cells: pd.DataFrame) -> dict[str, object]:
    done = cells[cells["state"] == "done"].assign(
        train_s_with_teacher=lambda c: c["train_s"].astype(float) + c["teacher_train_s"].astype(float)
    )
    known = done if len(done) else cells
    means = {name: done[name].astype(float).mean() for name in (*SCORES, *MEANS)}
    n, std = len(done), done["top1"].astype(float).std(ddof=1)
    return {
        **{name: cells[name].iloc[0] for name in ROW},
        "n": n,
        "planned": len(cells),
        "failed": int((cells["state"] == "failed").sum()),
        "top1_std": std,
        "top1_ci95": scipy.stats.t.ppf(0.975, n - 1) * std / math.sqrt(n) if n > 1 else math.nan,
        "changed": bool(known["changed"].any()),
        **{f"{name}_mean": means[name] for name in SCORES},
        **{name: means[name] for name in MEANS},
        "sizes_differ": done["params"].nunique() > 1 or done["macs"].nunique() > 1,
        **{name: known[name].iloc[0] for name in FIRST},
    }


def _ordered(rows: pd.DataFrame) -> pd.DataFrame:
    """Standard networks first, then convs from most to fewest MACs, in each the most accurate row first."""
    networks = rows.groupby(["architecture", "conv"])
    keys = pd.DataFrame(
        {
            "no_reference": ~networks["is_reference"].transform("any"),
            "macs": -networks["macs"].transform("max").fillna(-np.inf),
            "architecture": rows["architecture"],
            "conv": rows["conv"],
            "top1": -rows["top1_mean"].fillna(-np.inf),
            "method": rows["method"] + rows["variant"],
        }
    )
    return rows.loc[keys.sort_values(list(keys.columns)).index].reset_index(drop=True)
