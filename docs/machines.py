"""What becomes of a cell that is trained on two machines: for docs/reproduction.md.

A cell's key says nothing of where it is trained, so two sweeps may have the same cells from different machines, whose
teachers are from there too; and a store may have other trainings of its own cells, by the same teachers. Another
machine rounds otherwise, and soon the weights are others; what can be asked is whether a cell ends further from itself
than another seed does.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import scipy.stats

from cheapconv.engine.store.machines import machine
from cheapconv.reports.answers.content import Content
from cheapconv.reports.formats.markdown import markdown
from cheapconv.reports.rows.by_image import counted
from cheapconv.reports.rows.collect import Record

HEAD = [
    *("cells of", "also of", "cells", "trained on", "and on", "points above it (95 %)", "typical difference"),
    *("between seeds", "answers that differ (%)", "between seeds (%)"),
]
AGAIN = "itself, by the same teachers"
NONE = "No cell of these sweeps was trained on two machines."
Pairs = list[tuple[Record, Record]]


def machines(found: Sequence[Content]) -> str:
    """Of every two sweeps that share such cells, and of every sweep whose own were trained again elsewhere: how far
    apart they end, beside two seeds of the first."""
    lines = []
    for content in found:
        if len(pairs := _again(content)) > 1:
            clusters = [first.key for first, _ in pairs]  # the same teacher is no reason to end apart
            lines.append([content.sweep.name, AGAIN, *_told(pairs, [*_seeds(content, pairs)], clusters)])
    for one, other in combinations(found, 2):
        if len(pairs := _twice(one, other)) > 1:
            clusters = [first.cell.teacher or first.key for first, _ in pairs]  # a teacher's difference is theirs too
            lines.append([one.sweep.name, other.sweep.name, *_told(pairs, [*_seeds(one, pairs)], clusters)])
    return markdown(HEAD, lines, right=HEAD[5:]) if lines else NONE


def _again(content: Content) -> Pairs:
    """Its cells, and other trainings of them on another machine, unless that has a teacher of its own too."""
    own = {record.key: record for record in content.sweep.done}
    teachers = {second.run.key for second in content.sweep.retrainings if not second.same}
    pairs = []
    for second in content.sweep.retrainings:
        first, run = own[second.run.key], second.run
        again = Record(run, first.cell, run.environments(), "done", "", run.result())
        if _machine(first) != _machine(again) and first.cell.teacher not in teachers:
            pairs.append((first, again))
    return pairs


def _twice(one: Content, other: Content) -> Pairs:
    """What both have finished, each on one machine with its teacher, and on different ones."""
    again = {record.key: record for record in other.sweep.done}
    both = [(record, again[record.key]) for record in one.sweep.done if record.key in again]
    apart = [(first, second) for first, second in both if _machine(first) != _machine(second)]
    return [(a, b) for a, b in apart if _with_teacher(a, one) and _with_teacher(b, other)]


def _with_teacher(record: Record, content: Content) -> bool:
    """Whether its teacher, if it has one, was trained on its machine."""
    taught_by = [each for each in content.sweep.done if each.key == record.cell.teacher]
    return all(_machine(each) == _machine(record) for each in taught_by)


def _seeds(content: Content, pairs: Pairs) -> Iterator[tuple[Record, Record]]:
    """Two cells each that differ in their seed alone and were trained on one machine, of the rows of the pairs."""
    rows = {_row(first) for first, _ in pairs}
    for first, second in combinations([record for record in content.sweep.done if _row(record) in rows], 2):
        if (_row(first), _machine(first)) == (_row(second), _machine(second)):
            yield first, second


def _row(record: Record) -> str:
    """What a cell has in common with those that differ in their seed."""
    cell = record.cell
    return repr((cell.architecture, cell.conv, cell.method, cell.method_config, cell.recipe))


def _told(pairs: Pairs, seeds: Pairs, clusters: Sequence[str]) -> list[str]:
    """Two machines, and the rest of a line; pairs of one cluster err together."""
    above = 100 * np.array([_score(second) - _score(first) for first, second in pairs])
    half = half_width(above, clusters)
    between = 100 * np.array([_score(second) - _score(first) for first, second in seeds])
    where = [", ".join(sorted({_machine(record) for record in side})) for side in zip(*pairs, strict=True)]
    return [
        *(str(len(pairs)), *where, f"{above.mean():+.2f} ({above.mean() - half:.2f} to {above.mean() + half:.2f})"),
        *(_typical(above), _typical(between), _differing(pairs), _differing(seeds)),
    ]


def half_width(values: np.ndarray, clusters: Sequence[str]) -> float:
    """That of the 95 % interval of their mean, where those of one cluster err together: by t over the means without
    each cluster (the jackknife; of few and uneven clusters the sums of Liang and Zeger, 1986, are too sure). Infinite
    where all are of one."""
    names = sorted({*clusters})
    if len(names) == 1:
        return math.inf
    without = np.array([values[np.array(clusters) != name].mean() for name in names])
    variance = (len(names) - 1) / len(names) * float(((without - values.mean()) ** 2).sum())
    return float(scipy.stats.t.ppf(0.975, len(names) - 1)) * math.sqrt(variance)


def _differing(pairs: Pairs) -> str:
    """The mean share of test images to which two cells give different answers, in percent."""
    found = [(counted(first), counted(second)) for first, second in pairs]
    shares = [(a[0] != b[0]).mean() for a, b in found if a and b and len(a[0]) == len(b[0])]
    return f"{100 * np.mean(shares):.1f}" if shares else "-"


def _typical(differences: np.ndarray) -> str:
    """The root of the mean square."""
    return f"{np.sqrt((differences**2).mean()):.2f}" if len(differences) else "-"


def _machine(record: Record) -> str:
    return machine(record.environments)


def _score(record: Record) -> float:
    assert record.result is not None, "it is done"
    return record.result.score
