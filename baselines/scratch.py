"""Training the network alone with cross-entropy: what every distillation method has to beat.

The fair form gives it the epochs that a distilled student has cost, teacher included: `cheapconv fair SWEEP`
says how many, and an entry of the registry sets them with `epochs`. The schedule keeps its shape.
"""

from torch import Tensor

from cheapconv.catalog import register
from cheapconv.methods.base import Batch, Build, Method, Trained


@register("method", "scratch", paper="plain supervised training")
class Scratch(Method):
    """The network alone, cross-entropy, no teacher."""

    is_baseline = True
    soft_labels = True
    answers = frozenset({"image", "pixel"})

    def __init__(self, build: Build, config: object) -> None:
        super().__init__(build, config)
        self.student = build.network()
        self.loss = build.loss

    def losses(self, batch: Batch, update: int = 0) -> dict[str, Tensor]:
        """L = CE(s, y)."""
        return {"ce": self.loss(self.student(batch.x), batch.y)}

    def networks(self) -> list[Trained]:
        """The network."""
        return [Trained("student", self.student)]
