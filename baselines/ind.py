"""Independent networks in one process: the control that tells what distillation adds from what an ensemble adds.

The networks start and are trained as those of the online methods, without a word between them. The mean over them is
that of training alone; their ensemble is what averaging logits gains with no distillation at all.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from cheapconv.catalog import register
from cheapconv.catalog.numbers import Few
from cheapconv.methods.base import Batch, Build, Method, Trained
from cheapconv.methods.losses import cross_entropy
from cheapconv.methods.parts.partners import Members, Partners
from cheapconv.methods.parts.siblings import MeanLogits


@register("method", "ind", paper="control of the online methods; no paper of its own")
class Independent(Method):
    """Networks trained side by side by cross-entropy alone."""

    is_baseline = True
    soft_labels = True

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """L = sum_i CE(z_i, y) over `students` networks of the cell and the `partners`."""

        students: Few = 4
        partners: Partners = ()

    def __init__(self, build: Build, config: Config) -> None:
        super().__init__(build, config)
        self.students = Members(build, config.students, config.partners)

    def losses(self, batch: Batch, update: int = 0) -> dict[str, Tensor]:
        """Cross-entropy of every network."""
        return {"ce": torch.stack([cross_entropy(z, batch.y) for z in self.students(batch.x)]).sum()}

    def networks(self) -> list[Trained]:
        """Every student counts; partners and the mean of all logits are shown apart."""
        ensemble = Trained("ensemble", MeanLogits(self.students), "ensemble", headline=False)
        return [*self.students.trained(), ensemble]
