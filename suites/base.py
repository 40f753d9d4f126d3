"""What a suite is: data, recipes and a protocol version that no method may change."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from cheapconv.suites.memory import Data
from cheapconv.suites.recipe import Recipe


@dataclass(frozen=True)
class Suite:
    """Base class of all suites; a subclass fills the attributes and loads the data.

    `fingerprint` names the exact data (it is in every cell's key) and `protocol` is raised whenever the suite's code
    may change a result.
    """

    registered_name: ClassVar[str]
    label: ClassVar[str]  # as the literature writes it: "CIFAR-10"
    protocol: ClassVar[int]
    fingerprint: ClassVar[str]
    classes: ClassVar[int]
    image: ClassVar[tuple[int, int, int]]  # (channels, height, width)
    recipes: ClassVar[dict[str, Recipe]]

    def load(self, folder: Path | None, download: bool = False) -> Data:
        """The data as uint8 tensors on the CPU; a missing or damaged file is a UserError."""
        raise NotImplementedError
