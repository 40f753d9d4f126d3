"""Post-training int8: integers that are integers, an error of half a step, real bytes, and training as in scratch."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from cheapconv import catalog
from cheapconv.baselines.int8 import Int8Layer, quantised
from cheapconv.models.size import count_macs, count_params, weights_bytes
from tests.methods.world import SUITE, World, batch, train


def trained(world: World, name: str, folder: Path):
    recipe = catalog.parse("suite", SUITE).recipes["short"].override(epochs=2, batch=8)
    method = world.method(name)
    position = train(method, folder, recipe)
    return method, position


def test_weights_are_rounded_by_channel() -> None:
    integers, scale = quantised(torch.tensor([[1.27, -0.5], [0.0, 0.0], [-254.0, 1.0]]))
    assert integers.tolist()[0] == [127, -50]
    assert integers.tolist()[1:] == [[0, 0], [-127, 0]]
    assert integers.dtype == torch.int8
    torch.testing.assert_close(scale[[0, 2]], torch.tensor([0.01, 2.0]))


@pytest.mark.parametrize("options", [{}, {"stride": 2, "bias": False}, {"groups": 4}])
def test_a_layer_is_near_the_one_it_stands_for(options: dict[str, object]) -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(8, 8, 3, padding=1, **options)  # type: ignore[arg-type]
    x = torch.randn(4, 8, 6, 6)
    rounded = Int8Layer(layer)
    rounded.set_range(x.min(), x.max())
    exact = layer(x)
    assert (rounded(x) - exact).abs().max() < 0.03 * exact.abs().max()
    levels = rounded.zero
    assert levels == levels.round()  # zero itself is a level: padding is exact


def test_zero_inputs_give_the_bias() -> None:
    layer = nn.Linear(5, 3)
    rounded = Int8Layer(layer)
    rounded.set_range(torch.tensor(0.3), torch.tensor(2.0))
    torch.testing.assert_close(rounded(torch.zeros(2, 5)), layer.bias.expand(2, 3))


def test_training_is_that_of_scratch_and_the_network_a_quarter(world: World, tmp_path: Path) -> None:
    plain, before = trained(world, "scratch", tmp_path / "a")
    method, position = trained(world, "int8", tmp_path / "b")
    assert [row.loss for row in position.curve] == [row.loss for row in before.curve]
    x = batch().x
    exact, rounded = plain.eval().student(x), method.eval().student(x)
    assert 0 < (exact - rounded).abs().max() < 0.1 * exact.abs().max()
    assert weights_bytes(method.student) < 0.3 * weights_bytes(plain.student)
    assert count_params(method.student) == count_params(plain.student)
    assert count_macs(method.student, (3, 8, 8)) == count_macs(plain.student, (3, 8, 8))


def test_it_is_rebuilt_from_its_structure(world: World, tmp_path: Path) -> None:
    method, _ = trained(world, "int8", tmp_path)
    again = world.method("int8", seed=3)
    again.restructure(json.loads(json.dumps(method.structure())))
    again.load_state_dict(method.state_dict())
    assert torch.equal(again.eval().student(batch().x), method.eval().student(batch().x))


def test_a_training_that_is_over_is_taken_up_without_its_optimiser(world: World, tmp_path: Path) -> None:
    _, position = trained(world, "int8", tmp_path)
    method, again = trained(world, "int8", tmp_path)
    assert again.curve == position.curve
    assert method.networks()[0].structure is not None
