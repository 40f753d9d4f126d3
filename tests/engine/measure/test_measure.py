"""Sizes are exact; a timing is taken once for a network on a device, and shared by all that trained it."""

from dataclasses import asdict

import pytest
import torch

from cheapconv import catalog
from cheapconv.engine.measure import clock, timings, turn
from cheapconv.engine.measure.sizes import sizes, structure_key
from cheapconv.engine.measure.timings import Structure
from cheapconv.engine.measure.turn import Turn
from cheapconv.engine.store.runs import Store
from cheapconv.models.build import build_network
from tests.engine.timed import a_timing
from tests.engine.tiny import CPU

WRN, SHAPE = "wrn(depth=10, width=1)", (3, 8, 8)


@pytest.fixture(autouse=True)
def loaded() -> None:
    catalog.load()


def test_sizes_of_moonshines_grouped_student():
    """WRN-40-2 with G(4): Moonshine's Table 2 counts the parameters with BN statistics, 0.825 M."""
    network = build_network("wrn(depth=40, width=2)", "group(groups=4)", 10)
    found = sizes(network, (3, 32, 32))
    assert found.params == 814650
    assert found.params_with_bn_stats == 825210
    assert found.macs == 117818624
    assert found.flops == 2 * 117818624
    assert found.weights_bytes == 4 * 825210
    # In the first stage: the stem's 16 channels, and in a block of 32 the input, ReLU(BN(x)), the first operator's
    # output, and two maps within the second operator.
    assert found.activation_bytes == 4 * 32 * 32 * (16 + 5 * 32)


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


def test_another_version_is_another_structure(monkeypatch):
    before = structure_key(WRN, "standard", 10, SHAPE)
    monkeypatch.setattr(catalog.entry("conv", "standard").cls, "version", 2)
    assert structure_key(WRN, "standard", 10, SHAPE) != before


@pytest.fixture
def wrn() -> Structure:
    return Structure(structure_key(WRN, "standard", 10, SHAPE), WRN, "standard", 10, SHAPE)


def test_a_timing_is_kept_under_its_structure_and_setting(tmp_path, monkeypatch, wrn):
    monkeypatch.setattr(timings, "time_network", lambda structure, network, device, turn: a_timing(structure))
    store = Store(tmp_path)
    assert timings.kept(store, wrn, CPU) is None
    timings.take(store, wrn, build_network(WRN, "standard", 10), CPU, Turn())
    assert timings.kept(store, wrn, CPU) == a_timing(wrn)
    assert store.measurements(wrn.key) == [a_timing(wrn)]
    torch.set_num_threads(2)  # another setting
    assert timings.kept(store, wrn, CPU) is None


def test_a_second_device_and_other_threads_replace_no_timing(tmp_path, monkeypatch, wrn):
    store, network = Store(tmp_path), build_network(WRN, "standard", 10)
    for name, threads, median_ms in (("A CPU", 1, 1.0), ("B CPU", 1, 2.0), ("B CPU", 2, 3.0)):
        monkeypatch.setattr(timings, "device_name", lambda device, name=name: name)
        monkeypatch.setattr(timings, "time_network", lambda s, n, d, turn, ms=median_ms: a_timing(s, median_ms=ms))
        torch.set_num_threads(threads)
        timings.take(store, wrn, network, CPU, Turn())
    assert [timing.latency.median_ms for timing in store.measurements(wrn.key)] == [1.0, 2.0, 3.0]


def test_a_setting_names_the_device_precision_batch_and_threads(monkeypatch):
    monkeypatch.setattr(timings, "device_name", lambda device: "Other CPU @ 2.0GHz (TM)")
    assert timings.setting(CPU) == "other-cpu-2-0ghz-tm-fp32-b128-t1"


def test_a_large_batch_of_large_images_has_as_many_pixels():
    """128 of the small ones, wherever they are small."""
    sides = [clock.throughput_batch((3, side, side), CPU) for side in (8, 32, 64, 128, 224)]
    assert sides == [128, 128, 128, 32, 10]
    assert clock.throughput_batch((3, 4096, 4096), CPU) == 1
    assert timings.setting(CPU, (3, 360, 480)).endswith("-fp32-b3-t1")


def test_a_damaged_timing_is_none(tmp_path, monkeypatch, wrn):
    monkeypatch.setattr(timings, "time_network", lambda structure, network, device, turn: a_timing(structure))
    store = Store(tmp_path)
    timings.take(store, wrn, build_network(WRN, "standard", 10), CPU, Turn())
    [path] = (tmp_path / "measurements").iterdir()
    path.write_text("{")
    assert timings.kept(store, wrn, CPU) is None
    assert store.measurements() == []


def test_a_timing_says_what_was_timed_where(monkeypatch, tmp_path, wrn):
    order: list[str] = []
    known = a_timing(wrn)
    latency, throughput = asdict(known.latency), asdict(known.throughput)
    monkeypatch.setattr(clock, "latency", lambda network, *_: order.append("latency") or latency)
    monkeypatch.setattr(clock, "throughput", lambda network, *_: order.append(str(network.training)) or throughput)
    monkeypatch.setattr(clock, "calibrate", lambda device: {"gflops": 1.0})
    monkeypatch.setattr(turn.tempfile, "gettempdir", lambda: str(tmp_path))
    found = timings.time_network(wrn, build_network(WRN, "standard", 10), CPU, Turn())
    assert (found.structure, found.input, found.device) == (wrn.key, (3, 8, 8), "cpu")
    assert (found.latency, found.throughput, found.calibration) == (known.latency, known.throughput, {"gflops": 1.0})
    assert order == ["latency", "False"]  # in eval mode


@pytest.mark.gpu
def test_a_network_is_timed_on_cuda(wrn):
    found = timings.time_network(wrn, build_network(WRN, "standard", 10), torch.device("cuda"), Turn())
    assert found.device == "cuda"
    assert found.throughput.batch == 1024
    assert found.throughput.images_per_s > 1000
