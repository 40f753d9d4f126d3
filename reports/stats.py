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
    rows["is_reference"] = _is_reference(rows)
    ranked = rows["complete"] & ~rows["is_reference"]
    rows["rank"] = rows["top1_mean"].where(ranked).rank(ascending=False, method="min")
    rows["is_best"] = _best_of_conv(rows)
    return _ordered(rows)


def _is_reference(rows: pd.DataFrame) -> pd.Series:
    """Standard networks trained alone whose architecture others take with cheaper convs; else the only one there is."""
    cheaper = ~rows["is_standard"].astype(bool)
    alone = ~cheaper & rows["is_baseline"].astype(bool)
    found = alone & cheaper.groupby(rows["architecture"]).transform("any")
    return found if found.any() or alone.sum() != 1 else alone


def binomial_error(accuracy: float, images: float) -> float:
    """Standard error of one accuracy measured on `images` test images: sqrt(p (1 - p) / images)."""
    return math.sqrt(accuracy * (1 - accuracy) / images)


def _summary(cells: pd.DataFrame) -> dict[str, object]:
    done = cells[cells["state"] == "done"].assign(
        train_s_with_teacher=lambda c: c["train_s"].astype(float) + c["teacher_train_s"].astype(float)
    )
    known = done if len(done) else cells
    return {
        **{name: cells[name].iloc[0] for name in ROW},
        "n": len(done),
        "planned": len(cells),
        "failed": int((cells["state"] == "failed").sum()),
        **_accuracy(done["top1"].astype(float)),
        "top5_mean": done["top5"].astype(float).mean(),
        "top1_best_mean": done["top1_best"].astype(float).mean(),
        "changed": bool(known["changed"].any()),
        "by_validation_mean": done["by_validation"].astype(float).mean(),
        "best_student_epoch_mean": done["best_student_epoch"].astype(float).mean(),
        "ensemble_top1_mean": done["ensemble_top1"].astype(float).mean(),
        **{name: done[name].astype(float).mean() for name in MEANS},
        "sizes_differ": done["params"].nunique() > 1 or done["macs"].nunique() > 1,
        **{name: known[name].iloc[0] for name in FIRST},
    }


def _accuracy(top1: pd.Series) -> dict[str, float]:
    """Mean, standard deviation and 95 % half-width over seeds; the last two need two seeds."""
    n, std = len(top1), top1.std(ddof=1)
    half = scipy.stats.t.ppf(0.975, n - 1) * std / math.sqrt(n) if n > 1 else math.nan
    return {"top1_mean": top1.mean(), "top1_std": std, "top1_ci95": half}


def _best_of_conv(rows: pd.DataFrame) -> pd.Series:
    """The most accurate complete row of each (architecture, conv), where at least two rows are complete."""
    top1 = rows["top1_mean"].where(rows["complete"])
    by_conv = top1.groupby([rows["architecture"], rows["conv"]])
    return (top1 == by_conv.transform("max")) & (by_conv.transform("count") > 1)


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
