"""torchvision(name=...): any CNN of torchvision, its convolutions replaced by operators of the conv.

https://docs.pytorch.org/vision/stable/models.html. torchvision names no stages; here one ends at the last map of each
resolution through which everything flows. What becomes of each convolution is in the network's `substitutions`.
Auxiliary classifiers are left out. googlenet and inception_v3 normalise their input anew where the weights are
torchvision's own, as torchvision has it; until version 2 they did not. torchvision is imported when such a network is
named.
"""

from collections.abc import Collection
from dataclasses import dataclass

import torch
from torch import nn

from cheapconv.catalog import register
from cheapconv.models.input import Normalised
from cheapconv.models.weights.stored import Stored
from cheapconv.models.wrap.library import PRETRAINED, LibraryNetwork

AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")
OPTIONS: dict[str, dict[str, bool]] = {
    "googlenet": {"aux_logits": False, "init_weights": True},
    "inception_v3": {"aux_logits": False, "init_weights": True},
}


@register("architecture", "torchvision", paper="TorchVision maintainers and contributors, TorchVision, 2016")
@dataclass(frozen=True, kw_only=True)
class TorchvisionNetwork(LibraryNetwork):
    """Any CNN of torchvision; `cifar_stem` for small images; `weights` may be 'pretrained' or a named set."""

    name: str
    cifar_stem: bool = False

    library = "torchvision"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self._normalises_anew:
            object.__setattr__(self, "version", self.version + 1)

    @property
    def _normalises_anew(self) -> bool:
        """Whether the weights expect the input normalised as TensorFlow has it, which the network then does itself."""
        return self.name in OPTIONS and self.weights in self.weight_sets()

    def known(self) -> list[str]:
        from torchvision import models

        return models.list_models(module=models)

    def create(self, classes: int) -> nn.Module:
        from torchvision import models

        options = OPTIONS.get(self.name, {}) | ({"transform_input": True} if self._normalises_anew else {})
        return models.get_model(self.name, num_classes=classes, **options)

    def sets(self) -> Collection[str]:
        from torchvision import models

        return models.get_model_weights(self.name).__members__

    def download(self) -> Stored:
        from torchvision import models

        weights = models.get_model_weights(self.name)["DEFAULT" if self.weights == PRETRAINED else str(self.weights)]
        with torch.random.fork_rng(devices=[]):  # building it draws weights, which must not move the cell's numbers on
            network = models.get_model(self.name, weights=weights, progress=False)
        state = network.state_dict()
        images = weights.transforms()
        return Stored(
            {name: tensor for name, tensor in state.items() if not name.startswith(AUXILIARY)},
            Normalised(tuple(images.mean), tuple(images.std)),
        )
