"""Seeds to statistics: mean, standard deviation, 95 % half-width of the mean, ranks, and the order of the rows.

Accuracies are fractions of the whole test set at the last epoch. The standard deviation is the sample's (n - 1); the
half-width is Student's t at n - 1 degrees of freedom. A row with cells still to run, or failed, is not `comparable`,
nor is one with a cell whose score means nothing: it has no rank, is never bold, and no gap is given of it.

What is deployed in another precision than it was trained in is a row of its own, of the same seeds, and ranks like any
other: also that of the standard network, which is the reference as trained alone.
"""

import math
from collections.abc import Hashable, Mapping

import numpy as np
import pandas as pd
import scipy.stats

from cheapconv.reports.rows import measurements
from cheapconv.reports.statistics import differences, images

TRAINED = ["architecture", "conv", "method", "variant"]
ROW = [*TRAINED, "deployed"]
FIRST = (
    *("suite_label", "score", "is_baseline", "is_standard", "is_plain", "method_name", "method_config"),
    *("epochs", "teacher", "taught_by", "teacher_is_standard", "students", "test_images", "dearer", "deployed_as"),
)
CIRCUMSTANCES = ("trained_on", "trained_by", "trained_recipe", "trained_precision")
SCORES = (
    "top1",
    "top1_error",
    "top5",
    "pixel_accuracy",
    "top1_best",
    "by_validation",
    "best_student_epoch",
    "ensemble_top1",
)
MEANS = (
    *("params", "params_with_bn_stats", "macs", "flops", "weights_bytes", "activation_bytes"),
    *("train_s", "train_s_with_teacher", "spent_s", "method_s", "train_images_per_s"),
)
COUNTED = ("train_macs", "train_macs_with_teacher")


def summarise(cells: pd.DataFrame, unrecorded: int = 0) -> pd.DataFrame:
    """One row an (architecture, conv, method, variant, deployed), in the order of the report.

    `cells` has the columns of `collect.frame`, those of `training_compute.attach` and `measurements.attach`, and
    `variant`. `unrecorded` planned cells have not said which row they belong to; while there are any, no row can be
    known to be complete.
    """
    trained = cells[cells["deployed"] == ""]
    usual = trained.loc[trained["state"] == "done", "trained_on"].mode().iloc[0]
    planned = trained.groupby(TRAINED).size().to_dict()
    rows = pd.DataFrame([_summary(group, usual, planned) for _, group in cells.groupby(ROW, sort=False)])
    rows["id"] = [row_id(row) for row in rows.to_dict("records")]
    rows["place"] = range(len(rows))  # the plan's order, by which ties between baselines are settled
    rows["complete"] = (rows["n"] == rows["planned"]) & (unrecorded == 0)
    rows["comparable"] = rows["complete"] & rows["top1_mean"].notna() & (rows["warnings"] == "")
    # Standard networks trained alone whose architecture others take with cheaper convs; else the only one there is.
    standard = rows["is_standard"].astype(bool)
    alone = standard & rows["is_baseline"].astype(bool) & (rows["deployed"] == "")
    found = alone & (~standard).groupby(rows["architecture"]).transform("any")
    rows["is_reference"] = found if found.any() or rows.loc[alone, "architecture"].nunique() != 1 else alone
    rows["of_reference"] = rows.groupby(TRAINED)["is_reference"].transform("any")  # itself, or how it is deployed
    rows = rows.join(differences.stand_in(rows))
    standing = rows[rows["comparable"]]
    ranked = standing[~standing["is_reference"]]
    rows = rows.join(differences.places(ranked, beside=len(standing) - len(ranked)))
    # What no row of its (architecture, conv) beats, where at least two rows are comparable.
    networks = [group for _, group in rows[rows["comparable"]].groupby(["architecture", "conv"]) if len(group) > 1]
    rows["is_best"] = rows.index.isin([label for group in networks for label in differences.not_worse(group)])
    return _ordered(rows)


def begun(rows: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    """The rows of which any cell is more than planned, numbered anew: of a long sweep few, at first."""
    known = {*names(cells[cells["state"] != "planned"])}
    return rows[[name in known for name in names(rows)]].reset_index(drop=True)


def of_comparable(cells: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """The cells of rows that are complete: of the others nothing is tested."""
    known = {*names(rows[rows["comparable"]])}
    return cells[[name in known for name in names(cells)]]


def names(table: pd.DataFrame) -> list[tuple[str, ...]]:
    """What names the row of each line, of cells or of rows."""
    return [*table[ROW].itertuples(index=False, name=None)]


def row_id(row: Mapping[Hashable, object]) -> str:
    """The name of a row, for links: `WRN-16-2/G(4)/kd`, then its variant and what it is deployed as."""
    variant = f"[{row['variant']}]" if row["variant"] else ""
    named = f"{row['architecture']}/{row['conv']}/{row['method']}{variant}"
    return f"{named}/{row['deployed']}" if row["deployed"] else named


def _summary(cells: pd.DataFrame, usual: str, planned: Mapping[Hashable, int]) -> dict[str, object]:
    done = cells[cells["state"] == "done"].assign(
        spent_s=lambda c: c["spent"],
        train_s_with_teacher=lambda c: c["train_s"].astype(float) + c["teacher_train_s"].astype(float),
    )
    known = done if len(done) else cells
    means = done[[*SCORES, *MEANS]].astype(float).mean()
    n, std = len(done), done["top1"].astype(float).std(ddof=1)
    machines = [{*done[name]} - {""} for name in ("trained_on", "teacher_trained_on")]
    # Other than the one that most cells were trained on, whose seconds are not comparable with that one's.
    elsewhere, teacher_elsewhere = (tuple(sorted(found - {usual})) for found in machines)
    busy = "; ".join(done["training_doubt"][done["training_doubt"] != ""].unique())
    return {
        **{name: cells[name].iloc[0] for name in ROW},
        "keys": tuple(cells["key"]),
        "teachers": tuple({*cells["teacher_key"]} - {""}),
        "n": n,
        "planned": planned[tuple(cells[TRAINED].iloc[0])],
        "failed": int((cells["state"] == "failed").sum()),
        "top1_std": std,
        "top1_ci95": scipy.stats.t.ppf(0.975, n - 1) * std / math.sqrt(n) if n > 1 else math.nan,
        "changed": bool(known["changed"].any()),
        "busy": busy,
        "seconds_on": tuple(sorted(set.union(*machines))),
        "training_doubt": busy or "; ".join((*elsewhere, *teacher_elsewhere)),
        "warnings": "; ".join(done["warnings"].dropna().unique()),
        "counters_differ": bool(known["counters_differ"].any()),
        **{f"{name}_mean": means[name] for name in SCORES},
        **{name: means[name] for name in MEANS},
        **{name: done[name].mean(skipna=False) for name in COUNTED},  # of all seeds, or not known
        images.COLUMN: images.of_seeds(done.get(images.COLUMN, ())),
        "agreement_mean": done["agreement"].mean(skipna=False) if "agreement" in done else math.nan,
        "sizes_differ": done["params"].nunique() > 1 or done["macs"].nunique() > 1,
        **{name: known[name].iloc[0] for name in FIRST},
        **measurements.of_row(done),
        **{name: "; ".join(done[name].unique()) for name in CIRCUMSTANCES},
        "trained_elsewhere": elsewhere,
        "untrained": not known["trained_here"].all(),
        "untrained_teacher": not known["teacher_trained_here"].all(),
        "teacher_elsewhere": teacher_elsewhere,
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
            "method": rows["method"] + rows["variant"] + rows["deployed"],
        }
    )
    return rows.loc[keys.sort_values(list(keys.columns)).index].reset_index(drop=True)
