"""What has to be equal on all machines of a run, or a cell would be another one where it goes on."""

import hashlib
import importlib.util
import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cheapconv import catalog
from cheapconv.engine.run.plan_cache import CODE, PACKAGE

ROOMS = ("catalog", "suites", "models", "methods", "baselines", "engine")  # all that has a say in a result
LIBRARIES = ("torch", "torchvision", "timm", "numpy")

Versions = Mapping[str, str]  # by what it is the version of


def versions(plugins: Sequence[str], suites: Iterable[str]) -> Versions:
    """Those of this machine, with the fingerprints of the suites' data; a UserError where one has to be read and
    cannot be."""
    code = [path for room in ROOMS for path in (PACKAGE / room).rglob("*") if path.suffix in CODE]
    return {
        "cheapconv": _content(code),
        "python": platform.python_version(),
        **{name: _version(name) for name in LIBRARIES},
        **{f"plugin {name}": _content(_sources(name)) for name in plugins},
        **{f"the data of {suite}": catalog.parse("suite", suite).fingerprint for suite in sorted({*suites})},
    }


def mismatch(theirs: Versions, ours: Versions, node: str) -> str | None:
    """A sentence that names the first difference between a node and this machine; None where there is none."""
    for what, mine in ours.items():
        if (other := theirs.get(what, "none")) != mine:
            return f"{node} has {what} {other}, and the machine of the run {mine}: install the same on all machines."
    return None


def _content(files: Sequence[Path]) -> str:
    """`files 1f0e9a7b3c5d`: a hash of their names and of what they hold, wherever they lie."""
    digest = hashlib.sha256()
    for name, path in sorted((f"{path.parent.name}/{path.name}", path) for path in files):
        digest.update(f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return f"files {digest.hexdigest()[:12]}"


def _sources(plugin: str) -> list[Path]:
    """The module of a plugin that is loaded: with all of its package, where it has one."""
    found = importlib.util.find_spec(plugin)
    if found is None or found.origin is None:
        return []
    path = Path(found.origin)
    return [*path.parent.rglob("*.py")] if found.parent else [path]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"
