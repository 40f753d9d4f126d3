"""timm(name=...): any CNN of the library timm, its convolutions replaced by operators of the conv.

Wightman, "PyTorch Image Models", https://github.com/huggingface/pytorch-image-models. The stages end at the modules
that timm's own feature interface (`feature_info`) names; a tap that a skip connection bypasses, or that only the stem
precedes, is none. What becomes of each convolution is in the network's `substitutions`. timm is imported when such a
network is named.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from cheapconv.catalog import register
from cheapconv.models.input import Normalised
from cheapconv.models.weights.packaged import IMAGES, NETWORKS, PACKAGE, RENAMES, packaged_file
from cheapconv.models.weights.released import Renames
from cheapconv.models.weights.stored import Stored
from cheapconv.models.wrap.library import PRETRAINED, LibraryNetwork
from cheapconv.models.wrap.wrapping import SIDE


@register("architecture", "timm", paper="Wightman, PyTorch Image Models, doi:10.5281/zenodo.4414861")
@dataclass(frozen=True, kw_only=True)
class TimmNetwork(LibraryNetwork):
    """Any CNN of timm; `cifar_stem` for small images; `weights` may be 'pretrained' or the tag of a set."""

    name: str
    cifar_stem: bool = False

    library = "timm"
    # Before, their dropout never was on, or the height of their maps was taken for the channels.
    revised = ("ghostnet", "repghostnet", "legacy_se", "mambaout", "test_mambaout", "sequencer2d")

    def known(self) -> list[str]:
        import timm

        return timm.list_models()

    def renamed(self, known: Collection[str]) -> str | None:
        import timm

        now, _, tag = (timm.models.get_deprecated_models().get(self.name) or self.name).partition(".")
        if now not in known:
            return None
        if now == self.name.partition(".")[0]:
            return f" here: leave the tag '.{tag}' out, which names weights"
        return f": it is called {now} now" + (f", and its weights '{tag}'" if tag else "")

    def create(self, classes: int) -> nn.Module:
        import timm

        return timm.create_model(self.name, num_classes=classes)

    def sets(self) -> Collection[str]:
        import timm

        return {name.partition(".")[2] for name in timm.list_pretrained(f"{self.name}.*")}

    @property
    def released(self) -> Renames:
        return RENAMES if self._is_packaged else {}

    @property
    def _is_packaged(self) -> bool:
        return self.weights == PACKAGE and self.name in NETWORKS

    def weights_file(self) -> Path | None:
        return packaged_file() if self._is_packaged else super().weights_file()

    def stored(self) -> Stored | None:
        found = super().stored()
        if found is None or found.normalisation or not self._is_packaged:
            return found
        return replace(found, normalisation=IMAGES)

    def download(self) -> Stored:
        import timm

        name = self.name if self.weights == PRETRAINED else f"{self.name}.{self.weights}"
        network = timm.create_model(name, pretrained=True)
        config = network.pretrained_cfg
        return Stored(network.state_dict(), Normalised(tuple(config["mean"]), tuple(config["std"])))

    def ends(self, network: nn.Module) -> Mapping[str, int | None]:
        modules = {name for name, _ in network.named_modules()}
        info = getattr(network, "feature_info", [])
        taps = getattr(info, "info", info)
        return {tap["module"]: tap["num_chs"] for tap in taps if tap["module"] in modules}

    def channels_last(self, network: nn.Module) -> bool:
        return getattr(network, "output_fmt", "NCHW") == "NHWC"

    def sides(self, network: nn.Module) -> Sequence[int]:
        config = getattr(network, "pretrained_cfg", None) or {}
        return tuple(dict.fromkeys((SIDE, *config.get("input_size", ())[1:2])))
