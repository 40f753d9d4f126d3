"""Plans that were made before: planning builds and wires every network of a sweep, which takes seconds.

A plan is kept under a fingerprint of all that it follows from: the sweep as it stands in the registry, the overrides,
the code of this package and of the plugins, the versions of the libraries. It is found without importing torch.
"""

import contextlib
import hashlib
import importlib.util
import json
import os
from importlib.metadata import entry_points, version
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from cheapconv.catalog.entries import PLUGINS
from cheapconv.engine.plan.plan import Plan
from cheapconv.engine.read.yaml_file import YamlFile
from cheapconv.engine.store.files import write_bytes

KEPT = 64  # the latest plans
LIBRARIES = ("torch", "torchvision", "timm")
PACKAGE = Path(__file__).parents[2]


def folder() -> Path:
    """Where plans are kept: CHEAPCONV_CACHE, else cheapconv/ in the user's cache folder."""
    named = os.environ.get("CHEAPCONV_CACHE")
    return Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "cheapconv"


def fingerprint(registry: Path, sweep: str, epochs: int | None) -> str | None:
    """Name of a sweep's plan; None where the registry holds no such sweep, which planning will say better."""
    values = YamlFile(registry).values
    try:
        body = values["sweeps"][sweep]
        plugins = [*(body.get("plugins") or ()), *(point.value for point in entry_points(group=PLUGINS))]
        code = [*PACKAGE.glob("*.py"), *PACKAGE.glob("[!.]*/**/*.py"), *map(_source, plugins)]
        stamps = sorted(f"{path} {path.stat().st_mtime_ns} {path.stat().st_size}" for path in code if path)
        text = json.dumps([body, epochs, stamps, [version(name) for name in LIBRARIES]], sort_keys=True, default=str)
    except (KeyError, TypeError, AttributeError, ValueError, ImportError, OSError):
        return None
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def read(name: str | None) -> Plan | None:
    """The plan of that name, if it was kept."""
    try:
        return None if name is None else TypeAdapter(Plan).validate_json((folder() / f"{name}.json").read_bytes())
    except (OSError, ValidationError):
        return None


def write(name: str | None, plan: Plan) -> None:
    """Keep a plan; one that read files of weights is made anew each time, because their content may change."""
    if name is None or any(planned.cell.weights for planned in plan.cells):
        return
    with contextlib.suppress(OSError):  # a cache that cannot be written costs seconds, nothing else
        write_bytes(folder() / f"{name}.json", TypeAdapter(Plan).dump_json(plan))
        for path in sorted(folder().glob("*.json"), key=lambda path: path.stat().st_mtime)[:-KEPT]:
            path.unlink(missing_ok=True)


def _source(plugin: str) -> Path | None:
    """The file of a plugin's module, found without importing it."""
    found = importlib.util.find_spec(plugin.partition(":")[0])
    return Path(found.origin) if found and found.origin else None
