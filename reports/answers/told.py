"""What the page prints of budgets, ranks and published numbers: texts, each with the rows that it speaks of."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cheapconv.catalog.errors import plural
from cheapconv.reports.answers.content import Content
from cheapconv.reports.answers.finding import Finding
from cheapconv.reports.answers.words import name
from cheapconv.reports.claims import cards
from cheapconv.reports.claims.cards import Card
from cheapconv.reports.claims.claims import Claim, Outcome
from cheapconv.reports.rows import equal_cost
from cheapconv.reports.rows.columns import percent
from cheapconv.reports.rows.identities import Identity
from cheapconv.reports.rows.quantities import Quantity
from cheapconv.reports.rows.stats import of_comparable
from cheapconv.reports.statistics import differences, ranking

UNTESTED = "not tested here"


@dataclass(frozen=True)
class Line:
    """A budget, and what it buys."""

    limit: str
    best: Finding
    score: str
    considered: int
    others: Finding


@dataclass(frozen=True)
class EqualCost:
    """The lines of a quantity."""

    title: str
    lines: list[Line]


def equal_cost_tables(content: Content, known: Sequence[Quantity]) -> Iterator[EqualCost]:
    """One a quantity that a budget is of."""
    rows = content.rows
    for quantity in (each for each in known if not each.more_is_better):
        lines = []
        for budget in equal_cost.budgets(rows, quantity):
            best = rows.loc[[budget.winner]].iloc[0]
            others = tuple(map(str, rows.loc[[*budget.not_distinguishable], "id"]))
            low, high = differences.interval(best)
            lines.append(
                Line(
                    f"{budget.limit / quantity.scale:,g} {quantity.unit}",
                    Finding(name(best), (best["id"],)),
                    f"{percent(best['top1_mean'])} ({percent(low)} to {percent(high)})",
                    budget.considered,
                    Finding(plural(len(others), "row"), (best["id"], *others)),
                )
            )
        if lines:
            yield EqualCost(quantity.title, lines)


def ranks(content: Content) -> str:
    """Mean ranks of the ways of training over the networks that all of them have; empty where there are too few."""
    found = ranking.rank(of_comparable(content.cells, content.rows))
    if found is None:
        return ""
    methods = [f"{method} [{variant}]" if variant else method for method, variant in found.treatments]
    order = sorted(zip(found.mean_ranks, methods, strict=True))
    verdict = (
        f"ranks that differ by {found.critical_difference:.2f} or more differ significantly (Nemenyi)"
        if found.resolved
        else f"they differ as a whole, and no two of them do: that takes {found.critical_difference:.2f} (Nemenyi)"
        if found.p <= differences.LEVEL
        else "no difference among them is resolved"
    )
    listed = ", ".join(f"{method} {mean:.2f}" for mean, method in order)
    return f"Over {len(found.networks)} networks: {listed}. Friedman's test: p = {found.p:.2g}; {verdict}."


@dataclass(frozen=True)
class ToldClaim:
    """An outcome and the rows that it stands on."""

    claim: Claim
    verdict: str
    text: str
    caveats: tuple[str, ...]
    rows: Finding


def tested_claims(content: Content) -> list[ToldClaim]:
    """Claims of which this sweep has rows."""
    return [
        ToldClaim(each.claim, each.verdict, each.text, each.caveats, Finding("", _rows(each, content)))
        for each in content.claims
        if each.verdict != UNTESTED
    ]


def untested_claims(content: Content) -> list[Outcome]:
    """The others."""
    return [each for each in content.claims if each.verdict == UNTESTED]


def _rows(outcome: Outcome, content: Content) -> tuple[str, ...]:
    named = {_key(each) for compared in outcome.comparisons for each in (compared.better, compared.than)}
    rows = content.rows[content.rows["deployed"] == ""]
    keys = zip(rows["architecture"], rows["conv"], rows["method"], rows["variant"], rows["id"], strict=True)
    return tuple(row for *key, row in keys if tuple(key) in named)


def _key(identity: Identity) -> tuple[str, str, str, str]:
    return identity.architecture, identity.conv, identity.method, identity.variant


@dataclass(frozen=True)
class ToldCard:
    """A published number beside ours, in words."""

    row: str
    source: str
    reported: str
    measured: str
    difference: str
    verdict: str
    recipes: str


def published_numbers(content: Content) -> dict[str, list[ToldCard]]:
    """By how the paper chose its number: two rules never share a table."""
    return {rule: [_told(card) for card in found] for rule, found in cards.by_selection(content.cards).items()}


def _told(card: Card) -> ToldCard:
    own = _key(card.identity)
    std = "" if math.isnan(card.reported_std) else f" ± {percent(card.reported_std)}"
    ours = "" if math.isnan(card.measured_std) else f" ± {percent(card.measured_std)}"
    apart = "-" if math.isnan(card.points) else f"{card.points:+.2f} ({card.errors:+.1f})"
    return ToldCard(
        row=" ".join(part for part in own if part),
        source=f"{card.source.split(' (')[0]}, {card.table}",
        reported=f"{percent(card.reported)}{std}, {card.runs}",
        measured=f"{percent(card.measured)}{ours}, n={card.n}",
        difference=apart,
        verdict=card.text,
        recipes=f"theirs: {card.their_recipe}; ours: {card.our_recipe}",
    )
