"""Plans that were made before: planning builds and wires every network of a sweep, which takes seconds.

A plan is kept under a fingerprint of all that it follows from: the sweep as it stands in the registry, the overrides,
the code of this package and of the plugins, the versions of the libraries. It is found without importing torch.
"""

import contextlib
import hashlib
import importlib.util
import json
import sys
from importlib.metadata import entry_points, version
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from cheapconv.catalog.cache import folder
from cheapconv.catalog.entries import PLUGINS
from cheapconv.engine.plan.plan import Plan
from cheapconv.engine.read.yaml_file import YamlFile
from cheapconv.engine.store.files import ABANDONED_S, TEMPORARY, leftovers, write_bytes

KEPT = 64  # the latest plans
LIBRARIES = ("torch", "torchvision", "timm", "ptflops", "torch-pruning")
PACKAGE = Path(__file__).parents[2]


def fingerprint(registry: Path, sweep: str, epochs: int | None) -> str | None:
    """Name of a sweep's plan; None where it cannot be told."""
    values = YamlFile(registry).values
    try:
        body = values["sweeps"][sweep]
        plugins = [*(body.get("plugins") or ()), *(point.module for point in entry_points(group=PLUGINS))]
        rooms = [path.parent for path in PACKAGE.glob("*/__init__.py")]
        code = [*PACKAGE.glob("*.py"), *(path for room in rooms for path in room.rglob("*.py"))]
        code += [path for plugin in plugins for path in _sources(plugin)]
        stamps = sorted(f"{path} {path.stat().st_mtime_ns} {path.stat().st_size}" for path in code)
        versions = [sys.version, *(version(name) for name in LIBRARIES)]
        text = json.dumps([body, epochs, stamps, versions], sort_keys=True, default=str)
    except (KeyError, TypeError, AttributeError, ValueError, ImportError, OSError):
        return None
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def read(name: str | None) -> Plan | None:
    """The plan of that name, if it was kept."""
    try:
        return None if name is None else TypeAdapter(Plan).validate_json((folder() / f"{name}.json").read_bytes())
    except (OSError, RuntimeError, ValidationError):  # RuntimeError: a user without a home
        return None


def write(name: str | None, plan: Plan) -> None:
    """Keep a plan, but for one that has read files of the user's, which may hold something else the next time."""
    if name is None or any(planned.cell.weights for planned in plan.cells):
        return
    with contextlib.suppress(OSError, RuntimeError):  # a cache that cannot be written costs seconds, nothing else
        folder().mkdir(parents=True, exist_ok=True)
        write_bytes(folder() / f"{name}.json", TypeAdapter(Plan).dump_json(plan))
        plans = sorted(folder().glob("*.json"), key=lambda path: path.stat().st_mtime)
        for path in [*plans[:-KEPT], *leftovers(folder().glob(f"{TEMPORARY}*"), ABANDONED_S)]:
            path.unlink(missing_ok=True)


def _sources(plugin: str) -> list[Path]:
    """The code that a plugin's module stands in, found without importing it: its package, or the files beside it."""
    found = importlib.util.find_spec(plugin.partition(".")[0])
    if found is None:
        return []
    if found.submodule_search_locations:
        return [path for place in found.submodule_search_locations for path in Path(place).rglob("*.py")]
    return [*Path(found.origin).parent.glob("*.py")] if found.origin else []
