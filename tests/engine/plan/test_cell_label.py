"""The short text by which a cell's method is shown."""

import pytest

from cheapconv import catalog
from cheapconv.engine.plan.resolve import _shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (62.5, "62.5"),
        ("group(group_width=1)", "G(N)"),
        ([{"architecture": "resnet(depth=8)", "conv": "group(groups=4)"}], "ResNet-8 G(4)"),
        ("no(such=thing)", "no(such=thing)"),
    ],
)
def test_networks_are_shown_in_the_papers_notation(value, shown):
    catalog.load()
    assert _shown(value) == shown
