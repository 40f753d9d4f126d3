"""Batch norm by kernels: what is left to the library, the kernels in Triton's interpreter, and both on a GPU."""

import copy
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from cheapconv.models.parts import shift_kernel
from cheapconv.models.parts.gpu_norm import TritonBatchNorm2d, fits, has_kernel, normalised

ROOT = Path(__file__).parents[2]


def layer(channels: int) -> TritonBatchNorm2d:
    norm = TritonBatchNorm2d(channels, momentum=0.3)
    nn.init.uniform_(norm.weight, 0.5, 2)
    nn.init.normal_(norm.bias)
    return norm


def images(*shape: int) -> Tensor:
    return (3 * torch.randn(shape) + 1).contiguous(memory_format=torch.channels_last)


@pytest.mark.skipif(not shift_kernel.installed(), reason="needs Triton")
def test_every_case_of_the_kernels_in_the_interpreter() -> None:
    command = [sys.executable, "-m", "pytest", "--color=no", "tests/models/norm_interpreted.py"]
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout


def test_without_a_gpu_it_is_the_librarys() -> None:
    norm, x = layer(6), images(4, 6, 5, 5)
    oracle = nn.BatchNorm2d(6, momentum=0.3)
    oracle.load_state_dict(norm.state_dict())
    for training in (True, True, False):
        torch.testing.assert_close(norm.train(training)(x), oracle.train(training)(x), rtol=0, atol=0)
    assert list(norm.state_dict()) == list(oracle.state_dict())
    torch.testing.assert_close(norm.state_dict(), oracle.state_dict(), rtol=0, atol=0)


def momentum_of_all(norm: nn.BatchNorm2d) -> None:
    norm.momentum = None


def ignored_statistics(norm: nn.BatchNorm2d) -> None:
    norm.track_running_stats = False


@pytest.mark.parametrize(
    ("norm", "change"),
    [
        (nn.BatchNorm2d(6), nn.BatchNorm2d.eval),
        (nn.BatchNorm2d(6), momentum_of_all),
        (nn.BatchNorm2d(6), ignored_statistics),
        (nn.BatchNorm2d(6), nn.BatchNorm2d.bfloat16),
        (nn.BatchNorm2d(6, affine=False), nn.BatchNorm2d.train),
        (nn.BatchNorm2d(6, track_running_stats=False), nn.BatchNorm2d.train),
        (nn.BatchNorm2d(5), nn.BatchNorm2d.train),
        (nn.BatchNorm2d(6, device="meta"), nn.BatchNorm2d.train),
    ],
)
def test_other_layers_are_left_to_the_library(norm: nn.BatchNorm2d, change: Callable[[nn.BatchNorm2d], object]) -> None:
    x = images(4, 6, 5, 5)
    assert fits(nn.BatchNorm2d(6), x)
    change(norm)
    assert not fits(norm, x)


class Tagged(Tensor):
    """What a library may wrap around a tensor."""


@pytest.mark.parametrize(
    "x",
    [
        torch.randn(4, 6, 5, 5),
        torch.randn(4, 6, 5),
        images(4, 6, 5, 5)[:, :, ::2],
        images(4, 6, 5, 5).double(),
        images(1, 6, 1, 1),
        images(0, 6, 5, 5),
        images(4, 6, 5, 5).to("meta"),
        images(4, 6, 5, 5).as_subclass(Tagged),
    ],
)
def test_other_maps_are_left_to_the_library(x: Tensor) -> None:
    assert not fits(nn.BatchNorm2d(6), x)


def test_very_many_channels_are_left_to_the_library() -> None:
    assert fits(nn.BatchNorm2d(2048), images(2, 2048, 1, 1))
    assert not fits(nn.BatchNorm2d(2049), images(2, 2049, 1, 1))


def test_one_row_is_refused_in_the_librarys_words() -> None:
    with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
        layer(6)(images(1, 6, 1, 1))


def step(norm: nn.BatchNorm2d, x: Tensor, g: Tensor) -> tuple[Tensor, ...]:
    """Output, and gradients of x, weight and bias."""
    y = norm(x)
    return y, *torch.autograd.grad(y, (x, norm.weight, norm.bias), g)


@pytest.mark.gpu
@pytest.mark.parametrize("shape", [(8, 32, 32, 32), (8, 20, 9, 9), (3, 130, 5, 5), (2, 2048, 1, 1), (64, 1, 28, 28)])
@pytest.mark.parametrize(("dtype", "rough"), [(torch.bfloat16, 0.02), (torch.float16, 3e-3), (torch.float32, 2e-4)])
def test_cuda_equals_the_library_in_float64(shape: tuple[int, ...], dtype: torch.dtype, rough: float) -> None:
    torch.manual_seed(0)
    norm = layer(shape[1]).cuda()
    oracle = nn.BatchNorm2d(shape[1], momentum=0.3).cuda()
    oracle.load_state_dict(norm.state_dict())
    oracle.double()
    for _ in range(2):
        x, g = images(*shape).to("cuda", dtype).requires_grad_(), images(*shape).to("cuda", dtype)
        assert has_kernel(norm, x)
        with torch.autocast("cuda", torch.bfloat16):  # which casts nothing here
            found = step(norm, x, g)
        assert found[0].dtype == found[1].dtype == dtype
        assert found[0].stride() == x.stride()
        wanted = step(oracle, x.detach().double().requires_grad_(), g.double())
        for got, exact in zip(found, wanted, strict=True):
            torch.testing.assert_close(got.double(), exact, rtol=rough, atol=rough * float(exact.detach().abs().max()))
    torch.testing.assert_close(norm.double().state_dict(), oracle.state_dict(), rtol=1e-5, atol=1e-5)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_cuda_gives_equal_bits_twice(dtype: torch.dtype) -> None:
    norm = layer(64).cuda()
    same = copy.deepcopy(norm)
    x, g = images(128, 64, 16, 16).to("cuda", dtype).requires_grad_(), images(128, 64, 16, 16).to("cuda", dtype)
    for once, again in zip(step(norm, x, g), step(same, x, g), strict=True):
        assert torch.equal(once, again)
    assert all(torch.equal(a, b) for a, b in zip(norm.buffers(), same.buffers(), strict=True))


@pytest.mark.gpu
def test_a_step_is_recorded_in_a_cuda_graph() -> None:
    norm = layer(32).cuda()
    x = images(16, 32, 8, 8).to("cuda", torch.bfloat16).requires_grad_()
    g = images(16, 32, 8, 8).to("cuda", torch.bfloat16)
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        step(norm, x, g)
    torch.cuda.current_stream().wait_stream(side)
    same = copy.deepcopy(norm)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        recorded = step(norm, x, g)
    for _ in range(2):
        with torch.no_grad():
            x.copy_(images(16, 32, 8, 8))
        graph.replay()
        for replayed, eager in zip(recorded, step(same, x.detach().requires_grad_(), g), strict=True):
            assert torch.equal(replayed, eager)
    assert norm.num_batches_tracked == 3
    assert all(torch.equal(a, b) for a, b in zip(norm.buffers(), same.buffers(), strict=True))


@pytest.mark.gpu
def test_cuda_keeps_a_small_spread_far_from_zero() -> None:
    norm = nn.BatchNorm2d(8, momentum=1, eps=1e-12).cuda()
    x = (1000 + 0.01 * torch.randn(32, 8, 16, 16)).contiguous(memory_format=torch.channels_last).cuda()
    normalised(norm, x)
    torch.testing.assert_close(norm.running_var.double(), x.double().var((0, 2, 3)), rtol=1e-5, atol=0)
