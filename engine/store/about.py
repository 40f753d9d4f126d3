"""What stands behind the names of a plan's cells, as `SweepPlan.about` has it: by kind and label, a line."""

from collections.abc import Mapping

About = Mapping[str, Mapping[str, str]]


def united(*abouts: About) -> dict[str, dict[str, str]]:
    """That of several plans; where two tell something else of a label, the last one."""
    found: dict[str, dict[str, str]] = {}
    for about in abouts:
        for kind, known in about.items():
            found.setdefault(kind, {}).update(known)
    return found
