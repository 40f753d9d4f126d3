"""Architecture: a network family with its numbers, which builds a network out of a conv."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, ClassVar, Self

import torch
from annotated_types import Ge, Gt, Le, MinLen

from cheapconv.catalog import canonical
from cheapconv.catalog.entries import COMMON
from cheapconv.catalog.errors import shown
from cheapconv.models.conv import Conv
from cheapconv.models.input import Normalised
from cheapconv.models.network import Network
from cheapconv.models.parts.initialise import Rule, he_fan_out
from cheapconv.models.promises import require_promised
from cheapconv.models.weights.located import located
from cheapconv.models.weights.released import Renames, own_names
from cheapconv.models.weights.stored import Stored, load_weights, picked, read_stored
from cheapconv.models.wrap.substitute import pointwise_convs, substitute

Positive = Annotated[float, Gt(0)]


@dataclass(frozen=True, kw_only=True)
class Architecture(ABC):
    """Base of the registered families: frozen, keyword-only dataclasses whose fields are the numbers of the family.

    Every family takes `weights`: a file, a URL, or the name of a set of weights that the family knows (`weight_sets`).
    `mean` and `std` are what they were trained with, where the weights do not say it themselves; a network whose images
    come normalised in another way normalises them anew. `outputs` picks some of their classes, in the suite's order.
    With `side` the network resizes its images.

    `version` is raised when the same numbers begin to mean another network.
    """

    registered_name: ClassVar[str]
    version: ClassVar[int] = 1
    is_read: ClassVar[bool] = True  # False of one whose networks have the structure alone

    weights: str | None = field(default=None, metadata=COMMON)
    mean: tuple[float, float, float] | None = field(default=None, metadata=COMMON)
    std: tuple[Positive, Positive, Positive] | None = field(default=None, metadata=COMMON)
    side: Annotated[int, Ge(1), Le(4096)] | None = field(default=None, metadata=COMMON)
    outputs: Annotated[tuple[Annotated[int, Ge(0)], ...], MinLen(1)] | None = field(default=None, metadata=COMMON)

    def __post_init__(self) -> None:
        if (self.mean is None) != (self.std is None):
            raise ValueError("mean and std are what weights were trained with: give both or none")
        if self.weights is None and (self.mean or self.outputs):
            raise ValueError(f"{'mean and std' if self.mean else 'outputs'} say something of weights: give weights=...")

    @abstractmethod
    def build(self, conv: Conv, classes: int) -> Network:
        """A freshly initialised network of `classes` outputs whose replaceable convolutions are operators of `conv`.

        Raises ValueError, with the rule, if the conv does not fit a width of the network.
        """

    @property
    def released(self) -> Renames:
        """What the released code of a paper calls the layers of its networks, and what they are called here."""
        return {}

    def network(self, conv: Conv, classes: int) -> Network:
        """The network with its weights, if it has any, behind what brings images to the form that they know.

        On the meta device, where a network is only looked at, none are read. Raises ValueError if they do not fit.
        """
        if self.outputs is not None and len(self.outputs) != classes:
            raise ValueError(f"outputs lists {len(self.outputs)} classes, one for each of the {classes} is wanted")
        require_promised(conv)
        network = self.build(conv, classes)
        if not isinstance(network, Network):  # a plugin's family
            raise TypeError(f"build has returned {shown(network)}, which is no Network")
        self.fill(network)
        network.input.side = self.side
        return network

    def fill(self, network: Network) -> None:
        """Load the weights into a freshly built network; a classifier of another number of classes stays fresh."""
        stored = self.stored()
        if stored is not None:
            weights = picked(own_names(stored.tensors, self.released), ["classifier"], self.outputs)
            network.fresh = load_weights(network, weights, may_differ=["classifier"])
            network.input.taken = stored.normalisation

    def stored(self) -> Stored | None:
        """The weights and how their images were normalised; None where there is nothing to read."""
        if self.weights is None or not self.is_read or torch.get_default_device().type == "meta":
            return None
        file = self.weights_file()
        found = self.fetch() if file is None else read_stored(file)
        said = None if self.mean is None or self.std is None else Normalised(self.mean, self.std)
        return replace(found, normalisation=said or found.normalisation)

    def weight_sets(self) -> Collection[str]:
        """Names of the weights that are no file; a cell is known by such a name."""
        return ()

    def fetch(self) -> Stored:
        """The weights of the set that is named; ValueError if they are not to be had."""
        raise NotImplementedError

    def files(self) -> Mapping[str, Path]:
        """The files that a network is read from, by parameter; a cell is known by what they hold.

        What lies behind a URL is fetched for it; a UserError if it cannot be.
        """
        file = self.weights_file()
        return {} if file is None else {"weights": file}

    def contents(self, hashed: Callable[[Path], str]) -> Mapping[str, str]:
        """What a cell's key has in the place of the parameters that name files: what these hold."""
        return {name: hashed(path) for name, path in self.files().items()}

    def weights_file(self) -> Path | None:
        """Where the weights are; None where there are none, and of those that a library knows by name."""
        named = self.weights is None or self.weights in self.weight_sets()
        return None if named else located(str(self.weights))

    def unread(self) -> Self:
        """The family whose networks have the same structure and are read from nowhere."""
        unread = replace(self)  # with the text of its weights, from which a part of the structure may follow
        object.__setattr__(unread, "is_read", False)
        return unread

    def replace_pointwise(
        self, network: Network, conv: Conv, stem: Collection[str], rule: Rule | None = he_fan_out
    ) -> None:
        """Put operators of `conv` for the 1x1 convolutions of a network that has no others but depthwise ones.

        `stem` names those that stay. New weights are drawn by `rule`, or as PyTorch draws them.
        """
        if not conv.is_standard:
            rows = substitute(network, conv, stem, rule=rule)
            network.substitutions = rows  # type: ignore[assignment]  # shown to who looks at the network

    def require_pointwise(self, conv: Conv) -> None:
        """ValueError, with what can be done instead, for a conv that stands in for larger convolutions than 1x1.

        Before such a network is built: a search for a budget asks for thousands.
        """
        if not conv.is_standard and 1 not in conv.kernel_sizes:
            cheaper = " or ".join(pointwise_convs())
            raise ValueError(
                f"{canonical(conv)} has nothing to replace in {canonical(self)}, whose convolutions are 1x1 or "
                f"depthwise: make the 1x1 ones cheaper by {cheaper}, or all of them narrower by thin"
            )
