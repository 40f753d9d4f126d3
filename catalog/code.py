"""By which code a plugin is there: a hash of its files and of those beside it that it imports, wherever they lie."""

import functools
import hashlib
import importlib.util
import itertools
from collections.abc import Iterable
from pathlib import Path

from cheapconv.catalog.sources import sources


@functools.cache
def code_of(plugin: str) -> str | None:
    """That of a plugin, as it was when this was first asked for, which is right after its import; None where there are
    no files of it that could be read, as in an archive."""
    try:
        folder, files = _files(plugin)
        return content(folder, files) if files else None
    except (OSError, SyntaxError, ValueError):  # of a file beside it, too, that no Python could read
        return None


def content(folder: Path, files: Iterable[Path]) -> str:
    """`files 1f0e9a7b3c5d`: a hash of their names in a folder and of what they hold."""
    digest = hashlib.sha256()
    for name, path in sorted((path.relative_to(folder).as_posix(), path) for path in files):
        digest.update(f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return f"files {digest.hexdigest()[:12]}"


def _files(plugin: str) -> tuple[Path, list[Path]]:
    """The folder and all modules of the package that a plugin's module stands in; of a module in none it and what it
    imports from beside it, for what else lies there may not be its."""
    names = itertools.accumulate(plugin.split("."), "{}.{}".format)  # the outermost first
    found = next((spec for name in names if (spec := importlib.util.find_spec(name)) and spec.origin), None)
    if found is None or found.origin is None:  # what has no origin is a folder of other people's packages too
        return Path(), []
    origin = Path(found.origin)
    inside = origin.parent.rglob("*.py") if found.submodule_search_locations else sources(plugin)
    return origin.parent, [path for path in inside if path.is_file() and not _hidden(path.relative_to(origin.parent))]


def _hidden(path: Path) -> bool:
    """Whether it lies in a folder such as .venv, or is an editor's."""
    return any(part.startswith(".") for part in path.parts)
