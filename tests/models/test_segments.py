"""Shapes of a graph's maps: found without computing, and refused without a word of PyTorch's."""

import logging

import pytest
from torch import nn

from cheapconv.models.wrap.segments import shapes
from cheapconv.models.wrap.trace import trace

HEADED = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Flatten(), nn.Linear(4 * 8 * 8, 2))


def test_the_shape_of_what_every_node_gives_is_found():
    found = shapes(trace(HEADED, frozenset({""})), (3, 8, 8))
    assert [tuple(shape) for shape in found.values()] == [(2, 3, 8, 8), (2, 4, 8, 8), (2, 256), (2, 2), (2, 2)]


def test_a_side_that_a_network_does_not_take_is_raised_and_not_printed():
    printed: list[logging.LogRecord] = []
    logger, handler = logging.getLogger("torch._subclasses.fake_tensor"), logging.Handler()
    handler.emit = printed.append  # type: ignore[method-assign]
    logger.addHandler(handler)
    try:
        with pytest.raises(ValueError, match="its maps cannot be followed on images of 16 x 16"):
            shapes(trace(HEADED, frozenset({""})), (3, 16, 16))
        assert printed == []
        logger.error("of somebody else")
        assert len(printed) == 1
    finally:
        logger.removeHandler(handler)
