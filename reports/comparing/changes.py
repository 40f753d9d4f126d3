"""What changed in the conditions between two sweeps, or two states of one: told before any number is compared."""

from collections.abc import Mapping
from dataclasses import dataclass

from cheapconv.reports.rows.collect import Collected
from cheapconv.reports.rows.environment import commit, hardware
from cheapconv.reports.rows.several import terms, unlike


@dataclass(frozen=True)
class Change:
    """A condition that is not the same; if it `counts`, accuracies are not like for like."""

    name: str
    before: str
    after: str
    counts: bool


def changes(before: Collected, after: Collected) -> list[Change]:
    """Suite, data, protocol and numbers of the recipe first, then machines and software."""
    found = [Change(*change, counts=True) for change in unlike(terms(before), terms(after))]
    return [*found, *(Change(*change, counts=False) for change in unlike(surroundings(before), surroundings(after)))]


def surroundings(sweep: Collected) -> Mapping[str, str]:
    """On what and by what its finished cells were trained; several values in alphabetical order."""
    found: dict[str, set[str]] = {}
    for environment in (each for record in sweep.done for each in record.environments):
        found.setdefault("hardware", set()).add(hardware(environment))
        found.setdefault("precision", set()).add(environment.precision)
        found.setdefault("commit", set()).add(commit(environment))
        for name, version in environment.versions.items():
            found.setdefault(f"version of {name}", set()).add(version)
    return {name: ", ".join(sorted(values)) for name, values in found.items()}
