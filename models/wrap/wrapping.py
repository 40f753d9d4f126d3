"""WrappedArchitecture: the common part of the architectures whose networks are not made here.

A stage is what the network's maker calls one (`ends`), else what ends at the last map of a resolution. Whether its maps
are taken before or after an activation is the maker's affair.
"""

import contextlib
from abc import abstractmethod
from collections.abc import Mapping, Sequence

import torch
from torch import nn

from cheapconv.catalog import canonical
from cheapconv.catalog.errors import REFUSALS, reason
from cheapconv.models.architecture import Architecture
from cheapconv.models.conv import Conv
from cheapconv.models.network import Network
from cheapconv.models.weights.released import own_names
from cheapconv.models.wrap.cuts import Cuts, find_cuts
from cheapconv.models.wrap.wrapped import wrap

SIDE = 224


class WrappedArchitecture(Architecture):
    """Base of the architectures that wrap a plain CNN and replace its convolutions by name.

    Weights are loaded before that: what stays keeps them. Who loads what was trained from them reads none.
    """

    cifar_stem: bool = False

    @property
    @abstractmethod
    def called(self) -> str:
        """What an error calls the network."""

    @property
    @abstractmethod
    def maker(self) -> str:
        """Whose it is, in an error about its making."""

    @abstractmethod
    def create(self, classes: int) -> nn.Module:
        """The plain network of `classes` outputs, freshly initialised."""

    def ends(self, network: nn.Module) -> Mapping[str, int | None]:
        """Names of the modules that end a stage and the channels of their maps, where its maker says them."""
        return {}

    def channels_last(self, network: nn.Module) -> bool:
        """Whether these maps are (B, H, W, C)."""
        return False

    def fill(self, network: Network) -> None:
        """Nothing: `build` has, before it replaced convolutions."""

    def sides(self, network: nn.Module) -> Sequence[int]:
        """Sides of images on which it may be looked at, the first one that it takes."""
        return (SIDE,)

    def build(self, conv: Conv, classes: int) -> Network:
        """The network, its convolutions replaced as models/wrap/substitute.py says."""
        try:
            network = self._created(classes)
            cuts, stored = self._cuts(network), self.stored()
            weights = None if stored is None else own_names(stored.tensors, self.released)
            wrapped = wrap(
                network, conv, classes, cuts, cifar_stem=self.cifar_stem, weights=weights, outputs=self.outputs
            )
            wrapped.input.taken = None if stored is None else stored.normalisation
            return wrapped
        except ValueError as error:
            raise ValueError(f"{canonical(conv)} in {self.called}: {error}") from error

    def _cuts(self, network: nn.Module) -> Cuts:
        """The cuts for images of the first side that the network takes; its ValueError if it takes none."""
        *sides, last = self.sides(network)
        for side in sides:
            with contextlib.suppress(ValueError):
                return find_cuts(network, (3, side, side), self.ends(network), self.channels_last(network))
        return find_cuts(network, (3, last, last), self.ends(network), self.channels_last(network))

    def _created(self, classes: int) -> nn.Module:
        """A fresh network on the default device; some cannot be made on the meta device."""
        try:
            return self.create(classes)
        except NotImplementedError:
            device = torch.get_default_device()
            with torch.device("cpu"):
                return self.create(classes).to(device)
        except (*REFUSALS, OSError, ImportError) as error:  # some want a file, or a package that is not here
            raise ValueError(f"{self.maker} cannot make it ({reason(error)})") from error
