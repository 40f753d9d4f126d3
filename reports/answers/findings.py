"""What a report answers in its first sentences: generated from the rows, each with the rows that prove it.

No sentence says more than the statistics carry: a difference is told as one only where `differences` or `paired`
resolve it, each mean with its 95 % interval, and what is not resolved is said, with the seeds that would. Of single
runs the test set's error alone is known, and a sentence that stands on them says so.
"""

import math
from collections.abc import Hashable, Iterator, Sequence

import pandas as pd

from cheapconv.catalog.errors import plural, some
from cheapconv.reports.answers.finding import Finding
from cheapconv.reports.answers.unknown import unknown
from cheapconv.reports.answers.words import mean, name, p_text
from cheapconv.reports.rows import equal_cost
from cheapconv.reports.rows.columns import method_label, with_spread
from cheapconv.reports.rows.equal_cost import Budget
from cheapconv.reports.rows.quantities import Quantity
from cheapconv.reports.rows.reality import reality
from cheapconv.reports.rows.score import Score
from cheapconv.reports.rows.stats import of_comparable
from cheapconv.reports.statistics import differences, gap, paired, pairwise
from cheapconv.reports.statistics.paired import Comparison

MOST_TIED = 3  # that are named
MOST_NETWORKS = 6  # of which a sentence speaks
MOST_PAIRS = 6  # of rows of one network, each told
ALONE, OF_OTHERS = "the test set's error alone", "the spread of the other rows"  # what an error of single runs is
BUDGETED = ("params", "macs", "latency_ms", "train_s_with_teacher", "train_macs_with_teacher")  # as fields begin


def findings(cells: pd.DataFrame, rows: pd.DataFrame, known: Sequence[Quantity], score: Score) -> list[Finding]:
    """All that can be said of a sweep."""
    told = [*budgets(rows, known), *_methods(cells, rows), *_pairs(rows), *_costs(rows), *_won_back(rows)]
    return [*told, *_time(rows, known), *unknown(rows, score)]


def budgets(rows: pd.DataFrame, known: Sequence[Quantity]) -> Iterator[Finding]:
    """The best row under the budget that about half of the rows meet; kinds of cost that agree in one sentence. Of a
    cost that is not known of most rows that can have it, or in doubt, none is told. Beside a best one of a recipe of
    its own, such as more epochs, stands the best by the sweep's."""
    told: dict[tuple[tuple[Hashable, ...], str], list[str]] = {}
    for quantity in (each for each in known if each.field.startswith(BUDGETED)):
        tables = [each for each in equal_cost.budgets(rows, quantity) if each.considered > 1]
        able = int((rows["comparable"] & quantity.possible(rows)).sum())
        lacking = able - len(equal_cost.affordable(rows, quantity))
        if tables and lacking <= able / 2:
            middle = min(tables, key=lambda table: abs(table.considered - tables[-1].considered / 2))
            winners = (middle.winner, *middle.not_distinguishable)
            told.setdefault((winners, _usual(rows, quantity, middle)), []).append(_limit(middle, quantity, lacking))
    for ((winner, *tied), usual), limits in told.items():
        best, others = rows.loc[[winner]].iloc[0], [row for _, row in rows.loc[[*tied]].iterrows()]
        listed = " or ".join(filter(None, (", ".join(limits[:-1]), limits[-1])))
        yield Finding(
            f"{listed}: the best is {name(best)}, {mean(best)}; {_tied(others)}{usual}",
            (str(best["id"]), *(str(row["id"]) for row in others)),
        )


def _usual(rows: pd.DataFrame, quantity: Quantity, budget: Budget) -> str:
    """The best by the sweep's own recipe, where the best of all has another."""
    own = equal_cost.by_usual_recipe(rows, quantity, budget.limit) if rows.at[budget.winner, "variant"] else None
    if own is None:
        return ""
    row = rows.loc[[own.winner]].iloc[0]
    others = (
        ", not distinguishable from others" if own.not_distinguishable else ", above all others by more than chance"
    )
    return f" By the sweep's own recipe it is {name(row)}, {mean(row)}{others if own.considered > 1 else ''}."


def _limit(budget: Budget, quantity: Quantity, lacking: int) -> str:
    """`Latency on A at most 10 ms (4 rows; 1 without such a number, or in doubt)`."""
    doubt = ", or in doubt" if quantity.doubt else ""
    without = f"; {lacking} without such a number{doubt}" if lacking else ""
    limit = f"{quantity.title} at most {budget.limit / quantity.scale:,g} {quantity.unit}"
    return f"{limit} ({budget.considered} rows{without})"


def _tied(others: Sequence[pd.Series]) -> str:
    """Who is not distinguishable from the best."""
    if not others:
        return "every other one is worse by more than chance."
    told = [f"{name(row)} ({with_spread(row['top1_mean'], row['top1_std'], row['n'])})" for row in others]
    return f"not distinguishable from it: {some(told, MOST_TIED)}."


def gains(cells: pd.DataFrame, rows: pd.DataFrame) -> list[Comparison]:
    """Every way of training against training alone, of networks enough for a mean over them; the largest gain first."""
    compared = paired.against_baseline(of_comparable(cells, rows))
    return sorted((each for each in compared if not math.isnan(each.p)), key=lambda each: -each.mean)


def _methods(cells: pd.DataFrame, rows: pd.DataFrame) -> Iterator[Finding]:
    """What each way of training gains over training alone, over the networks; Holm's correction over all of them."""
    compared = gains(cells, rows)
    for each in compared:
        if each.resolved:
            verb = "gains" if each.mean > 0 else "loses"
            yield Finding(
                f"{treatment(each)} {verb} {100 * abs(each.mean):.2f} points over training alone (95 % interval "
                f"{100 * each.low:.2f} to {100 * each.high:.2f}; {each.wins_text}; {each.effect_text}; "
                f"{p_text(each.p_adjusted)} among {len(compared)} comparisons).",
                _ids(rows, each),
            )
    left = [each for each in compared if not each.resolved]
    if left:
        told = [f"{treatment(c)} {100 * c.mean:+.2f} ({100 * c.low:.2f} to {100 * c.high:.2f})" for c in left]
        own = "each with its own 95 % interval"
        text = f"Not resolved over these networks, against training alone, in points, {own}: {_list(told)}."
        alone = tuple(rows.loc[rows["is_baseline"] & (rows["deployed"] == ""), "id"])
        yield Finding(text, tuple(dict.fromkeys((*(name for each in left for name in _ids(rows, each)), *alone))))


def _pairs(rows: pd.DataFrame) -> Iterator[Finding]:
    """Each method against each other one, of too few networks for a mean over them, where there are few such pairs."""
    found = pairwise.pairs(rows, MOST_PAIRS)
    networks = {(a["architecture"], a["conv"]) for a, _ in found}
    if not found or len(networks) >= paired.LEAST:
        return
    told = []
    for each in pairwise.compared(found):
        points = f"{100 * each.difference:.2f} points above {method_label(each.b)}"
        sure = "" if each.resolved else "not resolved, "
        interval = f"{100 * each.low:.2f} to {100 * each.high:.2f}, {p_text(each.p_adjusted)}"
        told.append(f"{name(each.a)} {points} ({sure}{interval})")
    both = pd.DataFrame([row for pair in found for row in pair])
    of = f"each with its own 95 % interval, p corrected for {plural(len(found), 'pair')}"
    text = f"One method against another in the same network, {of}: {'; '.join(told)}{_single(both)}."
    yield Finding(text, tuple(dict.fromkeys(both["id"])))


def _costs(rows: pd.DataFrame) -> Iterator[Finding]:
    """What each conv costs a network that is trained alone."""
    told, proof = [], list[str]()
    for row, standard in _beside_standard(rows[rows["is_baseline"] & (rows["deployed"] == "")], rows):
        points, (p, _) = 100 * (standard["top1_mean"] - row["top1_mean"]), differences.p_value(row, standard)
        resolved = differences.differ(row, standard)
        cost = f"{points:.2f} points ({p_text(p)})" if resolved else f"not resolved ({points:+.2f}, {p_text(p)})"
        way = ("" if row["is_plain"] else f" {row['method']}") + (f" [{row['variant']}]" if row["variant"] else "")
        told.append(
            f"{row['architecture']} {row['conv']}{way} {cost} at {row['macs'] / standard['macs']:.2f} of the MACs"
        )
        proof += [str(row["id"]), str(standard["id"])]
    if told:
        single = _single(rows[rows["id"].isin(proof)])
        text = f"Cost of a conv, trained alone: {_list(told)}{single}."
        yield Finding(text, tuple(dict.fromkeys(proof)))


def _won_back(rows: pd.DataFrame) -> Iterator[Finding]:
    """The method that wins back most of each conv's cost, with its interval; the best of several flatters itself. Where
    it may be nothing, as its interval says, nothing is told."""
    given = rows[rows["gap_recovered"].notna() & rows["comparable"] & (rows["deployed"] == "")]
    best = given.loc[given.groupby(["architecture", "conv"], sort=False)["gap_recovered"].idxmax()]
    best = best[best["gap_low"] > 0]
    if best.empty:
        return
    told = [
        f"{row['architecture']} {row['conv']} {100 * row['gap_recovered']:.0f} % ({100 * row['gap_low']:.0f} to "
        f"{100 * row['gap_high']:.0f}) by {row['method']}"
        for _, row in best.iterrows()
    ]
    which = "Won back at most, of the gap to the standard network, each by the best of its methods"
    yield Finding(
        f"{which}, a choice that the intervals do not pay for: {_list(told)}{_single(best)}.", tuple(best["id"])
    )


def _time(rows: pd.DataFrame, known: Sequence[Quantity]) -> Iterator[Finding]:
    """Where multiply-adds are saved and time is not, or where that cannot be told."""
    for found in reality(rows, known):
        of_label = {int(str(label)): row for label, row in rows.iterrows()}
        saved = [(of_label[each.label], each) for each in found.points if each.macs < 1]
        slower = [(row, each) for row, each in saved if each.latency >= 1 and each.is_apart]
        alike = [row for row, each in saved if not each.is_apart]
        rho = "" if found.rho is None else f" Spearman's rho over {len(found.points)} networks: {found.rho:.2f}."
        standard = [row for _, row in rows[rows["of_reference"] & rows[found.field].notna()].iterrows()]
        if slower:
            named = [
                f"{row['architecture']} {row['conv']} has {p.macs:.2f} of the MACs and {p.latency:.2f} of the latency"
                for row, p in slower
            ]
            text = f"{found.title}, MACs saved are not time saved: {_list(named)}."
            yield Finding(text, _proof([*(row for row, _ in slower), *standard]))
        if alike:
            text = f"{found.title}, whether MACs saved are time saved is not resolved: {_names(alike)}."
            yield Finding(text, _proof([*alike, *standard]))
        if rho:
            all_faster = saved and not slower and not alike
            whole = " every network of fewer MACs than the standard one is faster than it." if all_faster else ""
            yield Finding(f"{found.title}:{whole}{rho}")


def _names(rows: Sequence[pd.Series]) -> str:
    """Of networks."""
    return _list([f"{row['architecture']} {row['conv']}" for row in rows])


def _proof(rows: Sequence[pd.Series]) -> tuple[str, ...]:
    """Their ids, each once."""
    return tuple(dict.fromkeys(str(row["id"]) for row in rows))


def _beside_standard(rows: pd.DataFrame, among: pd.DataFrame) -> Iterator[tuple[pd.Series, pd.Series]]:
    """Each comparable row of a cheap conv with the standard network of its architecture, trained by the same recipe."""
    known = among[among["is_reference"] & among["comparable"]]
    for _, row in rows[rows["comparable"] & ~rows["is_standard"].astype(bool)].iterrows():
        family = known[known["architecture"] == row["architecture"]]
        if (found := gap.preferred(gap.by_recipe(family, row["variant"]))) is not None:
            yield row, found


def _ids(rows: pd.DataFrame, compared: Comparison) -> tuple[str, ...]:
    """Of the rows of a comparison."""
    networks = {(network.architecture, network.conv) for network in compared.networks}
    own = rows[(rows["method"] == compared.treatment.method) & (rows["variant"] == compared.treatment.variant)]
    own = own[own["deployed"] == ""]
    return tuple(row["id"] for _, row in own.iterrows() if (row["architecture"], row["conv"]) in networks)


def treatment(compared: Comparison) -> str:
    """`kd [epochs=14]`."""
    method, variant = compared.treatment.method, compared.treatment.variant
    return f"{method} [{variant}]" if variant else method


def _list(told: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    more = f"; and {len(told) - MOST_NETWORKS} more" if len(told) > MOST_NETWORKS else ""
    return f"{'; '.join(told[:MOST_NETWORKS])}{more}"


def _single(rows: pd.DataFrame) -> str:
    """What an error of single runs is that of."""
    single = rows[rows["n"] == 1]
    if single.empty:
        return ""
    known = single[differences.SPREAD].notna().all()
    return f" (single runs: by {OF_OTHERS if known else ALONE})"
