"""What ONNX Runtime's operators take, by its own profile, which it writes as a file of events (microseconds).

The profile has the names of what its optimiser made of the network, and shapes, but those of weights that were packed
for a kernel are not in it; so kernels and groups are read from the optimised network, which it writes on request and
whose nodes have the same names. https://onnxruntime.ai/docs/performance/tune-performance/profiling-tools.html
"""

import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, TypedDict

from cheapconv.engine.measure.runtimes.base import Job, Precision
from cheapconv.engine.measure.runtimes.operators import BEFORE, RUNS, computed, conv_kind, kind_of, summed
from cheapconv.engine.store.operators import Operator

if TYPE_CHECKING:
    import onnx
    import onnxruntime

SUFFIX = "_kernel_time"  # of an event: the time of a node
# Convolutions and linear layers, by where their weights are among the inputs, and whether they compute in float.
CONVOLUTIONS = {"Conv": 1, "FusedConv": 1, "NhwcFusedConv": 1, "ConvInteger": 1, "QLinearConv": 3}
IN_FLOAT = ("Conv", "FusedConv", "NhwcFusedConv", "Gemm", "FusedGemm", "MatMul", "FusedMatMul")
LAYOUTS = ([0, 2, 3, 1], [0, 3, 1, 2])  # permutations from and to channels last, which the optimiser adds


class Event(TypedDict, total=False):
    """A part of what the profile says of an event."""

    cat: str
    name: str
    dur: int
    args: dict[str, object]


def operators(file: Path, job: Job, options: "onnxruntime.SessionOptions") -> tuple[Operator, ...]:
    """By kind, of a network in a file."""
    import onnx
    import onnxruntime

    with tempfile.TemporaryDirectory(dir=job.folder) as name:
        optimised = Path(name) / "optimised.onnx"
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(name) / "profile")
        options.optimized_model_filepath = str(optimised)
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        images = {session.get_inputs()[0].name: job.images.numpy()}
        for _ in range(BEFORE + RUNS):
            session.run(None, images)
        events: list[Event] = json.loads(Path(session.end_profiling()).read_text())
        kinds = dict(_kinds(onnx.load(optimised).graph, job.precision))
    return summed([*_runs(events, kinds)][BEFORE:])


def _runs(events: Sequence[Event], kinds: dict[str, str]) -> Iterator[list[tuple[str, float]]]:
    """Kind and milliseconds of each node, run by run: an event that a run has ended follows those of its nodes."""
    run: list[tuple[str, float]] = []
    for event in events:
        if event["cat"] == "Node" and event["name"].endswith(SUFFIX):
            node = event["name"].removesuffix(SUFFIX)
            run.append((kinds.get(node) or kind_of(str(event["args"]["op_name"])), event["dur"] / 1000))
        elif event["name"] == "model_run":
            yield run
            run = []


def _kinds(graph: "onnx.GraphProto", precision: Precision) -> Iterator[tuple[str, str]]:
    """Name and kind of each node."""
    from onnx.helper import get_attribute_value

    shapes = {tensor.name: [*tensor.dims] for tensor in graph.initializer}
    for node in graph.node:  # in their order: what makes a weight comes before who takes it
        given = SimpleNamespace(group=1, perm=None)  # where a node does not say
        for attribute in node.attribute:
            setattr(given, attribute.name, get_attribute_value(attribute))
        operands, kind = [shapes.get(name) for name in node.input], kind_of(node.op_type)
        if node.op_type == "DequantizeLinear" and operands[0]:
            shapes[node.output[0]] = operands[0]
        elif node.op_type in CONVOLUTIONS and (weight := operands[CONVOLUTIONS[node.op_type]]):
            # (C', C / groups, k, k); the optimiser fills C' and C up to whole blocks, but not where there are groups
            kind = conv_kind(weight[2:], given.group, weight[1])
        elif node.op_type == "Transpose" and given.perm in LAYOUTS:
            kind = "reorder"
        yield node.name, computed(kind, precision, node.op_type in IN_FLOAT)
