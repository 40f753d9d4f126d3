"""What a way to train wins, beside how far the network alone is from the best: for docs/reproduction.md.

A gain and the accuracy alone have the errors of the latter in common, which makes them look opposed where nothing is.
So each seed's gain is set beside the accuracy alone of the other seeds, and the rank correlations are averaged.
"""

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from cheapconv.reports.answers.content import Content
from cheapconv.reports.formats.markdown import markdown
from cheapconv.reports.rows.columns import trained_label
from cheapconv.reports.rows.stats import ROW
from cheapconv.reports.statistics import gap

HEAD = ["sweep", "way", "networks", "wins, least to most (points)", "rank correlation", "of all gaps together (%)"]
FEWEST = 5  # networks
NONE = "No sweep whose result files are here has so many networks with several seeds."
Scores = pd.Series  # top-1 by seed


def gains(found: Sequence[Content]) -> str:
    """A row a sweep and a way that has trained FEWEST networks, each with several seeds."""
    lines = [line for content in found for line in _lines(content)]
    return markdown(HEAD, lines, right=HEAD[2:]) if lines else NONE


def _lines(content: Content) -> list[list[str]]:
    """Of complete rows by the sweep's own recipe, of the network itself."""
    own = (content.rows["deployed"] == "") & ~content.rows["changed"].astype(bool) & (content.rows["variant"] == "")
    rows = content.rows[content.rows["comparable"] & own]
    references = rows[rows["is_reference"]]
    ways = defaultdict[str, list[tuple[pd.Series, pd.Series]]](list)
    for row, alone in gap.with_alone(rows, rows):
        if min(row["n"], alone["n"]) > 1:
            ways[trained_label(row)].append((row, alone))
    seeds = _seeds(content.cells)
    return [
        [content.sweep.name, way, str(len(pairs)), *_told(pairs, seeds, references)]
        for way, pairs in ways.items()
        if len(pairs) >= FEWEST
    ]


def _told(
    pairs: Sequence[tuple[pd.Series, pd.Series]], seeds: Mapping[tuple[Hashable, ...], Scores], references: pd.DataFrame
) -> list[str]:
    """Gains from the least to the most, the correlation, and what is won of what was lost."""
    wins = 100 * np.array([row["top1_mean"] - alone["top1_mean"] for row, alone in pairs])
    names = [[tuple(each[ROW]) for each in pair] for pair in pairs]
    correlation = _correlation([(seeds[row], seeds[alone]) for row, alone in names])
    said = f"{correlation:+.2f}" if correlation is not None else "-"
    return [f"{wins.min():+.2f} to {wins.max():+.2f}", said, _share(pairs, references)]


def _correlation(pairs: Sequence[tuple[Scores, Scores]]) -> float | None:
    """Spearman's, over networks, of a seed's gain and what the other seeds come to alone: the mean over seeds."""
    common = sorted(set.intersection(*({*row.index} & {*alone.index} for row, alone in pairs)))
    if len(common) < 2:
        return None
    found = []
    for seed in common:
        won = [row[seed] - alone[seed] for row, alone in pairs]
        found.append(spearmanr([alone.drop(seed).mean() for _, alone in pairs], won).statistic)
    return float(np.mean(found))


def _share(pairs: Sequence[tuple[pd.Series, pd.Series]], references: pd.DataFrame) -> str:
    """Percent of what all networks together are below the only reference, itself left out."""
    if len(references) != 1:
        return "-"
    best = references.iloc[0]["top1_mean"]
    others = [(row, alone) for row, alone in pairs if not alone["is_reference"]]
    lost = sum(best - alone["top1_mean"] for _, alone in others)
    won = sum(row["top1_mean"] - alone["top1_mean"] for row, alone in others)
    return f"{100 * won / lost:.0f}" if lost > 0 else "-"


def _seeds(cells: pd.DataFrame) -> dict[tuple[Hashable, ...], Scores]:
    """By the name of a row."""
    done = cells[cells["state"] == "done"]
    return {name: group.set_index("seed")["top1"].astype(float) for name, group in done.groupby(ROW, sort=False)}
