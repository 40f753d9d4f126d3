"""What each way to train a network costs in multiply-adds, beside what comes of it: for docs/reproduction.md."""

from collections.abc import Iterator, Sequence

import pandas as pd

from cheapconv.reports.answers.content import Content
from cheapconv.reports.claims.pairs import but_epochs
from cheapconv.reports.formats.markdown import markdown
from cheapconv.reports.rows.columns import trained_label, with_spread

HEAD = ["network", "way", "top-1 %", "alone", "with its teacher"]
FEWEST = 6  # ways
NONE = "No sweep whose result files are here has a network in so many ways with several seeds."
COST = "train_macs_with_teacher"


def price(found: Sequence[Content]) -> str:
    """A table of the network of each sweep that was trained in most ways, at least FEWEST of several seeds each, unless
    another sweep has it in more; costs in those of the network alone, by the sweep's own recipe. Bold: no cheaper
    way is more accurate."""
    most = dict[tuple[str, ...], tuple[str, pd.DataFrame]]()
    for content in found:
        rows = _ways(content)
        if len(rows) >= FEWEST:
            name = tuple(str(rows.iloc[0][part]) for part in ("suite_label", "architecture", "conv"))
            if name not in most or len(rows) > len(most[name][1]):
                most[name] = content.sweep.name, rows
    lines = [line for sweep, rows in most.values() for line in _lines(sweep, rows)]
    return markdown(HEAD, lines, right=HEAD[2:]) if lines else NONE


def _ways(content: Content) -> pd.DataFrame:
    """Rows of the network of the sweep that has most of them: complete and counted, by recipes that differ in their
    epochs alone, one of them of the network alone by the sweep's own; none where there is no such network."""
    rows = content.rows[content.rows["comparable"] & (content.rows["deployed"] == "") & (content.rows["n"] > 1)]
    rows = rows[rows[COST].notna() & (rows["variant"].map(but_epochs) == "")]
    groups = [group for _, group in rows.groupby(["architecture", "conv"], sort=False) if _alone(group) is not None]
    return max(groups, key=len, default=rows.iloc[:0])


def _alone(rows: pd.DataFrame) -> pd.Series | None:
    """The row of the network alone by the sweep's own recipe."""
    plain = rows[rows["is_baseline"] & rows["is_plain"] & (rows["variant"] == "")]
    return plain.iloc[0] if len(plain) else None


def _lines(sweep: str, rows: pd.DataFrame) -> Iterator[list[str]]:
    """From the cheapest way to the dearest, as their costs are printed; of equals the most accurate first."""
    alone, best = _alone(rows), 0.0
    assert alone is not None, "chosen so"
    rows = rows.assign(printed=(rows[COST] / alone["train_macs"]).round(2))
    for _, row in rows.sort_values(["printed", "top1_mean"], ascending=[True, False], kind="stable").iterrows():
        score, ahead = with_spread(row["top1_mean"], row["top1_std"], row["n"]), row["top1_mean"] > best
        best = max(best, row["top1_mean"])
        costs = [f"{row[name] / alone['train_macs']:.2f}" for name in ("train_macs", COST)]
        network = f"{row['suite_label']} {row['architecture']} {row['conv']} (`{sweep}`)"
        yield [network, trained_label(row), f"**{score}**" if ahead else score, *costs]
