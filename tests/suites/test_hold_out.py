"""Images held out of the training set."""

import pytest
import torch

from cheapconv.suites.digits import Digits
from cheapconv.suites.memory import hold_out


def test_held_out_images_are_training_images_that_are_no_longer_trained_on():
    data = Digits().load()
    held = hold_out(data, 297)
    assert len(held.train_y) == 1000
    assert held.validation_x is not None
    assert len(held.validation_x) == 297
    before = sorted(image.numpy().tobytes() for image in data.train_x)
    after = sorted(image.numpy().tobytes() for image in torch.cat([held.train_x, held.validation_x]))
    assert after == before
    assert torch.equal(held.test_x, data.test_x)


def test_the_same_images_are_held_out_every_time():
    data = Digits().load()
    first, second = hold_out(data, 100).validation_x, hold_out(data, 100).validation_x
    assert first is not None
    assert second is not None
    assert torch.equal(first, second)


def test_holding_out_everything_is_refused():
    data = Digits().load()
    with pytest.raises(ValueError, match="leave some to train on"):
        hold_out(data, 1297)
