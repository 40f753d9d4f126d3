"""torchvision(name=...): any CNN of torchvision, its convolutions replaced by operators of the conv.

https://docs.pytorch.org/vision/stable/models.html. torchvision names no stages; here one ends at the last map of each
resolution through which everything flows. What becomes of each convolution is in the network's `substitutions`.
Auxiliary classifiers are left out. torchvision is imported when such a network is named.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from cheapconv.catalog import register
from cheapconv.models.wrap.library import LibraryNetwork

AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")
OPTIONS: dict[str, dict[str, bool]] = {
    "googlenet": {"aux_logits": False, "init_weights": True},
    "inception_v3": {"aux_logits": False, "init_weights": True},
}


@register("architecture", "torchvision", paper="TorchVision maintainers and contributors, TorchVision, 2016")
@dataclass(frozen=True, kw_only=True)
class TorchvisionNetwork(LibraryNetwork):
    """Any CNN of torchvision; `cifar_stem` for small images; `weights` is a file or 'pretrained'."""

    name: str
    cifar_stem: bool = False
    weights: str | None = None

    library = "torchvision"

    def known(self) -> list[str]:
        from torchvision import models

        return models.list_models(module=models)

    def create(self, classes: int) -> nn.Module:
        from torchvision import models

        return models.get_model(self.name, num_classes=classes, **OPTIONS.get(self.name, {}))

    def fetch(self) -> Mapping[str, Tensor]:
        from torchvision import models

        weights = models.get_model_weights(self.name).DEFAULT.get_state_dict(progress=False)
        return {name: tensor for name, tensor in weights.items() if not name.startswith(AUXILIARY)}
