"""The digits: fixed split, fixed pixels, constants that are their own."""

import hashlib

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from cheapconv.catalog.errors import UserError
from cheapconv.suites import digits
from cheapconv.suites.digits import Digits, fingerprint
from cheapconv.suites.memory import InMemory


@pytest.fixture(scope="module")
def data() -> InMemory:
    return Digits().load()


def test_sizes_and_types(data):
    assert data.train_x.shape == (1297, 3, 8, 8)
    assert Digits.train_samples == data.samples == 1297
    assert data.test_x.shape == (500, 3, 8, 8)
    assert (data.train_x.dtype, data.train_y.dtype) == (torch.uint8, torch.int64)
    assert data.image == Digits.image
    assert len(data.class_names) == Digits.classes


def test_train_and_test_share_no_image_and_together_are_all(data):
    """Every pixel row of scikit-learn's digits is on exactly one side, with its label."""
    ours = [(x[0].flatten().tolist(), int(y)) for x, y in zip(data.train_x, data.train_y, strict=True)]
    ours += [(x[0].flatten().tolist(), int(y)) for x, y in zip(data.test_x, data.test_y, strict=True)]
    source = load_digits()
    scaled = np.round(source.data * 255 / 16).astype(int)
    theirs = [(x.tolist(), int(y)) for x, y in zip(scaled, source.target, strict=True)]
    assert sorted(ours) == sorted(theirs)


def test_the_split_is_stratified(data):
    train, test = torch.bincount(data.train_y), torch.bincount(data.test_y)
    share = test / (train + test)
    assert (share - 500 / 1797).abs().max() < 0.005


def test_the_split_is_frozen(data):
    """Another split would silently change every number that was ever measured on this suite."""
    found = hashlib.sha256(data.test_x.numpy().tobytes() + data.test_y.numpy().tobytes()).hexdigest()
    assert found[:16] == "4e011bdf33858c74"


def test_the_grey_channel_is_repeated(data):
    assert torch.equal(data.train_x[:, 0], data.train_x[:, 1])
    assert torch.equal(data.train_x[:, 0], data.train_x[:, 2])
    assert data.train_x.max() == 255
    assert len(data.train_x.unique()) == 17


def test_the_constants_are_those_of_the_training_images(data):
    """Measured on the training images alone."""
    pixels = data.train_x[:, 0].double() / 255
    normalisation = Digits.recipes["short"].normalisation
    assert normalisation.mean == pytest.approx([pixels.mean().item()] * 3, abs=1e-3)
    assert normalisation.std == pytest.approx([pixels.std().item()] * 3, abs=1e-3)


def test_other_digits_than_the_suites_are_refused(monkeypatch):
    source = load_digits()
    source.target[0] = 1 - source.target[0]
    monkeypatch.setattr("sklearn.datasets.load_digits", lambda: source)
    with pytest.raises(UserError, match="this scikit-learn holds other digits"):
        Digits().load()


def test_the_fingerprint_sees_pixels_and_labels():
    images, labels = np.zeros((2, 8, 8), dtype=np.uint8), np.zeros(2, dtype=np.int64)
    other = images.copy()
    other[1, 7, 7] = 1
    assert len({fingerprint(images, labels), fingerprint(other, labels), fingerprint(images, labels + 1)}) == 3
    assert digits.TEST_IMAGES == 500
