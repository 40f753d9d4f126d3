"""What a runtime's own profile says of a network is what the network is made of."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from cheapconv import catalog
from cheapconv.engine.measure import timings, turn
from cheapconv.engine.measure.runtimes.base import Job
from cheapconv.engine.measure.runtimes.eager import Eager
from cheapconv.engine.measure.runtimes.operators import computed, conv_kind, kind_of, summed
from cheapconv.engine.measure.timings import Structure, Way
from cheapconv.engine.measure.turn import Turn
from cheapconv.engine.store.operators import Operator
from cheapconv.engine.store.runs import Store
from cheapconv.models.build import build_network
from tests.contract.broken_runtimes import Sound
from tests.engine.timed import Watch, a_timing
from tests.engine.tiny import CPU

SHAPE = (3, 8, 8)
WRN = Structure("wrn-s", "wrn(depth=10, width=1)", "group(groups=4)", 10, SHAPE)


class Several(nn.Module):
    """One operator of each kind that is to be told from the others."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU())
        self.grouped = nn.Sequential(nn.Conv2d(16, 16, 3, padding=1, groups=4), nn.ReLU())
        self.depthwise = nn.Sequential(nn.Conv2d(16, 16, 5, padding=2, groups=16), nn.ReLU())
        self.mixing = nn.Conv2d(16, 16, 1, groups=4)
        self.wide = nn.Sequential(nn.Conv2d(32, 24, 1), nn.ReLU(), nn.Conv2d(24, 24, (1, 3)), nn.ReLU())
        self.head = nn.Linear(24, 3)

    def forward(self, images: Tensor) -> Tensor:  # (B, 3, H, W) to (B, 3)
        x = self.stem(images)
        y = x + self.mixing(self.depthwise(self.grouped(x)))
        return self.head(self.wide(torch.cat([x, y], dim=1)).mean((2, 3)))


LAYERS = {
    "conv 3x3": 1,
    "conv 3x3 groups=4": 1,
    "conv 5x5 depthwise": 1,
    "conv 1x1 groups=4": 1,
    "conv 1x1": 1,
    "conv 1x3": 1,
    "linear": 1,
}


@pytest.fixture(autouse=True)
def loaded() -> None:
    catalog.load()


@pytest.fixture(scope="module")
def several() -> nn.Module:
    torch.manual_seed(0)
    return Several().eval()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That of `several`."""
    return tmp_path_factory.mktemp("several")


@pytest.fixture
def own_turn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(turn.tempfile, "gettempdir", lambda: str(tmp_path))


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("name", ["eager", "onnxruntime", "openvino"])
def test_every_layer_is_counted_as_what_it_is(name, precision, several, folder):
    runtime = catalog.entry("runtime", name).cls()
    if (reason := runtime.missing()) is not None:
        pytest.skip(reason)
    if precision not in runtime.precisions:
        pytest.skip(f"{name} has no {precision}")
    job = Job(SHAPE, 2, folder, 1, precision, torch.rand(4, *SHAPE) if precision == "int8" else None)
    prepared = runtime.prepared(several, job)
    before = sorted(folder.rglob("*"))
    found = runtime.operators(prepared, job)
    kinds = {operator.kind: operator.count for operator in found}
    counts = {kind: kinds.get(kind, 0) + kinds.get(f"{kind} in fp32", 0) for kind in LAYERS}
    assert counts == LAYERS
    assert sum("conv" in kind for kind in kinds) == 6
    assert precision == "int8" or not any("fp32" in kind for kind in kinds)
    assert [*found] == sorted(found, key=lambda operator: -operator.ms)
    assert found[0].ms > 0
    assert sorted(folder.rglob("*")) == before  # the profile's files are gone
    if name == "eager":
        others = {kind: count for kind, count in kinds.items() if kind not in LAYERS}
        assert others == {"relu": 5, "add": 1, "concat": 1, "pool": 1}
    if name == "onnxruntime":
        assert kinds["concat"] == 1
        assert ("quantise" in kinds) == (precision == "int8")


def test_a_profile_of_pytorch_says_nothing_itself(several, folder, capfd):
    job = Job(SHAPE, 1, folder)
    Eager().operators(Eager().prepared(several, job), job)
    assert capfd.readouterr() == ("", "")


def test_a_runtime_without_a_profile_says_so(folder):
    prepared = Eager().prepared(nn.Flatten().eval(), Job(SHAPE, 1, folder))
    assert Sound().operators(prepared, Job(SHAPE, 1, folder)) is None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(("ReorderInput", "reorder"), ("ReduceMean", "pool"), ("QLinearConcat", "concat"), ("Gemm", "linear")),
        *(("FullyConnectedQuantizedLegacy", "linear"), ("relu_", "relu"), ("batch_norm", "batch norm")),
        *(("adaptive_avg_pool2d", "pool"), ("ScatterND", "scatter nd"), ("_Shift", "shift")),
        *(("LeakyRelu", "leaky relu"), ("DequantizeLinear", "dequantise"), ("LRN", "lrn")),
    ],
)
def test_one_word_for_all_runtimes(name, kind):
    assert kind_of(name) == kind


def test_convolutions_are_told_apart():
    assert conv_kind([3, 3], 1, 16) == "conv 3x3"
    assert conv_kind([1, 3], 4, 2) == "conv 1x3 groups=4"
    assert conv_kind([3, 3], 16, 1) == "conv 3x3 depthwise"
    assert conv_kind([1, 1], 16, 1) == "batch norm"
    assert conv_kind([1, 1], 1, 1) == "conv 1x1"
    assert computed("conv 1x1", "int8", in_float=True) == "conv 1x1 in fp32"
    assert computed("conv 1x1", "fp32", in_float=True) == computed("conv 1x1", "int8", in_float=False) == "conv 1x1"


def test_times_of_a_kind_are_summed_in_a_run_and_the_median_of_the_runs():
    runs = [
        [("a", 1.0), ("b", 3.0), ("a", 1.0)],
        [("a", 2.0), ("b", 90.0), ("a", 2.0)],
        [("a", 3.0), ("b", 2.0), ("a", 3.0)],
    ]
    assert summed(runs) == (Operator(kind="a", ms=4.0, count=2), Operator(kind="b", ms=3.0, count=1))


@pytest.mark.parametrize("runtime", ["eager", pytest.param("onnxruntime", marks=pytest.mark.slow)])
def test_a_timing_has_the_operators_of_what_is_deployed(runtime, own_turn):
    """Three blocks of two G(4), two of them with a shortcut; of seven batch norms three are folded."""
    network = build_network(WRN.architecture, WRN.conv, 10)
    found = timings.time_network(WRN, network, Way(CPU, runtime), Turn(), Watch())
    counts = {operator.kind: operator.count for operator in found.operators}
    assert {kind: n for kind, n in counts.items() if "conv" in kind or kind in ("batch norm", "linear")} == {
        "conv 3x3": 1,
        "conv 3x3 groups=4": 6,
        "conv 1x1": 8,
        "batch norm": 4,
        "linear": 1,
    }


def test_a_profile_that_fails_does_not_fail_the_timing(own_turn, monkeypatch, caplog):
    def fail(*_: object) -> None:
        raise RuntimeError("no counters here.")

    monkeypatch.setattr(Eager, "operators", fail)
    network = build_network(WRN.architecture, WRN.conv, 10)
    found = timings.time_network(WRN, network, Way(CPU, "eager"), Turn(), Watch())
    assert (found.operators, found.latency.median_ms) == ((), 1.0)
    assert caplog.messages == [f"PyTorch has no profile of {WRN.architecture} {WRN.conv} (no counters here)"]


def test_operators_are_kept_and_timings_of_before_have_none(tmp_path):
    store, way = Store(tmp_path), Way(CPU, "eager")
    timings.keep(store, WRN, way, a_timing(WRN, operators=(Operator(kind="conv 3x3", ms=1.5, count=2),)))
    assert timings.kept(store, WRN, way).operators == (Operator(kind="conv 3x3", ms=1.5, count=2),)
    before = asdict(a_timing(WRN))
    del before["operators"]
    (tmp_path / "measurements" / f"{WRN.key}-x.json").write_text(json.dumps(before))
    assert {timing.operators for timing in store.measurements.all()} >= {()}
