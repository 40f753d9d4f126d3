"""Kernels that are interpreted: on tensors of the CPU, where there is no GPU (tests/conftest.py)."""

import os

import pytest

pytest.importorskip("triton")
interpreted = pytest.mark.skipif("TRITON_INTERPRET" not in os.environ, reason="kernels are compiled for a GPU here")
