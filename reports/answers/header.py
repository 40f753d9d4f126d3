"""What a report says above its table: the conditions of the sweep, stated first, and how to read the numbers."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import get_args

import pandas as pd

from cheapconv.catalog.errors import plural, some
from cheapconv.engine.store.bills import duration, saved
from cheapconv.engine.store.records import Environment, Result, Word
from cheapconv.reports.answers import code, determinism
from cheapconv.reports.rows import measurements
from cheapconv.reports.rows.collect import Collected
from cheapconv.reports.rows.columns import method_label
from cheapconv.reports.rows.environment import commit, hardware, software
from cheapconv.reports.rows.measurements import Measured
from cheapconv.reports.statistics import differences
from cheapconv.reports.statistics.images import COLUMN

DIFFERENCE = "Rows differ where their difference is significant at 5 % {}. {}"
BY_IMAGE = "over seeds and test images together: all answered the same images, and are compared image by image"
BY_COUNTS = "both by Welch's test over the seeds and against the test set's own {}"
PICKED = (
    "Where several rows are compared with the best of them, each test is taken by the studentised range of as many "
    "rows (Games-Howell), so that having picked the best is paid for."
)
RANKS = (
    "A rank such as 3 to 12 says that two rows are significantly better and all but twelve significantly worse, of "
    "every two rows by that test. A row whose seeds scatter has a wide one, whatever its mean."
)
GAPS = (
    "Gap recovered is given where the standard network and the baseline differ, each pair tested by itself; in "
    "brackets its 95 % interval (Fieller's), from the spread over seeds and the test set's error as where rows differ."
)
DEPLOYED = (
    "Rows that name a precision and a runtime are networks of the rows without: the same weights, quantised after "
    "training by that runtime, whose answers to the whole test set are their score. Params, MACs and training are "
    "those of the network; weights are what is shipped, with its graph. Their gap is between networks deployed alike."
)
MOST_FAULTS = 10  # that a report names
MACHINE = ("Hardware", "Precision", "Commit", "Software")


def conditions(sweep: Collected, measured: Measured) -> dict[str, str]:
    """Name and text of each condition; where cells differ, every value with the number of cells that have it."""
    cells = [record.cell for record in sweep.records]
    environments = [record.environments for record in sweep.done if record.environments]
    machines = pd.DataFrame([_machine(of_cell) for of_cell in environments], columns=MACHINE)
    recipe, shared = sweep.recipe_of_most, sum(record.sharing > 1 for record in sweep.done)
    return {
        "Data": _tally(f"{cell.suite_label or cell.suite} (fingerprint {cell.data})" for cell in cells),
        "Recipe": f"{recipe.pop('name', sweep.recipe)}: {', '.join(f'{k} {v}' for k, v in recipe.items())}",
        **teachers(sweep),
        "Protocol": _tally(f"version {cell.protocol}" for cell in cells),
        "Epochs": _tally(str(cell.epochs) for cell in cells),
        **{name: _tally(machines[name]) for name in MACHINE},
        "Trained": _period([environment for of_cell in environments for environment in of_cell]),
        "Training": training([r.result for r in sweep.done if r.result and r.sharing == 1], shared),
        "Cells": progress(sweep),
        **({"Sweeps": ", ".join(sweep.joined)} if sweep.joined else {}),
        **deployments(sweep),
        **measurements.conditions(measured, "SWEEP" if sweep.joined else sweep.name),
    }


def teachers(sweep: Collected) -> dict[str, str]:
    """`WRN-40-2 S + scratch (for 75 cells)`: the networks that others learn from, where there are any."""
    cells = {record.key: record.cell for record in sweep.records}
    counts = Counter(cells[r.cell.teacher].text for r in sweep.records if r.cell.teacher in cells).most_common()
    told = [f"{name} (for {plural(count, 'cell')})" for name, count in counts]
    return {"Teachers": "; ".join(told)} if told else {}


def deployments(sweep: Collected) -> dict[str, str]:
    """`int8 by ONNX Runtime 1.23.2, its own quantiser calibrated on 256 images of ...`, where there are any."""
    told = [
        f"{own.precision} by {' '.join(filter(None, (own.runtime_label, own.runtime_version)))}, its own quantiser "
        f"calibrated on {own.quantised_on}"
        for record in sweep.done
        for own in record.deployments
    ]
    return {"Deployments": _tally(told)} if told else {}


def progress(sweep: Collected) -> str:
    """`10 of 12 done, 1 failed, 1 planned`."""
    states = Counter(record.state for record in sweep.records) + Counter(planned=sweep.unrecorded)
    rest = [f"{states[word]} {word}" for word in reversed(get_args(Word)) if states[word] and word != "done"]
    return ", ".join([f"{states['done']} of {states.total()} done", *rest])


def training(results: Sequence[Result], shared: int = 0) -> str:
    """`2.5 h as each cell would cost alone; 1.6 h spent, 36 % less`, where teachers or batches were shared; and of how
    many further cells, which had a part of a GPU, that is not known."""
    alone, spent = (sum(seconds) for seconds in ([r.train_s for r in results], [r.spent for r in results]))
    share = saved(alone, spent)
    told = [f"{duration(alone)} as each cell would cost alone"] if results else []
    if share:
        told.append(f"{duration(spent)} spent, {100 * share:.0f} % less, since cells shared batches and teachers")
    if shared:
        told.append(f"not known of {shared} cells, which shared their GPU with others")
    return "; ".join(told)


def _tested(rows: pd.DataFrame, error: str) -> str:
    """How rows are told apart, some of which may not be known image by image."""
    known, by_counts = rows[COLUMN].notna() & (rows["n"] > 1), BY_COUNTS.format(error)
    if not known.any():
        return by_counts
    return BY_IMAGE if known.all() else f"{BY_IMAGE}; single runs, and those whose mistakes were not kept, {by_counts}"


def remarks(rows: pd.DataFrame, sweep: Collected, waiting: int = 0) -> list[str]:
    """How to read the numbers, in words; `waiting` rows of the plan are not among them."""
    whole = "of the last epoch on the whole test set, the mean of the students that would be deployed."
    said, error = [f"{sweep.score.title} is that {whole}"], differences.error_name(rows.iloc[0])
    single = rows[rows["n"] == 1]
    if (rows["n"] > 1).any():
        said.append("± is the sample standard deviation over seeds; it is not a confidence interval.")
    if rows["comparable"].any():
        said += [DIFFERENCE.format(_tested(rows[rows["comparable"]], error), PICKED), RANKS]
    if rows["gap_recovered"].notna().any():
        said.append(GAPS)
    if rows["deployed"].any():
        said.append(DEPLOYED)
    if len(single):  # the size below which differences between single runs mean nothing: test-set noise alone
        typical, images = single["top1_mean"].median(), single["test_images"].iloc[0]
        points = 100 * 1.96 * 2**0.5 * single.apply(lambda row: differences.test_error(row, typical), axis=1).median()
        of_others = single[differences.SPREAD].max()
        said.append(
            f"Rows with n=1 are single runs without a spread: the test set's {error} alone decides about them. "
            f"A difference between two of them within that error, {points:.1f} points at {100 * typical:.0f} % on "
            f"{images:,.0f} test images, means nothing; seeds differ on top of that."
            if math.isnan(of_others)
            else "Rows with n=1 are single runs without a spread: in tests and intervals that of the other rows, "
            f"{100 * of_others:.2f} points when pooled, stands in for it."
        )
    if (~rows["complete"]).any():
        said.append("Rows whose n reads done/planned are incomplete; they are not ranked and may still move.")
    if waiting:
        said.append(f"Left out, because none of their cells has begun: {waiting} of {waiting + len(rows)} rows.")
    empty = rows[rows["warnings"] != ""]
    if len(empty):
        named = ", ".join(f"{row['architecture']} {row['conv']} {method_label(row)}" for _, row in empty.iterrows())
        said.append(f"Neither ranked nor compared with anything, because the accuracy means nothing: {named}.")
    if n := sweep.unrecorded:
        said.append(f"{n} planned cells have no record yet, so no row is known to be complete or ranked.")
    broken = {
        name: what for record in sweep.done if record.result for name, what in record.result.broken_images.items()
    }
    if broken:
        shown = some([f"{name} ({what})" for name, what in sorted(broken.items())], MOST_FAULTS, "; ")
        said.append(f"Images that cannot be read, {len(broken)}, were left out: {shown}.")
    if sweep.faults:
        more = f" and of {len(sweep.faults) - MOST_FAULTS} more" if len(sweep.faults) > MOST_FAULTS else ""
        said.append(f"Left out, because it cannot be read: {'; '.join(sweep.faults[:MOST_FAULTS])}{more}.")
    said += [*code.remarks(sweep), *determinism.remarks(sweep)]
    if rows["papers"].map(len).any():
        said.append(
            "The papers' numbers come from their own recipes and are for orientation, not a like-for-like test."
        )
    for cell in sweep.skipped:
        network = f"{cell.architecture} {cell.conv}"
        said.append(f"Skipped, because it cannot be: {network} by {cell.method} ({cell.reason}).")
    return said


def _tally(values: Iterable[str]) -> str:
    """One value as it is; several with their counts, the most frequent first."""
    counts = Counter(values).most_common()
    if len(counts) == 1:
        return counts[0][0]
    return "; ".join(f"{value} [{plural(count, 'cell')}]" for value, count in counts) or "not recorded"


def _machine(environments: Sequence[Environment]) -> list[str]:
    """Hardware, precision, commit and software of a cell; where it was resumed on another machine, each in order."""
    found = []
    for environment in environments:
        found.append((hardware(environment), environment.precision, commit(environment), software(environment)))
    return [", then ".join(dict.fromkeys(texts)) for texts in zip(*found, strict=True)]


def _period(environments: Sequence[Environment]) -> str:
    """First start to last end, to the minute, UTC."""
    starts = [environment.start for environment in environments if environment.start]
    ends = [environment.end for environment in environments if environment.end]
    if not starts:
        return "not recorded"
    first, last = min(starts), max([*ends, *starts])
    return f"{first[:16]} to {last[:16]}".replace("T", " ") + " UTC"
