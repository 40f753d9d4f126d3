"""Networks that a cheap conv makes dearer: with more parameters or multiply-adds than standard convolutions need.

It happens where an operator has a part beside what it replaces, such as the 1x1 convolution that mixes groups again,
and a layer is too narrow to win that back.
"""

import functools

from cheapconv import catalog
from cheapconv.engine.plan.plan import Plan
from cheapconv.engine.store.plans import Dearer
from cheapconv.models.build import standard_conv, unread_network
from cheapconv.models.meta import on_meta
from cheapconv.models.size import count_macs, count_params


def dearer_networks(plan: Plan) -> tuple[Dearer, ...]:
    """Those of a plan, in its order."""
    image = catalog.parse("suite", plan.suite).image
    pairs = dict.fromkeys(
        (planned.cell.architecture, planned.cell.conv, planned.cell.classes) for planned in plan.cells
    )
    found = [dearer(architecture, conv, classes, image) for architecture, conv, classes in pairs]
    return tuple(network for network in found if network)


def dearer(
    architecture: str,
    conv: str,
    classes: int,
    image: tuple[int, int, int],
    own: tuple[int, int] | None = None,
) -> Dearer | None:
    """How much dearer a network is than with standard convolutions, on an image (C, H, W); None if it is not.

    `own` are its parameters and multiply-adds, where they are known. Nothing is said of a network that cannot be run on
    such an image, or not be built with standard convolutions.
    """
    if catalog.parse("conv", conv).is_standard:
        return None
    try:
        params, macs = own or counted(architecture, conv, classes, image)
        usual_params, usual_macs = counted(architecture, catalog.canonical(standard_conv()()), classes, image)
    except (ValueError, RuntimeError):
        return None
    if params <= usual_params and macs <= usual_macs:
        return None
    standard = {"standard_params": usual_params, "standard_macs": usual_macs}
    return Dearer(architecture=architecture, conv=conv, params=params, macs=macs, **standard)


@functools.lru_cache(maxsize=1024)
def counted(architecture: str, conv: str, classes: int, image: tuple[int, int, int]) -> tuple[int, int]:
    """Parameters and multiply-adds of a network that is only looked at."""
    with on_meta():
        network = unread_network(architecture, conv, classes)
    return count_params(network), count_macs(network, image)
