"""By which code a plugin is there."""

import sys
import zipfile
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
    first, second, third = (content(tmp_path / root, [tmp_path / root / "room" / "one.py"]) for root in "abc")
    assert first == second != third
    assert (
        content(tmp_path / "a", []) != first != content(tmp_path / "a" / "room", [tmp_path / "a" / "room" / "one.py"])
    )


def test_it_is_that_of_the_import_and_not_what_was_written_since(folder):
    file = folder / "coded_plugin.py"
    file.write_text("x = 1\n")
    load.__wrapped__(("coded_plugin",))
    file.write_text("x = 2\n")
    assert code_of("coded_plugin") != content(folder, [file])
    code_of.cache_clear()
    assert code_of("coded_plugin") == content(folder, [file])


def test_of_a_package_it_is_all_modules_and_of_a_module_beside_others_its_own(folder):
    package = folder / "coded_plugin_package"
    (package / ".venv").mkdir(parents=True)
    (package / "odd.py").mkdir()
    for name in ("__init__", "part", ".venv/other"):
        (package / f"{name}.py").write_text("")
    (package / ".#part.py").symlink_to("nobody@nowhere")  # of an editor that has it open
    for name in ("coded_plugin", "notes"):
        (folder / f"{name}.py").write_text("")
    assert code_of("coded_plugin") == content(folder, [folder / "coded_plugin.py"])
    whole = content(package, [package / "__init__.py", package / "part.py"])
    assert [code_of("coded_plugin_package"), code_of("coded_plugin_package.part")] == [whole, whole]


def test_what_a_module_imports_from_beside_it_is_its_too(folder):
    files = {
        "coded_plugin": "from coded_plugin_loss import kl\n",
        "coded_plugin_loss": "import coded_plugin_far\nkl = 1\n",
    }
    for name, text in {**files, "coded_plugin_far": "", "coded_plugin_other": ""}.items():
        (folder / f"{name}.py").write_text(text)
    before = code_of("coded_plugin")
    assert before == content(folder, [folder / f"{name}.py" for name in (*files, "coded_plugin_far")])
    (folder / "coded_plugin_other.py").write_text("x = 1\n")
    code_of.cache_clear()
    assert code_of("coded_plugin") == before
    (folder / "coded_plugin_far.py").write_text("x = 1\n")
    code_of.cache_clear()
    assert code_of("coded_plugin") != before
    (folder / "coded_plugin_far.py").write_bytes(b"\xff")
    code_of.cache_clear()
    assert code_of("coded_plugin") is None


def test_libraries_that_lie_beside_it_are_none_of_its(folder, monkeypatch):
    """Nor what is in an environment of the user's folder, however many files that is."""
    (folder / "coded_plugin.py").write_text("import coded_plugin_library, coded_plugin_broken, torch\n")
    (folder / "coded_plugin_broken.py").write_text("raise SystemError('never imported')\n")
    library = folder / "venv" / "lib" / "python3" / "site-packages" / "coded_plugin_library"
    library.mkdir(parents=True)
    (library / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(library.parent)
    assert code_of("coded_plugin") == content(folder, [folder / "coded_plugin.py", folder / "coded_plugin_broken.py"])


def test_of_one_without_files_it_is_not_known(folder, monkeypatch):
    with zipfile.ZipFile(folder / "coded.zip", "w") as archive:
        archive.writestr("coded_plugin_zipped.py", "x = 1\n")
    monkeypatch.syspath_prepend(folder / "coded.zip")
    (folder / "coded_plugin_space").mkdir()
    (folder / "coded_plugin_space" / "part.py").write_text("")
    assert code_of("coded_plugin_space.part") == content(
        folder / "coded_plugin_space", [folder / "coded_plugin_space/part.py"]
    )
    (folder / "coded_plugin_space" / "part.py").write_text("from coded_plugin_space import other\n")
    (folder / "coded_plugin_space" / "other.py").write_text("")
    code_of.cache_clear()
    assert code_of("coded_plugin_space.part") == content(
        folder / "coded_plugin_space", [folder / f"coded_plugin_space/{name}.py" for name in ("part", "other")]
    )
    names = ["coded_plugin_zipped", "coded_plugin_space", "coded_plugin_that_is_lost", "sys"]
    assert [code_of(name) for name in names] == [None] * 4
