"""LibraryNetwork: the common part of the architectures whose networks come from a library of pretrained models."""

import pickle
from abc import abstractmethod
from collections.abc import Collection
from typing import ClassVar

from cheapconv.catalog.errors import nearest, reason
from cheapconv.models.weights.stored import Stored
from cheapconv.models.wrap.wrapping import WrappedArchitecture

PRETRAINED = "pretrained"


class LibraryNetwork(WrappedArchitecture):
    """Base of dataclasses with the fields `name` (in the library) and `cifar_stem`.

    `weights` may name the library's own, 'pretrained' or one of several sets, whose normalisation the library knows.
    """

    library: ClassVar[str]
    revised: ClassVar[tuple[str, ...]] = ()  # how the names of those networks begin that were other ones in version 1
    name: str
    cifar_stem: bool

    def __post_init__(self) -> None:
        super().__post_init__()
        known = self.known()
        if self.name not in known:
            advice = self.renamed(known) or nearest(self.name, known)
            raise ValueError(f"{self.library} has no network '{self.name}'{advice}")
        # Of weights that come with their normalisation, images had the recipe's before.
        anew = self.weights is not None and self.weights in self.weight_sets()
        object.__setattr__(self, "version", 1 + self.name.startswith(self.revised) + anew)

    @abstractmethod
    def known(self) -> list[str]:
        """Names of the library's networks."""

    def renamed(self, known: Collection[str]) -> str | None:
        """The end of the sentence about an unknown name, where the library knows what it stands for."""
        return None

    @property
    def called(self) -> str:
        return f"{self.library}'s {self.name}"

    @property
    def maker(self) -> str:
        return self.library

    @abstractmethod
    def sets(self) -> Collection[str]:
        """Names of the library's weights for this network, beside 'pretrained'."""

    @abstractmethod
    def download(self) -> Stored:
        """The library's own weights, from its cache or the net; OSError or RuntimeError if they are not to be had."""

    def weight_sets(self) -> Collection[str]:
        return {PRETRAINED, *(self.sets() if self.weights not in (None, PRETRAINED) else ())}

    def fetch(self) -> Stored:
        try:
            return self.download()
        except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:  # a cached file may be damaged
            raise ValueError(
                f"there are no pretrained weights to be had ({reason(error)}); give weights='FILE'"
            ) from error
