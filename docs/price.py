"""What each way to train a network costs in multiply-adds, beside what comes of it: for docs/reproduction.md."""

from collections.abc import Iterator, Sequence

import pandas as pd

from cheapconv.docs.gains import NONE
from cheapconv.reports.answers.content import Content
from cheapconv.reports.claims.pairs import but_epochs
from cheapconv.reports.formats.markdown import markdown
from cheapconv.reports.rows.columns import trained_label, with_spread

HEAD = ["network", "way", "top-1 %", "alone", "with its teacher"]
FEWEST = 6  # ways
COST = "train_macs_with_teacher"


def price(found: Sequence[Content]) -> str:
    """A table of the network of each sweep that was trained in most ways, at least FEWEST of several seeds each, unless
    another sweep has it in more; costs in those of the network alone, by the sweep's own recipe. Bold: no cheaper
    way is more accurate."""
    most = dict[tuple[str, ...], tuple[str, pd.DataFrame]]()
    for content in found:
        for name, rows in _networks(content):
            if len(rows) > len(most.get(name, ("", []))[1]):
                most[name] = content.sweep.name, rows
    lines = [line for sweep, rows in most.values() for line in _lines(sweep, rows)]
    return markdown(HEAD, lines, right=HEAD[2:]) if lines else NONE


def _networks(content: Content) -> Iterator[tuple[tuple[str, ...], pd.DataFrame]]:
    """The one of the sweep, and what it is called wherever it is trained: complete rows that were counted, by recipes
    that differ in their epochs alone."""
    rows = content.rows[content.rows["comparable"] & (content.rows["deployed"] == "") & (content.rows["n"] > 1)]
    rows = rows[rows[COST].notna() & (rows["variant"].map(but_epochs) == "")]
    groups = [group for _, group in rows.groupby(["architecture", "conv"], sort=False) if _alone(group) is not None]
    largest = max(groups, key=len, default=rows.iloc[:0])
    if len(largest) >= FEWEST:
        first = largest.iloc[0]
        yield tuple(str(first[name]) for name in ("suite_label", "architecture", "conv")), largest


def _alone(rows: pd.DataFrame) -> pd.Series | None:
    """The row of the network alone by the sweep's own recipe."""
    plain = rows[rows["is_baseline"] & rows["is_plain"] & (rows["variant"] == "")]
    return plain.iloc[0] if len(plain) else None


def _lines(sweep: str, rows: pd.DataFrame) -> Iterator[list[str]]:
    """From the cheapest way to the dearest."""
    alone, best = _alone(rows), 0.0
    assert alone is not None, "chosen so"
    for _, row in rows.sort_values([COST, "top1_mean"], ascending=[True, False], kind="stable").iterrows():
        score, ahead = with_spread(row["top1_mean"], row["top1_std"], row["n"]), row["top1_mean"] > best
        best = max(best, row["top1_mean"])
        costs = [f"{row[name] / alone['train_macs']:.2f}" for name in ("train_macs", COST)]
        network = f"{row['suite_label']} {row['architecture']} {row['conv']} (`{sweep}`)"
        yield [network, trained_label(row), f"**{score}**" if ahead else score, *costs]
