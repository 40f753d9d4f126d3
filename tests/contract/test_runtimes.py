"""Every runtime gives the logits of PyTorch, by the threads that it was told, or says in a sentence why it does not.

By default some pairs of architecture and conv; under `slow` ONNX Runtime with all pairs, and what compiles.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cheapconv import catalog
from cheapconv.engine.measure.runtimes import safely
from cheapconv.engine.measure.runtimes.base import Job, Runtime, Unsupported
from cheapconv.engine.measure.runtimes.calibrated import batches
from tests.contract import broken_runtimes
from tests.models.examples import pairs, smallest_side

catalog.load()
RUNTIMES = catalog.names("runtime")
SHAPE = (3, 8, 8)
# By default: these, which differ in what they do, in the runtimes that need no process of their own to be ready.
TRIED = {
    *(("wrn", "G(4)"), ("wrn", "B(2)"), ("resnet", "Sep")),
    *(("timm", "G(N)"), ("torchvision", "S"), ("erfnet", "G(N)")),
}
QUICK = {name for name in RUNTIMES if getattr(catalog.entry("runtime", name).cls, "trusted", True)}
EXHAUSTIVE = "onnxruntime"


def runtime(name: str) -> Runtime:
    """A registered runtime; a skip where it is missing."""
    found: Runtime = catalog.entry("runtime", name).cls()
    if (reason := found.missing()) is not None:
        pytest.skip(reason)
    return found


def tried() -> list[Any]:
    """Runtimes with pairs: all pairs in one of them, a few in the others."""
    found = []
    for pair in pairs(seldom=()):
        architecture, conv = pair.values
        default = (architecture.registered_name, catalog.label("conv", conv)) in TRIED
        for name in RUNTIMES if default else [EXHAUSTIVE]:
            marks = [] if default and name in QUICK else [pytest.mark.slow]
            found.append(pytest.param(name, architecture, conv, id=f"{name}-{pair.id}", marks=marks))
    return found


def int8_runtimes() -> list[Any]:
    """Those that quantise."""
    names = [name for name in RUNTIMES if "int8" in catalog.entry("runtime", name).cls.precisions]
    return [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow]) for name in names]


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Callable[[Any, Any], tuple[nn.Module, tuple[int, int, int], Path]]:
    """Networks with statistics of their own, the shapes of their images, and folders: the same when asked again."""
    known: dict[str, tuple[nn.Module, tuple[int, int, int], Path]] = {}

    def get(architecture: Any, conv: Any) -> tuple[nn.Module, tuple[int, int, int], Path]:
        key = f"{catalog.canonical(architecture)} {catalog.canonical(conv)}"
        if key not in known:
            torch.manual_seed(0)
            try:
                network = architecture.build(conv, 10)
            except ValueError as refusal:
                pytest.skip(str(refusal))
            shape = (3, *2 * (max(16, smallest_side(architecture)),))
            with torch.no_grad():
                network(torch.randn(4, *shape))
            known[key] = network.eval(), shape, tmp_path_factory.mktemp("network")
        return known[key]

    return get


@pytest.mark.parametrize(("name", "architecture", "conv"), tried())
@torch.no_grad()
def test_the_logits_are_those_of_pytorch(name, architecture, conv, built):
    used = runtime(name)
    network, shape, folder = built(architecture, conv)
    prepared = used.prepare(network, Job(shape, 2, folder))
    images = torch.rand(2, *shape)
    torch.testing.assert_close(prepared(images), network(images), rtol=1e-3, atol=1e-4)
    assert prepared.size_bytes is None or prepared.size_bytes > 1000


def test_the_default_pairs_exist():
    assert {(p.values[0].registered_name, catalog.label("conv", p.values[1])) for p in pairs(())} >= TRIED
    assert {*RUNTIMES} > QUICK > {EXHAUSTIVE}


@pytest.mark.parametrize("name", RUNTIMES)
def test_a_runtime_says_what_it_is_and_what_it_lacks(name):
    found = catalog.entry("runtime", name)
    assert {found.cls.label, found.cls.home, found.summary} >= {found.cls.label}
    assert found.cls.home.startswith("https://")
    assert "fp32" in found.cls.precisions
    reason = found.cls().missing()
    assert reason is None or (found.cls.label in reason and "\n" not in reason)


class Tiny(nn.Module):
    """Tells three colours apart."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(nn.Conv2d(3, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 64, 3, padding=1), nn.ReLU())
        )
        self.head = nn.Linear(64, 3)

    def forward(self, images: Tensor) -> Tensor:  # (B, 3, H, W) to (B, 3)
        return self.head(self.body(images).mean((2, 3)))


def coloured(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Images (N, 3, 8, 8), each mostly of one colour, and which (N,)."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 3
    images = 0.3 * torch.rand(count, *SHAPE, generator=generator)
    images[torch.arange(count), labels] += 0.7
    return images, labels


@pytest.fixture(scope="module")
def tiny() -> nn.Module:
    torch.manual_seed(0)
    network, (images, labels) = Tiny(), coloured(48, 0)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(20):
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(images), labels).backward()
        optimiser.step()
    return network.eval()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """That of `tiny`."""
    return tmp_path_factory.mktemp("tiny")


@pytest.mark.parametrize("name", int8_runtimes())
@torch.no_grad()
def test_int8_decides_alike_in_half_the_space(name, tiny, folder):
    used, (images, labels) = runtime(name), coloured(32, 1)
    calibration, _ = coloured(40, 2)
    whole = used.prepare(tiny, Job(SHAPE, 32, folder))
    small = used.prepare(tiny, Job(SHAPE, 32, folder, precision="int8", calibration=calibration))
    assert torch.equal(tiny(images).argmax(1), labels)
    assert torch.equal(small(images).argmax(1), labels)
    assert not torch.equal(small(images), whole(images))
    assert (small(images) - whole(images)).abs().max() < 0.1 * whole(images).abs().max()
    assert small.file is not None
    assert small.file != whole.file
    assert small.size_bytes < 0.5 * whole.size_bytes


def test_int8_needs_images_and_a_runtime_that_has_it(tiny, folder):
    with pytest.raises(Unsupported, match="ONNX Runtime needs images to calibrate int8 with"):
        runtime("onnxruntime").prepare(tiny, Job(SHAPE, 1, folder, precision="int8"))
    with pytest.raises(Unsupported, match="PyTorch has no int8 here: it has fp32"):
        runtime("eager").prepare(tiny, Job(SHAPE, 1, folder, precision="int8", calibration=coloured(3, 0)[0]))


def test_the_images_of_a_calibration_are_all_seen_in_whole_batches(folder):
    images = torch.arange(5.0).reshape(5, 1, 1, 1)
    seen = [batch.flatten().tolist() for batch in batches(Job((1, 1, 1), 3, folder, calibration=images))]
    assert seen == [[0, 1, 2], [3, 4, 0]]
    (whole,) = batches(Job((1, 1, 1), 7, folder, calibration=images))
    assert whole.flatten().tolist() == [0, 1, 2, 3, 4, 0, 1]


@pytest.mark.parametrize("threads", [1, 3])
def test_onnx_runtime_computes_by_the_threads_that_it_was_told(threads, tiny, folder):
    runtime("onnxruntime").prepare(tiny, Job(SHAPE, 1, folder, 1))  # what the library starts for itself
    before = len(os.listdir("/proc/self/task"))
    prepared = runtime("onnxruntime").prepare(tiny, Job(SHAPE, 1, folder, threads))
    assert len(os.listdir("/proc/self/task")) - before == threads - 1
    assert prepared(torch.rand(1, *SHAPE)).shape == (1, 3)


def test_pytorch_computes_by_the_threads_that_it_was_told_and_leaves_them_as_they_were(folder):
    before, threads = torch.get_num_threads(), []

    class Watched(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            threads.append(torch.get_num_threads())
            return images.mean((2, 3))

    prepared = runtime("eager").prepare(Watched().eval(), Job(SHAPE, 1, folder, before + 1))
    prepared(torch.rand(1, *SHAPE))
    assert threads == [before + 1]
    assert torch.get_num_threads() == before
    assert (prepared.file, prepared.size_bytes) == (None, None)


def test_what_is_written_once_serves_again(tiny, folder):
    prepared = runtime("onnxruntime").prepare(tiny, Job(SHAPE, 1, folder))
    stamp = (folder / "b1.onnx").stat().st_mtime_ns
    runtime("onnxruntime").prepare(tiny, Job(SHAPE, 1, folder, threads=2))
    assert (folder / "b1.onnx").stat().st_mtime_ns == stamp
    assert prepared.file == folder / "onnxruntime-fp32-b1" / "network.onnx"
    assert prepared.size_bytes == prepared.file.stat().st_size


class Eigenvalues(nn.Module):
    """Has an operator that ONNX has not."""

    def forward(self, images: Tensor) -> Tensor:
        return torch.linalg.eigvals(images[:, 0, :3, :3]).real


class Undecided(nn.Module):
    """Does one thing or the other, as the numbers say."""

    def forward(self, images: Tensor) -> Tensor:
        return images.mean((2, 3)) if images.sum() > 0 else images.amax((2, 3))


@pytest.mark.parametrize(("network", "why"), [(Eigenvalues(), "linalg_eig"), (Undecided(), "data-dependent")])
def test_an_operator_that_onnx_cannot_hold_is_a_sentence(network, why, tmp_path, capfd):
    with pytest.raises(Unsupported, match=rf"^ONNX Runtime cannot .*: ONNX cannot hold .*{why}.*\)\.$"):
        runtime("onnxruntime").prepare(network.eval(), Job(SHAPE, 1, tmp_path))
    assert [*tmp_path.iterdir()] == []
    assert capfd.readouterr() == ("", "")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "network.txt").write_text("a network")
    return tmp_path / "network.txt"


def job(folder: Path) -> Job:
    return Job(SHAPE, 2, folder)


def test_a_converter_in_a_process_of_its_own_leaves_its_files(source, tmp_path):
    (file,) = safely.converted(broken_runtimes.Sound(), source, job(tmp_path))
    assert file == tmp_path / "sound-fp32-b2" / "network.bin"
    assert file.read_text() == "a network"


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (broken_runtimes.Dying, "Sound cannot take this network (its converter died of SIGSEGV)."),
        (
            broken_runtimes.Leaving,
            "Sound cannot take this network (its converter ended with status 1: no such operator: Tumble).",
        ),
    ],
)
def test_a_converter_that_ends_its_process_is_a_sentence(broken, said, source, tmp_path):
    with pytest.raises(Unsupported) as refusal:
        safely.converted(broken(), source, job(tmp_path))
    assert str(refusal.value) == said
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["network.txt"]


def test_a_converter_that_hangs_or_works_for_ever_is_a_sentence(source, tmp_path):
    with pytest.raises(Unsupported, match=r"^Sound cannot take .*its converter was not through within 0.1 s\)\.$"):
        safely.converted(broken_runtimes.Hanging(), source, job(tmp_path), patience_s=0.1)
    with pytest.raises(Unsupported, match=r"^Sound cannot take .*its converter was not through after 1 s of work\)\.$"):
        safely.converted(broken_runtimes.Endless(), source, job(tmp_path), work_s=1)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("Sound", None),
        ("Refusing", "Sound cannot take this network (NotImplementedError: no such operator: Tumble)."),
        ("Unreadable", "Sound cannot load this network (OSError: network.bin is no file of mine)."),
        ("Silent", "Sound cannot run this network (its logits are no numbers)."),
    ],
)
def test_what_fails_in_the_process_is_told(broken, said, source, tmp_path):
    order = safely.Order(
        runtime=(broken_runtimes.__name__, broken),
        source=str(source),
        shape=SHAPE,
        batch=2,
        folder=str(tmp_path),
        threads=1,
        precision="fp32",
        calibration=None,
        work_s=1,
    )
    assert safely.carry_out(order)["refusal"] == said
    assert not [*tmp_path.rglob("half.bin")]
