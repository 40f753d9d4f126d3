"""Architecture: a network family with its numbers, which builds a network out of a conv."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import ClassVar, Self

from cheapconv.catalog import canonical
from cheapconv.models.conv import Conv
from cheapconv.models.network import Network
from cheapconv.models.parts.initialise import Rule, he_fan_out
from cheapconv.models.wrap.substitute import pointwise_convs, substitute


class Architecture(ABC):
    """Base of the registered families: frozen, keyword-only dataclasses whose fields are the numbers of the family.

    `version` is raised when the same numbers begin to mean another network.
    """

    registered_name: ClassVar[str]
    version: ClassVar[int] = 1

    @abstractmethod
    def build(self, conv: Conv, classes: int) -> Network:
        """A freshly initialised network of `classes` outputs whose replaceable convolutions are operators of `conv`.

        Raises ValueError, with the rule, if the conv does not fit a width of the network.
        """

    def files(self) -> Mapping[str, Path]:
        """The files that a network is read from, by parameter; a cell is known by what they hold."""
        return {}

    def unread(self) -> Self:
        """The family whose networks have the same structure and are read from nowhere."""
        return self

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
