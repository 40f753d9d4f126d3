"""By which code a plugin is there."""

import sys
from pathlib import Path

import pytest

from cheapconv.catalog import code_of
from cheapconv.catalog.code import content
from cheapconv.catalog.entries import load


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A folder of plugins, which are forgotten after the test."""
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("coded_plugin")]:
        del sys.modules[name]
    code_of.cache_clear()


def test_it_is_known_by_what_it_holds_wherever_it_lies(tmp_path):
    for root, body in (("a", "x = 1\n"), ("b", "x = 1\n"), ("c", "x = 2\n")):
        (tmp_path / root / "room").mkdir(parents=True)
        (tmp_path / root / "room" / "one.py").write_text(body)
    first, second, third = (content([tmp_path / root / "room" / "one.py"]) for root in "abc")
    assert first == second != third


def test_it_is_that_of_the_import_and_not_what_was_written_since(folder):
    file = folder / "coded_plugin.py"
    file.write_text("x = 1\n")
    load.__wrapped__(("coded_plugin",))
    file.write_text("x = 2\n")
    assert code_of("coded_plugin") != content([file])
    code_of.cache_clear()
    assert code_of("coded_plugin") == content([file])


def test_of_a_package_it_is_all_modules_and_of_a_module_beside_others_its_own(folder):
    package = folder / "coded_plugin_package"
    package.mkdir()
    for name in ("__init__", "part"):
        (package / f"{name}.py").write_text("")
    (folder / "coded_plugin.py").write_text("")
    (folder / "notes.py").write_text("")
    assert code_of("coded_plugin") == content([folder / "coded_plugin.py"])
    assert code_of("coded_plugin_package") == content([*package.glob("*.py")])
    assert code_of("coded_plugin_package.part") == content([*package.glob("*.py")])
    assert code_of("coded_plugin_that_is_lost") == content([])
