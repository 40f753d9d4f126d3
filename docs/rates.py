"""Ways to train a network at several learning rates: for docs/reproduction.md."""

from collections.abc import Sequence

import pandas as pd

from cheapconv.docs.readme import score
from cheapconv.reports.answers.content import Content
from cheapconv.reports.answers.words import p_text
from cheapconv.reports.formats.markdown import markdown
from cheapconv.reports.statistics import differences

NAME = "lr="


def rates(found: Sequence[Content]) -> str:
    """Of each network that a sweep trains at several rates: a row a way to train it and a column a rate, the best of a
    row in bold, and what that is above training alone at its own best of the same rates. Best rates are chosen by the
    numbers that are shown, which flatters both; p pays for it, by the range of as many rows as there was to choose
    from, and is corrected over the ways by Holm."""
    tables = []
    for content in found:
        rows = at_rates(content)
        for (architecture, conv), own in rows.groupby(["architecture", "conv"], sort=False):
            if own["lr"].nunique() > 1:
                tables.append(f"{content.sweep.name}, {architecture} {conv}:\n\n{_table(own)}")
    return "\n\n".join(tables) or "No sweep whose result files are here has several rates."


def at_rates(content: Content) -> pd.DataFrame:
    """Rows as trained, with a column `lr`; those that differ in anything else of the recipe are left out."""
    usual = float(content.sweep.recipe_of_most["lr"])
    rows = content.rows[(content.rows["deployed"] == "") & (content.rows["n"] > 0)]
    rows = rows[rows["variant"].str.fullmatch(rf"|{NAME}[^,]*")]
    return rows.assign(lr=[float(text.removeprefix(NAME)) if text else usual for text in rows["variant"]])


def _table(rows: pd.DataFrame) -> str:
    """That of one network."""
    columns = sorted(set(rows["lr"]))
    alone = rows[rows["is_baseline"].astype(bool) & rows["is_plain"].astype(bool)]
    ways = [(str(method), own) for method, own in rows.sort_values("place").groupby("method", sort=False)]
    gains = iter(_gains([own for _, own in ways], alone))
    lines = []
    for method, own in ways:
        top = best(own)
        cells = [score(own[own["lr"] == lr], set() if top is None else {top.name}) for lr in columns]
        lines.append([method, *cells, next(gains)])
    head = ["", *(f"lr {lr:g}" for lr in columns), "above training alone, each at its best"]
    return markdown(head, lines, right=head[1:])


def best(rows: pd.DataFrame) -> pd.Series | None:
    """The most accurate of those that are complete; None if none is."""
    complete = rows[rows["comparable"].astype(bool)]
    return complete.sort_values("top1_mean", kind="stable").iloc[-1] if len(complete) else None


def _gains(ways: Sequence[pd.DataFrame], alone: pd.DataFrame) -> list[str]:
    """Of each way `+1.05 (p = 0.035)`; nothing for training alone itself, and where there is nothing to compare."""
    pairs = [_pair(own, alone) for own in ways]
    corrected = iter(differences.holm([differences.p_value(*pair)[0] for pair in pairs if pair]))
    return [_told(*pair, next(corrected)) if pair else "" for pair in pairs]


def _pair(own: pd.DataFrame, alone: pd.DataFrame) -> tuple[pd.Series, pd.Series, int] | None:
    """The best of both at the rates that both have, and among how many rows they were found; no single runs."""
    complete = [rows[rows["comparable"].astype(bool) & (rows["n"] > 1)] for rows in (own, alone)]
    shared = {*complete[0]["lr"]} & {*complete[1]["lr"]}
    first, second = (best(rows[rows["lr"].isin(shared)]) for rows in complete)
    if first is None or second is None or own["is_baseline"].any():
        return None
    return first, second, 2 * len(shared)


def _told(row: pd.Series, alone: pd.Series, among: int, p: float) -> str:
    """The gain, and of which rate it is where both have that one alone."""
    where = f"; both at {row['lr']:g}" if among == 2 else ""
    return f"{100 * (row['top1_mean'] - alone['top1_mean']):+.2f} ({p_text(p)}{where})"
