"""What a report says of rows whose cells were trained by different code of a user's own parts."""

from collections.abc import Mapping

from cheapconv.reports.rows.collect import Collected, Record
from cheapconv.reports.rows.environment import PLUGIN
from cheapconv.reports.rows.identities import records_by_row


def remarks(sweep: Collected) -> list[str]:
    """A sentence a row and plugin: its spread is not that of seeds alone."""
    found = []
    for row, records in records_by_row(sweep).items():
        for plugin, seeds in _states(records).items():
            if len(seeds) > 1:
                told = "; ".join(f"{code} (seed {', '.join(map(str, sorted(own)))})" for code, own in seeds.items())
                found.append(f"{row} was trained by different code of the {plugin}, under one `version`: {told}.")
    return found


def _states(records: list[Record]) -> Mapping[str, dict[str, set[int]]]:
    """By plugin and state of its code: the seeds that are done and that it has trained, wholly or in part."""
    found: dict[str, dict[str, set[int]]] = {}
    for record in (each for each in records if each.state == "done"):
        for environment in record.environments:
            for name, code in environment.versions.items():
                if name.startswith(PLUGIN):
                    found.setdefault(name, {}).setdefault(code, set()).add(record.cell.seed)
    return found
