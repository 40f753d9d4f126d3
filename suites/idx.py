"""Reading the idx files of MNIST and its kin: bytes of a known shape behind a header that tells it.

Source: LeCun, Cortes and Burges, "The MNIST database": two zero bytes, the type (8 is an unsigned byte), the number of
dimensions, each dimension as four bytes with the highest first, and then the values, the last dimension fastest.
"""

import math
import struct

import numpy as np

UNSIGNED_BYTE = 8


def read(body: bytes) -> np.ndarray:
    """The uint8 array that an idx file holds, a view of `body`; ValueError for anything else."""
    if len(body) < 4 or body[:3] != bytes([0, 0, UNSIGNED_BYTE]):
        raise ValueError("no idx file of unsigned bytes")
    dimensions, header = body[3], 4 + 4 * body[3]
    if len(body) < header:
        raise ValueError("an idx file that ends within its header")
    shape = struct.unpack(f">{dimensions}I", body[4:header])
    if len(body) != header + math.prod(shape):
        raise ValueError(f"an idx file of {len(body) - header} values, whose header says {math.prod(shape)}")
    return np.frombuffer(body, dtype=np.uint8, offset=header).reshape(shape)
