"""What has to be equal on all machines of a run, or a cell would be another one where it goes on."""

import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version

from cheapconv import catalog
from cheapconv.catalog.code import content
from cheapconv.engine.run.plan_cache import CODE, PACKAGE

ROOMS = ("catalog", "suites", "models", "methods", "baselines", "engine")  # all that has a say in a result
LIBRARIES = ("torch", "torchvision", "timm", "numpy")

Versions = Mapping[str, str]  # by what it is the version of


def versions(plugins: Sequence[str], suites: Iterable[str]) -> Versions:
    """Those of this machine, with the fingerprints of the suites' data; a UserError where one has to be read and
    cannot be."""
    code = [path for room in ROOMS for path in (PACKAGE / room).rglob("*") if path.suffix in CODE]
    return {
        "cheapconv": content(PACKAGE, code),
        "python": platform.python_version(),
        **{name: _version(name) for name in LIBRARIES},
        **{f"plugin {name}": catalog.code_of(name) or "not known" for name in plugins},
        **{f"the data of {suite}": catalog.parse("suite", suite).fingerprint for suite in sorted({*suites})},
    }


def mismatch(theirs: Versions, ours: Versions, node: str) -> str | None:
    """A sentence that names the first difference between a node and this machine; None where there is none."""
    for what, mine in ours.items():
        if (other := theirs.get(what, "none")) != mine:
            return f"{node} has {what} {other}, and the machine of the run {mine}: install the same on all machines."
    return None


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"
