"""requirements.lock: everything that pyproject.toml asks for, at one version, by content."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ASKED = [*PROJECT["build-system"]["requires"], *PROJECT["project"]["dependencies"]]
ASKED += PROJECT["project"]["optional-dependencies"]["dev"]


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
