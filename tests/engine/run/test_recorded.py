"""Old weights in new code: a network is used only while it answers as was recorded."""

from dataclasses import replace

import pytest
from torch import Tensor, nn

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.engine.run import quantised, recorded, shipping
from cheapconv.engine.store import mistakes, networks
from cheapconv.suites.place import Place
from tests.engine import tiny


class Reversed(nn.Module):
    """Another order of classes: what an edited file makes of old weights."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x).flip(1)


@pytest.fixture(scope="module")
def cell(tmp_path_factory):
    """A finished cell, its store, and its data."""
    with tiny.trained(tmp_path_factory.mktemp("trained") / "runs", "scratch") as (store, whole):
        [planned] = whole.cells
        found = store.run(planned.cell.key).cell()
        yield store, found, catalog.parse("suite", found.suite).open(Place(tiny.CPU))


def test_a_network_that_answers_as_it_did_is_taken_and_another_is_not(cell):
    store, trained, data = cell
    loaded = replace(networks.load(store, trained.key), doubts="")  # it was trained for an epoch
    recorded.require_its_answers(store, loaded, data)
    with pytest.raises(
        UserError, match=rf"^cell {trained.key} answers \d+% of 23 test images otherwise .* not what it"
    ):
        recorded.require_its_answers(store, replace(loaded, network=Reversed(loaded.network)), data)


def test_of_what_nothing_is_recorded_nothing_is_asked(cell, monkeypatch):
    store, trained, data = cell
    other = replace(networks.load(store, trained.key), network=Reversed(networks.load(store, trained.key).network))
    recorded.require_its_answers(store, replace(other, doubts="it guesses"), data)
    monkeypatch.setattr(mistakes, "read", lambda run, result: None)
    recorded.require_its_answers(store, replace(other, doubts=""), data)


@pytest.mark.parametrize("changed", ["images", "fewer"])
def test_of_other_images_it_is_not_known_which_is_told(cell, monkeypatch, caplog, changed):
    store, trained, data = cell
    loaded = replace(networks.load(store, trained.key), doubts="")
    if changed == "images":
        monkeypatch.setattr(type(catalog.parse("suite", trained.suite)), "fingerprint", "of other ones")
    else:
        read = mistakes.read
        monkeypatch.setattr(mistakes, "read", lambda *given: {name: n[:-1] for name, n in read(*given).items()})
    recorded.require_its_answers(store, replace(loaded, network=Reversed(loaded.network)), data)
    assert f"the images of cell {trained.key} have changed since" in caplog.text


def test_neither_a_file_nor_a_score_in_int8_is_made_of_another(cell, tmp_path, monkeypatch, caplog):
    store, trained, _ = cell
    load = networks.load

    def other(*arguments):
        loaded = load(*arguments)
        return replace(loaded, network=Reversed(loaded.network), doubts="")

    monkeypatch.setattr(networks, "load", other)
    monkeypatch.setattr(recorded, "of_other_code", lambda store, cells: {"plugin mine": 1})
    with pytest.raises(UserError, match="the code of the plugin mine has changed since"):
        list(shipping.export(store.root, trained, tmp_path / "out", "onnx", batch=1, student=None, data=None))
    assert not (tmp_path / "out").exists()
    way = quantised.Way(tiny.CPU, "onnxruntime")
    assert list(quantised.score(store, [trained], way, quantised.OpenedData(None))) == []
    assert "the code of the plugin mine has changed since" in caplog.text
