"""What a report says of cells that were trained more than once, where stores of several machines were merged."""

from collections.abc import Sequence

from cheapconv.catalog.errors import some
from cheapconv.engine.store.machines import Retraining, machine
from cheapconv.reports.rows.collect import Collected, Record
from cheapconv.reports.rows.columns import percent

MOST_NAMED = 10  # cells in a remark, or remarks


def remarks(sweep: Collected) -> list[str]:
    """A check of determinism: a sentence a cell whose trainings differ, one for all of two machines that do not."""
    records = {record.key: record for record in sweep.records}
    same = dict[str, list[str]]()
    differing = list[str]()
    for other in sweep.retrainings:
        record = records[other.run.key]
        if other.same:
            same.setdefault(_where(record, other), []).append(record.cell.title)
        else:
            differing.append(_difference(record, other))
    more = [f"Determinism: {len(differing) - MOST_NAMED} more cells differ so."] if len(differing) > MOST_NAMED else []
    return [*differing[:MOST_NAMED], *more, *(_agreement(where, cells) for where, cells in same.items())]


def _difference(record: Record, other: Retraining) -> str:
    ours, theirs = record.result, other.run.result()
    assert ours is not None, "both are finished"
    assert theirs is not None, "both are finished"
    scores = f"scores {percent(ours.score)} and {percent(theirs.score)} %"
    return f"Determinism: {record.cell.title} was trained {_where(record, other)}, with other bits: {scores}."


def _agreement(where: str, cells: Sequence[str]) -> str:
    return f"Determinism: the same bits {where}: {some(cells, MOST_NAMED)}."


def _where(record: Record, other: Retraining) -> str:
    """`on A and B`, or `twice on A`."""
    ours, theirs = machine(record.environments), machine(other.run.environments())
    return f"twice on {ours}" if ours == theirs else f"on {ours} and {theirs}"
