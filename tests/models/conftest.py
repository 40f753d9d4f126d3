"""Tests of models run on one thread."""

import pytest

from tests.models.examples import one_thread


@pytest.fixture(autouse=True, scope="package")
def _one_thread():
    with one_thread():
        yield
