"""Networks that their conv makes dearer than standard convolutions do, against sizes counted apart."""

from pathlib import Path

import pytest

from cheapconv import catalog
from cheapconv.engine.plan.dearer import dearer, dearer_networks
from cheapconv.engine.run import planning, session, show
from cheapconv.engine.store.plans import Dearer
from cheapconv.engine.store.runs import Store
from cheapconv.models.build import build_network
from cheapconv.models.size import count_macs, count_params
from tests.engine import tiny

SHAPE = (3, 8, 8)
NARROW = "densenet_bc(depth=10, growth=4)"  # a grouped conv mixes 16 channels, and the layer gives 4


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.install(monkeypatch)


def sizes(architecture: str, conv: str) -> tuple[int, int]:
    network = build_network(architecture, conv, 10)
    return count_params(network), count_macs(network, SHAPE)


def test_a_dearer_network_has_its_sizes_beside_the_standard_ones():
    found = dearer(NARROW, "group(groups=4)", 10, SHAPE)
    assert (found.params, found.macs) == sizes(NARROW, "group(groups=4)")
    assert (found.standard_params, found.standard_macs) == sizes(NARROW, "standard")
    assert found.macs > found.standard_macs


@pytest.mark.parametrize(
    ("architecture", "conv"),
    [
        ("wrn(depth=10, width=1)", "group(groups=4)"),  # cheaper
        (NARROW, "standard"),  # the same
        ("wrn(depth=10, width=1)", "group(groups=3)"),  # cannot be built, which the plan says elsewhere
    ],
)
def test_of_others_nothing_is_said(architecture, conv):
    assert dearer(architecture, conv, 10, SHAPE) is None


def test_nothing_is_said_of_a_network_that_cannot_run_on_such_images():
    network = catalog.canonical(catalog.parse("architecture", "torchvision(name='alexnet')"))
    assert dearer(network, "group(groups=4)", 10, SHAPE) is None


def test_the_text_names_what_is_more_and_nothing_else():
    sizes = {"params": 30, "macs": 4_000_000, "standard_params": 40, "standard_macs": 3_999_000}
    network = Dearer(architecture="a", conv="c", **sizes)
    assert network.text == "4,000,000 MACs instead of 3,999,000"


@pytest.fixture
def whole():
    """Two seeds of a network that is dearer, of one that is not, and of the standard one."""
    return tiny.planned({"architecture": NARROW, "conv": ["standard", "G(4)", "G(N)"]}, seeds=[0, 1])


def test_a_plan_names_each_network_once(whole):
    assert [(network.architecture, network.conv) for network in whole.dearer] == [(NARROW, "group(groups=4)")]
    assert dearer_networks(whole) == whole.dearer


def test_the_plan_of_the_store_keeps_it_for_the_report(whole, tmp_path):
    session.write_plan(Store(tmp_path), whole)
    assert Store(tmp_path).plan("sweep").dearer == whole.dearer


def test_plan_says_it_of_the_cells_that_are_shown(whole, tmp_path, capsys):
    show.cells_of("plan", whole, tmp_path, as_json=False)
    out = capsys.readouterr().out
    assert "dearer than with standard convolutions" in out
    assert whole.dearer[0].text in out


def test_a_kept_plan_still_says_it(tmp_path: Path):
    registry = tmp_path / "registry.yaml"
    entry = f"{{architecture: '{NARROW}', conv: 'G(4)', method: scratch}}"
    registry.write_text(f"sweeps:\n  narrow: {{suite: tiny, recipe: short, entries: [{entry}]}}\n")
    made = planning.planned("narrow", registry, None, None)
    assert made.dearer
    assert planning.planned("narrow", registry, None, None, to_look=True) == made
