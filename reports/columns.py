"""The columns of a report: what each is called, and its text for a row. Every format prints these same texts.

`-` stands for a number that is not there. A mark in brackets, `[a]` or `[1]`, points to a note below the table.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import TypeAlias

import pandas as pd

from cheapconv.reports.notes import Notes
from cheapconv.reports.published import Paper

Row: TypeAlias = pd.Series
CHANGED = "the method changes the network (removes, replaces or quantises parts); sizes are those of what is deployed"

SEVERAL = "every seed ends with another network; sizes, latency and throughput are means over them"


@dataclasses.dataclass(frozen=True)
class Column:
    """One column: `value` names what the page sorts by; a `page_only` column is for the web page alone."""

    title: str
    text: Callable[[Row], str]
    value: str = ""
    hint: str = ""
    page_only: bool = False
    optional: bool = True

    @property
    def is_number(self) -> bool:
        """Whether it is aligned to the right."""
        return bool(self.value)


def columns(rows: pd.DataFrame, notes: Notes) -> list[Column]:
    """The columns that have something to say about `rows`."""
    every = [*_identity(notes), *_accuracy(notes), *_cost(), _paper(notes), *_not_results()]
    return [c for c in every if not c.optional or any(c.text(row) != "-" for _, row in rows.iterrows())]


def percent(fraction: float, digits: int = 2) -> str:
    """0.6134 -> `61.34`."""
    return "-" if pd.isna(fraction) else f"{100 * fraction:.{digits}f}"


def with_spread(mean: float, std: float | None, n: int) -> str:
    """`61.34 ± 0.42` in percent, `61.34 (n=1)` for a single seed."""
    if n == 0:
        return "-"
    return f"{percent(mean)} ± {percent(std)}" if n > 1 and std is not None else f"{percent(mean)} (n=1)"


def significant(value: float, digits: int = 4) -> str:
    """Four significant digits without an exponent, thousands separated: `1,234`, `12.34`, `0.1234`."""
    if pd.isna(value):
        return "-"
    decimals = max(digits - 1 - math.floor(math.log10(abs(value))), 0) if value else 0
    return f"{value:,.{min(decimals, 6)}f}"


def method_label(row: Row) -> str:
    """The method, with what sets this row apart from one of the same labels."""
    return f"{row['method']} [{row['variant']}]" if row["variant"] else str(row["method"])


def _rank(row: Row) -> str:
    if row["is_reference"]:
        return "ref"
    return "-" if pd.isna(row["rank"]) else f"{row['rank']:.0f}"


def _seeds(row: Row) -> str:
    seeds = f"{row['n']}" if row["complete"] else f"{row['n']}/{row['planned']}"
    return f"{seeds}, {row['failed']} failed" if row["failed"] else seeds


def _identity(notes: Notes) -> list[Column]:
    def conv(row: Row) -> str:
        marks = notes.reason(CHANGED if row["changed"] else "") + notes.reason(SEVERAL if row["sizes_differ"] else "")
        return str(row["conv"]) + marks

    return [
        Column("Rank", _rank, "rank", "By mean top-1 of complete rows; ref: the standard network", optional=False),
        Column("Architecture", lambda r: str(r["architecture"]), optional=False),
        Column("Conv", conv, optional=False),
        Column("Method", method_label, optional=False),
    ]


def _accuracy(notes: Notes) -> list[Column]:
    def gap(row: Row) -> str:
        share: str = "-" if pd.isna(row["gap_recovered"]) else f"{100 * row['gap_recovered']:.0f} %"
        return share + notes.reason(row["gap_note"])

    return [
        Column(
            "Top-1 %",
            lambda r: with_spread(r["top1_mean"], r["top1_std"], r["n"]),
            "top1_mean",
            "Last epoch, mean of the deployable students, mean ± standard deviation over seeds",
            optional=False,
        ),
        Column("Top-5 %", lambda r: percent(r["top5_mean"]), "top5_mean", "Last epoch"),
        Column(
            "Chosen on validation %",
            lambda r: percent(r["by_validation_mean"]),
            "by_validation_mean",
            "Test accuracy of the student and epoch that were best on held-out training images",
        ),
        Column("n", _seeds, "n", "Seeds done, of seeds planned where some are missing", optional=False),
        Column("Gap recovered", gap, "gap_recovered", "(method - baseline) / (standard - baseline), same conv"),
    ]


def _cost() -> list[Column]:
    def training(row: Row) -> str:
        own, both = significant(row["train_s"], 3), significant(row["train_s_with_teacher"], 3)
        return "-" if own == "-" else f"{own} / {both}"

    return [
        Column("Params", lambda r: "-" if pd.isna(r["params"]) else f"{r['params']:,.0f}", "params", "Trainable"),
        Column(
            "MACs (M)", lambda r: significant(r["macs"] / 1e6), "macs", "Multiply-adds of one image; FLOPs = 2 MACs"
        ),
        Column("Weights (KiB)", lambda r: significant(r["weights_bytes"] / 1024), "weights_bytes"),
        Column("Latency (ms)", lambda r: significant(r["latency_ms"], 3), "latency_ms", "Median at batch 1"),
        Column("Images/s", lambda r: significant(r["throughput_images_per_s"], 3), "throughput_images_per_s"),
        Column("Training (s), own / with teacher", training, "train_s_with_teacher", "Mean over seeds"),
    ]


def _paper(notes: Notes) -> Column:
    def text(row: Row) -> str:
        return ", ".join(_published(paper) + notes.paper(paper.protocol) for paper in row["papers"]) or "-"

    return Column("Paper top-1 %", text, "paper_top1", "Published under the paper's own recipe: see the notes")


def _not_results() -> list[Column]:
    """Numbers that must not be taken for the accuracy of a deployed network, last and labelled."""
    return [
        Column(
            "Best epoch on test (optimistic) %",
            lambda r: percent(r["top1_best_mean"]),
            "top1_best_mean",
            "Selected on the test set: never ranked",
            page_only=True,
        ),
        Column(
            "Best student and epoch on test (optimistic) %",
            lambda r: percent(r["best_student_epoch_mean"]),
            "best_student_epoch_mean",
            "The rule of some papers, which chooses on the test set: never ranked",
        ),
        Column(
            "Ensemble top-1 % (not a student, not deployed)",
            lambda r: percent(r["ensemble_top1_mean"]),
            "ensemble_top1_mean",
            "The training-time ensemble of an online method",
        ),
    ]


def _published(paper: Paper) -> str:
    return percent(paper.top1) if paper.std is None else f"{percent(paper.top1)} ± {percent(paper.std)}"
