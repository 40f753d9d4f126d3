"""What a sweep cannot tell, in sentences: the differences that it would not see, and the seeds or images that would."""

from collections.abc import Iterator

import pandas as pd

from cheapconv.reports.answers.finding import Finding
from cheapconv.reports.answers.words import name, share
from cheapconv.reports.rows.score import Score
from cheapconv.reports.rows.stats import TRAINED
from cheapconv.reports.statistics import differences, power

MOST_APART = 1.0  # that two scores can be: they are fractions


def unknown(rows: pd.DataFrame, score: Score) -> Iterator[Finding]:
    """What the sweep cannot tell: the smallest difference that it would see, and the seeds for its closest call."""
    comparable = rows[rows["comparable"]]
    if comparable.empty:
        yield _nothing(rows, score)
        return
    several, std = comparable["n"][comparable["n"] > 1], power.pooled_std(comparable)
    if several.empty:
        text = (
            "Single runs: what another seed would give is not known, and nothing here speaks of it; three seeds are "
            "the least that tells, five are better."
        )
        yield Finding(text, tuple(comparable.loc[comparable["n"] == 1, "id"]))
    elif std is not None and len(comparable) > 1 and comparable["top1_error_mean"].isna().all():
        yield Finding(_told_apart(comparable, int(several.min()), std, score))
    ranked = comparable[comparable["rank"].notna()]
    if len(ranked) > 2 and (ranked["rank"] == 1).all():
        text = f"All {len(ranked)} rows may be the first: that any of them is better than another is not resolved."
        yield Finding(text, tuple(ranked["id"]))
    yield from _closest(comparable, std)


def _nothing(rows: pd.DataFrame, score: Score) -> Finding:
    """Why no two rows are compared: none is complete, or those that are have learnt nothing."""
    complete = rows[rows["complete"]]
    if complete.empty:
        return Finding("No row is complete yet: nothing is compared.")
    text = (
        f"{share(len(complete), len(rows))} complete, but none has a {score.text} that means something, for the "
        "reasons in the notes: nothing is compared by it. Longer training is the first thing to try."
    )
    return Finding(text, tuple(complete["id"]))


def _told_apart(rows: pd.DataFrame, n: int, std: float, score: Score) -> str:
    """The smallest difference of two of these rows that mostly shows, and of two that were chosen beforehand."""
    error, count, images = power.typical_error(rows), len(rows), float(rows["test_images"].iloc[0])
    pair, among = (power.detectable(std, n, error, compared=of) for of in (2, count))
    seeds = f"With n = {n} and {images:,.0f} test images"
    if among > MOST_APART:
        told = f"{seeds} two of these {count} rows are mostly not told apart, however much they truly differ"
    else:
        told = (
            f"{seeds} two of these {count} rows whose {score.text} truly differs by {100 * among:.1f} points are told "
            "apart four times in five, and smaller differences mostly are not"
        )
    if count == 2:
        return f"{told}."
    if pair > MOST_APART:
        return f"{told}; nor are two that were chosen beforehand."
    return f"{told}; of two that were chosen beforehand {100 * pair:.1f} points are enough."


def _closest(rows: pd.DataFrame, std: float | None) -> Iterator[Finding]:
    """The best row and the next one: the seeds that would tell them apart. What the best network is deployed as besides
    is the same training, of which no seed would say more."""
    ranked = rows.sort_values("top1_mean", ascending=False, kind="stable")
    best = ranked.iloc[0]
    others = ranked[(ranked[TRAINED] != best[TRAINED]).any(axis=1)]
    if others.empty:
        return
    second = others.iloc[0]
    if differences.differ(best, second, len(rows)):
        return
    which = "the next" if others.index[0] == ranked.index[1] else "the next of another training"
    apart = f"{100 * (best['top1_mean'] - second['top1_mean']):.2f} points below"
    need = _need(best, second, std, len(rows))
    text = f"The most accurate row, {name(best)}, is not told from {which}, {name(second)}, {apart}; {need}."
    yield Finding(text, (str(best["id"]), str(second["id"])))


def _need(best: pd.Series, second: pd.Series, std: float | None, compared: int) -> str:
    """What would tell two rows apart that do not differ, of so many."""
    seeds = power.seeds_to_resolve(best, second, sweep_std=std, compared=compared)
    images = power.images_to_resolve(best, second, compared=compared)
    if seeds is not None and seeds <= min(best["n"], second["n"]):
        return "as many seeds anew mostly would, were that their true difference"
    if seeds is not None:
        return f"about {seeds} seeds of each would tell them apart, were that their true difference"
    if images is None:
        return "they are equal"
    if std is None:
        return "how many seeds would tell is not known before some rows have two"
    return f"no number of seeds would tell: it takes a test set of about {images:,.0f} images"
