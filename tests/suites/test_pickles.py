"""CIFAR's pickles: what they hold is read, and nothing that they say is done."""

import os
import pickle
import random
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from cheapconv.suites import pickles

IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 12)


class Attack:
    """Unpickled, it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (self.folder,)


def test_arrays_lists_and_strings_are_read():
    body = {b"data": IMAGES, b"labels": [3, 9], b"names": [b"cat", b"dog"], b"batch": "one"}
    found = pickles.read(pickle.dumps(body, protocol=4))
    np.testing.assert_array_equal(found.pop(b"data"), IMAGES)
    assert found == {b"labels": [3, 9], b"names": [b"cat", b"dog"], b"batch": "one"}


def test_a_pickle_of_python_2_and_numpy_1_is_read():
    """The official files are such: strings of bytes, numpy.core."""
    body = (
        b"\x80\x02}U\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x01K\x02\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89U\x02\x07\xfftbs."
    )
    assert pickles.read(body)[b"data"].tolist() == [[7, 255]]


def test_what_a_pickle_says_is_not_done(tmp_path):
    target = tmp_path / "made"
    for body in ({b"data": Attack(target)}, [Attack(target)], Attack(target)):
        with pytest.raises(ValueError, match=r"it asks for posix\.mkdir"):
            pickles.read(pickle.dumps(body))
    assert not target.exists()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (pickle.dumps({b"data": np.array([object()])}), "it asks for builtins.object"),
        (pickle.dumps({b"data": IMAGES.astype(np.float32)}), "not of bytes"),
        (pickle.dumps({b"data": np.asfortranarray(IMAGES)}), "row by row"),
        (pickle.dumps(OrderedDict()), "it asks for collections.OrderedDict"),
        (pickle.dumps([1, 2]), "no dictionary"),
        (b"cnumpy\nload\n(S'x'\ntR.", "it asks for numpy.load"),
        (b"cnumpy\nndarray\n.", "no dictionary"),
        (b"Pother\n.", "another file"),
        (b"", "Ran out of input"),
        (b"no pickle at all", "not one of"),
    ],
)
def test_what_no_file_of_cifar_holds_is_refused(body, reason):
    with pytest.raises(ValueError, match=reason):
        pickles.read(body)


def test_a_damaged_pickle_is_a_value_error():
    """Or, where the damage is in the pixels or a name, a dictionary."""
    whole = pickle.dumps({b"data": IMAGES, b"labels": [3, 9]})
    chance = random.Random(0)
    refused = 0
    for _ in range(500):
        body = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            body[chance.randrange(len(body))] = chance.randrange(256)
        try:
            pickles.read(bytes(body[: chance.randint(1, len(body))]))
        except ValueError:
            refused += 1
    assert refused > 400
