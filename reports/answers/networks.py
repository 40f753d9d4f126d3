"""The networks within a row: each student of an online method and its ensemble, where a cell has more than one."""

import statistics
from collections import defaultdict

from cheapconv.reports.answers.content import Content
from cheapconv.reports.rows.columns import with_spread
from cheapconv.reports.rows.stats import ROW, row_id


def parts(content: Content) -> dict[int, list[dict[str, str]]]:
    """By the place of a row: name, role and last-epoch score over its seeds of each of its networks."""
    records = {record.key: record for record in content.sweep.done}
    places = {row_id(row): place for place, row in enumerate(content.rows.to_dict("records"))}
    scores: dict[int, dict[tuple[str, str], list[float]]] = defaultdict(lambda: defaultdict(list))
    for cell in content.cells.to_dict("records"):
        record = records.get(cell["key"])
        if record is None or record.result is None or cell["deployed"] or len(record.result.networks) < 2:
            continue
        for network in record.result.networks:
            own = scores[places[row_id({name: cell[name] for name in ROW})]]
            own[network.name, network.role].append(network.scores[record.result.headline])
    return {
        place: [{"name": name, "role": role, "score": _score(found)} for (name, role), found in own.items()]
        for place, own in scores.items()
    }


def _score(found: list[float]) -> str:
    spread = statistics.stdev(found) if len(found) > 1 else None
    return with_spread(statistics.fmean(found), spread, len(found))
