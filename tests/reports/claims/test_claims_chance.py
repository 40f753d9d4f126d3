"""How often chance alone is taken for a verdict on a claim, where no method changes anything."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import pytest

from cheapconv.reports.claims import claims, pairs
from cheapconv.reports.claims.pairs import Pair, Selector
from cheapconv.reports.rows.collect import Collected

IMAGES = 10_000_000  # so many that the seeds alone decide
SPREAD = 0.003  # standard deviation over seeds
NOTHING = Collected("", "", "", [], 0, (), {})


def row(conv: str, method: str, top1: Sequence[float]) -> pd.Series:
    """As of `stats.summarise`, as far as claims look at it; `S` is the standard network."""
    alone = method == "alone"
    return pd.Series(
        {
            "architecture": "WRN",
            "conv": conv,
            "method": method,
            "method_name": method,
            "variant": "",
            "is_baseline": alone,
            "of_reference": alone and conv == "S",
            "is_plain": True,
            "changed": False,
            "top1_mean": np.mean(top1),
            "top1_std": np.std(top1, ddof=1),
            "n": len(top1),
            "test_images": IMAGES,
            "deployed": "",
            "complete": True,
            "comparable": True,
            "place": 0,
        }
    )


def networks(draw: np.random.Generator, seeds: int, cheap: float, count: int) -> Iterator[tuple[pd.Series, pd.Series]]:
    """Cheap networks alone and distilled, all of the same accuracy."""
    for number in range(count):
        both = draw.normal(cheap, SPREAD, (2, seeds))
        yield row(f"G({number})", "alone", both[0]), row(f"G({number})", "distilled", both[1])


@pytest.mark.parametrize("seeds", [2, 3])
@pytest.mark.parametrize("count", [1, 3])
def test_chance_beats_or_is_beaten_in_at_most_5_percent(seeds: int, count: int) -> None:
    draw, verdicts = np.random.default_rng(seeds), []
    for _ in range(400):
        found = [Pair(distilled, alone) for alone, distilled in networks(draw, seeds, 0.9, count)]
        verdicts.append(claims.judged(claims.compared(found))[0])
    assert verdicts.count("contradicted") <= 0.05 * len(verdicts)
    assert verdicts.count("holds") <= 0.05 * len(verdicts)
    assert verdicts.count("contradicted") > 0  # now and then it does happen, or the test tests nothing


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [2, 3])
@pytest.mark.parametrize("gap", [0.05, 0.004])  # everywhere; or found here and there by chance
def test_chance_recovers_a_gap_in_at_most_5_percent(seeds: int, gap: float) -> None:
    draw, verdicts = np.random.default_rng(seeds), []
    for _ in range(200):
        standard = row("S", "alone", draw.normal(0.9, SPREAD, seeds))
        cheap = [one for both in networks(draw, seeds, 0.9 - gap, 3) for one in both]
        rows = pd.DataFrame([standard, *cheap]).reset_index(drop=True)
        found = pairs.gap_recovered(Selector(method=("distilled",)), pairs.ANYTHING, rows, NOTHING)
        verdicts.append(claims.judged(claims.compared(found))[0])
    assert verdicts.count("contradicted") <= 0.05 * len(verdicts)
    assert verdicts.count("holds") <= 0.05 * len(verdicts)
