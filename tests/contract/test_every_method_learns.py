"""The sweep `methods-quick`, really run: every method of the suite, two epochs of digits each."""

from pathlib import Path

import pytest

from cheapconv import catalog
from cheapconv.docs import methods as method_docs
from cheapconv.engine.read import registry
from cheapconv.engine.run.planning import plan
from cheapconv.engine.store.runs import Store
from tests.engine import tiny

CHANCE, TEST_IMAGES = 0.1, 500
FIVE_SIGMA = 5 * (CHANCE * (1 - CHANCE) / TEST_IMAGES) ** 0.5
REGISTRY = Path(__file__).parents[2] / "registry.yaml"


@pytest.fixture(scope="module")
def sweep():
    return plan(registry.load(REGISTRY).sweep("methods-quick"), "methods-quick")


def test_the_sweep_has_every_method(sweep):
    catalog.load()
    assert {planned.cell.method for planned in sweep.cells} == set(method_docs.compared())


@pytest.mark.slow
def test_every_method_beats_chance_in_two_epochs(sweep, tmp_path, monkeypatch):
    tiny.skip_measuring(monkeypatch)
    store = Store(tmp_path)
    ends = tiny.run(store, sweep)
    assert set(ends.values()) == {"done"}
    for planned in sweep.cells:
        result = store.run(planned.cell.key).result()
        assert result is not None
        for network in result.networks:
            assert network.scores["top1"] > CHANCE + FIVE_SIGMA, (planned.cell.method_label, network.name)
