"""Operations on maps: torch's own bits, and gradients in the layout of the map."""

import pytest
import torch
from torch import Tensor

from cheapconv.methods.parts import map_gradients
from cheapconv.methods.parts.map_gradients import keep_layout, mean_square
from cheapconv.methods.parts.precision import wide

LAYOUTS = [torch.contiguous_format, torch.channels_last]
TYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]


def filled(dtype: torch.dtype, layout: torch.memory_format) -> tuple[Tensor, Tensor]:
    """A map, and a gradient of its mean over channels."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(7, 6, 5, 4, generator=generator).to(dtype).contiguous(memory_format=layout)
    return x.requires_grad_(), torch.randn(7, 5, 4, generator=generator).to(torch.promote_types(dtype, torch.float32))


@pytest.mark.parametrize("samples", [1, 3, 100])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", TYPES)
def test_the_bits_are_torchs_in_pieces_of_any_size(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, layout: torch.memory_format, samples: int
) -> None:
    x, gradient = filled(dtype, layout)
    monkeypatch.setattr(map_gradients, "AT_ONCE", samples * x[0].numel())
    ours, theirs = mean_square(x), wide(x).square().mean(dim=1)
    assert ours.dtype == theirs.dtype
    assert torch.equal(ours, theirs)
    (found,) = torch.autograd.grad(ours, x, gradient)
    (expected,) = torch.autograd.grad(theirs, x, gradient)
    assert found.dtype == dtype
    assert torch.equal(found, expected)
    assert found.is_contiguous(memory_format=layout)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_mean_over_positions_has_a_gradient_laid_out_as_the_map(layout: torch.memory_format) -> None:
    x, _ = filled(torch.float32, layout)
    (found,) = torch.autograd.grad(keep_layout(x).mean(dim=(2, 3)).square().sum(), x)
    (expected,) = torch.autograd.grad(x.mean(dim=(2, 3)).square().sum(), x)
    assert torch.equal(found, expected)
    assert found.is_contiguous(memory_format=layout)
    assert torch.equal(keep_layout(x), x)
    assert not keep_layout(x.detach()).requires_grad


@pytest.mark.parametrize("shape", [(0, 4, 3, 3), (2, 4, 0, 3)])
def test_an_empty_map_has_an_empty_mean_square(shape: tuple[int, ...]) -> None:
    x = torch.empty(shape, requires_grad=True)
    assert torch.equal(mean_square(x), x.square().mean(dim=1))
    mean_square(x).sum().backward()
    assert x.grad is not None
    assert x.grad.shape == shape


def test_the_gradient_of_the_mean_square_is_that_of_its_formula() -> None:
    assert torch.autograd.gradcheck(mean_square, filled(torch.float64, torch.channels_last)[0])
