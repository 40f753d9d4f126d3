"""timm(name=...): any CNN of the library timm, its convolutions replaced by operators of the conv.

Wightman, "PyTorch Image Models", https://github.com/huggingface/pytorch-image-models. The stages end at the modules
that timm's own feature interface (`feature_info`) names; a tap that a skip connection bypasses, or that only the stem
precedes, is none. What becomes of each convolution is in the network's `substitutions`. timm is imported when such a
network is named.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from cheapconv.catalog import register
from cheapconv.models.wrap.library import LibraryNetwork


@register("architecture", "timm", paper="Wightman, PyTorch Image Models, doi:10.5281/zenodo.4414861")
@dataclass(frozen=True, kw_only=True)
class TimmNetwork(LibraryNetwork):
    """Any CNN of timm; `cifar_stem` for small images; `weights` is a file or 'pretrained'."""

    name: str
    cifar_stem: bool = False
    weights: str | None = None

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

    def fetch(self) -> Mapping[str, Tensor]:
        import timm

        return timm.create_model(self.name, pretrained=True).state_dict()

    def taps(self, network: nn.Module) -> Mapping[str, int]:
        modules = {name for name, _ in network.named_modules()}
        info = getattr(network, "feature_info", [])
        taps = getattr(info, "info", info)
        return {tap["module"]: tap["num_chs"] for tap in taps if tap["module"] in modules}

    def channels_last(self, network: nn.Module) -> bool:
        return getattr(network, "output_fmt", "NCHW") == "NHWC"

    def image(self, network: nn.Module) -> tuple[int, int, int]:
        config = getattr(network, "pretrained_cfg", None) or {}
        channels, height, width = config.get("input_size") or self.shape
        return channels, height, width
