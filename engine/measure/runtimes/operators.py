"""Operators by kind, in words that mean the same in every runtime, and what those of a kind take of a batch.

A runtime merges what it can: an activation belongs to the convolution before it, and several small operators may be one
(`elementwise`). What is counted is what it runs.
"""

import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence

from cheapconv.engine.measure.runtimes.base import Precision
from cheapconv.engine.store.operators import Operator

BEFORE, RUNS = 3, 20  # runs of a profile: that do not count, and that do

# What runtimes call the operators of a kind, where that is not the kind's own name: in lower case, letters and digits.
_NAMES = {
    "conv transpose": ("convtranspose2d", "convolutionbackpropdata", "deconvolution"),
    "add": ("qlinearadd", "sum"),
    "multiply": ("mul", "qlinearmul"),
    "linear": ("gemm", "qgemm", "fullyconnected", "fullyconnectedquantizedlegacy", "fusedgemm"),
    "matmul": ("bmm", "fusedmatmul", "qlinearmatmul", "matmulinteger"),
    "concat": ("cat", "qlinearconcat"),
    "pool": (
        *("avgpool", "averagepool", "avgpool2d", "qlinearaveragepool", "maxpool", "maxpool2d"),
        *("globalaveragepool", "qlinearglobalaveragepool", "adaptiveavgpool2d", "mean", "reducemean"),
    ),
    "batch norm": ("batchnorm", "batchnormalization", "batchnorminference"),
    "reorder": ("reorderinput", "reorderoutput", "contiguous"),
    "transpose": ("permute",),
    "reshape": ("view", "flatten", "squeeze", "unsqueeze", "alias"),
    "slice": ("stridedslice", "split", "variadicsplit", "narrow", "chunk"),
    "upsample": ("resize", "interpolate", "upsamplenearest2d", "upsamplebilinear2d"),
    "quantise": ("quantizelinear", "fakequantize"),
    "dequantise": ("dequantizelinear",),
    "elementwise": ("subgraph",),
}
_KINDS = {name: kind for kind, names in _NAMES.items() for name in names}


def kind_of(name: str) -> str:
    """The kind of an operator that is no convolution, by a runtime's name for it, such as `ReorderInput` or `relu_`."""
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+|[A-Z]", name)
    return _KINDS.get(plain, " ".join(words).lower() or name)


def conv_kind(kernel: Sequence[int], groups: int, inputs: int) -> str:
    """The kind of a convolution of `inputs` channels a group: `conv 3x3`, `conv 3x3 groups=4`, `conv 3x3 depthwise`.

    A depthwise one of 1x1 is a scale and an offset for each channel. As such ONNX Runtime runs a batch norm that it
    could not fold, and `batch norm` is what it is called here.
    """
    size = f"conv {'x'.join(map(str, kernel))}"
    if groups == 1:
        return size
    if inputs > 1:
        return f"{size} groups={groups}"
    return "batch norm" if set(kernel) == {1} else f"{size} depthwise"


def computed(kind: str, precision: Precision, in_float: bool) -> str:
    """A kind, and that it is not computed in int8 in a network that is."""
    return f"{kind} in fp32" if precision == "int8" and in_float else kind


def summed(runs: Sequence[Sequence[tuple[str, float]]]) -> tuple[Operator, ...]:
    """Operators by kind, from the kind and the milliseconds of each operator in each run: medians over the runs, the
    dearest kind first."""
    assert runs
    taken: dict[str, list[float]] = defaultdict(list)
    for run in runs:
        of_run: dict[str, float] = defaultdict(float)
        for kind, ms in run:
            of_run[kind] += ms
        for kind, ms in of_run.items():
            taken[kind].append(ms)
    counts = Counter(kind for kind, _ in runs[0])
    found = [Operator(kind=kind, ms=statistics.median(taken[kind]), count=count) for kind, count in counts.items()]
    return tuple(sorted(found, key=lambda operator: -operator.ms))
