"""idx files: bytes of a known shape, and a refusal of everything else."""

import numpy as np
import pytest

from cheapconv.suites import idx


def test_values_follow_the_header_with_the_last_dimension_fastest():
    body = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 10, 11, 12, 20, 21, 255])
    found = idx.read(body)
    assert found.dtype == np.uint8
    assert found.tolist() == [[10, 11, 12], [20, 21, 255]]


def test_dimensions_have_their_highest_byte_first():
    assert idx.read(bytes([0, 0, 8, 1, 0, 0, 1, 2]) + bytes(258)).shape == (258,)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "no idx file of unsigned bytes"),
        (bytes([0, 0, 13, 1, 0, 0, 0, 1, 0, 0, 0, 0]), "no idx file of unsigned bytes"),  # of floats
        (b"\x80\x04\x95\x0b", "no idx file of unsigned bytes"),  # a pickle
        (bytes([0, 0, 8, 3, 0, 0, 0, 1]), "ends within its header"),
        (bytes([0, 0, 8, 1, 0, 0, 0, 3, 1, 2]), "2 values, whose header says 3"),
        (bytes([0, 0, 8, 1, 0, 0, 0, 1, 1, 2]), "2 values, whose header says 1"),
        (bytes([0, 0, 8, 4]) + b"\xff" * 16, "0 values, whose header says 340282366604025813516997721482669850625"),
    ],
)
def test_anything_else_is_refused(body, sentence):
    with pytest.raises(ValueError, match=sentence):
        idx.read(body)
