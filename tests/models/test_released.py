"""Checkpoints of RepDistiller load by their own names, and compute what the released network computes."""

from pathlib import Path

import pytest
import torch

from cheapconv import catalog
from cheapconv.models.build import build_network
from tests.models.released import CLASSES, RELEASED, W

catalog.load()
SLOW = {"resnet110", "vgg19", "ResNet18", "ResNet50"}


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow if n in SLOW else ()) for n in RELEASED])
def test_a_released_checkpoint_gives_the_released_network_s_logits(tmp_path: Path, name: str) -> None:
    ours, theirs = RELEASED[name]
    w, x = W(), torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    expected = theirs(w, x)
    # As train_teacher.py saves it.
    torch.save({"epoch": 240, "model": w.state, "best_acc": torch.tensor(75.6)}, tmp_path / f"{name}.pth")
    base = catalog.canonical(catalog.parse("architecture", ours)).removesuffix(")").partition("(")
    text = f"{base[0]}({f'{base[2]}, ' if base[2] else ''}weights={str(tmp_path / f'{name}.pth')!r})"
    network = build_network(text, "standard", CLASSES).eval()
    assert network.fresh == ()
    assert expected.std() > 1e-3
    torch.testing.assert_close(network(x), expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))


def test_a_checkpoint_of_another_depth_is_refused_by_a_name_of_ours(tmp_path: Path) -> None:
    w = W()
    RELEASED["resnet20"][1](w, torch.zeros(1, 3, 32, 32))
    torch.save({"model": w.state}, tmp_path / "resnet20.pth")
    with pytest.raises(ValueError, match=r"of another network: \d+ entries differ, such as 'stage_modules\.0\.3"):
        build_network(f"resnet(depth=32, weights={str(tmp_path / 'resnet20.pth')!r})", "standard", CLASSES)


def test_other_classes_leave_the_classifier_fresh_and_outputs_picks_some(tmp_path: Path) -> None:
    w, x = W(), torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    logits = RELEASED["resnet8"][1](w, x)
    path = tmp_path / "resnet8.pth"
    torch.save({"model": w.state}, path)
    assert build_network(f"resnet(depth=8, weights={str(path)!r})", "standard", 3).fresh == ("classifier",)
    picked = build_network(f"resnet(depth=8, weights={str(path)!r}, outputs=(6, 0))", "standard", 2).eval()
    torch.testing.assert_close(picked(x), logits[:, [6, 0]], rtol=1e-3, atol=1e-3)
    with pytest.raises(ValueError, match="outputs lists class 7, but the weights are of 7 classes"):
        build_network(f"resnet(depth=8, weights={str(path)!r}, outputs=(7,))", "standard", 1)
    with pytest.raises(ValueError, match="outputs lists 2 classes, one for each of the 3 is wanted"):
        build_network(f"resnet(depth=8, weights={str(path)!r}, outputs=(0, 1))", "standard", 3)
