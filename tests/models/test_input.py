"""What a network does to its images first: another normalisation, another size."""

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.models.build import build_network, give
from cheapconv.models.size import count_macs
from cheapconv.suites.augmentation import Normalisation
from cheapconv.suites.memory import normalise

catalog.load()
RECIPE = Normalisation(mean=(0.49, 0.48, 0.45), std=(0.2, 0.21, 0.22))
OWN = Normalisation(mean=(0.1, 0.5, 0.9), std=(0.5, 0.3, 0.7))


def pixels() -> Tensor:
    """(4, 3, 8, 8) bytes."""
    return torch.randint(256, (4, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("said_by", ["file", "parameters"])
def test_logits_are_those_of_images_normalised_the_network_s_own_way(tmp_path: Path, said_by: str) -> None:
    source = build_network("WRN-10-1", "standard", 10).eval()
    body = {"weights": source.state_dict()}
    if said_by == "file":
        body |= {"mean": OWN.mean, "std": OWN.std}
    torch.save(body, tmp_path / "net.pt")
    more = f", mean={OWN.mean}, std={OWN.std}" if said_by == "parameters" else ""
    text = f"wrn(depth=10, width=1, weights={str(tmp_path / 'net.pt')!r}{more})"
    network = build_network(text, "standard", 10).eval()
    assert give(network, RECIPE.mean, RECIPE.std) == (OWN.mean, OWN.std)
    expected, x = source(normalise(pixels(), OWN)), normalise(pixels(), RECIPE)
    torch.testing.assert_close(network(x), expected, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(network.head(network.stages(x)[-1]), expected, rtol=1e-3, atol=1e-4)
    assert not torch.allclose(source(x), expected, rtol=1e-2, atol=1e-2)
    assert network.state_dict().keys() == source.state_dict().keys()
    give(network, OWN.mean, OWN.std)
    assert torch.equal(network(x), source(x))  # the same bits where there is nothing to do


def test_a_network_without_weights_takes_images_as_they_are() -> None:
    network = build_network("WRN-10-1", "standard", 10)
    assert give(network, RECIPE.mean, RECIPE.std) == (RECIPE.mean, RECIPE.std)
    assert network.input.scale is None


def test_a_side_of_its_own_is_reached_by_a_bilinear_resize(tmp_path: Path) -> None:
    source = build_network("WRN-10-1", "standard", 10).eval()
    torch.save(source.state_dict(), tmp_path / "net.pt")
    text = f"wrn(depth=10, width=1, weights={str(tmp_path / 'net.pt')!r}, side=16)"
    network, x = build_network(text, "standard", 10).eval(), torch.randn(2, 3, 8, 8)
    assert torch.equal(network(x), source(interpolate(x, (16, 16), mode="bilinear", antialias=True)))
    assert count_macs(network, (3, 8, 8)) == count_macs(source, (3, 16, 16)) > count_macs(source, (3, 8, 8))


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ("weights='net.pt', mean=(0, 0, 0)", "give both or none"),
        ("mean=(0, 0, 0), std=(1, 1, 1)", "say something of weights"),
        ("outputs=(0, 1)", "say something of weights"),
        ("weights='net.pt', mean=(0, 0, 0), std=(1, 0, 1)", r"std\.1 must be greater than 0, not 0"),
        ("side=0", "side must be greater than or equal to 1"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_read(parameters: str, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        catalog.parse("architecture", f"wrn(depth=10, width=1, {parameters})")


def test_texts_of_before_are_spelled_as_they_were() -> None:
    text = "timm(name='resnet18', cifar_stem=False, weights='net.pt')"
    assert catalog.canonical(catalog.parse("architecture", text)) == text
    assert catalog.canonical(catalog.parse("architecture", "WRN-10-1")) == "wrn(depth=10, width=1)"
