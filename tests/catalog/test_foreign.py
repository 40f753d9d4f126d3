"""What a plugin raises, wherever and whatever, is a sentence with its file and line; what we raise stays what it is."""

import sys
import types
from pathlib import Path

import pytest

from cheapconv.catalog import foreign
from cheapconv.catalog.errors import UserError

CODE = """\
import sys
class Theirs:
    def fail(self, error):
        raise error
    def leave(self):
        sys.exit(0)
    def call(self, function):
        return function()
"""


@pytest.fixture
def theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> type:
    """A class of a plugin."""
    path = tmp_path / "their_plugin.py"
    path.write_text(CODE)
    module = types.ModuleType("their_plugin")
    module.__file__ = str(path)
    monkeypatch.setitem(sys.modules, "their_plugin", module)
    exec(compile(CODE, path, "exec"), vars(module))
    monkeypatch.setattr(foreign, "_classes", set())
    foreign.note(module.Theirs)
    return module.Theirs


def sentence(call, *passed) -> str:
    with pytest.raises(UserError) as caught, foreign.explained(*passed):
        call()
    return str(caught.value)


@pytest.mark.parametrize(
    "error", [RuntimeError("a\nb"), KeyError("k"), AssertionError(), RecursionError("deep"), GeneratorExit("x" * 5000)]
)
def test_whatever_it_raises_names_its_line(theirs, tmp_path, error):
    said = sentence(lambda: theirs().fail(error))
    assert said.startswith(f"a plugin fails ({type(error).__name__}:")
    assert said.endswith(f", {tmp_path}/their_plugin.py:4); mend it there.")
    assert "\n" not in said
    assert len(said) < 500


def test_its_exit_ends_nothing(theirs, tmp_path):
    assert f"(SystemExit: 0, {tmp_path}/their_plugin.py:6)" in sentence(theirs().leave)


def test_the_line_is_its_innermost_one(theirs, tmp_path):
    assert f", {tmp_path}/their_plugin.py:8)" in sentence(lambda: theirs().call(lambda: int("x")))


def test_where_its_object_is_in_hand_it_is_its_mistake(theirs, tmp_path):
    def use(thing):
        return thing.nothing

    assert f"no attribute 'nothing', {tmp_path}/their_plugin.py:2)" in sentence(lambda: use(theirs()))


@pytest.mark.usefixtures("theirs")
def test_our_own_errors_stay_what_they_are():
    with pytest.raises(KeyError), foreign.explained():
        {}["k"]


def test_our_own_exit_ends_the_program_whatever_is_in_hand(theirs):
    held = theirs()
    with pytest.raises(SystemExit), foreign.explained():
        sys.exit(bool(held))


@pytest.mark.parametrize("error", [ValueError("the rule"), UserError("the mistake"), KeyboardInterrupt()])
def test_what_is_passed_goes_on_as_it_is(theirs, error):
    with pytest.raises(type(error)) as caught, foreign.explained(ValueError):
        theirs().fail(error)
    assert caught.value is error
