"""The runtimes as `list` shows them. What is kept of a listing does not say which are installed: that is asked anew."""

from collections.abc import Mapping
from importlib import import_module

from cheapconv import catalog
from cheapconv.engine.measure.runtimes.base import Runtime

COLUMNS = ["name", "version", "precisions", "missing", "about"]


def registered() -> list[dict[str, object]]:
    """What the runtimes say of themselves, whatever is installed."""
    entries = [catalog.entry("runtime", name) for name in catalog.names("runtime")]
    return [
        {
            "name": entry.name,
            "precisions": list(entry.cls.precisions),
            "about": entry.summary,
            "home": entry.cls.home,
            "imported_from": entry.cls.__module__,
        }
        for entry in entries
    ]


def asked(row: Mapping[str, str]) -> dict[str, object]:
    """A row of `registered`, and whether that runtime is here: its version, and what is missing."""
    import_module(row["imported_from"])  # where its row was kept; none of them imports its library before it is used
    runtime: Runtime = catalog.entry("runtime", row["name"]).cls()
    return {**row, "version": runtime.version, "missing": runtime.missing()}


def shown(row: Mapping[str, object]) -> dict[str, object]:
    """A row for people."""
    precisions = row["precisions"]
    assert isinstance(precisions, list)
    return {**row, "precisions": ", ".join(precisions)}
