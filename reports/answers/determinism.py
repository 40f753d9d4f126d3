"""What a report says of cells that were trained more than once, where stores of several machines were merged."""

from collections.abc import Sequence

from cheapconv.engine.store.machines import Second, machine
from cheapconv.reports.rows.collect import Collected, Record
from cheapconv.reports.rows.columns import percent

MOST_NAMED = 10  # cells in a remark, or remarks


def remarks(sweep: Collected) -> list[str]:
    """A check of determinism: a sentence a cell whose trainings differ, one for all of two machines that do not."""
    records = {record.key: record for record in sweep.records}
    same = dict[str, list[str]]()
    differing = list[str]()
    for second in sweep.seconds:
        record = records[second.run.key]
        if second.same:
            same.setdefault(_where(record, second), []).append(_named(record))
        else:
            differing.append(_difference(record, second))
    more = [f"Determinism: {len(differing) - MOST_NAMED} more cells differ so."] if len(differing) > MOST_NAMED else []
    return [*differing[:MOST_NAMED], *more, *(_agreement(where, cells) for where, cells in same.items())]


def _difference(record: Record, second: Second) -> str:
    ours, theirs = record.result, second.run.result()
    assert ours is not None, "both are finished"
    assert theirs is not None, "both are finished"
    scores = f"scores {percent(ours.score)} and {percent(theirs.score)} %"
    return f"Determinism: {_named(record)} was trained {_where(record, second)}, with other bits: {scores}."


def _agreement(where: str, cells: Sequence[str]) -> str:
    more = f" and {len(cells) - MOST_NAMED} more" if len(cells) > MOST_NAMED else ""
    return f"Determinism: the same bits {where}: {', '.join(cells[:MOST_NAMED])}{more}."


def _where(record: Record, second: Second) -> str:
    """`on A and B`, or `twice on A`."""
    ours, theirs = machine(record.environments), machine(second.run.environments())
    return f"twice on {ours}" if ours == theirs else f"on {ours} and {theirs}"


def _named(record: Record) -> str:
    cell = record.cell
    return f"{cell.architecture_label} {cell.conv_label} {cell.method_label} seed {cell.seed}"
