"""Sizes are exact; a timing is taken once for a network on a device, and shared by all that trained it."""

import json
from dataclasses import asdict

import pytest
import torch

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.engine.measure import clock, timings, turn
from cheapconv.engine.measure.passes import AGAIN, PASSES
from cheapconv.engine.measure.sizes import sizes, structure_key
from cheapconv.engine.measure.timings import Structure, Way
from cheapconv.engine.measure.turn import Turn
from cheapconv.engine.store.runs import Store
from cheapconv.models.build import build_network
from tests.engine.timed import Watch, a_timing
from tests.engine.tiny import CPU

WRN, SHAPE = "wrn(depth=10, width=1)", (3, 8, 8)
EAGER = Way(CPU, "eager")


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
    assert timings.kept(store, wrn, EAGER) is None
    timings.take(store, wrn, build_network(WRN, "standard", 10), EAGER, Turn())
    assert timings.kept(store, wrn, EAGER) == a_timing(wrn)
    assert store.measurements.all(wrn.key) == [a_timing(wrn)]
    torch.set_num_threads(2)  # another setting
    assert timings.kept(store, wrn, EAGER) is None


def test_a_second_device_and_other_threads_replace_no_timing(tmp_path, monkeypatch, wrn):
    store, network = Store(tmp_path), build_network(WRN, "standard", 10)
    for name, threads, median_ms in (("A CPU", 1, 1.0), ("B CPU", 1, 2.0), ("B CPU", 2, 3.0)):
        monkeypatch.setattr(timings, "device_name", lambda device, name=name: name)
        monkeypatch.setattr(timings, "time_network", lambda s, n, d, turn, ms=median_ms: a_timing(s, median_ms=ms))
        torch.set_num_threads(threads)
        timings.take(store, wrn, network, EAGER, Turn())
    assert [timing.latency.median_ms for timing in store.measurements.all(wrn.key)] == [1.0, 2.0, 3.0]


def test_a_setting_names_the_device_precision_batch_and_threads(monkeypatch):
    monkeypatch.setattr(timings, "device_name", lambda device: "Other CPU @ 2.0GHz (TM)")
    assert EAGER.setting() == "other-cpu-2-0ghz-tm-fp32-b128-t1"


def test_a_runtime_is_a_part_of_a_setting(monkeypatch):
    monkeypatch.setattr(timings, "device_name", lambda device: "CPU")
    assert Way.usual(CPU).setting() == "cpu-onnxruntime-fp32-b128-t1"
    assert Way.usual(torch.device("cuda")).setting() == "cpu-fp32-b1024-t1"


def test_threads_of_latency_are_a_part_of_a_setting_and_of_the_timing(own_turn, wrn, monkeypatch):
    """What was timed on one thread is not replaced; the runtime and the record are told of the threads."""
    monkeypatch.setattr(timings, "device_name", lambda device: "CPU")
    monkeypatch.setattr(timings, "cores", lambda: 4)
    several = Way.chosen("eager", CPU, threads=4)
    assert several.setting() == "cpu-fp32-b128-t1-l4"
    seen: list[int] = []

    class Looking(Watch):
        def slice(self, work):
            seen.append(work.threads)
            return super().slice(work)

    timing = timings.time_network(wrn, build_network(WRN, "standard", 10).eval(), several, Turn(), Looking())
    assert {*seen} == {timing.latency.threads} == {4}
    assert timing.throughput.threads == 1
    with pytest.raises(UserError, match="one image cannot be timed on 5 threads: this machine has 4"):
        Way.chosen("eager", CPU, threads=5)
    with pytest.raises(UserError, match="threads answer an image on a CPU alone, not on cuda"):
        Way.chosen("eager", torch.device("cuda"), threads=4)


@pytest.mark.parametrize(
    ("runtime", "device", "why"),
    [
        ("onnx", "cpu", "unknown runtime 'onnx'; did you mean .*onnxruntime"),
        ("tensorrt", "cpu", "TensorRT runs on NVIDIA's GPUs alone"),
        ("onnxruntime", "cuda", "onnxruntime is timed on the CPU: give --device cpu"),
    ],
)
def test_a_runtime_that_cannot_be_used_is_refused(runtime, device, why):
    with pytest.raises(UserError, match=why):
        Way.chosen(runtime, torch.device(device))


@pytest.mark.parametrize("runtime", ["eager", "onnxruntime"])
def test_what_is_timed_is_the_network(runtime, own_turn, wrn):
    """One image on its own, and a batch: with the logits of the network as it was given."""
    network = build_network(WRN, "group(groups=4)", 10).eval()
    work = timings.prepared(wrn, network, Way(CPU, runtime), Turn())
    for run, batch in ((work.one, 1), (work.many, 128)):
        images = torch.rand(batch, *SHAPE)
        with torch.no_grad():
            torch.testing.assert_close(run(images), network(images), rtol=1e-3, atol=1e-4)


def test_a_large_batch_of_large_images_has_as_many_pixels():
    """128 of the small ones, wherever they are small."""
    sides = [clock.throughput_batch((3, side, side), CPU) for side in (8, 32, 64, 128, 224)]
    assert sides == [128, 128, 128, 32, 10]
    assert clock.throughput_batch((3, 4096, 4096), CPU) == 1
    assert EAGER.setting((3, 360, 480)).endswith("-fp32-b3-t1")


def test_a_damaged_timing_is_none(tmp_path, monkeypatch, wrn):
    monkeypatch.setattr(timings, "time_network", lambda structure, network, device, turn: a_timing(structure))
    store = Store(tmp_path)
    timings.take(store, wrn, build_network(WRN, "standard", 10), EAGER, Turn())
    [path] = (tmp_path / "measurements").iterdir()
    path.write_text("{")
    assert timings.kept(store, wrn, EAGER) is None
    assert store.measurements.all() == []


@pytest.fixture
def own_turn(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(turn.tempfile, "gettempdir", lambda: str(tmp_path))


def test_a_timing_says_what_was_timed_where(own_turn, wrn):
    watch, network = Watch(one_s=0.002, many_s=0.5), build_network(WRN, "standard", 10)
    found = timings.time_network(wrn, network, EAGER, Turn(), watch)
    assert (found.structure, found.input, found.device) == (wrn.key, (3, 8, 8), "cpu")
    assert (found.latency.median_ms, found.latency.q10_ms) == pytest.approx((2.0, 2.0))
    assert (found.throughput.images_per_s, found.throughput.q90) == pytest.approx((256.0, 256.0))
    assert (found.latency.batch, found.throughput.batch) == (1, 128)
    assert (found.calibration, found.doubt) == ({"gflops": 60.0, "gb_per_s": 10.0}, "")
    assert watch.warmed == [f"{WRN} standard"]
    assert len(watch.sliced) == PASSES
    assert found.runtime == "eager"
    assert network.training  # it is a copy that is deployed


def test_a_network_alone_is_timed_again_where_the_machine_was_slow(own_turn, wrn):
    watch = Watch([1.0, 1.0, 0.5])
    found = timings.time_network(wrn, build_network(WRN, "standard", 10), EAGER, Turn(), watch)
    assert (len(watch.sliced), found.doubt) == (PASSES + 1, "")


def test_a_machine_that_never_holds_its_speed_is_told(own_turn, wrn):
    watch = Watch([1.0, 0.7] * 100)
    found = timings.time_network(wrn, build_network(WRN, "standard", 10), EAGER, Turn(), watch)
    assert len(watch.sliced) == PASSES * (1 + AGAIN)
    assert found.doubt == "at times the machine was at 70 % of the best speed of that measuring"


def test_timings_of_before_are_read(tmp_path, wrn):
    """They have no best decile, and nobody looked for doubts."""
    body = asdict(a_timing(wrn))
    del body["doubt"], body["latency"]["q10_ms"], body["throughput"]["q90"]
    folder = tmp_path / "measurements"
    folder.mkdir()
    (folder / f"{wrn.key}-x.json").write_text(json.dumps(body))
    assert Store(tmp_path).measurements.all() == [a_timing(wrn)]


@pytest.mark.gpu
def test_a_network_is_timed_on_cuda(wrn):
    found = timings.time_network(wrn, build_network(WRN, "standard", 10), Way.usual(torch.device("cuda")), Turn())
    assert found.device == "cuda"
    assert found.throughput.batch == 1024
    assert found.throughput.images_per_s > 1000
