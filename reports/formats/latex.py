"""The table of a report for a paper, as LaTeX (booktabs): the columns that fit a page of text, a caption, and the notes
to their marks. All columns are in the other formats.

It is meant for a text 5.5 inches wide (NeurIPS, ICLR), or for both columns of a page of two (`table*`).
"""

import dataclasses
import re

import pandas as pd

from cheapconv.reports.answers.content import Content
from cheapconv.reports.formats import escape
from cheapconv.reports.rows.columns import Column

NOT_HERE = ("Rank", "Architecture", "n")  # the order of rows, a line above those of one, the caption
SAID = ("Epochs", "Precision", "Hardware")  # of the conditions, in the caption
LONGEST = 26  # letters of a text on one line
MOST_TIMED = 2  # columns of latency
STYLE = (r"\centering\footnotesize", r"\setlength{\tabcolsep}{2pt}")


def latex(content: Content) -> str:
    """A `table` with its conditions as comments; needs `\\usepackage{booktabs}`."""
    shown = columns(content)
    comments = [f"% {name}: {escape.comment(text)}" for name, text in content.conditions.items()]
    heads = " & ".join(escape.latex(column.title) for column in shown)
    alignment = "".join(aligned(column, content.rows) for column in shown)
    printed = " ".join(column.text(row) for _, row in content.rows.iterrows() for column in shown)
    notes = [rf"{{[}}{mark}{{]}} {escape.latex(text)}\par" for mark, text in content.notes if f"[{mark}]" in printed]
    return (
        "\n".join(
            [
                *comments,
                r"\begin{table}",
                *STYLE,
                rf"\caption{{{caption(content, shown)}}}",
                rf"\label{{tab:{re.sub(r'[^A-Za-z0-9-]+', '-', content.sweep.name)}}}",
                rf"\smallskip\begin{{tabular*}}{{\linewidth}}{{@{{\extracolsep{{\fill}}}}{alignment}@{{}}}}",
                *(r"\toprule", heads + r" \\", r"\midrule", *body(content, shown), r"\bottomrule", r"\end{tabular*}"),
                *([r"\par\smallskip\raggedright", *notes] if notes else []),
                r"\end{table}",
            ]
        )
        + "\n"
    )


def aligned(column: Column, rows: pd.DataFrame) -> str:
    """Numbers to the right, texts to the left; a method whose settings are long goes on in a second line."""
    if column.is_number:
        return "r"
    longest = max(len(column.text(row)) for _, row in rows.iterrows())
    return "l" if longest <= LONGEST else r"p{0.3\linewidth}"


def columns(content: Content) -> list[Column]:
    """What a row is, what came out, and what it costs; seeds only where rows differ in them, and those of the latencies
    that most rows have."""
    away = NOT_HERE if is_of_equal_seeds(content.rows) else NOT_HERE[:-1]
    timed = [column for column in content.columns if column.value.startswith("latency")]
    timed = sorted(timed, key=lambda column: -content.rows[column.value].count())[:MOST_TIMED]
    others = [c for c in content.columns if c.short and not c.value.startswith("latency")]
    fitting = [column for column in content.columns if column in timed or column in others]
    return [dataclasses.replace(c, title=head(c)) for c in fitting if c.title not in away]


def head(column: Column) -> str:
    """`ms on B` for one of several latencies."""
    return column.title.replace("Latency (ms) on", "ms on")


def is_of_equal_seeds(rows: pd.DataFrame) -> bool:
    """Whether what is said of one row's seeds holds for all."""
    return bool(rows["complete"].all() and not rows["failed"].any() and rows["n"].nunique() == 1)


def body(content: Content, shown: list[Column]) -> list[str]:
    """Rows, a rule between networks, and the name of each of several architectures above its own."""
    lines: list[str] = []
    several = content.rows["architecture"].nunique() > 1
    for architecture, rows in content.rows.groupby("architecture", sort=False):
        if several:
            title = rf"\multicolumn{{{len(shown)}}}{{@{{}}l}}{{\emph{{{escape.latex(str(architecture))}}}}} \\"
            lines += [*([r"\midrule"] if lines else []), title, r"\midrule"]
        for place, (_, network) in enumerate(rows.groupby("conv", sort=False)):
            lines += [*([r"\midrule"] if place else []), *block(network, shown)]
    return lines


def block(network: pd.DataFrame, shown: list[Column]) -> list[str]:
    """The rows of one network, which is named in the first, with the marks of each; method and score of its best rows
    stand out."""
    lines = []
    for place, (_, row) in enumerate(network.iterrows()):
        form = r"\textbf{{{}}}" if row["is_best"] else "{}"
        texts = [form.format(text) if c.strong else text for c, text in ((c, escape.latex(c.text(row))) for c in shown)]
        lines.append(
            " & ".join([texts[0] if not place else escape.latex(row["conv_marks"].strip()), *texts[1:]]) + r" \\"
        )
    return lines


def caption(content: Content, shown: list[Column]) -> str:
    """What the numbers are, in words that stand without the text around them."""
    rows, score = content.rows, content.sweep.score
    n, [architecture, *others] = int(rows["n"].iloc[0]), rows["architecture"].unique()
    seeds = f" over {n} seed{'s' * (n > 1)}" if is_of_equal_seeds(rows) else " over n seeds"
    told = [
        f"{score.title} of the last epoch{'' if others else f' of {architecture}'}, mean ± standard deviation{seeds}.",
        f"Data: {content.conditions['Data'].partition(' (fingerprint')[0]}.",
        *(f"{name}: {content.conditions[name]}." for name in SAID),
        "Bold: the rows of a network that do not differ from its most accurate one." if rows["is_best"].any() else "",
        "Gap recovered: (method - baseline) / (standard - baseline), same conv, with its 95 % interval."
        if any(column.value == "gap_recovered" for column in shown)
        else "",
        *(f"{c.title}: {timing(c)}." for c in shown if c.value.startswith("latency")),
    ]
    return escape.latex(" ".join(filter(None, told)))


def timing(column: Column) -> str:
    """`median latency on AMD EPYC (cpu), eager; batch 1, 1 thread, fp32` of a column's hint."""
    return column.hint.partition("; throughput")[0].replace("Median; ", "median latency on ").replace("latency: ", "")
