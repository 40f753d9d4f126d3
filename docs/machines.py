"""What becomes of a cell that is trained on two machines: for docs/reproduction.md.

A cell's key says nothing of where it is trained, so two sweeps may have the same cells from different machines, whose
teachers are from there too. Another machine rounds otherwise, and soon the weights are others; what can be asked is
whether a cell ends further from itself than another seed does.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import scipy.stats

from cheapconv.reports.answers.content import Content
from cheapconv.reports.formats.markdown import markdown
from cheapconv.reports.rows.by_image import counted
from cheapconv.reports.rows.collect import Record

HEAD = [
    *("cells of", "also of", "cells", "trained on", "and on", "points above it (95 %)", "spread of that"),
    *("spread between seeds", "answers that differ (%)", "between seeds (%)"),
]
NONE = "No cell of these sweeps was trained on two machines."
Pairs = list[tuple[Record, Record]]


def machines(found: Sequence[Content]) -> str:
    """Of every two sweeps that share such cells: how far apart they end, beside two seeds of the first."""
    lines = []
    for one, other in combinations(found, 2):
        if len(pairs := _twice(one, other)) > 1:
            lines.append([one.sweep.name, other.sweep.name, *_told(pairs, [*_seeds(one)])])
    return markdown(HEAD, lines, right=HEAD[5:]) if lines else NONE


def _twice(one: Content, other: Content) -> Pairs:
    """What both have finished, on different machines."""
    again = {record.key: record for record in other.sweep.done}
    both = [(record, again[record.key]) for record in one.sweep.done if record.key in again]
    return [(first, second) for first, second in both if _machine(first) != _machine(second)]


def _seeds(content: Content) -> Iterator[tuple[Record, Record]]:
    """Two cells each that differ in their seed alone, and were trained on one machine."""
    for first, second in combinations(content.sweep.done, 2):
        same = [
            (r.cell.architecture, r.cell.conv, r.cell.method, r.cell.method_config, _machine(r))
            for r in (first, second)
        ]
        if same[0] == same[1] and first.cell.recipe == second.cell.recipe:
            yield first, second


def _told(pairs: Pairs, seeds: Pairs) -> list[str]:
    """Two machines, and the rest of a line."""
    above = 100 * np.array([_score(second) - _score(first) for first, second in pairs])
    half = scipy.stats.t.ppf(0.975, len(above) - 1) * above.std(ddof=1) / math.sqrt(len(above))
    between = 100 * np.array([_score(second) - _score(first) for first, second in seeds])
    spread = f"{np.sqrt((between**2).mean()):.2f}" if len(between) else "-"
    where = [", ".join(sorted({_machine(record) for record in side})) for side in zip(*pairs, strict=True)]
    return [
        *(str(len(pairs)), *where, f"{above.mean():+.2f} ({above.mean() - half:.2f} to {above.mean() + half:.2f})"),
        *(f"{above.std(ddof=1):.2f}", spread, _differing(pairs), _differing(seeds)),
    ]


def _differing(pairs: Pairs) -> str:
    """The mean share of test images to which two cells give different answers, in percent."""
    found = [(counted(first), counted(second)) for first, second in pairs]
    shares = [(a[0] != b[0]).mean() for a, b in found if a and b and len(a[0]) == len(b[0])]
    return f"{100 * np.mean(shares):.1f}" if shares else "-"


def _machine(record: Record) -> str:
    return record.environments[-1].device_name if record.environments else "a machine that was not recorded"


def _score(record: Record) -> float:
    assert record.result is not None, "it is done"
    return record.result.score
