"""Sizes are exact; a timing is taken once for a network on a device, and shared by all that trained it."""

from pathlib import Path
from typing import Any

import pytest
import torch

from cheapconv import catalog
from cheapconv.engine.measure import timings as measure
from cheapconv.engine.measure.timings import measurement_path, sizes, structure_key, time_once
from cheapconv.engine.store.files import read_json
from cheapconv.engine.store.runs import Store
from cheapconv.models.build import build_network
from tests.engine.tiny import CPU

WRN, SHAPE = "wrn(depth=10, width=1)", (3, 8, 8)


@pytest.fixture(autouse=True)
def loaded() -> None:
    catalog.load()


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the devices that were timed; the timings themselves are made up."""
    devices: list[str] = []

    def pretend(network: Any, shape: Any, device: torch.device) -> dict[str, Any]:
        devices.append(str(device))
        return {"latency": {"median_ms": float(len(devices))}, "input": list(shape)}

    monkeypatch.setattr(measure, "time_network", pretend)
    return devices


def test_sizes_of_moonshines_grouped_student():
    """WRN-40-2 with G(4): Moonshine's Table 2 counts the parameters with BN statistics, 0.825 M."""
    network = build_network("wrn(depth=40, width=2)", "group(groups=4)", 10)
    found = sizes(network, (3, 32, 32))
    assert found["params"] == 814650
    assert found["params_with_bn_stats"] == 825210
    assert found["macs"] == 117818624
    assert found["flops"] == 2 * 117818624
    assert found["weights_bytes"] == 4 * 825210
    # In the first stage: the stem's 16 channels, and in a block of 32 the input, ReLU(BN(x)), the first operator's
    # output, and two maps within the second operator.
    assert found["activation_bytes"] == 4 * 32 * 32 * (16 + 5 * 32)


def test_measuring_sizes_leaves_the_network_alone():
    network = build_network(WRN, "standard", 10).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    sizes(network, SHAPE)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert network.training
    assert not any(hasattr(module, "__flops__") for module in network.modules())


def test_a_structure_is_named_by_all_that_makes_it():
    base = (WRN, "standard", 10, SHAPE)
    names = {
        structure_key(*base),
        structure_key("wrn(depth=16, width=1)", *base[1:]),
        structure_key(WRN, "group(groups=2)", 10, SHAPE),
        structure_key(WRN, "standard", 100, SHAPE),
        structure_key(WRN, "standard", 10, (3, 32, 32)),
        structure_key(*base, {"kept": [1, 2]}),
    }
    assert len(names) == 6
    assert structure_key(*base) == structure_key(WRN, "standard", 10, list(SHAPE)) == structure_key(*base, None)


def test_a_timing_is_taken_once_and_shared(tmp_path, timed):
    store = Store(tmp_path)
    first = time_once(store, WRN, "standard", 10, SHAPE, CPU)
    assert time_once(store, WRN, "standard", 10, SHAPE, CPU) == first
    assert timed == ["cpu"]
    time_once(store, WRN, "group(groups=2)", 10, SHAPE, CPU)
    assert timed == ["cpu", "cpu"]
    [path] = (tmp_path / "measurements").glob(f"{structure_key(WRN, 'standard', 10, SHAPE)}-*.json")
    assert read_json(path) == first
    assert (first["architecture"], first["conv"], first["classes"]) == (WRN, "standard", 10)


def test_a_timing_is_taken_again_on_request(tmp_path, timed):
    store = Store(tmp_path)
    time_once(store, WRN, "standard", 10, SHAPE, CPU)
    assert time_once(store, WRN, "standard", 10, SHAPE, CPU, again=True)["latency"] == {"median_ms": 2.0}
    assert time_once(store, WRN, "standard", 10, SHAPE, CPU)["latency"] == {"median_ms": 2.0}


def test_another_number_of_threads_or_device_is_another_timing(tmp_path, timed, monkeypatch):
    store = Store(tmp_path)
    time_once(store, WRN, "standard", 10, SHAPE, CPU)
    torch.set_num_threads(2)
    time_once(store, WRN, "standard", 10, SHAPE, CPU)
    monkeypatch.setattr(measure, "device_name", lambda device: "Other CPU @ 2.0GHz (TM)")
    time_once(store, WRN, "standard", 10, SHAPE, CPU)
    assert len(timed) == 3
    assert measurement_path(store, "s", CPU) == tmp_path / "measurements" / "s-other-cpu-2-0ghz-tm-t2.json"


def test_a_damaged_timing_is_taken_again(tmp_path, timed):
    store = Store(tmp_path)
    time_once(store, WRN, "standard", 10, SHAPE, CPU)
    path = measurement_path(store, structure_key(WRN, "standard", 10, SHAPE), CPU)
    path.write_text("{")
    time_once(store, WRN, "standard", 10, SHAPE, CPU)
    assert len(timed) == 2
    assert read_json(path)["latency"] == {"median_ms": 2.0}


def test_a_timing_says_what_was_timed_where(monkeypatch, tmp_path):
    order: list[str] = []
    monkeypatch.setattr(measure.timing, "latency", lambda network, *_: order.append("latency") or {"batch": 1})
    monkeypatch.setattr(measure.timing, "throughput", lambda network, *_: order.append(str(network.training)) or {})
    monkeypatch.setattr(measure.timing, "calibrate", lambda device: {"gflops": 1.0})
    monkeypatch.setattr(measure.timing.tempfile, "gettempdir", lambda: str(tmp_path))
    found = measure.time_network(build_network(WRN, "standard", 10), SHAPE, CPU)
    assert found.keys() == {"input", "device", "device_name", "date", "latency", "throughput", "calibration"}
    assert (found["input"], found["device"]) == ([3, 8, 8], "cpu")
    assert order == ["latency", "False"]  # in eval mode


@pytest.mark.gpu
def test_a_network_is_timed_on_cuda(tmp_path):
    found = time_once(Store(Path(tmp_path)), WRN, "standard", 10, SHAPE, torch.device("cuda"))
    assert found["device"] == "cuda"
    assert found["throughput"]["batch"] == 1024
    assert found["throughput"]["images_per_s"] > 1000
