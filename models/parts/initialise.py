"""Weight initialisation by the rule that each network's source uses; BN starts at scale 1 and shift 0."""

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn

Rule = Callable[[Tensor], object]


def he_fan_out(weight: Tensor) -> None:
    """Normal(0, sqrt(2 / (k * k * out_channels))), out_channels not divided by the groups (He et al., ICCV 2015)."""
    nn.init.kaiming_normal_(weight, mode="fan_out", nonlinearity="relu")


def he_fan_in(weight: Tensor) -> None:
    """Normal(0, sqrt(2 / (k * k * in_channels / groups))), the default arguments of PyTorch's kaiming_normal_."""
    nn.init.kaiming_normal_(weight)


def initialise(network: nn.Module, rule: Rule) -> None:
    """Draw the weight of every convolution by `rule`, in the order of the modules; linear layers keep their default."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            rule(module.weight)
    network.redraw = partial(initialise, rule=rule)  # type: ignore[assignment]  # for networks of other widths


def initialise_as_vgg(network: nn.Module) -> None:
    """Convolutions by `he_fan_out`, linear layers Normal(0, 0.01), every bias zero."""
    initialise(network, he_fan_out)
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.01)
        if isinstance(module, nn.Linear | nn.Conv2d) and module.bias is not None:
            nn.init.zeros_(module.bias)
    network.redraw = initialise_as_vgg  # type: ignore[assignment]


def initialise_as_keras(network: nn.Module) -> None:
    """Convolutions and linear layers by `he_fan_in`, every bias zero."""
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            he_fan_in(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    network.redraw = initialise_as_keras  # type: ignore[assignment]
