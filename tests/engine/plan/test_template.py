"""Which number of two texts is free."""

import pytest

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.engine.plan.template import template

catalog.load()


@pytest.mark.parametrize(
    ("architecture", "conv", "first"),
    [
        ("WRN-40-2", "G(?)", ("WRN-40-2", "G(1)")),
        ("WRN-40-2", "BG(?,M/8)", ("WRN-40-2", "BG(1,M/8)")),
        ("wrn(depth=40, width=?)", "G(4)", ("wrn(depth=40, width=1)", "G(4)")),
        ("WRN-?-2", "S", ("WRN-1-2", "S")),
        ("WRN-40-2", "G(4)", ("WRN-40-2", "group(groups=1)")),
        ("WRN-40-2", "G(N)", ("WRN-40-2", "group(group_width=1)")),
        ("WRN-40-2", "bottleneck", ("WRN-40-2", "bottleneck(b=1)")),
        ("WRN-40-2", "S", ("wrn(depth=40, width=1)", "S")),
        ("WRN-40-2", "od-dw", ("wrn(depth=40, width=1)", "od-dw")),
    ],
)
def test_whole_numbers(architecture, conv, first):
    found = template(architecture, conv)
    assert found.whole
    assert found.texts(1) == first


@pytest.mark.parametrize(
    ("conv", "first"),
    [
        ("low_rank", "low_rank(share=0.001)"),
        ("Generic_?", "Generic_0.001"),
        ("tensor_train", "tensor_train(share=0.001, dimensions=3)"),
    ],
)
def test_fractions_go_in_thousandths(conv, first):
    found = template("WRN-40-2", conv)
    assert not found.whole
    assert found.texts(1) == ("WRN-40-2", first)
    assert found.texts(507)[1] == first.replace("0.001", "0.507")


@pytest.mark.parametrize(
    ("architecture", "conv", "message"),
    [
        ("WRN-?-2", "G(?)", "one number can be free, not 2"),
        ("WRN-40-2", "BG(2,4)", r"has the numbers b and groups: write \? for the free one"),
        ("ResNet-20", "S", r"neither 'S' nor the width of 'ResNet-20' can be chosen: write \? for a number"),
        ("WRN-40-2", "grup", "unknown conv 'grup'"),
        ("WRM-40-2", "S", "'WRM-40-2' is no architecture"),
    ],
)
def test_what_is_not_plain_is_refused(architecture, conv, message):
    with pytest.raises(UserError, match=message):
        template(architecture, conv)
