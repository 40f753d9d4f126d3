"""The source files that a user's module consists of: its own, and those that it imports from beside it."""

import ast
import sysconfig
from collections.abc import Iterator
from importlib.util import find_spec, resolve_name
from pathlib import Path

from cheapconv.catalog.foreign import ROOT

_INSTALLED = ("site-packages", "dist-packages")
_STANDARD = Path(sysconfig.get_path("stdlib"))


def sources(module: str) -> list[Path]:
    """Files of a module and of all that it imports, directly or not, from its own package, or from its own folder where
    it is in none; sorted by the names that they are imported by. Libraries are none of it, wherever they lie."""
    top = _file(module.partition(".")[0]) or _file(module)  # of a folder that is no package its own
    # Of a single module among installed libraries there is none.
    own = top is not None and (top.stem == "__init__" or top.parent.name not in _INSTALLED)
    root = top.parent if top is not None and own else None
    found: dict[str, Path] = {}
    open_names = [module]
    while open_names:
        name = open_names.pop()
        path = None if name in found else _file(name)
        if path is not None and (name == module or (root is not None and _is_beside(path, root, name, module))):
            found[name] = path
            open_names += _imported(name, path)
    return [found[name] for name in sorted(found)]


def _is_beside(path: Path, root: Path, name: str, module: str) -> bool:
    """Whether a file below `root` is the user's: not of this package, nor of an environment that lies there too."""
    if not path.is_relative_to(root) or path.is_relative_to(_STANDARD):
        return False
    foreign = name.partition(".")[0] == ROOT != module.partition(".")[0]
    return not foreign and not any(part in _INSTALLED or part.startswith(".") for part in path.relative_to(root).parts)


def _file(name: str) -> Path | None:
    """The source file of a module, without importing more than the packages that it is in."""
    try:
        spec = find_spec(name)
    except Exception:  # no such module, a name that is imported from one, or a package that cannot be imported
        return None
    return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None


def _imported(name: str, path: Path) -> Iterator[str]:
    """Names of what a file imports, of modules and of what may be modules in them."""
    package = name if path.stem == "__init__" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _with_packages(alias.name)
        elif isinstance(node, ast.ImportFrom):
            dots = "." * node.level
            base = resolve_name(f"{dots}{node.module or ''}", package) if dots else node.module or ""
            yield from _with_packages(base)
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _with_packages(name: str) -> Iterator[str]:
    """`a.b.c` runs a, a.b and a.b.c."""
    parts = name.split(".")
    return (".".join(parts[:i]) for i in range(1, len(parts) + 1))
