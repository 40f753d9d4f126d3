"""Methods that change the structure of their one network in training, so that it can be saved, resumed and loaded."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from cheapconv.methods.base import Method, Trained
from cheapconv.methods.parts.channels import resize


class Restructured(Method):
    """A mixin, named before the base class that makes `student`: a method sets `_structure` when it changes it.

    As it stands the structure is that of `channels.structure_of`; another one needs a `rebuild` of its own.
    """

    student: nn.Module
    _structure: Mapping[str, Any] | None = None

    def networks(self) -> list[Trained]:
        """The student, changed or not yet."""
        return [Trained("student", self.student, structure=self._structure)]

    def structure(self) -> Mapping[str, Any] | None:
        """How the student differs from a fresh one."""
        return self._structure

    def restructure(self, structure: Mapping[str, Any]) -> None:
        """Bring the student into this structure."""
        self.student, self._structure = self.rebuild(self.student, structure), structure

    @classmethod
    def rebuild(cls, network: nn.Module, structure: Mapping[str, Any]) -> nn.Module:
        """The network in these shapes."""
        return resize(network, structure)
