"""PyTorch as it is: one operator after the other, called from Python, which is most of the time at batch 1."""

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from cheapconv.catalog import register
from cheapconv.engine.measure.runtimes import torch_profile
from cheapconv.engine.measure.runtimes.base import Job, Prepared, Runtime
from cheapconv.engine.measure.runtimes.torch_threads import torch_threads
from cheapconv.engine.store.operators import Operator

if TYPE_CHECKING:
    from torch import Tensor, nn


@register("runtime", "eager")
@dataclass(frozen=True)
class Eager(Runtime):
    """PyTorch's own interpreter, channels last."""

    label: ClassVar[str] = "PyTorch"
    home: ClassVar[str] = "https://pytorch.org"
    packages: ClassVar[tuple[str, ...]] = ("torch",)

    def prepared(self, network: "nn.Module", job: Job) -> Prepared:
        import torch

        from cheapconv.models.build import on_device

        own = on_device(copy.deepcopy(network), torch.device("cpu"))  # the layout of what was given stays as it is

        def answer(images: "Tensor") -> "Tensor":
            with torch_threads(job.threads), torch.inference_mode():
                logits: Tensor = own(images.contiguous(memory_format=torch.channels_last))
                return logits

        return Prepared(answer)

    def operators(self, prepared: Prepared, job: Job) -> tuple[Operator, ...]:
        return torch_profile.operators(prepared, job)
