"""What was tried to make steps on a CPU faster, and what came of it (docs/performance.md): each experiment prints its
medians, taken in turn, in milliseconds.

    python -m benchmarks.tried layouts folding shift passes layers attention
"""

import copy
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from cheapconv import catalog
from cheapconv.engine.run import heap
from cheapconv.methods.parts.map_gradients import mean_square
from cheapconv.methods.parts.precision import wide
from cheapconv.models.build import build_network
from cheapconv.models.parts import shift
from cheapconv.models.quick import quicken
from cheapconv.suites.place import cores

BATCH, ROUNDS = 128, 9
FORMATS = {"NHWC": torch.channels_last, "NCHW": torch.contiguous_format}


def in_turn(**ways: Callable[[], object]) -> str:
    """Medians of each, after one round that is not counted."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS + 1):
        for name, work in ways.items():
            begun = time.perf_counter()
            work()
            taken[name].append(1000 * (time.perf_counter() - begun))
    return ", ".join(f"{name} {statistics.median(times[1:]):.2f}" for name, times in taken.items())


def layouts() -> Iterator[str]:
    """A convolution, and the gradients of its input and of its weight, in both memory layouts."""
    for channels, side, kernel, groups in [
        *((32, 32, 3, groups) for groups in (1, 4, 8, 32)),
        *((64, 16, 3, groups) for groups in (1, 4, 16, 64)),
        *((channels, 1024 // channels, 1, 1) for channels in (32, 64)),
    ]:
        ways: dict[str, Callable[[], object]] = {}
        for name, layout in FORMATS.items():
            shape, kernels = (BATCH, channels, side, side), (channels, channels // groups, kernel, kernel)
            x, g, w = (torch.randn(s).contiguous(memory_format=layout) for s in (shape, shape, kernels))
            ways[f"{name} forward"] = partial(torch.conv2d, x, w, padding=kernel // 2, groups=groups)
            ways[f"{name} input"] = partial(_gradient, x, g, w, groups, [True, False, False])
            ways[f"{name} weight"] = partial(_gradient, x, g, w, groups, [False, True, False])
        yield f"{channels} channels, {side} x {side}, kernel {kernel}, {groups} groups: {in_turn(**ways)}"


def _gradient(x: Tensor, g: Tensor, w: Tensor, groups: int, of: list[bool]) -> object:
    """Of a convolution's input, weight and bias, where it is asked for."""
    pad = [w.shape[-1] // 2] * 2
    return torch.ops.aten.convolution_backward(g, x, w, None, [1, 1], pad, [1, 1], False, [0, 0], groups, of)


@torch.no_grad()
def folding() -> Iterator[str]:
    """A frozen teacher's pass as it is, and with those BN folded that follow a convolution directly."""
    for architecture in ("wrn(depth=40, width=2)", "wrn(depth=16, width=2)"):
        network = build_network(architecture, "standard", 10).eval().to(memory_format=torch.channels_last)
        folded = copy.deepcopy(network)
        for module in folded.modules():
            path = getattr(module, "path", None)
            if isinstance(path, nn.Sequential):
                conv, (norm, *after) = path[0], path[1].children()
                assert isinstance(conv, nn.Conv2d)
                assert isinstance(norm, nn.BatchNorm2d)
                path[0], path[1] = fuse_conv_bn_eval(conv, norm), nn.Sequential(*after)
        folded.to(memory_format=torch.channels_last)
        x = torch.randn(BATCH, 3, 32, 32).contiguous(memory_format=torch.channels_last)
        error = (network(x) - folded(x)).abs().max().item()
        ways = in_turn(plain=partial(network, x), folded=partial(folded, x))
        yield f"{architecture}: {ways}; logits differ by {error:.1e}"


def shifts() -> Iterator[str]:
    """The shift by copies of slices, by a depthwise convolution with ones, and a copy of the map."""
    for channels, side in ((32, 32), (64, 16), (128, 8)):
        x = torch.randn(BATCH, channels, side, side).contiguous(memory_format=torch.channels_last)
        slices, ones = partial(shift._move, x, 3, 1), partial(torch.ops.cheapconv.shift, x, 3, 1)
        yield f"{channels} channels, {side} x {side}: {in_turn(slices=slices, ones=ones, copy=x.clone)}"


def passes() -> Iterator[str]:
    """BN, ReLU and their gradients, beside a copy of the map: how many copies' time each takes."""
    for channels, side in ((32, 32), (64, 16)):
        x = torch.randn(BATCH, channels, side, side).contiguous(memory_format=torch.channels_last)
        norm, y = nn.BatchNorm2d(channels), torch.relu(x)
        saved = (norm.running_mean, norm.running_var, x.mean((0, 2, 3)), x.var((0, 2, 3)).add(norm.eps).rsqrt())
        back = torch.ops.aten.native_batch_norm_backward
        ways = in_turn(
            copy=x.clone,
            norm=partial(norm, x),
            relu=partial(y.clamp_min_, 0),
            relu_gradient=partial(torch.ops.aten.threshold_backward, x, y, 0),
            norm_gradient=partial(back, y, x, norm.weight, *saved, True, norm.eps, [True] * 3),
        )
        yield f"{channels} channels, {side} x {side}: {ways}"


def layers() -> Iterator[str]:
    """A step of WRN-16-2 without the update: the library's layers, and those that training has."""
    x, labels = torch.randn(BATCH, 3, 32, 32).contiguous(memory_format=torch.channels_last), torch.arange(BATCH) % 10
    for precision in ("bf16", "fp32"):
        for conv in ("standard", "G(4)", "G(N)", "B(2)", "BG(2,M/8)", "separable", "od_shift", "partial"):
            library = build_network("wrn(depth=16, width=2)", conv, 10).to(memory_format=torch.channels_last)
            own = copy.deepcopy(library)
            quicken(own, torch.device("cpu"))
            step = partial(partial, _step, x, labels, precision)
            yield f"{precision}, {conv}: {in_turn(library=step(library), own=step(own))}"


def attention() -> Iterator[str]:
    """Attention transfer's maps in bf16, with their gradient: as torch's operators do it, and in pieces; then a step of
    WRN-16-2 with the term, its teacher's maps given."""
    ways = {"library": lambda x: wide(x).square().mean(dim=1), "own": mean_square}
    for channels, side in ((32, 32), (64, 16), (128, 8)):
        x = torch.randn(BATCH, channels, side, side, dtype=torch.bfloat16).contiguous(memory_format=torch.channels_last)
        g, x = torch.randn(BATCH, side, side), x.requires_grad_()
        done = {
            name: partial(lambda way, x, g: torch.autograd.grad(way(x), x, g), way, x, g) for name, way in ways.items()
        }
        yield f"{channels} channels, {side} x {side}: {in_turn(**done)}"
    x, labels = torch.randn(BATCH, 3, 32, 32).contiguous(memory_format=torch.channels_last), torch.arange(BATCH) % 10
    for conv in ("standard", "G(4)", "G(N)", "BG(2,M/8)"):
        network = build_network("wrn(depth=16, width=2)", conv, 10).to(memory_format=torch.channels_last)
        quicken(network, torch.device("cpu"))
        steps = {name: partial(_attentive_step, x, labels, network, way) for name, way in ways.items()}
        yield f"{conv}: {in_turn(**steps)}"


def _attentive_step(x: Tensor, labels: Tensor, network: nn.Module, way: Callable[[Tensor], Tensor]) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        maps = network.stages(x)  # type: ignore[operator]
        logits = network.head(maps[-1])  # type: ignore[operator]
    term = sum(functional.normalize(way(each).flatten(1), dim=1).square().mean() for each in maps)
    (functional.cross_entropy(logits.float(), labels) + 1000 * term).backward()
    network.zero_grad()


def _step(x: Tensor, labels: Tensor, precision: str, network: nn.Module) -> None:
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        logits = network(x)
    functional.cross_entropy(logits.float(), labels).backward()
    network.zero_grad()


EXPERIMENTS = {
    "layouts": layouts,
    "folding": folding,
    "shift": shifts,
    "passes": passes,
    "layers": layers,
    "attention": attention,
}

if __name__ == "__main__":
    heap.large_pages()
    catalog.load()
    heap.keep()
    torch.set_num_threads(cores())
    for name in sys.argv[1:] or EXPERIMENTS:
        for line in EXPERIMENTS[name]():
            print(f"{name}: {line}", flush=True)  # noqa: T201
