"""What methods win, beside how far they bring a network to answer as its teacher does: for docs/reproduction.md."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import permutation_test, rankdata, zscore

from cheapconv.reports.answers.content import Content
from cheapconv.reports.formats.markdown import markdown
from cheapconv.reports.rows.columns import percent, trained_label
from cheapconv.reports.statistics import gap

MOST = 30  # rows of a sweep, half of them from either end
FEWEST = 5  # ways to train a network of which a correlation is told
HEAD = ["network", "way", "its own teacher", "agrees with the teacher (%)", "more than alone", "top-1 above alone"]


def agreement(found: Sequence[Content]) -> str:
    """Of each sweep with teachers a row a way to train a network: that with the most agreement above training alone
    first; below it, of networks in FEWEST ways or more, the rank correlation of the last two columns. Rows are
    complete, by the sweep's own recipe, and of the network itself."""
    tables = []
    for content in found:
        known = content.rows["comparable"] & (content.rows["deployed"] == "") & ~content.rows["changed"].astype(bool)
        rows = content.rows[known & content.rows["agreement_mean"].notna() & (content.rows["variant"] == "")]
        lines, ways = [], dict[str, list[tuple[float, float]]]()
        for row, alone in gap.with_alone(rows, rows):
            more = 100 * (row["agreement_mean"] - alone["agreement_mean"])
            above = 100 * (row["top1_mean"] - alone["top1_mean"])
            network, taught = f"{row['architecture']} {row['conv']}", "yes" if row["teacher"] else ""
            texts = [network, trained_label(row), taught, percent(row["agreement_mean"])]
            ways.setdefault(network, []).append((more, above))
            lines.append((more, [*texts, f"{more:+.2f}", f"{above:+.2f}"]))
        if lines:
            ordered = [line for _, line in sorted(lines, key=lambda each: -each[0])]
            left = f", without {len(lines) - MOST} between these" if len(lines) > MOST else ""
            ends = ordered if not left else [*ordered[: MOST // 2], *ordered[-MOST // 2 :]]
            told = [_correlation(name, pairs) for name, pairs in ways.items() if len(pairs) >= FEWEST]
            table = f"{content.sweep.name}{left}:\n\n{markdown(HEAD, ends, right=HEAD[3:])}"
            tables.append("\n\n".join([table, *told]))
    return "\n\n".join(tables) or "No sweep whose result files are here has teachers and their answers."


def _correlation(network: str, pairs: Sequence[tuple[float, float]]) -> str:
    """Spearman's, over the ways to train a network, of what they add to agreement and to accuracy: the mean product of
    their standardised ranks. p by permutations, all of them where these are few."""
    more, above = (zscore(rankdata(values)) for values in zip(*pairs, strict=True))
    found = permutation_test(
        (more,),
        lambda x, axis: np.mean(x * above, axis=axis),
        permutation_type="pairings",
        vectorized=True,
        n_resamples=9999,
        rng=0,
    )
    said = f"{found.statistic:+.2f} over {len(pairs)} ways (p = {found.pvalue:.2g})"
    return f"Rank correlation of the last two columns, {network}: {said}."
