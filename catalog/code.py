"""By which code a plugin is there: a hash of its files, wherever they lie."""

import functools
import hashlib
import importlib.util
from collections.abc import Iterable
from pathlib import Path


@functools.cache
def code_of(plugin: str) -> str:
    """That of a plugin, as it was when this was first asked for, which is right after its import."""
    return content(_files(plugin))


def content(files: Iterable[Path]) -> str:
    """`files 1f0e9a7b3c5d`: a hash of their names and of what they hold."""
    digest = hashlib.sha256()
    for name, path in sorted((f"{path.parent.name}/{path.name}", path) for path in files):
        digest.update(f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return f"files {digest.hexdigest()[:12]}"


def _files(plugin: str) -> list[Path]:
    """All of the package that a plugin's module stands in, or the module alone: what lies beside it may not be its."""
    found = importlib.util.find_spec(plugin.partition(".")[0])
    if found is None:
        return []
    if found.submodule_search_locations:
        return [path for place in found.submodule_search_locations for path in Path(place).rglob("*.py")]
    return [Path(found.origin)] if found.origin else []
