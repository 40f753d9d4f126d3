"""Images held out of the training set."""

import pytest
import torch

from cheapconv.catalog.errors import UserError
from cheapconv.suites.digits import Digits
from cheapconv.suites.memory import normalise
from cheapconv.suites.place import Place


def test_held_out_images_are_training_images_that_are_no_longer_trained_on():
    data = Digits().load()
    held = data.hold_out(297)
    assert len(held.train_y) == 1000
    assert held.validation_x is not None
    assert len(held.validation_x) == 297
    before = sorted(image.numpy().tobytes() for image in data.train_x)
    after = sorted(image.numpy().tobytes() for image in torch.cat([held.train_x, held.validation_x]))
    assert after == before
    assert torch.equal(held.test_x, data.test_x)


def test_the_same_images_are_held_out_every_time():
    data = Digits().load()
    first, second = data.hold_out(100).validation_x, data.hold_out(100).validation_x
    assert first is not None
    assert second is not None
    assert torch.equal(first, second)


def test_holding_out_everything_is_refused():
    data = Digits().load()
    with pytest.raises(UserError, match="leave some to train on"):
        data.hold_out(1297)


def test_a_suite_opens_with_images_held_out():
    data = Digits().open(Place(torch.device("cpu")), validation=297)
    assert (data.samples, data.size("test"), data.size("validation")) == (1000, 500, 297)
    assert Digits().open(Place(torch.device("cpu"))).size("validation") == 0
    held = Digits().load().hold_out(297)
    x, y = (torch.cat(parts) for parts in zip(*data.split("validation", Digits.recipes["short"]), strict=True))
    assert held.validation_x is not None
    assert torch.equal(x, normalise(held.validation_x, Digits.recipes["short"].normalisation))
    assert torch.equal(y, held.validation_y)


def test_held_out_images_move_with_the_others():
    """The meta device stands for any other than the CPU."""
    moved = Digits().load().hold_out(10).to(torch.device("meta"))
    tensors = [value for value in vars(moved).values() if isinstance(value, torch.Tensor)]
    assert len(tensors) == 6
    assert {tensor.device.type for tensor in tensors} == {"meta"}


def test_one_of_several_processes_is_refused():
    """Each would train on all images."""
    with pytest.raises(AssertionError, match="all images"):
        Digits().open(Place(torch.device("cpu"), rank=1, world=2))
