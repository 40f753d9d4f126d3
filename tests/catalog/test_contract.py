"""A class that a plugin registers without keeping the contract of its kind is told in a sentence with its line."""

import re
import sys
from pathlib import Path

import pytest

from cheapconv.catalog import entries
from cheapconv.catalog.errors import UserError

HEAD = """\
from dataclasses import dataclass, field
from typing import Any
from cheapconv.baselines.scratch import Scratch
from cheapconv.catalog import register
from cheapconv.models.conv import Conv
from cheapconv.suites.base import Suite
from cheapconv.suites.digits import Digits
from torch import nn

FROZEN = dataclass(frozen=True, kw_only=True)

"""
OPERATOR = "    def operator(self, *sizes): ..."
CONV = f"@register('conv', 'odd')\n@FROZEN\nclass Odd(Conv):\n{OPERATOR}\n"
LINE = HEAD.count("\n") + 1  # of the first decorator


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A folder of plugins, which are forgotten after the test."""
    entries.load()
    monkeypatch.setattr(entries, "_entries", dict(entries._entries))
    monkeypatch.setattr(entries, "_brought", {})
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("odd_plugin", None)


def load(folder: Path, code: str) -> None:
    (folder / "odd_plugin.py").write_text(HEAD + code)
    entries.load.__wrapped__(("odd_plugin",))


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("@register('conv', 'odd')\ndef odd(): ...", "conv 'odd' is no subclass of cheapconv.models.conv.Conv"),
        (CONV.replace("(Conv)", ""), "is no subclass of cheapconv.models.conv.Conv"),
        (CONV.replace("@FROZEN\n", ""), "which is no dataclass"),
        (CONV.replace("FROZEN", "dataclass"), "which is not frozen: write @dataclass(frozen=True)"),
        (CONV.replace(OPERATOR, "    pass"), "does not define operator"),
        (CONV.replace("'odd'", "'odd one'"), "has no name that can be written in a registry: 'odd one'"),
        (CONV.replace("'odd'", "5"), "has no name that can be written in a registry: 5"),
        (CONV.replace("'odd'", "'odd', notation={'Q({b})': {}}"), "has a notation 'Q({b})' that does not name its"),
        (CONV + "    version = '2'", "has a wrong version, '2' (Input should be a valid integer)"),
        (CONV + "    a: 'Nowhere' = 1", "cannot be looked at (NameError: name 'Nowhere' is not defined)"),
        (CONV + "    a: nn.Module = None", "has a parameter a of a type that no registry can give"),
        (CONV + "    a: Any = object()", "has a parameter a with the default <object objec"),
        (CONV + "    a: float = float('inf')", "has a parameter a with the default inf"),
        (CONV + "    a: int = field(default_factory=lambda: 1 / 0)", "cannot be looked at (ZeroDivisionError"),
        ("@register('method', 'odd')\nclass Odd: ...", "is no subclass of cheapconv.methods.base.Method"),
        ("@register('method', 'odd')\nclass Odd(Scratch):\n    Config = None", "parameters in None, which is no dat"),
        ("@register('suite', 'odd')\nclass Odd(Suite): ...", "says nothing of its protocol"),
        ("@register('suite', 'odd')\nclass Odd(Digits):\n    protocol = '1'", "has a wrong protocol, '1'"),
    ],
)
def test_an_odd_class_is_told_with_its_line_as_often_as_it_is_asked_for(folder, code, reason):
    for _ in range(2):
        with pytest.raises(UserError) as caught:
            load(folder, code)
        said = str(caught.value)
        assert reason in said
        assert said.endswith(f" ({folder}/odd_plugin.py:{LINE}); mend it there.")
        assert len(said) < 600
    assert "odd" not in [name for _, name in entries._entries]


@pytest.mark.parametrize("form", ["S", "G({a})"])
def test_two_things_are_not_written_alike(folder, form):
    """Their cells would be taken for seeds of one row."""
    code = CONV.replace("'odd'", f"'odd', notation={{{form!r}: {{}}}}") + "    a: int" * ("{a}" in form)
    with pytest.raises(UserError, match=re.escape(f"has the notation {form!r}, which is that of conv '")):
        load(folder, code)


@pytest.mark.parametrize("code", [CONV, CONV + "    a: int", CONV + "    a: list[int] = field(default_factory=list)"])
def test_a_class_that_keeps_it_is_known(folder, code):
    load(folder, code)
    assert entries.entry("conv", "odd").summary is not None


def test_one_class_has_one_name(folder):
    with pytest.raises(UserError, match="conv 'even' is registered as 'odd' too: derive from it"):
        load(folder, f"@register('conv', 'even')\n{CONV}")
