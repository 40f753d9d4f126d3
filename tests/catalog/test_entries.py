"""The catalog: registering, finding, building, and what is imported by whom."""

import sys
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from cheapconv import catalog
from cheapconv.catalog import entries
from cheapconv.catalog.errors import UserError


@pytest.fixture(autouse=True)
def empty_catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is registered but what a test registers."""
    catalog.load()  # now, or the suite's own would be registered here and lost at the end
    monkeypatch.setattr(entries, "_entries", {})
    catalog.register("conv", "thick", paper="A paper", notation={"T({layers})": {}})(Thick)


@dataclass(frozen=True, kw_only=True)
class Thick:
    """A conv of several layers.

    More of it.
    """

    layers: int
    heat: float = 4.0
    blocks: tuple[str, ...] = field(default_factory=lambda: ("S",))
    wide: bool = False


# Registering


def test_a_registered_class_knows_its_name_and_tells_what_a_manual_needs():
    entry = catalog.entry("conv", "thick")
    assert Thick.registered_name == "thick"
    assert (entry.cls, entry.config, entry.paper) == (Thick, Thick, "A paper")
    assert entry.summary == "A conv of several layers."
    assert entry.defaults == {"layers": ..., "heat": 4.0, "blocks": ("S",), "wide": False}


def test_a_nested_config_holds_the_parameters():
    @catalog.register("method", "warm")
    class Warm:
        """Warm."""

        @dataclass(frozen=True, kw_only=True)
        class Config:
            """Settings."""

            heat: float = 1.0

    assert catalog.entry("method", "warm").config is Warm.Config
    assert catalog.build("method", "warm", {"heat": 2}) == Warm.Config(heat=2.0)


def test_two_classes_of_one_name_are_told_apart_by_their_modules():
    other = type("Thick", (), {"__module__": "my.models"})
    with pytest.raises(UserError, match=r"conv 'thick' is registered twice, in .*test_entries and in my.models\."):
        catalog.register("conv", "thick")(other)


def test_a_module_that_is_imported_again_registers_its_class_anew():
    again = type("Thick", (), {"__module__": Thick.__module__})
    catalog.register("conv", "thick")(again)
    assert catalog.entry("conv", "thick").cls is again


def test_one_name_may_stand_for_things_of_two_kinds():
    catalog.register("architecture", "thick")(Thick)
    assert catalog.names("architecture") == catalog.names("conv") == ["thick"]


# Finding and building


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(UserError, match="unknown conv 'thikc'; did you mean thick"):
        catalog.entry("conv", "thikc")


def test_parameters_become_the_types_that_are_declared():
    made = catalog.build("conv", "thick", {"layers": 2, "heat": 3, "blocks": ["G(4)"]})
    assert made == Thick(layers=2, heat=3.0, blocks=("G(4)",))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"layer": 2}, "conv 'thick' has no parameter 'layer'; did you mean layers"),
        ({}, "conv 'thick': layers: .*required"),
        ({"layers": "two"}, "conv 'thick': layers must be a valid integer, not .two."),
        ({"layers": 2, "heat": float("nan")}, "conv 'thick': heat must be a finite number, not nan"),
        ({"layers": 2, "heat": float("inf")}, "conv 'thick': heat must be a finite number, not inf"),
        ({"layers": 2, "heat": "nan"}, "conv 'thick': heat must be finite, not 'nan'"),
        ({"layers": 2, "heat": "-inf"}, "conv 'thick': heat must be finite, not '-inf'"),
        ({"layers": True}, "conv 'thick': layers must be a number, not true"),
    ],
)
def test_wrong_parameters_are_refused_in_one_sentence(params, message):
    with pytest.raises(UserError, match=message):
        catalog.build("conv", "thick", params)


def test_a_boolean_is_taken_where_one_is_declared():
    assert catalog.build("conv", "thick", {"layers": 2, "wide": True}).wide is True


# Plugins

PLUGIN = '''
from dataclasses import dataclass

from cheapconv.catalog import register
from cheapconv.models.conv import Conv

@register("conv", "theirs")
@dataclass(frozen=True, kw_only=True)
class Theirs(Conv):
    """Of another package."""

    def operator(self, *sizes, **more):
        """None."""
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name of an installed module that registers the conv `theirs`, and is forgotten after the test."""
    (tmp_path / "their_convs.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "their_convs", raising=False)
    yield "their_convs"
    sys.modules.pop("their_convs", None)


def announced(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    """Let installed packages announce these modules."""
    points = [EntryPoint(name=module, value=module, group="cheapconv.plugins") for module in modules]
    monkeypatch.setattr(entries, "entry_points", lambda group: [p for p in points if p.group == group])


# `load` itself remembers; what it does is behind that memory.
load = entries.load.__wrapped__


def test_a_package_that_announces_a_module_brings_its_own(package, monkeypatch):
    announced(monkeypatch, package)
    load()
    assert catalog.parse("conv", "theirs").registered_name == "theirs"


def test_a_registry_names_a_module_of_its_own(package, monkeypatch):
    announced(monkeypatch)
    load((package,))
    assert "theirs" in catalog.names("conv")


@pytest.mark.parametrize("by_package", [True, False])
def test_a_module_that_is_not_there_is_one_sentence(by_package, monkeypatch):
    announced(monkeypatch, *(["nowhere_convs"] if by_package else []))
    with pytest.raises(UserError, match=r"plugin 'nowhere_convs' cannot be imported \(.*\); is it installed or on"):
        load(() if by_package else ("nowhere_convs",))
