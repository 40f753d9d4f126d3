"""The table of a report as Markdown for people, CSV for programs and LaTeX (booktabs) for papers."""

from collections.abc import Iterable

import pandas as pd

from cheapconv.reports import escape
from cheapconv.reports.columns import Column
from cheapconv.reports.content import Content
from cheapconv.reports.measurements import NUMBERS, suffixes

CSV_COLUMNS = (
    *("rank", "rank_to", "architecture", "conv", "method", "variant", "is_standard", "is_reference"),
    *("is_baseline", "changed", "complete", "comparable", "is_best", "warnings", "dearer"),
    *("n", "planned", "failed", "top1_mean", "top1_std", "top1_ci95", "top5_mean", "top1_best_mean"),
    *("by_validation_mean", "best_student_epoch_mean"),
    *("ensemble_top1_mean", "test_images", "gap_recovered", "gap_low", "gap_high", "gap_note"),
    *("params", "params_with_bn_stats", "macs", "flops", "weights_bytes", "activation_bytes"),
    *("train_s", "train_s_with_teacher", "spent_s", "train_images_per_s", "teacher"),
    *("paper_top1", "paper_top1_all", "paper_protocols"),
)
OF_SOME = ("deployed", "top1_error_mean", "pixel_accuracy_mean")  # columns of the CSV of those that have them
BOLD = "Bold: the rows of a network that do not differ from its most accurate one."


def csv(content: Content) -> str:
    """One row an (architecture, conv, method, variant, deployed) in full precision, conditions repeated in every row.

    Accuracies, their deviations and gaps are fractions; sizes are in bytes; times carry their unit in the name.
    """
    papers = content.rows["papers"]
    table = content.rows.assign(
        rank=content.rows["rank"].astype("Int64"),
        rank_to=content.rows["rank_to"].astype("Int64"),
        test_images=content.rows["test_images"].astype("Int64"),
        paper_top1_all=[";".join(f"{paper.top1:g}" for paper in found) for found in papers],
        paper_protocols=[" | ".join(paper.protocol for paper in found) for found in papers],
    )
    of_some = [name for name in OF_SOME if (table[name].notna() & (table[name] != "")).any()]
    measured = [f"{name}{end}" for end in suffixes(content.rows) for name in (*NUMBERS, "measured_on")]
    table = table[[*CSV_COLUMNS, *of_some, *measured]]
    named = {name.lower().replace(",", "").replace(" ", "_"): text for name, text in content.conditions.items()}
    table = content.sweep.score.named(table)
    return table.assign(sweep=content.sweep.name, **named).map(escape.csv).to_csv(index=False)


def markdown(content: Content) -> str:
    """Conditions, table, notes and failed cells as GitHub renders them."""
    shown = in_print(content)
    conditions = [f"- **{name}:** {escape.markdown(text)}" for name, text in content.conditions.items()]
    remarks = [f"- {escape.markdown(remark)}" for remark in content.remarks]
    head = [_pipes(column.title for column in shown), _pipes("--:" if c.is_number else ":--" for c in shown)]
    body = [
        _pipes(_bold(c, row, escape.markdown(c.text(row)), "**{}**") for c in shown)
        for _, row in content.rows.iterrows()
    ]
    notes = [f"- \\[{mark}\\] {escape.markdown(text)}" for mark, text in content.notes]
    failures = [f"- {escape.markdown(f.label)} (`{f.key}`): {escape.markdown(f.error)}" for f in content.failures]
    sections = [
        [f"# Sweep {escape.markdown(content.sweep.name)}"],
        conditions,
        ["## Results", "", *remarks],
        [*head, *body],
        [BOLD] if content.rows["is_best"].any() else [],
        ["## Notes", "", *notes] if notes else [],
        ["## Failed cells", "", *failures] if failures else [],
    ]
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def latex(content: Content) -> str:
    """A booktabs `tabular` with its conditions as comments and its notes below; needs `\\usepackage{booktabs}`."""
    shown = in_print(content)
    comments = [f"% {name}: {escape.comment(text)}" for name, text in content.conditions.items()]
    head = " & ".join(escape.latex(column.title) for column in shown)
    lines, network = [], None
    for _, row in content.rows.iterrows():
        if network not in (None, (row["architecture"], row["conv"])):
            lines.append(r"\midrule")
        network = (row["architecture"], row["conv"])
        lines.append(" & ".join(_bold(c, row, escape.latex(c.text(row)), r"\textbf{{{}}}") for c in shown) + r" \\")
    alignment = "".join("r" if column.is_number else "l" for column in shown)
    notes = [rf"\par\noindent\footnotesize [{mark}] {escape.latex(text)}" for mark, text in content.notes]
    table = [rf"\begin{{tabular}}{{{alignment}}}", r"\toprule", head + r" \\", r"\midrule", *lines, r"\bottomrule"]
    return "\n".join([*comments, *table, r"\end{tabular}", *notes]) + "\n"


def in_print(content: Content) -> list[Column]:
    """The columns for paper: all but those that could be mistaken for a result."""
    return [column for column in content.columns if not column.page_only]


def _bold(column: Column, row: pd.Series, text: str, form: str) -> str:
    """The method and accuracy of a network's best rows stand out."""
    return form.format(text) if row["is_best"] and column.strong else text


def _pipes(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
