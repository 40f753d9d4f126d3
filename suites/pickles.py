"""Reading the pickles of CIFAR without running what a pickle may say.

A pickle is a program: whoever writes one runs code in the process that reads it. The official files need no more of it
than dictionaries, lists, strings, numbers and byte arrays, so this reader knows nothing else, and builds the arrays
itself: numpy's own classes trust the state that a pickle hands them.
"""

import io
import pickle
from typing import NoReturn

import numpy as np


class Array:
    """What a pickled uint8 array says of itself: stands in for numpy's class while a pickle is read."""

    def __init__(self, *shape_and_type: object) -> None:
        self.shape: object = None
        self.body: object = None

    def __setstate__(self, state: tuple[object, ...]) -> None:
        """`state` is (version, shape, type, whether columns come first, bytes)."""
        _, self.shape, kind, columns_first, self.body = state
        if not isinstance(kind, Type) or kind.code not in ("u1", b"u1") or columns_first:
            raise pickle.UnpicklingError("an array is not of bytes, row by row")

    def as_numpy(self) -> np.ndarray:
        """The array, a view of the bytes that were read."""
        if not (isinstance(self.shape, tuple) and isinstance(self.body, bytes)):
            raise pickle.UnpicklingError("an array has no shape or no content")
        return np.frombuffer(self.body, dtype=np.uint8).reshape(self.shape)


class Type:
    """Stands in for numpy's dtype."""

    def __init__(self, code: object, *copied: object) -> None:
        self.code = code

    def __setstate__(self, state: object) -> None:
        """Byte order and alignment, which a byte does not have."""


KNOWN = {"_reconstruct": Array, "ndarray": Array, "dtype": Type}
MODULES = ("numpy", "numpy.core.multiarray", "numpy._core.multiarray")  # of numpy 1 and before, and of numpy 2


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> type:
        if module in MODULES and name in KNOWN:
            return KNOWN[name]
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")

    def persistent_load(self, pid: object) -> NoReturn:
        raise pickle.UnpicklingError("it refers to another file")


def read(body: bytes) -> dict[bytes, object]:
    """The dictionary that a pickle of Python 2 or 3 holds, its arrays (N, ...) uint8; ValueError for anything else."""
    try:
        found = _Reader(io.BytesIO(body), encoding="bytes").load()
        if not isinstance(found, dict):
            raise pickle.UnpicklingError("it is no dictionary")
        return {key: value.as_numpy() if isinstance(value, Array) else value for key, value in found.items()}
    except Exception as error:  # a program that is no pickle fails in as many ways as programs do
        raise ValueError(f"not one of CIFAR's pickles: {error}") from error
