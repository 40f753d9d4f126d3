"""requirements.lock: everything that pyproject.toml asks for, at one version, by content."""

import ast
import importlib.metadata
import itertools
import re
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ASKED = [*PROJECT["build-system"]["requires"], *PROJECT["project"]["dependencies"]]
ASKED += PROJECT["project"]["optional-dependencies"]["dev"]


MAY_BE_MISSING = {"triton"}  # torch brings it where it can be had, and it is asked whether it is there


def imported() -> set[str]:
    """Top names of the modules that the package imports, anywhere in its files, but its own and Python's."""
    found = {"cheapconv", *sys.stdlib_module_names}
    for package in PROJECT["tool"]["setuptools"]["packages"]:
        for path in ROOT.joinpath(*package.split(".")[1:]).glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    found |= {each.name.split(".")[0] for each in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    found.add(node.module.split(".")[0])
    return found - {"cheapconv", *sys.stdlib_module_names}


def test_what_is_imported_is_asked_for() -> None:
    """Of what is installed here: a library that comes with another one may go with it."""
    extras = {name: of for name, of in PROJECT["project"]["optional-dependencies"].items() if name != "dev"}
    every = [*PROJECT["project"]["dependencies"], *itertools.chain.from_iterable(extras.values())]
    asked = {canonicalize_name(Requirement(each).name) for each in every}
    installed = importlib.metadata.packages_distributions()
    by_module = {name: {*map(canonicalize_name, installed[name])} for name in imported() if name in installed}
    assert {name for name, found in by_module.items() if not found & asked} <= MAY_BE_MISSING
    assert "torch" in by_module


@pytest.fixture(scope="module")
def locked() -> dict[str, str]:
    """The pinned requirements by name, each with its hashes."""
    text = re.sub(r"^#.*\n", "", (ROOT / "requirements.lock").read_text(), flags=re.MULTILINE)
    pins = re.split(r"\n(?=\S)", text.strip())
    return {canonicalize_name(pin.split("==")[0]): pin for pin in pins}


@pytest.mark.parametrize("asked", ASKED)
def test_what_is_asked_for_is_locked_within_its_range(asked: str, locked: dict[str, str]) -> None:
    requirement = Requirement(asked)
    version = locked[canonicalize_name(requirement.name)].split("==")[1].split()[0]
    assert requirement.specifier.contains(version)


def test_every_pin_names_its_content(locked: dict[str, str]) -> None:
    assert len(locked) > 100
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}\b", pin) for pin in locked.values())
