"""A conv of a user's own that makes maps of another shape is told in a sentence, and not built into a network."""

from dataclasses import dataclass
from typing import Any

import pytest
from torch import nn

from cheapconv.catalog import foreign, register
from cheapconv.catalog.errors import UserError
from cheapconv.models.build import build_network
from cheapconv.models.conv import Conv
from cheapconv.models.promises import require_promised
from tests.engine import tiny


@dataclass(frozen=True, kw_only=True)
class Mine(Conv):
    """A 3x3 convolution with one mistake, or none."""

    mistake: str = ""
    sizes: tuple[int, ...] = ()

    def operator(
        self, in_channels: int, out_channels: int, stride: int = 1, kernel_size: int = 3, dilation: int = 1
    ) -> Any:
        """The convolution."""
        if self.mistake == "rule":
            raise ValueError("takes no such channels")
        if self.mistake == "wide" and in_channels < 64:
            raise ZeroDivisionError("in_channels // 64")
        if self.mistake == "nothing":
            return None
        out, step = (self.mistake == "channels") + out_channels, 1 if self.mistake == "stride" else stride
        return nn.Conv2d(in_channels, out, kernel_size, step, padding=kernel_size // 2 - (self.mistake == "padding"))


@pytest.fixture(autouse=True)
def mine(monkeypatch):
    """It is registered while a test runs."""
    tiny.install(monkeypatch)
    monkeypatch.setattr(foreign, "_classes", set(foreign._classes))
    register("conv", "mine")(Mine)


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        ("stride", "operator(16, 32, stride=2) makes (32, 8, 8) of a map of (16, 8, 8), and must make (32, 4, 4)"),
        ("padding", "operator(16, 32, stride=1) makes (32, 6, 6) of a map of (16, 8, 8), and must make (32, 8, 8)"),
        ("channels", "operator(16, 32, stride=1) makes (33, 8, 8) of a map of (16, 8, 8), and must make (32, 8, 8)"),
        ("nothing", "operator(16, 32, stride=1) returned NoneType, no nn.Module"),
    ],
)
def test_a_broken_promise_is_told_with_its_line(mistake, said):
    """The first of these fits networks without residuals."""
    with pytest.raises(UserError) as caught:
        build_network("VGG-8", f"mine(mistake='{mistake}')", 10)
    assert f"breaks its promise: {said} ({__file__}:" in str(caught.value)


def test_one_that_keeps_it_is_built(monkeypatch):
    assert build_network("wrn(depth=10, width=1)", "mine()", 10) is not None


def test_one_that_cannot_be_looked_at_is_left_to_the_network():
    """It takes 64 channels, and fails on fewer without saying so: no network of these would be built of it."""
    require_promised(Mine(mistake="wide"))


def test_its_own_rule_is_said_by_the_network():
    with pytest.raises(ValueError, match="takes no such channels"):
        build_network("wrn(depth=10, width=1)", "mine(mistake='rule')", 10)
