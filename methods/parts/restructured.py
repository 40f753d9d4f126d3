"""Methods that change the structure of their one network in training, so that it can be saved, resumed and loaded."""

from cheapconv.methods.base import Method, Structure, TrainableNetwork, Trained
from cheapconv.methods.parts.channels import resize


class Restructured(Method):
    """A mixin, named before the base class that makes `student`: a method sets `_structure` when it changes it.

    As it stands the structure is that of `channels.structure_of`; another one needs a `rebuild` of its own.
    """

    student: TrainableNetwork
    _structure: Structure | None = None

    def networks(self) -> list[Trained]:
        """The student, changed or not yet."""
        return [Trained("student", self.student, structure=self._structure)]

    def structure(self) -> Structure | None:
        """How the student differs from a fresh one."""
        return self._structure

    def restructure(self, structure: Structure) -> None:
        """Bring the student into this structure."""
        self.student, self._structure = self.rebuild(self.student, structure), structure

    @classmethod
    def rebuild(cls, network: TrainableNetwork, structure: Structure) -> TrainableNetwork:
        """The network in these shapes."""
        return resize(network, structure)
