"""Networks from the texts that name them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from cheapconv import catalog
from cheapconv.catalog.errors import REFUSALS, reason
from cheapconv.models.conv import Conv
from cheapconv.models.input import Normalised
from cheapconv.models.meta import ShapesOnly, on_meta
from cheapconv.models.network import Network
from cheapconv.models.parts.synced_norm import synchronise
from cheapconv.models.quick import quicken
from cheapconv.models.size import count_params

M = TypeVar("M", bound=nn.Module)
SIDES = (32, 64, 96, 128, 160, 224, 256, 299, 384)  # of the images that networks are made for


def standard_params(architecture: str, classes: int) -> int:
    """Parameters of an architecture with standard convolutions."""
    with on_meta():
        return count_params(catalog.parse("architecture", architecture).network(standard_conv()(), classes))


def count_blocks(architecture: str, classes: int) -> int:
    """Number of blocks for each of which an architecture asks for a conv; 0 if it takes one conv for all."""
    counts = [0]

    class Asked(standard_conv()):  # type: ignore[misc]
        """The standard conv, which remembers how many blocks there are."""

        def at_block(self, index: int, count: int) -> Conv:
            counts.append(count)
            return self

    with on_meta():
        catalog.parse("architecture", architecture).network(Asked(), classes)
    return counts[-1]


def standard_conv() -> type[Conv]:
    """The class of the conv that leaves a network as it is."""
    convs = [catalog.entry("conv", name).cls for name in catalog.names("conv")]
    return next(conv for conv in convs if conv.is_standard)


def on_device(network: M, device: torch.device) -> M:
    """The module on a device, in the channels-last layout that convolutions run fastest in."""
    return network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def to_train_on(module: M, device: torch.device) -> M:
    """The module on a device, its layers by kernels of this project's own where those are quicker in training. What is
    measured or shipped has the library's."""
    quicken(module, device)
    return on_device(module, device)


def over_all_processes(module: M) -> M:
    """The module, its batch norms over the batch of all processes that train it together."""
    synchronise(module)
    return module


def build_network(architecture: str, conv: str, classes: int) -> Network:
    """A freshly initialised network from the two texts."""
    return catalog.parse("architecture", architecture).network(catalog.parse("conv", conv), classes)


def unread_network(architecture: str, conv: str, classes: int) -> Network:
    """A freshly initialised network of the same structure, for which no file or library is read."""
    return catalog.parse("architecture", architecture).unread().network(catalog.parse("conv", conv), classes)


def left_fresh(network: nn.Module) -> tuple[str, ...]:
    """Names of the layers that the weights of a network have left as they were drawn."""
    return network.fresh if isinstance(network, Network) else ()


def take(network: nn.Module, mean: Sequence[float], std: Sequence[float]) -> None:
    """Say how the images are normalised that the weights of a network know."""
    if isinstance(network, Network):
        network.input.taken = Normalised(tuple(mean), tuple(std))


def give(network: nn.Module, mean: Sequence[float], std: Sequence[float]) -> Normalised:
    """Tell a network how its images are normalised; what it then takes itself, which is the same unless its weights
    know another way."""
    images = Normalised(tuple(mean), tuple(std))
    if not isinstance(network, Network):
        return images
    return network.input.given(images).taken or images


def require_image(network: Network, image: tuple[int, int, int]) -> None:
    """ValueError, with a size that would do, unless a network on the meta device takes images (C, H, W)."""
    refusal = _refusal(network, image)
    if refusal is not None:
        channels, height, width = image
        others = [side for side in SIDES if _refusal(network, (channels, side, side)) is None]
        nearest = min(others, key=lambda side: abs(side - height), default=None)
        takes = f"it takes {nearest} x {nearest}" if nearest else "nor of any usual size"
        raise ValueError(f"it does not take images of {height} x {width}, {takes} ({refusal})")


def _refusal(network: Network, image: tuple[int, int, int]) -> str | None:
    """Why a network on the meta device does not take these images; None if it does, or if it reads their values."""
    try:
        with on_meta():
            run_blank(network, image)
    except REFUSALS as error:
        unknown = isinstance(error, NotImplementedError) or "meta tensor" in str(error)
        return None if unknown else reason(error)
    return None


@torch.no_grad()
def run_blank(network: nn.Module, image: tuple[int, int, int], samples: int = 2) -> None:
    """Run a network on blank images (samples, C, H, W) of the default device; whatever it raises goes on.

    A single sample is run as in training: a batch norm takes no statistics of one number.
    """
    training = network.training
    try:
        with ShapesOnly():
            network.train(samples == 1)(torch.zeros(samples, *image))
    finally:
        network.train(training)


def filled(build: Callable[[], nn.Module], weights: Mapping[str, Tensor]) -> nn.Module:
    """The network that `build` makes, with saved weights, on the CPU.

    It is built on the meta device, which takes neither memory nor the time of drawing weights. Where a state dict does
    not hold all of it (buffers that are worked out, one tensor under two names) it is built on the CPU instead.
    """
    with on_meta():
        network = build()
    held, own = network.state_dict().keys(), [*_tensors(network)]
    if all(name in held for name, _ in own) and len({id(tensor) for _, tensor in own}) == len(own):
        # In the layout of a fresh network: kernels are chosen by layout, and training has left that of its device.
        laid_out = {name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in weights.items()}
        network.load_state_dict(laid_out, assign=True)
    else:
        with torch.random.fork_rng(devices=[]), torch.device("cpu"):
            network = build()
        network.load_state_dict(weights)
    assert not any(tensor.is_meta for _, tensor in _tensors(network))
    return network


def _tensors(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Every tensor of a network by name: parameters and buffers, as often as they are held, and what else there is."""
    yield from network.named_parameters(remove_duplicate=False)
    yield from network.named_buffers(remove_duplicate=False)
    for prefix, module in network.named_modules():
        yield from ((f"{prefix}.{name}", value) for name, value in vars(module).items() if isinstance(value, Tensor))
