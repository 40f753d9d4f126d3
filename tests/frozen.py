"""Frozen versions and defaults: a setting that has its default is not in a cell's key, so a default may not move."""

import json
from pathlib import Path
from typing import Any

from cheapconv import catalog

GOLDEN = Path(__file__).with_name("golden")


def frozen(file: str) -> dict[str, Any]:
    """What a golden file says: `{name: {version, defaults}}`."""
    return json.loads((GOLDEN / file).read_text())


def own(kind: str) -> list[str]:
    """Names of the suite's own things of a kind."""
    catalog.load()
    return [n for n in catalog.names(kind) if catalog.entry(kind, n).cls.__module__.startswith("cheapconv.")]


def now(kind: str, name: str) -> dict[str, Any]:
    """Version and defaults of a registered thing, as JSON gives them back."""
    entry = catalog.entry(kind, name)
    defaults = {key: "required" if value is ... else value for key, value in entry.defaults.items()}
    return json.loads(json.dumps({"version": entry.cls.version, "defaults": defaults}))


def complaint(kind: str, name: str, before: dict[str, Any] | None, after: dict[str, Any], file: str) -> str | None:
    """One sentence on what to do; None if nothing has changed."""
    line = f"{json.dumps(name)}: {json.dumps(after)}"
    if before is None:
        return f"{kind} '{name}' is new: add the line {line} to tests/golden/{file}."
    if before == after:
        return None
    moved = [key for key, value in before["defaults"].items() if after["defaults"].get(key, ...) != value]
    if moved and after["version"] == before["version"]:
        return (
            f"the default of {', '.join(moved)} of {kind} '{name}' has changed, and results of the old one would be "
            f"taken for the new one's: raise its `version`, then make its line in tests/golden/{file} {line}."
        )
    return (
        f"{kind} '{name}' has changed; if its defaults do what they did, make its line in tests/golden/{file} {line}."
    )
