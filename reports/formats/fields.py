"""The table of a report for programs: the name, type, unit and meaning of each of its columns, and the table itself.

CSV, JSON and Parquet are three forms of this one table.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import pandas as pd

from cheapconv.reports.answers.content import Content
from cheapconv.reports.rows.measurements import suffixes

Kind: TypeAlias = Literal["number", "count", "flag", "text"]  # a float, a whole number, yes or no, a text


@dataclass(frozen=True)
class Field:
    """A column: `unit` is "" for what has none; in `title` the word {score} stands for the sweep's headline score."""

    name: str
    kind: Kind
    unit: str
    title: str


FRACTION, SECONDS, MILLISECONDS, BYTES, SPEED = "fraction", "s", "ms", "bytes", "images/s"
LAST_EPOCH = "at the last epoch, mean over seeds"

EVERY = (
    Field("rank", "count", "", "One more than the rows that are significantly better"),
    Field("rank_to", "count", "", "All ranked rows but those that are significantly worse"),
    Field("architecture", "text", "", "Architecture"),
    Field("conv", "text", "", "What stands in for a standard convolution"),
    Field("method", "text", "", "How it is trained"),
    Field("variant", "text", "", "What sets its training apart from one of the same labels"),
    Field("is_standard", "flag", "", "Has standard convolutions"),
    Field("is_reference", "flag", "", "Is the standard network, trained alone, that others are compared with"),
    Field("is_baseline", "flag", "", "Is trained alone"),
    Field("changed", "flag", "", "The method changes the network; sizes are those of what is deployed"),
    Field("complete", "flag", "", "Every planned seed is done"),
    Field("comparable", "flag", "", "Is complete and has a {score} that means something"),
    Field("is_best", "flag", "", "Does not differ from the most accurate row of its network"),
    Field("warnings", "text", "", "Why its {score} means nothing"),
    Field("dearer", "text", "", "By how much it is dearer than with standard convolutions"),
    Field("n", "count", "seeds", "Seeds done"),
    Field("planned", "count", "seeds", "Seeds planned"),
    Field("failed", "count", "seeds", "Seeds failed"),
    Field("top1_mean", "number", FRACTION, f"{{score}} {LAST_EPOCH}"),
    Field("top1_std", "number", FRACTION, "Standard deviation of {score} over seeds (n - 1)"),
    Field(
        "top1_ci95", "number", FRACTION, "Half-width of the 95 % interval of the mean {score}, by t over seeds alone"
    ),
    Field("top5_mean", "number", FRACTION, f"Top-5 {LAST_EPOCH}"),
    Field("top1_best_mean", "number", FRACTION, "{score} at the best epoch on the test set: optimistic, never ranked"),
    Field("by_validation_mean", "number", FRACTION, "{score} of the epoch that was chosen on held-out training images"),
    Field("best_student_epoch_mean", "number", FRACTION, "{score} of the best student at its best epoch: optimistic"),
    Field("ensemble_top1_mean", "number", FRACTION, "{score} of the training-time ensemble: not a student"),
    Field("test_images", "count", "images", "Size of the test set"),
    Field("gap_recovered", "number", FRACTION, "(method - baseline) / (standard - baseline), same conv"),
    Field("gap_low", "number", FRACTION, "Lower bound of its 95 % interval"),
    Field("gap_high", "number", FRACTION, "Upper bound of its 95 % interval"),
    Field("gap_note", "text", "", "Why there is none, or what was compared"),
    Field("params", "number", "parameters", "Trainable parameters"),
    Field("params_with_bn_stats", "number", "parameters", "The same, with the statistics of batch normalisation"),
    Field("macs", "number", "multiply-adds", "Multiply-adds of one image"),
    Field("flops", "number", "operations", "Twice as many"),
    Field("weights_bytes", "number", BYTES, "Size of the weights"),
    Field("activation_bytes", "number", BYTES, "Peak of the maps of one image"),
    Field("train_s", "number", SECONDS, "Training, as it would cost alone, mean over seeds"),
    Field("train_s_with_teacher", "number", SECONDS, "The same, with that of its teacher"),
    Field(
        "train_macs",
        "number",
        "multiply-adds",
        "Training, forward and backward, mean over seeds; none where it was not counted",
    ),
    Field("train_macs_with_teacher", "number", "multiply-adds", "The same, with that of its teacher"),
    Field("training_doubt", "text", "", "Why these seconds are compared with no others; empty where they are"),
    Field("spent_s", "number", SECONDS, "What was spent, where teachers or batches were shared"),
    Field("train_images_per_s", "number", SPEED, "Speed of training"),
    Field("teacher", "text", "", "Architecture of its teacher"),
    Field("trained_on", "text", "", "Device and threads of its training"),
    Field("trained_by", "text", "", "Commits of this suite"),
    Field("trained_recipe", "text", "", "Name of its recipe"),
    Field("trained_precision", "text", "", "Precision of its training"),
    Field("paper_top1", "number", FRACTION, "Published {score}, by the paper's own recipe"),
    Field("paper_top1_all", "text", "", "All published ones of the last epoch, separated by semicolons"),
    Field("paper_protocols", "text", "", "How each of these was trained and chosen, separated by bars"),
    Field("paper_other_top1_all", "text", "", "All published ones of another rule than the last epoch"),
    Field("paper_other_protocols", "text", "", "How each of these was trained and chosen"),
)
OF_SOME = (  # of tables that have one
    Field(
        "agreement_mean", "number", FRACTION, "Test images that it answers as its teacher, or that of the others, does"
    ),
    Field("deployed", "text", "", "Precision and runtime that it is deployed in; none as trained"),
    Field("top1_error_mean", "number", FRACTION, "Standard error of {score} over the test images"),
    Field("pixel_accuracy_mean", "number", FRACTION, f"Share of pixels that are right, {LAST_EPOCH}"),
)
MEASURED = (  # under each condition; those of the second end with _2
    Field("latency_ms", "number", MILLISECONDS, "Median latency"),
    Field("latency_q25_ms", "number", MILLISECONDS, "Its first quartile"),
    Field("latency_q75_ms", "number", MILLISECONDS, "Its third quartile"),
    Field("throughput_images_per_s", "number", SPEED, "Median throughput"),
    Field("throughput_q25_images_per_s", "number", SPEED, "Its first quartile"),
    Field("throughput_q75_images_per_s", "number", SPEED, "Its third quartile"),
    Field("gflops", "number", "GFLOP/s", "Speed of the machine in arithmetic, taken beside the timing"),
    Field("gb_per_s", "number", "GB/s", "Speed of the machine's memory, taken beside the timing"),
    Field("measured_on", "text", "", "Device, runtime and setting of the timings"),
)
SWEEP = Field("sweep", "text", "", "Name of the sweep")


def table(content: Content) -> tuple[pd.DataFrame, list[Field]]:
    """One row an (architecture, conv, method, variant, deployed) in full precision, and the fields of its columns.

    Accuracies, their deviations and gaps are fractions. Texts are raw: a format says what of them it has to guard.
    """
    papers = content.rows["papers"]
    last, others = ([[p for p in each if p.is_last is is_last] for each in papers] for is_last in (True, False))
    found = content.rows.assign(
        rank=content.rows["rank"].astype("Int64"),
        rank_to=content.rows["rank_to"].astype("Int64"),
        test_images=content.rows["test_images"].astype("Int64"),
        paper_top1_all=[";".join(f"{paper.top1:g}" for paper in each) for each in last],
        paper_protocols=[" | ".join(paper.protocol for paper in each) for each in last],
        paper_other_top1_all=[";".join(f"{paper.top1:g}" for paper in each) for each in others],
        paper_other_protocols=[" | ".join(paper.protocol for paper in each) for each in others],
        sweep=content.sweep.name,
    )
    of_some = [each for each in OF_SOME if (found[each.name].notna() & (found[each.name] != "")).any()]
    ends = suffixes(content.rows)
    measured = [Field(f"{each.name}{end}", each.kind, each.unit, each.title) for end in ends for each in MEASURED]
    fields, score = [*EVERY, *of_some, *measured, SWEEP], content.sweep.score
    named = [Field(score.column(f.name), f.kind, f.unit, f.title.format(score=score.title)) for f in fields]
    return score.named(found[[each.name for each in fields]]), named


def conditions(content: Content) -> dict[str, str]:
    """The conditions by names that a program may use: `latency_throughput` for `Latency, throughput`."""
    return {name.lower().replace(",", "").replace(" ", "_"): text for name, text in content.conditions.items()}
