"""Any CNN of a library as a `Network`, its convolutions replaced by operators of a conv."""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from cheapconv.models.conv import Conv
from cheapconv.models.network import Network
from cheapconv.models.weights.stored import load_weights, picked
from cheapconv.models.wrap.cuts import Cuts
from cheapconv.models.wrap.segments import channels_first, segments
from cheapconv.models.wrap.small_stem import shrink_stem
from cheapconv.models.wrap.substitute import Substitution, substitute
from cheapconv.models.wrap.trace import trace


class Wrapped(Network):
    """Network made of the segments of a library's network; `substitutions` says what became of every convolution.

    It computes what the library's network computes, bit for bit where no convolution is replaced. How its stages end is
    the library's affair: the maps before a last ReLU are not to be had.
    """

    def __init__(
        self,
        parts: Sequence[nn.Module],
        channels: Sequence[int],
        classes: int,
        features: int,
        substitutions: Sequence[Substitution],
    ) -> None:
        """`parts` are the stem, one module a stage, the neck to the vector (B, features), and the classifier."""
        stem, *stages, neck, classifier = parts
        super().__init__(stem, stages, channels, classes, neck, features)
        self.add_module("pool", nn.Identity())  # the neck has pooled
        self.add_module("classifier", classifier)
        self.substitutions = list(substitutions)


def wrap(
    network: nn.Module,
    conv: Conv,
    classes: int,
    cuts: Cuts,
    *,
    cifar_stem: bool = False,
    weights: Mapping[str, Tensor] | None = None,
    outputs: Sequence[int] | None = None,
) -> Wrapped:
    """`network`, changed in place and cut into stages.

    `weights` are loaded before convolutions are replaced: what stays keeps them, what is new starts fresh, and so does
    a classifier of another number of classes than the weights have, or than `outputs` picks of them. Weights of a
    `Wrapped` have its replaced convolutions too.
    Raises ValueError where a step is impossible.
    """
    whole = weights is not None and any(name.startswith("stage_modules.") for name in weights)
    fresh: tuple[str, ...] = ()
    if weights is not None and not whole:
        fresh = load_weights(network, picked(weights, [cuts.classifier], outputs), may_differ=[cuts.classifier])
    if cifar_stem:
        shrink_stem(network, cuts.stem)
    substitutions = substitute(network, conv, cuts.stem, cuts.classifier, cuts.gates)
    traced = trace(network, cuts.enter)
    start, *ends, vector = cuts.nodes
    if cuts.channels_last:
        ends = channels_first(traced, ends)
    parts = segments(traced, [start, *ends, vector])
    if cuts.sees_maps:
        parts[-1] = nn.Sequential(nn.Unflatten(1, (-1, 1, 1)), parts[-1])
    wrapped = Wrapped(parts, cuts.channels, classes, cuts.features, substitutions)
    if weights is not None and whole:
        last = [name for name, _ in wrapped.named_modules() if name.startswith("classifier")]
        wrapped.fresh = load_weights(wrapped, picked(weights, last, outputs), may_differ=last)
    elif weights is not None:
        wrapped.fresh = (*fresh, *(row.name for row in substitutions if row.replaced_by))
    return wrapped
