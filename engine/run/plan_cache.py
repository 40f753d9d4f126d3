"""Plans and listings that were made before: planning builds and wires every network of a sweep, which takes seconds.

A plan is kept under a fingerprint of all that it follows from: the sweep as it stands in the registry, the overrides,
the code of this package and of the plugins, the versions of the libraries. It is found without importing torch.
"""

import contextlib
import hashlib
import importlib.util
import json
import sys
from collections.abc import Sequence
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from cheapconv.catalog.cache import folder
from cheapconv.catalog.entries import PLUGINS
from cheapconv.engine.plan.plan import Plan
from cheapconv.engine.read.yaml_file import YamlFile
from cheapconv.engine.store.files import ABANDONED_S, TEMPORARY, leftovers, write_bytes

KEPT = 64  # the latest of them
LIBRARIES = ("torch", "torchvision", "timm", "ptflops", "torch-pruning")
PACKAGE = Path(__file__).parents[2]
CODE = (".py", ".toml")  # the latter are recipes
INSTALLED = "-packages"  # how the folders of installed modules end
Listing = dict[str, list[dict[str, Any]]]  # by kind, as JSON has it


def fingerprint(registry: Path, sweep: str, epochs: int | None) -> str | None:
    """Name of a sweep's plan; None where it cannot be told."""
    values = YamlFile(registry).values
    try:
        body = values["sweeps"][sweep]
        return _name([body, epochs], body.get("plugins") or ())
    except (KeyError, TypeError, AttributeError, ValueError, ImportError, OSError):
        return None


def of_listing(registry: Path) -> str | None:
    """Name of what a registry and the catalog hold, all of it; None where it cannot be told."""
    values = YamlFile(registry).values
    try:
        plugins = [plugin for body in values["sweeps"].values() for plugin in body.get("plugins") or ()]
        return _name(["listing", values], plugins)
    except (KeyError, TypeError, AttributeError, ValueError, ImportError, OSError):
        return None


def _name(what: object, plugins: Sequence[str]) -> str:
    """The hash of what is kept, and of all code that has a say in it."""
    names = [*plugins, *(point.module for point in entry_points(group=PLUGINS))]
    rooms = [path.parent for path in PACKAGE.glob("*/__init__.py")]
    code = [*PACKAGE.glob("*.py"), *(path for room in rooms for path in room.rglob("*") if path.suffix in CODE)]
    code += [path for name in names for path in _sources(name)]
    stamps = sorted(f"{path} {path.stat().st_mtime_ns} {path.stat().st_size}" for path in code)
    versions = [sys.version, *(version(name) for name in LIBRARIES)]
    text = json.dumps([what, stamps, versions], sort_keys=True, default=str)
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
    _keep(name, TypeAdapter(Plan).dump_json(plan))


def read_listing(name: str | None) -> Listing | None:
    """The listing of that name, if it was kept."""
    try:
        return None if name is None else TypeAdapter(Listing).validate_json((folder() / f"{name}.json").read_bytes())
    except (OSError, RuntimeError, ValidationError):
        return None


def write_listing(name: str | None, listing: Listing) -> None:
    """Keep a listing."""
    if name is not None:
        _keep(name, TypeAdapter(Listing).dump_json(listing))


def _keep(name: str, body: bytes) -> None:
    """Write, and let go of the oldest. A cache that cannot be written costs seconds, nothing else."""
    with contextlib.suppress(OSError, RuntimeError):
        folder().mkdir(parents=True, exist_ok=True)
        write_bytes(folder() / f"{name}.json", body)
        files = sorted(folder().glob("*.json"), key=lambda path: path.stat().st_mtime)
        for path in [*files[:-KEPT], *leftovers(folder().glob(f"{TEMPORARY}*"), ABANDONED_S)]:
            path.unlink(missing_ok=True)


def _sources(plugin: str) -> list[Path]:
    """The code that a plugin's module stands in, found without importing it: its package, or the files beside it and in
    the folders of code beside it."""
    found = importlib.util.find_spec(plugin.partition(".")[0])
    if found is None:
        return []
    if found.submodule_search_locations:
        return [path for place in found.submodule_search_locations for path in Path(place).rglob("*.py")]
    if not found.origin:
        return []
    beside = Path(found.origin).parent
    # Of an installed module its own files do: an installation writes them anew, whatever it has changed.
    rooms = set() if beside.name.endswith(INSTALLED) else {path.parent for path in beside.glob("[!.]*/*.py")}
    return [*beside.glob("*.py"), *(path for room in rooms for path in room.rglob("*.py"))]
