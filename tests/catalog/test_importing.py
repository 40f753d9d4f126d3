"""A user's module that cannot be imported is one sentence with its file and line."""

import sys
from pathlib import Path

import pytest

from cheapconv.catalog.errors import UserError
from cheapconv.catalog.importing import import_plugin


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A folder of plugins, which are forgotten after the test."""
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("bad_plugin")]:
        del sys.modules[name]


def refusal(name: str) -> str:
    with pytest.raises(UserError) as caught:
        import_plugin(name)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("code", "line", "reason"),
    [
        ("x = 1\ndef f(:\n", 2, "SyntaxError: invalid syntax"),
        ("\n\nimport no_such_thing\n", 3, "ModuleNotFoundError: No module named 'no_such_thing'"),
        ("from os import no_such_thing\n", 1, "ImportError: cannot import name 'no_such_thing' from 'os'"),
        ("\nraise ValueError('first\\nsecond')\n", 2, "ValueError: first second"),
        ("import sys\nsys.exit(3)\n", 2, "SystemExit: 3"),
        ("def f():\n    return f()\nf()\n", 2, "RecursionError: "),
        ("import json\njson.loads('{')\n", 2, "JSONDecodeError: "),
        ("raise ValueError('x' * 5000)\n", 1, "ValueError: xxx"),
        ("x = '\\ud800'\nraise ValueError(x)\n", 2, r"ValueError: \ud800"),
        ("# -*- coding: nonsense -*-\n", 0, "SyntaxError: "),
    ],
)
def test_a_module_that_fails_names_its_line(folder, code, line, reason):
    (folder / "bad_plugin.py").write_text(code)
    said = refusal("bad_plugin")
    assert said.startswith(f"plugin 'bad_plugin' cannot be imported ({reason}")
    assert f"{folder}/bad_plugin.py:{line}); mend it there." in said
    assert len(said) < 600


def test_the_line_is_that_of_the_module_that_fails_in_a_package(folder):
    (folder / "bad_plugin_package").mkdir()
    (folder / "bad_plugin_package/__init__.py").write_text("from bad_plugin_package import part\n")
    (folder / "bad_plugin_package/part.py").write_text("\n1 / 0\n")
    assert f"ZeroDivisionError: division by zero, {folder}/bad_plugin_package/part.py:2)" in refusal(
        "bad_plugin_package"
    )


@pytest.mark.parametrize("name", [".mine", "..", ""])
def test_a_relative_name_is_none(name):
    assert refusal(name).startswith(f"plugin '{name}' is relative: give the whole name of the module")


def test_ctrl_c_while_a_plugin_is_imported_is_no_fault_of_its_own(folder):
    (folder / "bad_plugin_slow.py").write_text("raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        import_plugin("bad_plugin_slow")


def test_what_a_plugin_says_itself_is_passed_on_with_its_line(folder):
    (folder / "bad_plugin_own.py").write_text(
        "from cheapconv.catalog.errors import UserError\nraise UserError('conv a is registered twice.')\n"
    )
    assert refusal("bad_plugin_own") == f"conv a is registered twice ({folder}/bad_plugin_own.py:2)."


def test_a_plugin_prints_to_stderr_and_its_folders_come_last_on_the_path(folder, capsys):
    before = [*sys.path]
    (folder / "bad_plugin_rude.py").write_text("import sys\nprint('hello')\nsys.path[:] = ['/theirs', sys.path[0]]\n")
    import_plugin("bad_plugin_rude")
    assert capsys.readouterr() == ("", "hello\n")
    assert sys.path == [*before, "/theirs"]
