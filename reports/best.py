"""What the command `best` does: the most accurate row within all of a reader's budgets at once, and those beside it.

The rows are those of a report, and so is the test: all comparable rows are one family, whatever the budgets
(reports/rows/equal_cost.py).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cheapconv.catalog.errors import UserError, plural
from cheapconv.reports.answers import content
from cheapconv.reports.rows import equal_cost
from cheapconv.reports.rows.columns import method_label, percent, significant, with_spread
from cheapconv.reports.rows.measurements import suffixes
from cheapconv.reports.rows.notes import letters
from cheapconv.reports.rows.quantities import Quantity, quantities
from cheapconv.reports.statistics import differences

Text = dict[str, object]
BY_OPTION = {"params": "params", "macs": "macs", "latency_ms": "latency_ms", "train_macs": "train_macs_with_teacher"}


@dataclass(frozen=True)
class Answer:
    """Rows as texts by column, the most accurate first; what was looked through, in words; both as a JSON document."""

    rows: Sequence[Text]
    sentences: Sequence[str]
    body: Text


def best(
    store: Path, sweeps: Sequence[str], limits: Mapping[str, float | None], on: str | None = None, usual: bool = False
) -> Answer:
    """Of the sweeps' rows; `limits` by names of BY_OPTION. `on` is the letter of a report's condition of timings, and
    `usual` leaves rows out that are trained by another recipe than the sweep's own."""
    name = " + ".join(sweeps)
    found = content.build(store, name) if len(sweeps) == 1 else content.build_several(store, sweeps, name)
    rows = found.rows[found.rows["comparable"].astype(bool)]
    if rows.empty:
        raise UserError(f"no row of {name} is complete and has a score that means something: run it on first.")
    if not all(math.isfinite(most) for most in limits.values() if most is not None):
        raise UserError("a budget is a finite number, such as --latency-ms 0.5.")
    if on is not None and limits.get("latency_ms") is None:
        raise UserError("--on names the condition of a latency: give --latency-ms too.")
    asked = {quantity(found.rows, option, on): most for option, most in limits.items() if most is not None}
    known = rows[pd.DataFrame({each.field: each.known(rows) for each in asked}, index=rows.index).all(axis=1)]
    unknown = len(rows) - len(known)
    if usual and not equal_cost.by_usual(rows).any():
        raise UserError(f"no row of {name} that can be compared is trained by its own recipe: leave out --own-recipe.")
    known = known[equal_cost.by_usual(known)] if usual else known
    met = [all(meets(row[each.field], most, each) for each, most in asked.items()) for _, row in known.iterrows()]
    within = known[np.array(met, dtype=bool)]
    if within.empty:
        raise UserError(f"no row of {name} {_wanted(asked)}: {_reach(known, asked)}.")
    top = within["top1_mean"].idxmax()
    beside = [label for label in equal_cost.tied(rows, top) if label in within.index]
    shown = rows.loc[[top, *beside]]
    told = [_counted(len(within), len(rows), len(beside), asked)]
    told += [_unknown(unknown, asked)] if unknown else []
    told += [f"{key}: {text}." for key, text in found.conditions.items() if key in _conditions(asked, on)]
    numbers = [_numbers(row, asked) for _, row in shown.iterrows()]
    body: Text = {
        "sweeps": [*sweeps],
        "score": found.sweep.score.title,
        "budget": {each.field: most for each, most in asked.items()},
        "best": numbers[0],
        "not_distinguishable": numbers[1:],
        "worse": len(within) - len(shown),
        "not_known": unknown,
    }
    return Answer([_texts(row, asked, found.sweep.score.heading) for _, row in shown.iterrows()], told, body)


def quantity(rows: pd.DataFrame, option: str, on: str | None) -> Quantity:
    """What an option limits; a UserError where no row has a number of it."""
    known, wanted = {each.field: each for each in quantities(rows)}, BY_OPTION[option]
    fields = {"A": wanted}
    if option == "latency_ms":
        fields = {letters(place).upper(): f"{wanted}{end}" for place, end in enumerate(suffixes(rows))}
    alike = {letter: known[field] for letter, field in fields.items() if field in known}
    if not alike:
        raise UserError(f"no row has {option}: `cheapconv measure` times and counts what is missing.")
    if on is None or option != "latency_ms":
        return next(iter(alike.values()))
    if on.upper() not in alike:
        raise UserError(f"--on {on} is no condition of these timings: {', '.join(alike)}, as the report has them.")
    return alike[on.upper()]


def meets(value: float, most: float, of: Quantity) -> bool:
    """Also where it does as it is shown: whoever types the cost of a row gets that row."""
    shown = float(significant(value / of.scale).replace(",", ""))
    return value <= most or shown <= most / of.scale * (1 + 1e-9)


def _texts(row: pd.Series, asked: Mapping[Quantity, float], heading: str) -> Text:
    low, high = differences.interval(row)
    shown = {each.title: f"{significant(row[each.field] / each.scale)} {each.unit}" for each in asked}
    return {
        "network": f"{row['architecture']} {row['conv']}",
        "method": method_label(row),
        heading: with_spread(row["top1_mean"], row["top1_std"], row["n"]),
        "95 %": f"{percent(low)} to {percent(high)}",
        **shown,
    }


def _numbers(row: pd.Series, asked: Mapping[Quantity, float]) -> Text:
    low, high = differences.interval(row)
    named = {name: row[name] for name in ("id", "architecture", "conv", "method", "variant", "deployed")}
    scored = {"mean": float(row["top1_mean"]), "low": low, "high": high, "n": int(row["n"])}
    return {**named, **scored, **{each.field: float(row[each.field]) for each in asked}}


def _wanted(asked: Mapping[Quantity, float]) -> str:
    """`has at most 20 M of multiply-adds and 0.2 ms of latency`."""
    told = [f"{significant(most / each.scale)} {each.unit} of {_lower(each.title)}" for each, most in asked.items()]
    return f"has at most {' and '.join(told)}" if told else "is trained so"


def _lower(title: str) -> str:
    return title[0].lower() + title[1:]


def _reach(known: pd.DataFrame, asked: Mapping[Quantity, float]) -> str:
    """What the cheapest rows have."""
    if known.empty:
        return "of none are these known"
    least = [(each, known[each.field].astype(float).min() / each.scale) for each in asked]
    return f"the least are {', '.join(f'{significant(value)} {each.unit}' for each, value in least)}"


def _counted(within: int, of: int, beside: int, asked: Mapping[Quantity, float]) -> str:
    """`Of 49 rows that can be compared 10 meet it: 2 not told from the first, 7 worse.`"""
    rest = (
        f"{beside} not told from the first, {within - beside - 1} worse" if within > 1 else "the first is the only one"
    )
    return f"Of {plural(of, 'row')} that can be compared {within} {'meet it' if asked else 'are looked at'}: {rest}."


def _unknown(left: int, asked: Mapping[Quantity, float]) -> str:
    names = " or ".join(_lower(each.title) for each in asked)
    return f"Of {plural(left, 'row')} {names} is not known or in doubt, so a better one may be among them."


def _conditions(asked: Mapping[Quantity, float], on: str | None) -> set[str]:
    """What a report calls the conditions of the timings that were asked for."""
    timed = any(each.field.startswith("latency_ms") for each in asked)
    return {"Latency, throughput", f"Latency, throughput on {(on or 'A').upper()}"} if timed else set()
