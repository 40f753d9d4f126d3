"""LibraryNetwork: the common part of the architectures whose networks come from a library of pretrained models.

A stage is what the library calls one (`taps`), else what ends at the last map of a resolution. Whether its maps are
taken before or after an activation is the library's affair.
"""

import dataclasses
import pickle
from abc import abstractmethod
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import ClassVar, Self

import torch
from torch import Tensor, nn

from cheapconv.catalog import canonical
from cheapconv.catalog.errors import REFUSALS, nearest, reason
from cheapconv.models.architecture import Architecture
from cheapconv.models.conv import Conv
from cheapconv.models.network import Network
from cheapconv.models.wrap.cuts import Cuts, find_cuts
from cheapconv.models.wrap.stored_weights import read_weights
from cheapconv.models.wrap.wrapped import wrap

PRETRAINED = "pretrained"


class LibraryNetwork(Architecture):
    """Base of dataclasses with the fields `name` (in the library), `cifar_stem` and `weights`.

    `weights` is a file (see models/wrap/stored_weights.py) or 'pretrained', for the library's own. A cell is known
    by what the file holds, wherever it lies, and by 'pretrained' as by any name. What has been trained and saved no
    longer needs either: `is_read` is False of a network that only has the structure.
    """

    library: ClassVar[str]
    shape: ClassVar[tuple[int, int, int]] = (3, 224, 224)
    is_read: ClassVar[bool] = True
    revised: ClassVar[tuple[str, ...]] = ()  # how the names of those networks begin that were other ones in version 1
    name: str
    cifar_stem: bool
    weights: str | None

    def __post_init__(self) -> None:
        known = self.known()
        if self.name not in known:
            advice = self.renamed(known) or nearest(self.name, known)
            raise ValueError(f"{self.library} has no network '{self.name}'{advice}")
        if self.name.startswith(self.revised):
            object.__setattr__(self, "version", 2)

    @abstractmethod
    def known(self) -> list[str]:
        """Names of the library's networks."""

    def renamed(self, known: Collection[str]) -> str | None:
        """The end of the sentence about an unknown name, where the library knows what it stands for."""
        return None

    @abstractmethod
    def create(self, classes: int) -> nn.Module:
        """The library's network of `classes` outputs, freshly initialised."""

    @abstractmethod
    def fetch(self) -> Mapping[str, Tensor]:
        """The library's own weights, from its cache or the net; OSError or RuntimeError if they are not to be had."""

    def taps(self, network: nn.Module) -> Mapping[str, int]:
        """Names of the modules that end a stage and the channels of their maps; none if the library does not say."""
        return {}

    def channels_last(self, network: nn.Module) -> bool:
        """Whether these maps are (B, H, W, C)."""
        return False

    def files(self) -> Mapping[str, Path]:
        return {} if self.weights in (None, PRETRAINED) else {"weights": Path(str(self.weights))}

    def unread(self) -> Self:
        unread = dataclasses.replace(self)  # type: ignore[type-var]  # its subclasses are dataclasses
        object.__setattr__(unread, "is_read", False)  # with its weights, from which a part of the structure may follow
        return unread

    def image(self, network: nn.Module) -> tuple[int, int, int]:
        """The images that the library made it for."""
        return self.shape

    def build(self, conv: Conv, classes: int) -> Network:
        """The library's network, its convolutions replaced as models/wrap/substitute.py says."""
        try:
            network = self._created(classes)
            cuts, weights = self._cuts(network), self._weights()
            return wrap(network, conv, classes, cuts, cifar_stem=self.cifar_stem, weights=weights)
        except ValueError as error:
            raise ValueError(f"{canonical(conv)} in {self.library}'s {self.name}: {error}") from error

    def _cuts(self, network: nn.Module) -> Cuts:
        """The cuts for images of `shape`, or for those that the network was made for where it takes no others."""
        taps, last = self.taps(network), self.channels_last(network)
        try:
            return find_cuts(network, self.shape, taps, last)
        except ValueError:
            if self.image(network) == self.shape:
                raise
            return find_cuts(network, self.image(network), taps, last)

    def _created(self, classes: int) -> nn.Module:
        """A fresh network on the default device; some libraries cannot make theirs on the meta device."""
        try:
            return self.create(classes)
        except NotImplementedError:
            device = torch.get_default_device()
            with torch.device("cpu"):
                return self.create(classes).to(device)
        except (*REFUSALS, OSError, ImportError) as error:  # some want a file, or a package that is not here
            raise ValueError(f"{self.library} cannot make it ({reason(error)})") from error

    def _weights(self) -> Mapping[str, Tensor] | None:
        """What is to be loaded; nothing on the meta device, where a network is only looked at."""
        if self.weights is None or not self.is_read or torch.get_default_device().type == "meta":
            return None
        if self.weights != PRETRAINED:
            return read_weights(Path(self.weights))
        try:
            return self.fetch()
        except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:  # a cached file may be damaged
            raise ValueError(
                f"there are no pretrained weights to be had ({reason(error)}); give weights='FILE'"
            ) from error
