"""Reports read run folders: of the engine they may know its errors, and never torch."""

import ast
from pathlib import Path

import pytest

import reports

MODULES = sorted(Path(reports.__path__[0]).glob("*.py"))
OTHER_ROOMS = {"engine", "methods", "models", "suites", "baselines", "torch", "mlflow"}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_no_import_from_other_rooms(module: Path) -> None:
    nodes = list(ast.walk(ast.parse(module.read_text())))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    assert [name for name in names if name.split(".")[0] in OTHER_ROOMS and name != "engine.errors"] == []
