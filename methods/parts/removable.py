"""Whether the channels of a network can be taken out, tried on a copy before anything trains.

A library's network may hold layers that do not follow (a weight of their own kind, a reshape to fixed numbers), and
its cost may not be that of its layers alone (attention). What a copy cannot do, the network could not do after its
training.
"""

import copy
from collections.abc import Callable

from cheapconv.methods.base import Build, Cost, TrainableNetwork
from cheapconv.methods.parts import size_target
from cheapconv.methods.parts.channels import ChannelGroup, Channels, resize, structure_of


def require_removable(
    network: TrainableNetwork,
    build: Build,
    kind: Cost,
    limit: float,
    removes: Callable[[ChannelGroup], bool],
    *,
    sums: bool = True,
) -> None:
    """ValueError, with the reason, if no channels that `removes` accepts can be cut, or not down to `limit`."""
    trial = copy.deepcopy(network)
    channels = Channels(trial, build.image, sums=sums)
    cut = [removes(group) and group.least() < group.units for group in channels.groups]
    if not any(cut):
        raise ValueError("there are no channels to remove in this network")
    rest = build.cost(kind, network) - channels.cost(kind, channels.sizes)
    least = rest + channels.cost(
        kind, [g.least() * g.step if c else g.size for g, c in zip(channels.groups, cut, strict=True)]
    )
    size_target.check_least(least, limit)
    expected = rest + channels.cost(kind, [g.size - g.step * c for g, c in zip(channels.groups, cut, strict=True)])
    try:
        channels.remove([[0] * c for c in cut])
        structure, left = structure_of(trial, build.image), build.cost(kind, trial)
        rebuilt = resize(copy.deepcopy(network), structure).state_dict()
    except (RuntimeError, IndexError, AttributeError) as error:  # of layers that are not what the graph takes them for
        raise ValueError("its layers do not follow when channels are removed") from error
    if {name: t.shape for name, t in trial.state_dict().items()} != {name: t.shape for name, t in rebuilt.items()}:
        raise ValueError("its layers do not follow when channels are removed")
    if left != expected:
        raise ValueError("what it costs does not follow from the channels of its layers")
