"""The columns of a report: what each is called, and its text for a row. Every format prints these same texts.

`-` stands for a number that is not there. A mark in brackets, `[a]` or `[1]`, points to a note below the table;
`notes.number` gave it to the row.
"""

import dataclasses
import math
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import pandas as pd

from cheapconv.reports.rows.measurements import letter, suffixes
from cheapconv.reports.rows.score import Score

Row: TypeAlias = pd.Series


@dataclasses.dataclass(frozen=True)
class Column:
    """One column: `value` names what the page sorts by; a `page_only` column is for the web page alone."""

    title: str
    text: Callable[[Row], str]
    value: str = ""
    hint: str = ""
    page_only: bool = False
    optional: bool = True
    strong: bool = False  # it stands out in the best rows
    short: bool = False  # it is shown in a terminal too
    tip: Callable[[Row], str] = lambda row: ""  # what a cell of the page says where it is pointed at

    @property
    def is_number(self) -> bool:
        """Whether it is aligned to the right."""
        return bool(self.value)

    def sort_key(self, row: Row) -> str:
        """What the page sorts a cell by: the full number, or the text; empty sorts last."""
        if not self.value:
            return self.text(row).lower()
        return "" if pd.isna(row[self.value]) else repr(float(row[self.value]))


def columns(rows: pd.DataFrame, score: Score) -> list[Column]:
    """The columns that have something to say about `rows`."""
    every = [*results(score), *timings(rows), *costs_and_claims(score)]
    return [c for c in every if not c.optional or any(c.text(row) != "-" for _, row in rows.iterrows())]


def timings(rows: pd.DataFrame) -> list[Column]:
    """Latency and throughput, a pair of columns for each condition under which they were measured; the latency of the
    first one in a terminal too."""
    found, ends = [], suffixes(rows)
    for place, end in enumerate(ends):
        on, setting = letter(place, len(ends)), next(iter(rows[f"measured_on{end}"].dropna()), "")
        for name, title, tip in (
            ("latency_ms", "Latency (ms)", latency_tip),
            ("throughput_images_per_s", "Images/s", throughput_tip),
        ):
            text = partial(timing, name=f"{name}{end}", mark=f"{name.partition('_')[0]}_marks{end}")
            first, hint = f"{name}{end}" == "latency_ms", f"Median; {setting}"
            found.append(Column(f"{title}{on}", text, f"{name}{end}", hint, short=first, tip=partial(tip, end=end)))
    return found


def latency_tip(row: Row, end: str) -> str:
    """Its quartiles, and the operators that it goes to."""
    if pd.isna(row[f"latency_ms{end}"]):
        return ""
    quartiles = f"quartiles {row[f'latency_q25_ms{end}']:.3g} to {row[f'latency_q75_ms{end}']:.3g} ms"
    return "; ".join(filter(None, (quartiles, row[f"operators{end}"])))


def throughput_tip(row: Row, end: str) -> str:
    """Its quartiles."""
    if pd.isna(row[f"throughput_images_per_s{end}"]):
        return ""
    low, high = (row[f"throughput_{part}_images_per_s{end}"] for part in ("q25", "q75"))
    return f"quartiles {significant(low, 3)} to {significant(high, 3)} images/s"


def confidence_tip(row: Row) -> str:
    """The half width of the confidence interval of its mean, over the seeds alone."""
    if pd.isna(row["top1_ci95"]):
        return ""
    return f"95 % confidence: ± {100 * row['top1_ci95']:.2f} (t distribution, n={row['n']})"


def timing(row: Row, name: str, mark: str) -> str:
    """`10.0`, with the mark of the note that says why it is in doubt."""
    return "-" if pd.isna(row[name]) else f"{significant(row[name], 3)}{row[mark]}"


def percent(fraction: float) -> str:
    """0.6134 -> `61.34`."""
    return "-" if pd.isna(fraction) else f"{100 * fraction:.2f}"


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


def trained_label(row: Row) -> str:
    """The method, with what sets its training apart from one of the same labels: `kd [lr=0.05]`."""
    return f"{row['method']} [{row['variant']}]" if row["variant"] else str(row["method"])


def method_label(row: Row) -> str:
    """The same, with what it is deployed as: `kd [lr=0.05], int8 (ONNX Runtime)`."""
    return ", ".join(filter(None, (trained_label(row), row["deployed"])))


def rank(row: Row) -> str:
    """Behind comparable rows that are significantly better, before those that are worse: `1 to 12`; `ref`: standard."""
    if row["is_reference"] and not row["warnings"]:
        return "ref"
    places = [f"{row[name]:.0f}" for name in ("rank", "rank_to") if pd.notna(row[name])]
    return " to ".join(dict.fromkeys(places)) or "-"


def seeds(row: Row) -> str:
    """`3`, `2/3` where some are missing, `2/3, 1 failed`."""
    done = f"{row['n']}" if row["complete"] else f"{row['n']}/{row['planned']}"
    return f"{done}, {row['failed']} failed" if row["failed"] else done


def gap_recovered(row: Row) -> str:
    """`60 % (42 to 79)`, its interval in brackets, with the mark of the note that says why there is none."""
    if pd.isna(row["gap_recovered"]):
        return f"-{row['gap_mark']}"
    share, low, high = (f"{100 * row[name]:.0f}" for name in ("gap_recovered", "gap_low", "gap_high"))
    return f"{share} % ({low} to {high}){row['gap_mark']}"


def training_seconds(row: Row) -> str:
    """Of the network alone, and with its teacher's: `10.0 / 50.0`."""
    own, both = significant(row["train_s"], 3), significant(row["train_s_with_teacher"], 3)
    return f"{own if own == both == '-' else f'{own} / {both}'}{row['training_marks']}"


def training_macs(row: Row) -> str:
    """The same in multiply-adds, by the 10^12: `4.645 / 110.7`."""
    own, both = (significant(row[name] / 1e12, 3) for name in ("train_macs", "train_macs_with_teacher"))
    return "-" if own == "-" else f"{own} / {both}"


def papers(row: Row, last: bool = True) -> str:
    """Every published accuracy of the last epoch, or of other rules, with the mark of its protocol."""
    texts = []
    for paper, mark in zip(row["papers"], row["paper_marks"], strict=True):
        if paper.is_last is not last:
            continue
        spread = "" if paper.std is None else f" ± {percent(paper.std)}"
        texts.append(f"{percent(paper.top1)}{spread}{mark}")
    return ", ".join(texts) or "-"


def results(score: Score) -> tuple[Column, ...]:
    """What a row is, what came out, and how large it is."""
    return (
        Column(
            "Rank",
            rank,
            "rank",
            f"By {score.text}: behind rows that are significantly better, before those that are worse; ref: standard",
            optional=False,
            short=True,
        ),
        Column("Architecture", lambda r: str(r["architecture"]), optional=False, short=True),
        Column("Conv", lambda r: f"{r['conv']}{r['conv_marks']}", optional=False, short=True),
        Column("Method", method_label, optional=False, strong=True, short=True),
        Column(
            score.heading,
            lambda r: with_spread(r["top1_mean"], r["top1_std"], r["n"]) + r["top1_mark"],
            "top1_mean",
            "Last epoch, mean of the deployable students, mean ± standard deviation over seeds",
            optional=False,
            strong=True,
            short=True,
            tip=confidence_tip,
        ),
        Column("Top-5 %", lambda r: percent(r["top5_mean"]), "top5_mean", "Last epoch"),
        Column("Pixels right %", lambda r: percent(r["pixel_accuracy_mean"]), "pixel_accuracy_mean", "Last epoch"),
        Column(
            "Chosen on validation %",
            lambda r: percent(r["by_validation_mean"]),
            "by_validation_mean",
            "Test accuracy of the student and epoch that were best on held-out training images",
        ),
        Column("n", seeds, "n", "Seeds done, of seeds planned where some are missing", optional=False, short=True),
        Column(
            "Gap recovered",
            gap_recovered,
            "gap_recovered",
            "(method - baseline) / (standard - baseline), same conv",
            short=True,
        ),
        Column(
            "Agrees with teacher %",
            lambda r: percent(r["agreement_mean"]),
            "agreement_mean",
            "Test images answered as its teacher does, right or wrong; without a teacher: as that of the others does",
        ),
        Column(
            "Params",
            lambda r: "-" if pd.isna(r["params"]) else f"{r['params']:,.0f}",
            "params",
            "Trainable",
            short=True,
        ),
        Column(
            "MACs (M)",
            lambda r: significant(r["macs"] / 1e6),
            "macs",
            "Multiply-adds of one image; FLOPs = 2 MACs",
            short=True,
        ),
        Column("Weights (KiB)", lambda r: significant(r["weights_bytes"] / 1024), "weights_bytes"),
    )


def costs_and_claims(score: Score) -> tuple[Column, ...]:
    """What it has cost, what a paper says of it, and last and labelled what must not be taken for its score."""
    return (
        Column("Training (s), own / with teacher", training_seconds, "train_s_with_teacher", "Mean over seeds"),
        Column(
            "Training (T MACs), own / with teacher",
            training_macs,
            "train_macs_with_teacher",
            "Multiply-adds of all steps, forward and backward, by the 10^12: true on every machine",
        ),
        Column(
            f"Paper {score.text} %",
            papers,
            "paper_top1",
            "Published, of the last epoch, under the paper's own recipe: see the notes",
        ),
        Column(
            f"Paper {score.text} %, not of the last epoch",
            partial(papers, last=False),
            "paper_other_top1",
            "Published, of the best epoch on the test set or of one that is not stated: see the notes",
        ),
        # Last and labelled: numbers that must not be taken for the accuracy of a deployed network.
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
            f"Ensemble {score.text} % (not a student, not deployed)",
            lambda r: percent(r["ensemble_top1_mean"]),
            "ensemble_top1_mean",
            "The training-time ensemble of an online method",
        ),
    )
