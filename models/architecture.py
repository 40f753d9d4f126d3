"""Architecture: a network family with its numbers, which builds a network out of a conv."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Self

from cheapconv.catalog import canonical
from cheapconv.models.conv import Conv
from cheapconv.models.network import Network


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

    def require_standard(self, conv: Conv) -> None:
        """ValueError unless `conv` leaves the network as it is: for families that are made of cheap convolutions."""
        if not conv.is_standard:
            raise ValueError(
                f"{canonical(conv)} has nothing to replace in {canonical(self)}, "
                "whose convolutions are already 1x1 or depthwise; use standard, or thin for less width"
            )
