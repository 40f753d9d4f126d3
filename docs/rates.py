"""Ways to train a network at several learning rates: for docs/reproduction.md."""

from collections.abc import Sequence

import pandas as pd

from cheapconv.docs.readme import score
from cheapconv.reports.answers.content import Content
from cheapconv.reports.answers.words import p_text
from cheapconv.reports.formats.markdown import markdown
from cheapconv.reports.rows.variants import common_recipe
from cheapconv.reports.statistics import differences

NAME = "lr="


def rates(found: Sequence[Content]) -> str:
    """Of each network that a sweep trains at several rates: a row a way to train it and a column a rate, the best of a
    row in bold, and what that is above training alone at its own best rate. Best rates are chosen by the numbers that
    are shown, so each is a little flattered."""
    tables = []
    for content in found:
        rows = at_rates(content)
        for (architecture, conv), own in rows.groupby(["architecture", "conv"], sort=False):
            if own["lr"].nunique() > 1:
                tables.append(f"{content.sweep.name}, {architecture} {conv}:\n\n{_table(own)}")
    return "\n\n".join(tables)


def at_rates(content: Content) -> pd.DataFrame:
    """Rows as trained, with a column `lr`; those that differ in anything else of the recipe are left out."""
    usual = float(common_recipe(content.sweep)["lr"])
    rows = content.rows[(content.rows["deployed"] == "") & (content.rows["n"] > 0)]
    rows = rows[rows["variant"].str.fullmatch(rf"|{NAME}[^,]*")]
    return rows.assign(lr=[float(text.removeprefix(NAME)) if text else usual for text in rows["variant"]])


def _table(rows: pd.DataFrame) -> str:
    """That of one network."""
    columns = sorted(set(rows["lr"]))
    alone = best(rows[rows["is_baseline"].astype(bool)])
    lines = []
    for method, own in rows.sort_values("place").groupby("method", sort=False):
        top = best(own)
        cells = [score(own[own["lr"] == lr], set() if top is None else {top.name}) for lr in columns]
        lines.append([str(method), *cells, "" if top is None or alone is None else _gain(top, alone)])
    head = ["", *(f"lr {lr:g}" for lr in columns), "above training alone, each at its best"]
    return markdown(head, lines, right=head[1:])


def best(rows: pd.DataFrame) -> pd.Series | None:
    """The most accurate of those that are complete; None if none is."""
    complete = rows[rows["comparable"].astype(bool)]
    return complete.sort_values("top1_mean", kind="stable").iloc[-1] if len(complete) else None


def _gain(row: pd.Series, alone: pd.Series) -> str:
    """`+1.05 (p = 0.035)`; nothing for training alone itself."""
    if row.name == alone.name:
        return ""
    points, (p, _) = 100 * (row["top1_mean"] - alone["top1_mean"]), differences.p_value(row, alone)
    return f"{points:+.2f} ({p_text(p)})"
